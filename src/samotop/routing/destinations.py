"""What routing makes of an address: one of four answers."""

from __future__ import annotations

from dataclasses import dataclass

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


Destination = Local | Via | Unknown | Foreign

UNKNOWN = Unknown()
FOREIGN = Foreign()
