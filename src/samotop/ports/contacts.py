"""The ledger as services see it: each owner's contacts, and the requests of those who want to be some.

An owner is an account's name. ``find``, ``find_request``, ``has_approved_within`` and ``serial`` read single rows by
index and may be called on the event loop; all else waits for the disk and is called in threads. A decision is obeyed by
the next ``find`` in any process once ``decide`` has returned. Raises ``TryAgainLater`` where the store does not answer.

Names of contacts are never in the store in the clear: rows are found by keyed digests, names are sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from samotop.consent.contact import Contact, Standing, bind
from samotop.consent.evidence import Evidence
from samotop.consent.identity import Identity


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """Somebody unknown who wrote. Times are seconds since 1970; a request expires like every row.

    One request is one identity with one evidence (``request_place``): what a forger sends in somebody's name does not
    mix with what is theirs. ``identities`` are all that the message claimed, in their order. ``name`` is
    the author's display name, ``subject`` the last message's. ``reason`` is what the owner is told; ``code`` the
    judgement's. ``entries`` are the ids of messages that wait in the Requests folder, the newest last.
    """

    identity: Identity
    identities: tuple[Identity, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    name: str = ""
    subject: str = ""
    code: str = ""
    reason: str = ""
    is_flagged: bool = False
    first_seen: float = 0.0
    last_seen: float = 0.0
    count: int = 1
    entries: tuple[str, ...] = ()
    tag: str = ""
    """What stood behind the plus sign of the address that was written to."""
    features: bytes = b""
    """What the owner's filter can learn of the last message when the request is answered, without its text."""


def request_place(identity: Identity, evidence: Evidence) -> str:
    """What the messages of one request have in common besides the identity: what an approval would bind to."""
    binding = bind(identity, evidence)
    return binding.domain or binding.network


class Contacts(Protocol):
    """One server's ledger."""

    def find(self, owner: str, identities: Sequence[Identity], now: float) -> Mapping[Identity, Contact]:
        """The decisions about any of these; those that have expired are left out."""
        ...

    def find_request(self, owner: str, identity: Identity, evidence: Evidence) -> ContactRequest | None: ...

    def has_approved_within(self, owner: str, domain: str) -> bool:
        """Has the owner ever approved somebody whose mail may come in this domain's name?"""
        ...

    def serial(self, owner: str) -> int:
        """Another number after each decision of the owner, in any process."""
        ...

    def decide(self, owner: str, contacts: Iterable[Contact]) -> None:
        """Write decisions, all or none; a request that they answer stays until its messages have been moved."""
        ...

    def forget(self, owner: str, identity: Identity) -> bool:
        """Remove what is known of somebody, request included; ``False`` where nothing was."""
        ...

    def contacts(self, owner: str, standing: Standing | None = None) -> list[Contact]: ...

    def note_request(self, owner: str, request: ContactRequest) -> ContactRequest:
        """Remember somebody who wrote; joined with what is there already. Returns what is kept."""
        ...

    def requests(self, owner: str) -> list[ContactRequest]:
        """Those that wait for the owner, the newest first."""
        ...

    def settle_request(self, owner: str, request: ContactRequest, entries: Iterable[str]) -> None:
        """These of its messages have been moved; a request without messages that has been answered is over."""
        ...

    def expire(self, now: float) -> int:
        """Remove rows that are over; returns how many."""
        ...
