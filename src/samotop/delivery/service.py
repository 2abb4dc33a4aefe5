"""The worker: batches of entries to their transports, on one event loop with a few threads.

Entries come from two sides. Those that were stored a moment ago are handed in
by ``submit`` and are never read from the queue at all; what waited before the
start, what was deferred and what was too much at the time is asked of the
queue: at the start, when the next of them is due, when somebody ``poke``s, and
whenever there is room again. An entry is here at most once at any time.

A batch takes what waits, up to ``DeliveryRules.batch`` entries; while it runs,
the next one fills, so that batches grow with the load and share their waits.
An entry leaves memory when what became of it is durable in the queue. Entries
that lead nowhere but to ``Discard`` are settled at once: no thread, no content.

Everything but ``run_batch`` and reading the queue happens on the loop. A crash
at any moment costs nothing: the queue still has the entry, and transports do
not double what they are handed again. So a thread that hangs in a place which
does not answer is left behind when the process ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import random as any_random
from typing import TypeVar

from samotop.delivery.batch import Destinations, Log, Result, Ways, defer_all, run_batch
from samotop.delivery.rules import DeliveryRules
from samotop.net.threads import DaemonPool
from samotop.ports.clock import Clock
from samotop.ports.queue import Queue
from samotop.queue.entry import Entry, Settled, State
from samotop.routing.router import Router
from samotop.transport.discard import Discard

T = TypeVar("T")


@dataclass(slots=True)
class Counters:
    """Since the start. Recipients delivered, deferred, failed; entries discarded; batches run."""

    delivered: int = 0
    deferred: int = 0
    failed: int = 0
    discarded: int = 0
    batches: int = 0


class Delivery:
    """All methods are called on ``loop``. ``destinations`` and transports are called in threads as well."""

    def __init__(
        self,
        queue: Queue,
        router: Router,
        destinations: Destinations,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        *,
        rules: DeliveryRules = DeliveryRules(),
        random: Callable[[], float] = any_random,
    ) -> None:
        self.counters = Counters()
        self._ways = Ways(queue, router, destinations, log, rules)
        self._queue = queue
        self._clock = clock
        self._loop = loop
        self._log = log
        self._rules = rules
        self._random = random
        self._pool = DaemonPool(rules.threads + 1, "samotop-delivery")  # one reads the queue
        self._waiting: deque[Entry] = deque()
        self._fresh: set[str] = set()
        self._in_flight: set[str] = set()
        self._running = 0
        self._is_looking = False
        self._looks_again = False
        self._is_behind = False
        self._gone: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        self._is_stopping = True
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def in_flight(self) -> int:
        """Entries in memory: waiting, under way, or being written down."""
        return len(self._in_flight)

    async def start(self) -> None:
        """Begin with what the queue has due."""
        self._is_stopping = False
        self._dispatch()
        self._look()

    def submit(self, entries: list[Entry]) -> None:
        """Take entries that have just become durable. Never waits; beyond the limit they are left to the queue."""
        discarded: list[Settled] = []
        in_flight, limit = self._in_flight, self._rules.in_flight
        for entry in entries:
            if entry.id in in_flight:
                continue
            if len(in_flight) >= limit or self._is_stopping:
                self._is_behind = True
                break
            in_flight.add(entry.id)
            if self._is_discarded(entry):
                discarded.append(Settled(entry.id))
            else:
                self._fresh.add(entry.id)
                self._waiting.append(entry)
        if discarded:
            self.counters.discarded += len(discarded)
            self._settle(discarded)
        if self._waiting:
            self._dispatch()

    def poke(self) -> None:
        """Somebody has changed the queue: look now."""
        if not self._is_stopping:
            self._look()

    async def stop(self) -> None:
        """Finish the batches that run, and what they have left to be written; start no other."""
        self._is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for entry in self._waiting:
            self._in_flight.discard(entry.id)
        self._waiting.clear()
        self._fresh.clear()
        self._tell_if_idle()
        try:
            await asyncio.wait_for(self._idle.wait(), self._rules.stop_grace)
        except TimeoutError:
            self._log.error("delivery_cut_short", count=len(self._in_flight))
        self._pool.close(cancels=True)

    # Batches.

    def _is_discarded(self, entry: Entry) -> bool:
        resolve, destinations = self._ways.router.resolve, self._ways.destinations
        try:
            return all(isinstance(destinations(resolve(one.recipient.address)), Discard) for one in entry.pending)
        except Exception as error:  # noqa: BLE001 - the accounts could not be read: the batch will see to it
            self._log.error("routing_failed", id=entry.id, error=error)
            return False

    def _dispatch(self) -> None:
        """Start batches while there are entries and threads."""
        if self._is_stopping:
            return
        while self._waiting and self._running < self._rules.threads:
            count = min(self._rules.batch, len(self._waiting))
            entries = [self._waiting.popleft() for _ in range(count)]
            fresh = frozenset(entry.id for entry in entries if entry.id in self._fresh)
            self._fresh -= fresh
            self._running += 1
            self._idle.clear()
            self.counters.batches += 1
            now = self._clock.time()
            job = self._submit(partial(run_batch, entries, fresh, self._ways, now, self._random))
            job.add_done_callback(partial(self._batch_done, entries))

    def _submit(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Run ``job`` in a thread. One that cannot be started is the job's fault: it is tried again later."""
        try:
            return asyncio.wrap_future(self._pool.submit(job), loop=self._loop)
        except RuntimeError as error:
            failed: asyncio.Future[T] = self._loop.create_future()
            failed.set_exception(error)
            return failed

    def _batch_done(self, entries: Sequence[Entry], job: asyncio.Future[Result]) -> None:
        self._running -= 1
        if job.cancelled():
            self._release([entry.id for entry in entries])
            return
        error = job.exception()
        if error is None:
            result = job.result()
        else:
            self._log.error("batch_failed", count=len(entries), error=error)
            result = defer_all(entries, self._clock.time(), self._random, self._rules)
        counters = self.counters
        counters.delivered += result.delivered
        counters.deferred += result.deferred
        counters.failed += result.failed
        if result.deferred or result.failed:
            self._tell(result)
        self._settle(result.settled)
        self._dispatch()

    def _tell(self, result: Result) -> None:
        for settled in result.settled:
            if settled.pending:
                event = "deferred" if settled.state is State.QUEUED else settled.state.value
                status = settled.pending[0].last.partition(" ")[0]
                self._log.info(event, id=settled.id, count=len(settled.pending), status=status)

    def _settle(self, settled: list[Settled]) -> None:
        self._idle.clear()

        def done() -> None:
            self._loop.call_soon_threadsafe(self._settled, settled)

        self._queue.settle(settled, done)

    def _settled(self, settled: list[Settled]) -> None:
        self._release([one.id for one in settled])
        for one in settled:
            if one.pending and one.state is State.QUEUED:
                self._wake_at(one.due)

    def _release(self, ids: list[str]) -> None:
        """These are no longer ours: the queue may name them again."""
        self._in_flight.difference_update(ids)
        if self._is_looking:
            self._gone.update(ids)
        if self._is_behind and not self._waiting and not self._is_stopping:
            self._look()
        self._tell_if_idle()

    def _tell_if_idle(self) -> None:
        if not self._in_flight and not self._running and not self._is_looking:
            self._idle.set()

    # Reading the queue.

    def _look(self) -> None:
        """Ask the queue what is due, in a thread; one such look at a time."""
        if self._is_looking:
            self._looks_again = True
            return
        room = self._rules.in_flight - len(self._in_flight)
        if room <= 0:
            self._is_behind = True
            return
        self._is_looking, self._looks_again, self._is_behind = True, False, False
        self._idle.clear()
        self._gone.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        limit = min(room, 4 * self._rules.batch)
        read = self._submit(partial(self._read, limit, frozenset(self._in_flight)))
        read.add_done_callback(partial(self._looked, limit))

    def _read(self, limit: int, exclude: frozenset[str]) -> tuple[list[Entry], float | None]:
        now = self._clock.time()
        entries = self._queue.due(now, limit, exclude)
        return entries, None if len(entries) >= limit else self._queue.next_due(now)

    def _looked(self, limit: int, job: asyncio.Future[tuple[list[Entry], float | None]]) -> None:
        self._is_looking = False
        error = None if job.cancelled() else job.exception()
        if self._is_stopping or job.cancelled():
            self._tell_if_idle()
            return
        now = self._clock.time()
        if error is not None:
            self._log.error("queue_unreadable", error=error)
            self._wake_at(now + self._rules.pause)
        else:
            entries, next_due = job.result()
            for entry in entries:
                # What was settled while we read is named as it was before.
                if entry.id not in self._in_flight and entry.id not in self._gone:
                    self._in_flight.add(entry.id)
                    self._waiting.append(entry)
            self._is_behind = self._is_behind or len(entries) >= limit
            self._wake_at(next_due if next_due is not None else now + self._rules.look)
        self._gone.clear()
        self._dispatch()
        if self._looks_again or (self._is_behind and not self._waiting):
            self._look()
        self._tell_if_idle()

    def _wake_at(self, due: float) -> None:
        """Look again at ``due`` (seconds since 1970), or before: clocks jump."""
        if self._is_stopping or (self._timer is not None and self._wakes_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = due
        wait = min(max(0.0, due - self._clock.time()), self._rules.look)
        self._timer = self._loop.call_later(wait, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._look()
