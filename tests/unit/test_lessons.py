"""What submitted mail teaches is written down in groups, behind the mail, and before anybody asks for it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable
from pathlib import Path
from threading import Event

import pytest

from samotop.address import Address
from samotop.app.lessons import WAITING_LIMIT, Lesson, Lessons
from samotop.consent.contact import Contact, Origin, Standing
from samotop.consent.identity import Identity, parse_identity
from samotop.errors import TryAgainLater
from samotop.net.clock import SystemClock
from samotop.observe.log import open_log
from samotop.store.database import Database
from samotop.store.ledger.allowances import SqliteAllowances
from samotop.store.ledger.contacts import Sealed, SqliteContacts
from samotop.store.ledger.secrets import OwnerSecrets

NOW = 1_800_000_000.0
BOB = parse_identity("bob@example.net")


class Ledger:
    """The real one; ``gate`` holds its writes back, ``decided`` tells of each."""

    def __init__(self, path: Path) -> None:
        database = Database(str(path / "state.db"))
        sealed = Sealed(database, OwnerSecrets(database, bytes(32)))
        self.contacts, self.allowances = SqliteContacts(sealed), SqliteAllowances(sealed)
        self.gate = Event()
        self.gate.set()
        self.decided: list[int] = []
        self.fault: Exception | None = None
        self._decide = self.contacts.decide
        self.contacts.decide = self.decide  # type: ignore[method-assign]

    def decide(self, owner: str, contacts: Iterable[Contact]) -> None:
        self.gate.wait(30)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        decided = list(contacts)
        self.decided.append(len(decided))
        self._decide(owner, decided)

    def lessons(self, log: io.BytesIO | None = None) -> Lessons:
        told = open_log(log or io.BytesIO(), SystemClock())
        return Lessons(self.contacts, self.allowances, lambda: NOW, asyncio.get_running_loop(), told)

    def standing(self, identity: Identity) -> Standing | None:
        found = self.contacts.find("alice", [identity], NOW).get(identity)
        return None if found is None else found.standing


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def lesson(number: int, *names: str) -> Lesson:
    return Lesson("alice", f"<{number}@example.org>", tuple(Address(name, "example.net") for name in names or ("bob",)))


async def test_who_is_written_to_is_known_when_somebody_asks(ledger: Ledger) -> None:
    """An answer may come at once: it must find that it was expected."""
    lessons = ledger.lessons()
    lessons.add(lesson(1))
    await lessons.written()
    assert ledger.standing(BOB) is Standing.APPROVED
    assert ledger.contacts.find("alice", [BOB], NOW)[BOB].origin is Origin.WROTE
    assert ledger.allowances.is_answer("alice", ["<1@example.org>"], BOB, NOW)


async def test_what_comes_while_the_disk_is_busy_is_written_together(ledger: Ledger) -> None:
    """Each transaction waits for the disk; a hundred letters must not wait a hundred times."""
    lessons = ledger.lessons()
    ledger.gate.clear()
    for number in range(100):
        lessons.add(lesson(number, f"friend{number}", "bob"))
        await asyncio.sleep(0)
    ledger.gate.set()
    await lessons.written()
    assert sum(ledger.decided) == 101 and len(ledger.decided) <= 2
    assert all(ledger.allowances.is_answer("alice", [f"<{one}@example.org>"], BOB, NOW) for one in range(100))


async def test_adding_waits_for_nothing_and_is_bounded(ledger: Ledger) -> None:
    """A disk that hangs must neither keep who sends, nor fill the memory."""
    lessons = ledger.lessons()
    ledger.gate.clear()
    lessons.add(lesson(0))
    await asyncio.sleep(0)
    crowd = lesson(1, *[f"friend{number}" for number in range(WAITING_LIMIT)])
    lessons.add(crowd)
    lessons.add(lesson(2))
    assert lessons._waiting == [crowd]
    ledger.gate.set()
    await lessons.stop()
    assert ledger.allowances.is_answer("alice", ["<1@example.org>"], None, NOW)
    assert not ledger.allowances.is_answer("alice", ["<2@example.org>"], None, NOW)


@pytest.mark.parametrize("fault", [TryAgainLater("the disk is full"), RuntimeError("a bug")])
async def test_a_group_that_fails_keeps_nobody_waiting(ledger: Ledger, fault: Exception) -> None:
    """Who asks next gets on, and the next lesson is learned."""
    lessons = ledger.lessons(log := io.BytesIO())
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    ledger.gate.clear()
    ledger.fault = fault
    lessons.add(lesson(1, "carol"))
    await asyncio.sleep(0)
    lessons.add(lesson(2))
    ledger.gate.set()
    await lessons.written()
    assert ledger.standing(BOB) is Standing.APPROVED
    assert ledger.standing(parse_identity("carol@example.net")) is None
    assert (b"ledger_unwritable" in log.getvalue()) == isinstance(fault, TryAgainLater)


async def test_nobody_waits_where_nothing_was_learned(ledger: Ledger) -> None:
    lessons = ledger.lessons()
    await lessons.written()
    await lessons.stop()
    assert ledger.decided == []
