"""Everything that can be found out about a stored message: its way here, and the results of every method.

SPF needs what the message itself does not hold: the address that it came from,
what the client called itself, the reverse-path. Our delivery writes them down
in Received and Return-Path, on top of the message; ``find_origin`` reads them
there. Only what our own server wrote is true: who forwards the message to look
at it must say ``--ip`` and the others.

Signatures are judged as of the message's arrival, DNS as it answers now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from samotop.content import take_header
from samotop.dns.answer import Answer
from samotop.dns.resolver import Resolver
from samotop.message.authres import AuthenticationResults, ResultsSyntaxError, parse_results
from samotop.message.header import iterate_fields
from samotop.message.received import Received, read_hops
from samotop.msgauth import arc, dkim, dmarc, hello, iprev, spf
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.author import find_author
from samotop.msgauth.explanation import find_explanation
from samotop.msgauth.results import Result
from samotop.net.networks import in_networks, parse_networks

RESULTS_LIMIT: Final = 10
"""Authentication-Results fields of our own that are read; there is one."""

_INNER: Final = parse_networks(
    (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        *("::1", "fc00::/7", "fe80::/10"),
    )
)
"""Networks from which only our own machines come: a filter or another server of ours handed the message on."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the message came from. ``reverse_path`` is ``None`` where nobody knows it, ``""`` the null one.

    ``told_by`` is the server whose Received field says so, as far as it names
    itself; ``is_said`` that somebody said it on the command line.
    """

    ip: str = ""
    hello: str = ""
    reverse_path: str | None = None
    told_by: str = ""
    is_said: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says of a message's origin, instead of what is written in it."""

    ip: str | None = None
    hello: str | None = None
    reverse_path: str | None = None

    def replace(self, origin: Origin) -> Origin:
        """The origin with what was said. Raises ``ValueError`` for what is no IP address."""
        path = origin.reverse_path if self.reverse_path is None else self.reverse_path
        if path is not None and path.startswith("<") and path.endswith(">"):
            path = path[1:-1]
        return Origin(
            origin.ip if self.ip is None else str(ip_address(self.ip)),
            origin.hello if self.hello is None else self.hello,
            path,
            origin.told_by,
            self.ip is not None,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to explain. ``hops`` are the oldest first; ``stored`` is what our own server wrote down.

    ``might_explain`` is a sealer that would explain a DMARC failure if its word were taken.
    """

    hops: tuple[Received, ...]
    origin: Origin
    arrived: datetime | None
    found: Authentication
    stored: tuple[AuthenticationResults, ...] = ()
    might_explain: str = ""

    @property
    def is_temporary(self) -> bool:
        """DNS kept something back: another try may find more."""
        found = self.found
        results = (found.iprev, found.hello, found.spf, found.dmarc, *found.dkim)
        return any(one is not None and one.result is Result.TEMPERROR for one in results) or (
            found.arc is not None and found.arc.is_temporary
        )


def find_origin(header: bytes, hops: list[Received]) -> tuple[Origin, datetime | None]:
    """Where the message came from by its newest Received field that tells of somebody outside, and when."""
    outer = [hop for hop in hops if hop.address and not in_networks(hop.address, _INNER)]
    hop = (outer or [hop for hop in hops if hop.address] or hops or [Received()])[0]
    return Origin(hop.address, hop.hello, _read_return_path(header), hop.by), hop.at


def _read_return_path(header: bytes) -> str | None:
    for field in iterate_fields(header):
        if field.name.lower() == b"return-path":
            text = field.value.decode("utf-8", "replace").strip()
            return text[1:-1] if text.startswith("<") and text.endswith(">") else None
    return None


def find_stored(header: bytes, names: Collection[str]) -> list[AuthenticationResults]:
    """The Authentication-Results that one of ``names``, our own servers, wrote."""
    found: list[AuthenticationResults] = []
    for field in iterate_fields(header):
        if field.name.lower() == b"authentication-results" and len(found) < RESULTS_LIMIT:
            try:
                results = parse_results(field.value)
            except ResultsSyntaxError:
                continue
            if results.authserv_id.lower() in names:
                found.append(results)
    return found


class NotingResolver:
    """Passes questions on, and tells how many are asked and answered."""

    def __init__(self, inner: Resolver, advance: Callable[[int, int], None]) -> None:
        self._inner = inner
        self._advance = advance
        self._done = self._asked = 0

    async def lookup(self, name: str, type: str) -> Answer:
        self._asked += 1
        self._advance(self._done, self._asked)
        answer = await self._inner.lookup(name, type)
        self._done += 1
        self._advance(self._done, self._asked)
        return answer


async def gather_evidence(
    octets: bytes,
    resolver: Resolver,
    *,
    said: Said = Said(),
    hostname: str = "",
    now: float,
    trusted_sealers: Collection[str] = (),
) -> Evidence:
    """Find out all about a message with CRLF line ends; ``now``, in seconds since 1970, bounds its arrival.

    ``hostname`` is our server's name, if there is one here. Raises ``ValueError`` for an address in ``said`` that is
    none.
    """
    header = take_header((octets,))
    hops = read_hops(header)
    origin, arrived = find_origin(header, hops)
    origin = said.replace(origin)
    at = now if arrived is None else min(now, arrived.timestamp())
    found = await _evaluate(octets, header, origin, resolver, hostname or origin.told_by or "unknown", at)
    found = replace(found, explained_by=find_explanation(found, trusted_sealers))
    own = {name.lower() for name in (hostname, origin.told_by) if name}
    sealers = [one.domain for one in found.arc.sets] if found.arc is not None else []
    hint = "" if found.explained_by else find_explanation(found, sealers)
    return Evidence(tuple(reversed(hops)), origin, arrived, found, tuple(find_stored(header, own)), hint)


async def _evaluate(
    octets: bytes, header: bytes, origin: Origin, resolver: Resolver, receiver: str, now: float
) -> Authentication:
    """Every method, as many at once as do not need each other."""
    author = find_author(header)
    peer, named, sender, signatures, chain = await asyncio.gather(
        _verify_address(origin, resolver),
        _evaluate_hello(origin, resolver),
        _evaluate_spf(origin, resolver, receiver, now),
        dkim.verify(octets, resolver, now=now, rules=dkim.WHOLE_BODY),
        arc.verify(octets, resolver, now=now),
    )
    policy = await dmarc.evaluate_author(author, sender, signatures, resolver)
    return Authentication(peer, named, sender, tuple(signatures), chain, author, policy)


async def _verify_address(origin: Origin, resolver: Resolver) -> iprev.IprevResult | None:
    return await iprev.verify(origin.ip, resolver) if origin.ip else None


async def _evaluate_hello(origin: Origin, resolver: Resolver) -> hello.HelloResult | None:
    return await hello.evaluate(origin.hello, origin.ip, resolver) if origin.ip and origin.hello else None


async def _evaluate_spf(origin: Origin, resolver: Resolver, receiver: str, now: float) -> spf.SpfResult | None:
    if not origin.ip or origin.reverse_path is None:
        return None
    return await spf.evaluate(origin.ip, origin.hello, origin.reverse_path, resolver, receiver=receiver, now=now)
