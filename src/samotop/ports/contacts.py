"""The ledger as services see it: each owner's contacts, requests, and what makes exceptions.

An owner is an account's name. Reads (``find`` to ``expectation``) take one indexed row each
and may be called on the event loop; writes wait for the disk and are called in threads. What a write has
returned from is obeyed by the next read in any process. Raises ``TryAgainLater`` where the store does not answer.

Names of contacts are never in the store in the clear: rows are found by keyed digests, names are sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from samotop.consent.contact import Contact, Standing
from samotop.consent.evidence import Evidence
from samotop.consent.identity import Identity
from samotop.consent.judge import TagUse


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """Somebody unknown who wrote. Times are seconds since 1970; a request expires like every row.

    ``identities`` are all that the message claimed, in their order; the request is found by any of them. ``name`` is
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


class Contacts(Protocol):
    """One server's ledger."""

    def find(self, owner: str, identities: Sequence[Identity], now: float) -> Mapping[Identity, Contact]:
        """The decisions about any of these; those that have expired are left out."""
        ...

    def find_request(self, owner: str, identity: Identity) -> ContactRequest | None: ...

    def is_answer(self, owner: str, references: Iterable[str], author: Identity, now: float) -> bool:
        """Does one of these Message-IDs name a message that ``owner`` sent to ``author`` not too long ago?"""
        ...

    def tag_use(self, owner: str, tag: str, now: float) -> TagUse | None:
        """What is known of ``owner+tag@``; ``None`` for one that nobody has used yet."""
        ...

    def expectation(self, owner: str, domain: str, now: float) -> str:
        """Why a stranger of ``domain`` is expected now, in words; empty where none is."""
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

    def settle_request(self, owner: str, identity: Identity, entries: Iterable[str]) -> None:
        """These of its messages have been moved; a request without messages that has been answered is over."""
        ...

    def note_sent(self, owner: str, message_id: str, recipients: Iterable[Identity], now: float) -> None:
        """The owner has sent this message: answers to it, by these, are expected for a time."""
        ...

    def take_tag(self, owner: str, tag: str, holder: Contact, now: float) -> None: ...

    def end_tag(self, owner: str, tag: str, why: str) -> None: ...

    def expect(self, owner: str, domain: str, until: float) -> None:
        """Strangers (of ``domain``; all where it is empty) are let in until then."""
        ...

    def expire(self, now: float) -> int:
        """Remove rows that are over; returns how many."""
        ...
