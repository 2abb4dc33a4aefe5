"""What consent asks, and of whom: the ledger's ports, and whose mailbox an address is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from samotop.address import Address
from samotop.consent.wishes import Wishes
from samotop.ports.allowances import Allowances
from samotop.ports.attempts import Attempts
from samotop.ports.contacts import Contacts


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose mailbox an address is. ``tag`` is what stands behind the plus sign, empty without one."""

    owner: str
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Shared:
    """One of those whom an alias or list stands for, by the address that its copy goes to."""

    address: Address
    owned: Owned
    list_id: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is asked.

    ``find_owner`` and ``find_shares`` are routing's: the one whose mailbox an address is, ``None`` for nobody; and the
    owners of mailboxes here among those whom an alias or list stands for (also told: is it a notification?). They may
    raise ``TryAgainLater``.
    """

    contacts: Contacts
    allowances: Allowances
    attempts: Attempts
    find_owner: Callable[[Address], Owned | None]
    wishes: Callable[[str], Wishes]
    find_shares: Callable[[Address, bool], Sequence[Shared]] = lambda address, is_notification: ()
