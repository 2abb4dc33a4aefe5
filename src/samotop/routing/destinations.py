"""What routing makes of an address: one of four answers; before a message is accepted, one of six."""

from __future__ import annotations

from dataclasses import dataclass

from samotop.address import Address
from samotop.routing.rules import Route


@dataclass(frozen=True, slots=True)
class Local:
    """The mailbox of ``account``, which the accounts store knows: never a text that a peer made up."""

    account: str


@dataclass(frozen=True, slots=True)
class Via:
    """A route of the operator's. ``needs_permission``: only for peers that may relay, see ``Router``."""

    route: Route
    needs_permission: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """One of our domains, but nobody has this address (550 5.1.1)."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Not our domain: this would be relaying (550 5.7.1 unless the peer may)."""


@dataclass(frozen=True, slots=True)
class Expanding:
    """An alias or a list that stands for somebody: see ``addressbook``."""


@dataclass(frozen=True, slots=True)
class Returning:
    """A sender that we have rewritten: what failed goes back to ``original`` (``srs``)."""

    original: Address


Destination = Local | Via | Unknown | Foreign
"""Where delivery brings mail."""

Reached = Destination | Expanding | Returning
"""What a recipient is found to be, while its message may still be refused."""

UNKNOWN = Unknown()
FOREIGN = Foreign()
