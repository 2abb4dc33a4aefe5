"""The operator is reminded of mail that only the operator can move."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from samotop.app.reminder import EVERY, Reminder
from samotop.observe.log import open_log
from samotop.queue.deadlines import UNATTENDED_AFTER
from samotop.queue.entry import State
from samotop.queue.ids import RANDOM_OCTETS, format_id
from samotop.store.database import Database
from samotop.store.records import STATE_NUMBERS
from tests.fakes.queue import MovableClock

INSERT = "INSERT INTO entry VALUES (?, 0, ?, 0, '', 0, 0, 0, x'', x'', NULL, '')"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(str(tmp_path / "state.db"))
    yield opened
    opened.close()


def test_it_is_said_once_a_day(database: Database) -> None:
    """Nobody reads a line that comes every minute."""
    clock, stream = MovableClock(), io.BytesIO()
    for number, state in enumerate((State.HELD, State.DAMAGED, State.QUEUED)):
        name = format_id(clock.time(), bytes([number]) * RANDOM_OCTETS)
        database.writer().execute(INSERT, (name, STATE_NUMBERS[state]))
    reminder = Reminder(database, clock, open_log(stream, clock))
    reminder.look()
    clock.move(EVERY)
    reminder.look()
    assert stream.getvalue() == b""
    clock.move(UNATTENDED_AFTER)
    for _ in range(3):
        reminder.look()
    clock.move(EVERY)
    reminder.look()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(one["event"], one["count"]) for one in lines] == [("unattended_mail", 2)] * 2


def test_a_queue_that_cannot_be_read_is_asked_again(database: Database) -> None:
    """That is told elsewhere, each second; here it costs no reminder."""
    clock, stream = MovableClock(), io.BytesIO()
    reminder = Reminder(database, clock, open_log(stream, clock))
    clock.move(UNATTENDED_AFTER * 2)
    database.writer().execute("ALTER TABLE entry RENAME TO hidden")
    reminder.look()
    database.writer().execute("ALTER TABLE hidden RENAME TO entry")
    database.writer().execute(INSERT, (format_id(0.0, bytes(RANDOM_OCTETS)), STATE_NUMBERS[State.HELD]))
    reminder.look()
    assert b"unattended_mail" in stream.getvalue()
