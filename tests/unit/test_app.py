"""From the configuration to the parts' rules, and a process that starts, or says why not."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from samotop.address import Address
from samotop.app.process import STOP_SECONDS, Process
from samotop.config.shapes import Config, Limits, Received
from samotop.net.clock import SystemClock
from samotop.observe.log import open_log
from samotop.places import Places
from samotop.routing.destinations import Destination, Local, Via
from samotop.routing.router import Router
from samotop.routing.rules import Route
from samotop.routing.via import parse_via
from samotop.store.database import Database
from samotop.store.spool import SqliteSpool
from samotop.terms import note_descriptors, reception_rules, routing_rules
from tests.fakes.queue import FakeAccounts, MovableClock, hand, make_entry


def config(**limits: int) -> Config:
    return Config(hostname="mx.example.org", domains=("example.org",), limits=Limits(**limits))  # type: ignore[arg-type]  # the table of a case


@pytest.mark.parametrize(
    ("workers", "sessions", "per_address"), [(1, 100, 5), (2, 50, 3), (3, 33, 2), (5, 20, 1), (200, 1, 1)]
)
def test_each_worker_takes_its_share_of_the_sessions(workers: int, sessions: int, per_address: int) -> None:
    """Each counts its own: together they would take ``workers`` times what was allowed."""
    rules = reception_rules(config(sessions=100, sessions_per_address=5), workers)
    assert (rules.sessions, rules.sessions_per_address) == (sessions, per_address)


def test_no_more_sessions_are_taken_than_there_are_descriptors_for() -> None:
    """Who runs out of them can neither accept nor store nor deliver."""
    assert reception_rules(config(sessions=100), 2, 30).sessions == 30
    assert reception_rules(config(sessions=100), 2, 1000).sessions == 50


def test_the_operator_is_told_where_sessions_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the number that holds and what to do, never in silence."""
    monkeypatch.setattr("samotop.terms.raise_limit", lambda: 1024)
    note = note_descriptors(config(sessions=2000))
    assert "1024 files" in note
    assert "384 sessions of 2000" in note
    assert "LimitNOFILE" in note
    assert note_descriptors(config(sessions=384)) == ""


def alter(home: Path, statement: str) -> None:
    connection = apsw.Connection(str(home / "state.db"))
    connection.execute(statement)
    connection.close()


async def test_a_state_that_cannot_be_read_is_told_once_and_so_is_its_return(tmp_path: Path) -> None:
    """It is looked at each second, and a log that repeats itself hides the rest."""
    stream = io.BytesIO()
    loop = asyncio.get_running_loop()
    process = Process(config(), tmp_path, open_log(stream, SystemClock()), loop, 0, 1)
    alter(tmp_path, "ALTER TABLE notice RENAME TO elsewhere")
    for _ in range(3):
        process.look()
    alter(tmp_path, "ALTER TABLE elsewhere RENAME TO notice")
    for _ in range(3):
        process.look()
    await process.stop()
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["state_unreadable", "state_readable"]


def test_the_postmaster_is_whom_the_configuration_names() -> None:
    """RFC 5321 §4.5.1: without a name it would be the first account."""
    accounts = FakeAccounts("alice", "bob")
    address = Address("abuse", "example.org")
    assert Router(routing_rules(config()), accounts).resolve(address) == Local("alice")
    assert Router(routing_rules(replace(config(), postmaster="bob")), accounts).resolve(address) == Local("bob")


@pytest.mark.parametrize("destination", [Local("bob"), Via(Route("*", parse_via("maildir:elsewhere")))])
@pytest.mark.parametrize("tells", [Received(), Received(submitter_hello=True), Received(submitter_address=True)])
def test_received_tells_of_a_submitter_what_the_configuration_says(
    tmp_path: Path, destination: Destination, tells: Received
) -> None:
    """By default nothing: what a device is called, and where it is, is its owner's affair."""
    entry = make_entry()
    submitted = replace(entry, trace=replace(entry.trace, hello="alices-phone.lan", login="alice"))
    places = Places(replace(config(), received=tells), tmp_path, FakeAccounts("bob"), MovableClock())
    transport = places.find(destination)
    assert transport is not None
    assert [one.is_delivered for one in transport.hand_on([hand(submitted)])] == [True]
    (file,) = [path for path in tmp_path.rglob("*") if path.parent.name == "new"]
    text = file.read_bytes()
    assert (b"alices-phone.lan" in text) == tells.submitter_hello
    assert (entry.trace.peer_address.encode() in text) == tells.submitter_address


async def test_a_disk_that_hangs_does_not_keep_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafts are ended on the loop; the database, which the writer's thread may hold, is left alone. It is told."""
    stream = io.BytesIO()
    process = Process(config(), tmp_path, open_log(stream, SystemClock()), asyncio.get_running_loop(), 0, 1)
    began: list[int] = []
    begin_close = SqliteSpool.begin_close

    def watched(spool: SqliteSpool) -> None:
        began.append(threading.get_ident())
        begin_close(spool)

    def hang(spool: SqliteSpool, patience: float) -> bool:
        SqliteSpool.begin_close(spool)
        return patience > STOP_SECONDS

    monkeypatch.setattr(SqliteSpool, "begin_close", watched)
    monkeypatch.setattr(SqliteSpool, "close", hang)
    closed: list[Database] = []
    close = Database.close
    monkeypatch.setattr(Database, "close", closed.append)
    await process.stop()
    assert began[0] == threading.get_ident()
    assert closed == []
    assert b"spool_not_closed" in stream.getvalue()
    close(process._database)
