"""A spool without threads: what would run beside the loop runs when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from samotop.address import Address
from samotop.envelope import Envelope, Recipient
from samotop.ports import NewEntry, SpoolFault
from samotop.queue.entry import Entry, Pending, Settled, State, Trace
from samotop.store.database import Database
from samotop.store.files import RealFiles
from samotop.store.queue_admin import QueueAdmin
from samotop.store.spool import SqliteSpool


class MovableClock:
    def __init__(self) -> None:
        self.now = 1.7e9

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class FaultyFiles(RealFiles):
    """Raises what ``errors`` says for the name of a method; counts unlinked files."""

    def __init__(self) -> None:
        self.errors: dict[str, OSError] = {}
        self.free_octets = 1 << 40

    def _check(self, name: str) -> None:
        if name in self.errors:
            raise self.errors[name]

    def open_new(self, path: str) -> int:
        self._check("open_new")
        return super().open_new(path)

    def write_all(self, fd: int, octets: bytes) -> None:
        if "write_all" in self.errors:
            super().write_all(fd, octets[: len(octets) // 2])
        self._check("write_all")
        super().write_all(fd, octets)

    def fdatasync(self, fd: int) -> None:
        self._check("fdatasync")

    def truncate(self, fd: int, size: int) -> None:
        self._check("truncate")
        super().truncate(fd, size)

    def unlink(self, path: str) -> None:
        self._check("unlink")
        super().unlink(path)

    def free(self, path: str) -> int:
        return self.free_octets


class Bench:
    """One home with a spool on it; ``restart`` begins a new life as after ``kill -9``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = MovableClock()
        self.files = FaultyFiles()
        self.jobs: list[Callable[[], None]] = []
        self.runs_jobs_at_once = True
        self.refuses_jobs = False
        self.said: list[str] = []
        self.faults: dict[str, SpoolFault] = {}
        self.fresh: list[Entry] = []
        self.database = Database(str(home / "state.db"))
        self.spool = self.make()
        self.spool.recover()
        self.admin = QueueAdmin(self.database, str(home / "spool"), self.clock)
        self.envelope = Envelope(Address("alice", "example.org"), (Recipient(Address("bob", "example.net")),))
        results = "Authentication-Results: mx.example.net;\r\n\tdmarc=pass header.from=bücher.example\r\n"
        self.trace = Trace("mx.example.org", "192.0.2.1", "ESMTP", 1.7e9, results=results)

    def make(self, slot: int = 0) -> SqliteSpool:
        return SqliteSpool(
            self.database,
            str(self.home / "spool"),
            self.clock,
            lambda callback: callback(),
            slot=slot,
            on_stored=self.take_fresh,
            files=self.files,
            submit=self.submit,
        )

    def take_fresh(self, entries: list[Entry]) -> None:
        self.said.append("fresh")
        self.fresh.extend(entries)

    def submit(self, job: Callable[[], None]) -> None:
        if self.refuses_jobs:
            raise RuntimeError("no thread")
        if self.runs_jobs_at_once:
            job()
        else:
            self.jobs.append(job)

    def run_jobs(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()

    def restart(self, slot: int = 0) -> SqliteSpool:
        self.database.close()
        self.database = Database(str(self.home / "state.db"))
        self.admin = QueueAdmin(self.database, str(self.home / "spool"), self.clock)
        self.spool = self.make(slot)
        self.spool.recover()
        return self.spool

    def draft(self, content: bytes, state: State = State.QUEUED, spool: SqliteSpool | None = None) -> str:
        """Write and commit; durable after ``write``."""
        draft = (spool or self.spool).begin(lambda: None)
        draft.write(content)

        def done(fault: SpoolFault | None) -> None:
            self.said.append(f"done {draft.id}")
            if fault is not None:
                self.faults[draft.id] = fault

        draft.commit(NewEntry(self.envelope, self.trace, state), done)
        return draft.id

    def write(self) -> None:
        self.spool.worker.run_pending()

    def store(self, content: bytes, state: State = State.QUEUED) -> str:
        name = self.draft(content, state)
        self.write()
        return name

    def settle(self, *outcomes: Settled) -> bool:
        """Settle and write; was it made durable?"""
        answers: list[bool] = []
        self.spool.settle(outcomes, lambda: answers.append(True))
        self.write()
        return bool(answers)

    def finish(self, *names: str) -> bool:
        return self.settle(*[Settled(name) for name in names])

    def tick(self, seconds: float = 100) -> None:
        self.clock.now += seconds
        self.spool.worker.tick(is_idle=True)
        self.write()

    def waiting(self) -> tuple[Pending, ...]:
        return (Pending(self.envelope.recipients[0], 1, "421 later"),)

    def names(self) -> set[str]:
        return {path.name for path in (self.home / "spool").iterdir()}

    def ids(self) -> list[str]:
        return [entry.id for entry in self.admin.entries()]

    def read(self, name: str) -> bytes:
        entry = self.admin.show(name)
        assert entry is not None
        return self.admin.open(entry).to_bytes()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.database.close()
