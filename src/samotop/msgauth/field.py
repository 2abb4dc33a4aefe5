"""What was found about a message as the value of one Authentication-Results field (RFC 8601 §2.2).

Each method that was evaluated is in it, the failures with their reason, so
that the owner, and the owner's mail program, can see what we saw.
"""

from __future__ import annotations

from collections.abc import Iterator

from samotop.message.authres import AuthenticationResults, MethodResult, Property
from samotop.message.authreswriting import format_results
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.results import Result


def format_authentication(found: Authentication, hostname: str, peer_address: str) -> str:
    """The whole field, CRLF included."""
    return format_results(summarize(found, hostname, peer_address)).decode("utf-8", "replace")


def summarize(found: Authentication, hostname: str, peer_address: str) -> AuthenticationResults:
    """The results under our name, ``hostname``, for a message that came from ``peer_address``."""
    return AuthenticationResults(hostname, 1, tuple(_iterate_results(found, peer_address)))


def _iterate_results(found: Authentication, peer_address: str) -> Iterator[MethodResult]:
    if found.iprev is not None:
        yield _result("iprev", found.iprev.result, found.iprev.reason, ("policy", "iprev", peer_address))
    if found.spf is not None:
        spf = found.spf
        place = "mailfrom" if spf.scope == "mailfrom" else "helo"
        yield _result("spf", spf.result, spf.reason, ("smtp", place, spf.sender if place == "mailfrom" else spf.domain))
    for dkim in found.dkim:
        yield _result(
            "dkim",
            dkim.result,
            dkim.reason,
            ("header", "d", dkim.domain),
            ("header", "s", dkim.selector),
            ("header", "a", dkim.algorithm),
            ("header", "b", dkim.signature_start),
        )
    if not found.dkim:
        yield MethodResult("dkim", Result.NONE, 1, "", ())
    if found.arc is not None and found.arc.result is not Result.NONE:
        sealer = found.arc.sets[-1].domain if found.arc.sets else ""
        yield _result("arc", found.arc.result, found.arc.reason, ("header", "d", sealer))
    if found.dmarc is not None:
        dmarc = found.dmarc
        reason = f"explained by {found.explained_by}" if found.explained_by else dmarc.reason
        domain = dmarc.author_domain
        yield _result("dmarc", dmarc.result, reason, ("header", "from", domain), ("policy", "dmarc", dmarc.policy))


def _result(method: str, result: Result, reason: str, *properties: tuple[str, str, str]) -> MethodResult:
    """A pass needs no reason; a property without a value is left out."""
    told = "" if result is Result.PASS else reason
    return MethodResult(method, result, 1, told, tuple(Property(*one) for one in properties if one[2]))
