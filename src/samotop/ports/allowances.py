"""What lets somebody unknown in, as services see it: answers, addresses made for one correspondent, expected strangers.

An owner is an account's name. ``is_answer``, ``tag_use`` and ``expectation`` read single rows by index and may be
called on the event loop; the others wait for the disk and are called in threads. Raises ``TryAgainLater`` where the
store does not answer. Nothing is kept in the clear: rows are found by keyed digests.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from samotop.consent.contact import Contact
from samotop.consent.identity import Identity
from samotop.consent.judge import TagUse


class Allowances(Protocol):
    """One server's. Times are seconds since 1970."""

    def is_answer(self, owner: str, references: Iterable[str], author: Identity | None, now: float) -> bool:
        """Does one of these Message-IDs name a message that ``owner`` has sent to ``author`` not too long ago?

        Without an author (a notification): to anybody.
        """
        ...

    def tag_use(self, owner: str, tag: str, now: float) -> TagUse:
        """What is known of ``owner+tag@``, used before or not."""
        ...

    def expectation(self, owner: str, domain: str, now: float) -> str:
        """Why a stranger of ``domain`` is expected now, in words; empty where none is."""
        ...

    def make_tag(self, owner: str, name: str, until: date | None, *, is_keyed: bool) -> str:
        """A tag to hand out. Raises ``ValueError`` for what cannot be one."""
        ...

    def make_invitation(self, owner: str, now: float) -> str:
        """A tag that approves whoever writes to it, for some days."""
        ...

    def note_sent(self, owner: str, message_id: str, recipients: Iterable[Identity], now: float) -> None:
        """The owner has sent this message: answers to it, by these, are expected for a time."""
        ...

    def note_all_sent(self, owner: str, sent: Iterable[tuple[str, Iterable[Identity]]], now: float) -> None:
        """``note_sent`` of several messages, by their Message-IDs and recipients, in one transaction."""
        ...

    def take_tag(self, owner: str, tag: str, holder: Contact, now: float) -> Contact:
        """Bind a tag to its first user. Returns whom it is bound to: somebody else may have been first."""
        ...

    def end_tag(self, owner: str, tag: str, why: str, now: float) -> None:
        """It takes no mail any more."""
        ...

    def expect(self, owner: str, domain: str, until: float) -> None:
        """Strangers (of ``domain``; all where it is empty) are let in until then."""
        ...

    def expire(self, now: float) -> int:
        """Remove rows that are over; returns how many."""
        ...
