"""What a long queue costs: seconds until ready, resident memory, and the time of ``samotop queue list``.

    python bench/queue_bench.py [--entries 100000] [--seconds 60]

The entries are written through the store, as reception writes them, and then
deferred, as delivery defers them: the next attempt lies an hour or more ahead,
each recipient has a domain of its own. Then the server is started as a user
starts it. Memory is that of the one process, right after "ready" and after
``--seconds`` of running; an empty home is measured beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peers import Samotop, memory_of

from samotop.address import Address
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.ports import NewEntry, SpoolFault
from samotop.queue.entry import Pending, Settled, State, Trace
from samotop.store.database import Database
from samotop.store.spool import SqliteSpool

OCTETS: Final = 4000
AT_ONCE: Final = 2000
REASON: Final = "4.4.1 could not be reached"
READY_SECONDS: Final = 3.0
MEMORY_OCTETS: Final = 200e6


class _WallClock:
    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


async def fill(home: Path, count: int) -> None:
    """Write ``count`` deferred entries into the home's queue."""
    loop = asyncio.get_running_loop()
    database = Database(str(home / "state.db"))
    spool = SqliteSpool(database, str(home / "spool"), _WallClock(), loop.call_soon_threadsafe)
    spool.start()
    content = (b"Subject: waiting\r\n\r\n" + b"x" * 78 + b"\r\n") * (OCTETS // 100)
    try:
        for start in range(0, count, AT_ONCE):
            numbers = range(start, min(count, start + AT_ONCE))
            ids = await _store(spool, loop, content, numbers)
            settled: asyncio.Future[None] = loop.create_future()
            spool.settle(list(map(_defer, ids, numbers)), lambda: settled.set_result(None))  # noqa: B023 - called before the next turn
            await settled
    finally:
        spool.close()
        database.close()


async def _store(spool: SqliteSpool, loop: asyncio.AbstractEventLoop, content: bytes, numbers: range) -> list[str]:
    """Make an entry of each number durable; their ids."""
    stored: asyncio.Future[None] = loop.create_future()
    left = len(numbers)

    def done(fault: SpoolFault | None) -> None:
        nonlocal left
        assert fault is None, fault
        left -= 1
        if not left:
            stored.set_result(None)

    ids = []
    for number in numbers:
        draft = spool.begin(lambda: None)
        ids.append(draft.id)
        draft.write(content)
        envelope = Envelope(Address("alice", "example.org"), (_recipient(number),), MailParameters(size=len(content)))
        draft.commit(NewEntry(envelope, Trace("client.example.org", "192.0.2.1", "ESMTP", time.time())), done)
    await stored
    return ids


def _recipient(number: int) -> Recipient:
    return Recipient(Address("bob", f"d{number}.example.net"))


def _defer(name: str, number: int) -> Settled:
    due = time.time() + 3600 + number % 3600
    pending = Pending(_recipient(number), 3, f"{REASON}: the host does not answer", due)
    return Settled(name, (pending,), State.QUEUED, due, REASON)


def start(server: Samotop) -> float:
    """Seconds from the start of ``samotop serve`` to its word that it is ready."""
    begun = time.perf_counter()
    log = (server.folder / "log").open("wb")
    words = [sys.executable, "-m", "samotop", "serve", "--home", str(server.home)]
    server.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log)
    assert server.process.stdout is not None
    for line in server.process.stdout:
        if line.rstrip().endswith(b"ready"):
            return time.perf_counter() - begun
    raise AssertionError("the server has ended without being ready")


def list_queue(server: Samotop, entries: int) -> float:
    """Seconds that ``samotop queue list`` takes."""
    begun = time.perf_counter()
    words = [sys.executable, "-m", "samotop", "queue", "list", "--home", str(server.home)]
    listed = subprocess.run(words, check=True, capture_output=True).stdout
    took = time.perf_counter() - begun
    if listed.count(b"\n") < entries:
        raise AssertionError("samotop queue list does not list them all")
    return took


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds until ready (a median) and for a listing; octets of memory when ready, and after a while."""

    ready: float
    listing: float
    at_start: int
    later: int


def measure(entries: int, seconds: float, rounds: int = 3) -> Cost:
    with Samotop() as server:
        server.stop()
        if entries:
            asyncio.run(fill(server.home, entries))
        starts = []
        for _ in range(rounds):
            server.stop()
            starts.append(start(server))
        assert server.process is not None
        at_start = memory_of(server.process.pid)
        time.sleep(seconds)
        later = memory_of(server.process.pid)
        return Cost(statistics.median(starts), list_queue(server, entries), at_start, later)


def queue(entries: int = 100_000, seconds: float = 60.0) -> list[str]:
    lines = [f"### A queue of {entries:,} deferred entries", ""]
    lines += [
        f"| entries | ready after | memory when ready | after {seconds:.0f} s | `samotop queue list` |",
        "|---|---|---|---|---|",
    ]
    for count in (0, entries):
        cost = measure(count, seconds)
        words = f"{cost.at_start / 1e6:.0f} MB | {cost.later / 1e6:.0f} MB | {cost.listing:.2f} s"
        lines.append(f"| {count:,} | {cost.ready:.2f} s | {words} |")
    limits = f"At most {READY_SECONDS:.0f} s until ready, and {MEMORY_OCTETS / 1e6:.0f} MB in one process."
    return ["\n".join([*lines, "", limits, ""])]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    print("\n".join(queue(arguments.entries, arguments.seconds)))
