"""Commits a second of the durable spool: python bench/spool_bench.py [DIRECTORY].

Simulates sessions that each write a message, wait until it is durable, and
begin the next, on uvloop; delivery settles every entry as soon as it is
stored. Prints for each number of sessions the rate and the processor time of
a message in the loop's thread, in the writer's and in all of the process.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
import time
from typing import Final

import uvloop

from samotop.address import Address
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.ports import NewEntry, SpoolFault
from samotop.queue.entry import Entry, Settled, Trace
from samotop.store.database import Database
from samotop.store.spool import SqliteSpool

SESSIONS: Final = (1, 20, 50, 500)
OCTETS: Final = 4096
MESSAGES: Final = 20_000


class WallClock:
    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class Client:
    """One session: callbacks only, as reception does it."""

    left = 0
    active = 0

    def __init__(self, spool: SqliteSpool, content: bytes, entry: NewEntry, finished: asyncio.Future[None]) -> None:
        self.spool, self.content, self.entry, self.finished = spool, content, entry, finished

    def send(self) -> None:
        if Client.left <= 0:
            Client.active -= 1
            if not Client.active:
                self.finished.set_result(None)
            return
        Client.left -= 1
        draft = self.spool.begin(lambda: None)
        draft.write(self.content)
        draft.commit(self.entry, self.stored)

    def stored(self, fault: SpoolFault | None) -> None:
        assert fault is None, fault
        self.send()


async def measure(directory: str, sessions: int, messages: int, settles: bool) -> None:
    loop = asyncio.get_running_loop()
    database = Database(f"{directory}/state.db")
    queue: SqliteSpool | None = None
    unsettled = 0

    def settled() -> None:
        nonlocal unsettled
        unsettled -= 1

    def deliver(entries: list[Entry]) -> None:
        nonlocal unsettled
        if settles:
            unsettled += 1
            assert queue is not None
            queue.settle([Settled(entry.id) for entry in entries], settled)

    spool = queue = SqliteSpool(
        database, f"{directory}/spool", WallClock(), loop.call_soon_threadsafe, on_stored=deliver if settles else None
    )
    writer_cpu = 0.0
    run = None
    spool.recover()
    worker = spool.worker

    def timed_run() -> None:
        nonlocal writer_cpu
        start = time.thread_time()
        worker.run()
        writer_cpu = time.thread_time() - start

    run = threading.Thread(target=timed_run)
    spool._thread = run
    run.start()
    envelope = Envelope(
        Address("alice", "example.org"), (Recipient(Address("bob", "example.net")),), MailParameters(size=OCTETS)
    )
    entry = NewEntry(envelope, Trace("mx.example.org", "192.0.2.1", "ESMTP", 1.7e9))
    finished: asyncio.Future[None] = loop.create_future()
    Client.left, Client.active = messages, sessions
    content = os.urandom(OCTETS)
    loop_cpu, all_cpu, began = time.thread_time(), time.process_time(), time.perf_counter()
    for _ in range(sessions):
        Client(spool, content, entry, finished).send()
    await finished
    took, loop_cpu = time.perf_counter() - began, time.thread_time() - loop_cpu
    while unsettled:
        await asyncio.sleep(0.001)
    spool.close()
    all_cpu = time.process_time() - all_cpu
    database.close()
    each = 1e6 / messages
    print(
        f"{sessions:5} sessions{', settled' if settles else '         '}: {messages / took:8.0f}/s"
        f"   loop {loop_cpu * each:5.1f} us   writer {writer_cpu * each:5.1f} us   process {all_cpu * each:5.1f} us"
    )


def main() -> None:
    parent = sys.argv[1] if len(sys.argv) > 1 else "."
    for settles in (False, True):
        for sessions in SESSIONS:
            with tempfile.TemporaryDirectory(dir=parent) as directory:
                messages = MESSAGES if sessions > 1 else MESSAGES // 10
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(measure(directory, sessions, messages, settles))


if __name__ == "__main__":
    main()
