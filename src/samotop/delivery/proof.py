"""May the sender of a message be told what became of it? Only somebody who is known to have sent it.

Whoever forges a reverse-path has our notifications sent to its owner
(backscatter). So a message that came from the world is told of only where
something proves its reverse-path. What was found out is in the entry since it
was accepted: the Authentication-Results that we wrote for it (``Trace.results``).
An entry without them, from before there were any or from a peer that nobody
asks about, has no proof.

Proof is, of a message

* of a user who has logged in, of a peer that may relay, or written by ourselves;
* SPF's pass for the reverse-path (RFC 7208);
* a DKIM signature of the reverse-path's domain or one above it (RFC 6376), or
  DMARC's pass where the author's domain is the reverse-path's (RFC 7489);
* a reverse-path of ours where the message came from this machine, or where we
  put it there ourselves in the place of another one, as lists do.

Pure. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from samotop.address import Address
from samotop.message.authres import MethodResult, ResultsSyntaxError, parse_results
from samotop.queue.entry import Entry, Trace
from samotop.routing.patterns import fold_domain
from samotop.routing.srs import is_rewritten


class SenderProof:
    """``is_trusted`` says of a peer's IP address that it may relay, ``is_ours`` of a domain that we serve it."""

    def __init__(self, is_trusted: Callable[[str], bool], is_ours: Callable[[str], bool]) -> None:
        self._is_trusted = is_trusted
        self._is_ours = is_ours

    def proves(self, entry: Entry) -> bool:
        """Is it known that the owner of the reverse-path has sent this message? The null path has none."""
        trace, path = entry.trace, entry.envelope.reverse_path
        if not isinstance(path, Address):
            return False
        if not trace.protocol or trace.login or self._is_trusted(trace.peer_address):
            return True
        results = _results(trace)
        claimed = next((told for one in results if (told := one.find("smtp", "mailfrom"))), "")
        if self._is_ours(path.domain) and not is_rewritten(path.local):
            return is_near(trace) or (bool(claimed) and claimed != str(path)) or _is_proven(results, path.domain)
        # A sender that we have rewritten (SRS) leads to the one that was claimed.
        return _is_proven(results, claimed.rpartition("@")[2] if is_rewritten(path.local) else path.domain)


def is_near(trace: Trace) -> bool:
    """Was it a program on this machine that sent it?"""
    try:
        return not trace.peer_address or ip_address(trace.peer_address).is_loopback
    except ValueError:
        return False


def _results(trace: Trace) -> tuple[MethodResult, ...]:
    value = trace.results.partition(":")[2]
    if not value:
        return ()
    try:
        return parse_results(value.encode("utf-8", "replace")).results
    except ResultsSyntaxError:  # ours are none, unless somebody has changed the store
        return ()


def _is_proven(results: tuple[MethodResult, ...], domain: str) -> bool:
    folded = fold_domain(domain)
    return bool(folded) and any(one.result == "pass" and _covers(one, folded or "") for one in results)


def _covers(one: MethodResult, domain: str) -> bool:
    """Does this pass stand for ``domain``?"""
    if one.method == "spf":
        return _fold(one.find("smtp", "mailfrom") or "") == domain
    if one.method == "dmarc":
        return _fold(one.find("header", "from") or "") == domain
    if one.method != "dkim":
        return False
    signer = _fold(one.find("header", "d") or "")
    # Whoever signs for example.org answers for bounces.example.org, and nobody's top-level domain for anybody.
    return bool(signer) and (domain == signer or ("." in signer and domain.endswith(f".{signer}")))


def _fold(address: str) -> str:
    return fold_domain(address.rpartition("@")[2]) or ""
