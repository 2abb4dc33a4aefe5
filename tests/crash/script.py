"""One scripted life of a spool with every kind of operation in it, and what may be true after it was cut off."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import apsw

from samotop.address import Address
from samotop.envelope import Envelope, Recipient
from samotop.ports import NewEntry, SpoolFault
from samotop.queue.entry import Entry, Pending, Settled, State, Trace
from samotop.store.database import Database
from samotop.store.drafts import MEMORY_LIMIT
from samotop.store.files import Files
from samotop.store.queue_admin import QueueAdmin
from samotop.store.spool import SqliteSpool
from tests.crash.disk import CrashFiles, CrashVfs, Disk, PowerLoss, connect_through

ENVELOPE = Envelope(Address("alice", "example.org"), (Recipient(Address("bob", "example.net")),))
TRACE = Trace("mx.example.org", "192.0.2.1", "ESMTP", 1.7e9)
LATER = 1.8e9


class MovableClock:
    def __init__(self) -> None:
        self.now = 1.7e9

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@dataclass
class Told:
    """What the world was told, which the disk must keep true; nothing counts that was said after the power went."""

    contents: dict[str, bytes] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    faults: dict[str, SpoolFault] = field(default_factory=dict)
    finishing: set[str] = field(default_factory=set)
    settled: dict[str, Settled] = field(default_factory=dict)


class Script:
    """Runs in one thread: the helper's jobs and the loop's callbacks are called where they are posted."""

    def __init__(self, disk: Disk, vfs: str) -> None:
        self.disk = disk
        self.clock = MovableClock()
        self.told = Told()
        self.database = Database(f"{disk.root}/state.db", connect_through(vfs))
        self.files = CrashFiles(disk)
        self.spool = make_spool(self.database, disk.root, self.clock, self.files, lambda entries: None)

    def run(self) -> None:
        spool = self.spool
        spool.recover()
        self.settle([Settled(self.commit_now(20))])
        self.write()
        first, second, large = self.commit(4000), self.commit(70_000), self.commit(MEMORY_LIMIT + 1)
        self.write()
        held, third = self.commit(10, State.HELD), self.commit(0)
        self.settle([Settled(first)])
        self.write()
        self.settle([Settled(second, pending(), due=LATER), Settled(large)])
        fourth = self.commit(300)
        abandoned = spool.begin(lambda: None)
        abandoned.write(os.urandom(MEMORY_LIMIT + 5))
        self.write()
        abandoned.discard()
        self.clock.now += 100
        spool.worker.tick(is_idle=True)
        self.settle([Settled(third), Settled(fourth)])
        self.write()
        self.commit(MEMORY_LIMIT + 70_000)
        self.settle([Settled(second)])
        self.write()
        self.settle([Settled(held)])
        self.write()
        self.clock.now += 100
        spool.worker.tick(is_idle=True)
        self.commit(5000)
        self.write()
        spool.close()
        with suppress(apsw.Error):  # SQLite itself passes over a checkpoint that fails while it closes
            self.database.close()

    def end(self) -> None:
        """Give descriptors back, as the end of a process does."""
        with suppress(PowerLoss, apsw.Error):
            self.database.close()
        self.files.close_all()

    def write(self) -> None:
        self.spool.worker.run_pending()

    def commit_now(self, size: int) -> str:
        name = self.commit(size)
        self.write()
        return name

    def commit(self, size: int, state: State = State.QUEUED) -> str:
        draft = self.spool.begin(lambda: None)
        content = os.urandom(size)
        self.told.contents[draft.id] = content
        self.told.states[draft.id] = state
        for start in range(0, size, 30_000):
            draft.write(content[start : start + 30_000])

        def done(fault: SpoolFault | None) -> None:
            if self.disk.is_dead:
                return
            assert draft.id not in self.told.stored, "told twice"
            assert draft.id not in self.told.faults, "told twice"
            if fault is None:
                self.told.stored.add(draft.id)
            else:
                self.told.faults[draft.id] = fault

        draft.commit(NewEntry(ENVELOPE, TRACE, state), done)
        return draft.id

    def settle(self, outcomes: list[Settled]) -> None:
        self.told.finishing.update(outcome.id for outcome in outcomes if not outcome.pending)

        def done() -> None:
            if not self.disk.is_dead:
                self.told.settled.update({outcome.id: outcome for outcome in outcomes})

        self.spool.settle(outcomes, done)


def pending() -> tuple[Pending, ...]:
    return (Pending(ENVELOPE.recipients[0], 1, "421 not now"),)


def make_spool(
    database: Database,
    home: str,
    clock: MovableClock,
    files: Files | None,
    on_stored: Callable[[list[Entry]], None] | None,
) -> SqliteSpool:
    return SqliteSpool(
        database,
        f"{home}/spool",
        clock,
        lambda callback: callback(),
        files=files,
        submit=lambda job: job(),
        on_stored=on_stored,
    )


def make_home(home: str) -> None:
    """An empty spool, as the first start leaves it."""
    os.makedirs(f"{home}/spool")
    Database(f"{home}/state.db").close()


def check_home(home: str, told: Told) -> None:
    """Start again, and hold what is found against the truth table of docs/queue-states.md."""
    database = Database(f"{home}/state.db")
    clock = MovableClock()
    spool = make_spool(database, home, clock, None, None)
    spool.recover()
    admin = QueueAdmin(database, f"{home}/spool", clock)
    found = {entry.id: entry for entry in admin.entries()}
    assert found.keys() <= told.contents.keys()
    for name, entry in found.items():
        assert entry.state is told.states[name], "no entry is damaged or changes its state"
        assert spool.open(entry).to_bytes() == told.contents[name], "nothing is half there"
        if name in told.settled:
            last = told.settled[name]
            assert last.pending, "what is finished stays finished"
            assert (entry.pending, entry.due) == (last.pending, last.due)
    for name in told.stored:
        assert name in found or name in told.finishing, "what was acknowledged is there until it is delivered"
    check_files(database, home)
    draft = spool.begin(lambda: None)
    draft.write(b"after the crash")
    answers: list[SpoolFault | None] = []
    draft.commit(NewEntry(ENVELOPE, TRACE), answers.append)
    spool.worker.run_pending()
    assert answers == [None], "and it goes on"
    spool.close()
    database.close()


def check_files(database: Database, home: str) -> None:
    segments = {name for (name,) in database.reader().execute("SELECT segment FROM entry")}
    assert set(os.listdir(f"{home}/spool")) <= segments, "nobody's octets are left"


@contextmanager
def registered(disk: Disk) -> Iterator[str]:
    """The name under which SQLite knows ``disk``."""
    vfs = CrashVfs(f"crash-{id(disk)}", disk)
    try:
        yield f"crash-{id(disk)}"
    finally:
        vfs.unregister()
