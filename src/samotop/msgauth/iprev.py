"""Forward-confirmed reverse DNS: does a name of the peer's address lead back to the address? (RFC 8601 §3)

    found = await iprev.verify("192.0.2.1", resolver)
    found.result, found.name          # Result.PASS, "mail.example.org"

The words are those of RFC 8601 §2.7.3: ``fail`` if there are names and none
leads back, ``permerror`` if there is no name, ``temperror`` if DNS did not
say. Who owns an address chooses its names, so that a pass says that the
peer's network and the name's domain agree, and nothing else. ``NameClaims`` is
the part that SPF's ``ptr`` shares. Raises ``ValueError`` for what is no IP
address, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.dns import Answer, Resolver, format_reverse
from samotop.msgauth.addresses import PeerAddress, is_among, parse_peer
from samotop.msgauth.results import Result

NAMES_LIMIT: Final = 10
"""Names of one address that are looked at: what RFC 7208 §4.6.4 allows ``ptr``. Honest hosts have one."""


@dataclass(frozen=True, slots=True)
class IprevResult:
    """``name`` is the first name that leads back to the address, empty if none does.

    ``names`` are those that the address claims, in A-labels and lower case, as
    many as were looked at. ``reason`` is a sentence where the result is no pass.
    ``is_secure``: the answers that the result rests on were signed and verified.
    """

    result: Result
    name: str = ""
    names: tuple[str, ...] = ()
    reason: str = ""
    is_secure: bool = False


class NameClaims:
    """The names that an address claims to have, each followed back at most once.

    ``is_secure`` holds while every answer so far was secure.
    """

    __slots__ = ("_confirmed", "_names", "_peer", "_resolver", "answer", "is_secure", "limit")

    def __init__(self, peer: PeerAddress, resolver: Resolver, limit: int = NAMES_LIMIT) -> None:
        self.limit = limit
        self.answer: Answer | None = None
        """To the reverse question, once it has been asked."""
        self.is_secure = True
        self._peer = peer
        self._resolver = resolver
        self._names: tuple[str, ...] = ()
        self._confirmed: dict[str, bool | None] = {}

    async def lookup_names(self) -> tuple[str, ...]:
        """The names, at most ``limit`` and each once; none where DNS had none or did not answer."""
        if self.answer is None:
            self.answer = await self._resolver.lookup(format_reverse(self._peer.address), "PTR")
            self.is_secure = self.is_secure and self.answer.is_secure
            names = dict.fromkeys(name.removesuffix(".").lower() for name in self.answer.names[: self.limit])
            self._names = tuple(name for name in names if name)
        return self._names

    async def confirm(self, name: str) -> bool | None:
        """Does ``name`` have the peer's address? ``None`` if DNS did not say."""
        if name not in self._confirmed:
            answer = await self._resolver.lookup(name, self._peer.type)
            self.is_secure = self.is_secure and answer.is_secure
            self._confirmed[name] = None if answer.is_temporary else is_among(self._peer, answer.records)
        return self._confirmed[name]


async def verify(ip: str, resolver: Resolver) -> IprevResult:
    """Follow the address to its names and one of them back.

    At most ``1 + NAMES_LIMIT`` questions. Raises ``ValueError`` if ``ip`` is no IP address.
    """
    claims = NameClaims(parse_peer(ip), resolver)
    names = await claims.lookup_names()
    answer = claims.answer
    assert answer is not None, "it has just been asked for"
    if answer.is_temporary:
        return IprevResult(Result.TEMPERROR, reason="DNS did not say which names the address has")
    if not names:
        return IprevResult(Result.PERMERROR, reason="the address has no name", is_secure=claims.is_secure)
    unknown = 0
    for name in names:
        is_confirmed = await claims.confirm(name)
        if is_confirmed:
            return IprevResult(Result.PASS, name, names, is_secure=claims.is_secure)
        unknown += is_confirmed is None
    if unknown:
        return IprevResult(Result.TEMPERROR, "", names, "DNS did not say which addresses the names have")
    reason = "no name of the address leads back to it"
    return IprevResult(Result.FAIL, "", names, reason, claims.is_secure)
