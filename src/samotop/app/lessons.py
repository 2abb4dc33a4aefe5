"""What submitted mail teaches the ledger, written down behind it.

Nobody who sends waits for the disk because of it: lessons are collected, and while one group of them is written in a
thread, the next one gathers. A group costs two transactions for each owner, however many messages it has. What a
crash takes with it is harmless: an approval that the owner's next message to the same person gives again. Who asks
the ledger about a stranger waits for the lessons that came before (``written``), so that an answer is never looked
at before the message that it answers.

At most ``WAITING_LIMIT`` addresses wait; where the disk does not keep up, the newest teach nothing. Lives on the event
loop, but may be made elsewhere. A ledger that cannot be written is told to the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.consent.contact import Contact
from samotop.consent.identity import Identity, address_identity
from samotop.consent.learning import is_meant, plan_learning, read_message_id
from samotop.errors import TryAgainLater
from samotop.facts import ContentFacts
from samotop.observe.log import Log
from samotop.ports.allowances import Allowances
from samotop.ports.contacts import Contacts

WAITING_LIMIT: Final = 20_000
"""Addresses in lessons that wait: many seconds of the fastest submission there is, and some megabytes."""

_MEANT: Final = b""
"""The header of a lesson: it was looked at when the lesson was made, and is not kept."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One message that a person of ours has written to others, as little of it as teaches."""

    owner: str
    message_id: str
    addresses: tuple[Address, ...]

    @property
    def identities(self) -> list[Identity]:
        return [one for address in self.addresses if (one := address_identity(address)) is not None]


def read_lesson(facts: ContentFacts, hostname: str) -> Lesson | None:
    """What this message teaches; nothing where no person meant it."""
    header = facts.content.header
    if not is_meant(header):
        return None
    message_id = read_message_id(header) or f"<{facts.id}@{hostname}>"
    return Lesson(facts.peer.login or "", message_id, tuple(one.address for one in facts.envelope.recipients))


class Lessons:
    """``now`` tells seconds since 1970."""

    def __init__(
        self,
        contacts: Contacts,
        allowances: Allowances,
        now: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        log: Log,
    ) -> None:
        self._contacts = contacts
        self._allowances = allowances
        self._now = now
        self._loop = loop
        self._log = log
        self._waiting: list[Lesson] = []
        self._size = 0
        self._next: asyncio.Future[None] | None = None
        self._current: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def add(self, lesson: Lesson) -> None:
        """Have it written soon; returns at once."""
        if self._size + len(lesson.addresses) > WAITING_LIMIT:
            return
        self._size += len(lesson.addresses)
        self._waiting.append(lesson)
        if self._next is None:
            self._next = self._loop.create_future()
        if self._task is None:
            self._task = self._loop.create_task(self._write_all())

    async def written(self) -> None:
        """Wait for what was added before, and no longer."""
        pending = self._next or self._current
        if pending is not None:
            await asyncio.shield(pending)

    async def stop(self) -> None:
        """Write what waits."""
        while self._task is not None:
            await asyncio.wait({self._task})

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write_group()
        finally:  # a bug in one group must not keep those waiting who ask for the next
            self._task = self._loop.create_task(self._write_all()) if self._waiting else None

    async def _write_group(self) -> None:
        group, self._waiting, self._size = self._waiting, [], 0
        done = self._current = self._next
        self._next = None
        try:
            await asyncio.to_thread(self.write, group)
        except TryAgainLater as error:
            self._log.error("ledger_unwritable", error=error)
        finally:
            self._current = None
            if done is not None:
                done.set_result(None)

    def write(self, group: Sequence[Lesson]) -> None:
        """Write a group down, in a thread. Raises ``TryAgainLater``."""
        now = self._now()
        owners: dict[str, list[Lesson]] = {}
        for lesson in group:
            owners.setdefault(lesson.owner, []).append(lesson)
        for owner, lessons in owners.items():
            named = dict.fromkeys(identity for lesson in lessons for identity in lesson.identities)
            known = set(self._contacts.find(owner, list(named), now))
            learned: list[Contact] = []
            for lesson in lessons:
                new = plan_learning(_MEANT, lesson.addresses, known, now)
                known.update(one.identity for one in new)
                learned += new
            if learned:
                self._contacts.decide(owner, learned)
            self._allowances.note_all_sent(owner, [(one.message_id, one.identities) for one in lessons], now)
