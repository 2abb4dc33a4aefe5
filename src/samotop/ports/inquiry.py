"""Who finds out who writes, as reception sees it.

``greeted`` when a peer has said who it is, ``mail`` when it begins a
transaction, ``feed`` for the content as it arrives, ``finish`` at its end.
All are called on the event loop; only ``finish`` waits, and not for long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from samotop.address import ReversePath
from samotop.peer import Peer

if TYPE_CHECKING:  # reception without an inquirer does not pay for it
    from samotop.msgauth.authentication import Authentication
    from samotop.msgauth.listing import Listing


@dataclass(frozen=True, slots=True)
class Inquired:
    """What was found: the results, the field that tells them (RFC 8601; CRLF included), the peer's confirmed name."""

    authentication: Authentication
    results: str = ""
    peer_name: str = ""


@dataclass(frozen=True, slots=True)
class Early:
    """What is known before the content: the peer's names, SPF, and what block lists say."""

    authentication: Authentication
    listings: tuple[Listing, ...] = ()


class MailInquiry(Protocol):
    """One transaction's. ``close`` in any case; after it nothing is called."""

    def known(self) -> Early | None:
        """SPF alone, if it is there already: then nobody waits."""
        ...

    async def early(self) -> Early:
        """For who cannot wait for the content; waits no longer than its end would."""
        ...

    async def soon(self) -> Early:
        """SPF alone, and only if it comes soon: whoever it is, they wait for their own DNS, and not for long."""
        ...

    def feed(self, chunk: bytes) -> None: ...

    async def finish(self) -> Inquired: ...

    def close(self) -> None: ...


class PeerInquiry(Protocol):
    """One peer's, under one name. ``close`` when the peer has gone, or calls itself something else."""

    def mail(self, reverse_path: ReversePath) -> MailInquiry: ...

    def close(self) -> None: ...


class Inquirer(Protocol):
    def greeted(self, peer: Peer, name: str) -> PeerInquiry | None:
        """Begin to ask about a peer that calls itself ``name``; ``None`` where there is nothing to ask about."""
        ...
