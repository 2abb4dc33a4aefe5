"""The worker: entries of the queue to where they go, on one event loop with a few threads.

Entries come from two sides. Those that were stored a moment ago are handed in
by ``submit`` and are never read from the queue at all; what waited before the
start, what was deferred and what was too much at the time is asked of the
queue: at the start, when the next of them is due, when somebody ``poke``s, and
whenever there is room again (``watch``). An entry is here at most once at any time.

What goes to places on this machine is done in batches: a batch takes what
waits, up to ``DeliveryRules.batch`` entries; while it runs, the next one fills,
so that batches grow with the load and share their waits. What goes to other
servers is the relay's, which comes back with one answer after the other; an
entry with recipients of both kinds goes through a batch first. ``rounds`` makes
of the answers what is written down, and who is told.

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
from functools import partial
from random import random as any_random
from typing import TypeVar

from samotop.content import Content
from samotop.delivery.batch import (
    Destinations,
    Log,
    Result,
    Tried,
    Ways,
    as_stored,
    defer_all,
    no_hop,
    run_batch,
    sort_at_once,
)
from samotop.delivery.lanes import Job, RelayPort
from samotop.delivery.rounds import Counters, Notifier, Round, Rounds
from samotop.delivery.rules import DeliveryRules
from samotop.delivery.watch import Watch
from samotop.net.threads import DaemonPool
from samotop.ports.clock import Clock
from samotop.ports.queue import Queue
from samotop.ports.transport import Outcome
from samotop.queue.deadlines import release_time
from samotop.queue.entry import Entry, Pending, Settled, State
from samotop.queue.outcome import is_hurried
from samotop.routing.destinations import Destination
from samotop.routing.nexthop import NextHop
from samotop.routing.router import Router

T = TypeVar("T")


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
        notifier: Notifier | None = None,
        find_hop: Callable[[Destination, Pending], NextHop | None] = no_hop,
        complete: Callable[[Entry, Content], Content] = as_stored,
    ) -> None:
        self.counters = Counters()
        self.relay: RelayPort | None = None
        """Set before ``start`` where ``find_hop`` names next hops."""
        self._ways = Ways(queue, router, destinations, log, rules, find_hop, complete)
        self._rounds = Rounds(queue, notifier, clock, loop, log, rules, random, self.counters, self._settle)
        self._queue = queue
        self._clock = clock
        self._loop = loop
        self._log = log
        self._rules = rules
        self._pool = DaemonPool(rules.threads + 1, "samotop-delivery")  # one reads the queue
        self._waiting: deque[Entry] = deque()
        self._fresh: set[str] = set()
        self._in_flight: set[str] = set()
        self._running = 0
        self._is_stopping = True
        self._idle = asyncio.Event()
        self._idle.set()
        self._watch = Watch(
            queue, clock, loop, log, rules, in_flight=self._in_flight, submit=self._submit, take=self._take,
            begin=self._idle.clear, finish=self._looked,
        )  # fmt: skip

    @property
    def in_flight(self) -> int:
        """Entries in memory: waiting, under way, or being written down."""
        return len(self._in_flight)

    @property
    def room(self) -> int:
        """Entries that still fit into memory."""
        return self._rules.in_flight - len(self._in_flight)

    async def start(self) -> None:
        """Begin with what the queue has due."""
        self._is_stopping = False
        self._dispatch()
        self._watch.start()

    def submit(self, entries: list[Entry]) -> None:
        """Take entries that have just become durable. Never waits; beyond the limit they are left to the queue."""
        discarded: list[Settled] = []
        in_flight, limit = self._in_flight, self._rules.in_flight
        for entry in entries:
            if entry.id in in_flight:
                continue
            if len(in_flight) >= limit or self._is_stopping:
                self._watch.is_behind = True
                break
            in_flight.add(entry.id)
            if not self._begin(entry, discarded):
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
            self._watch.look()

    async def stop(self) -> None:
        """Finish the batches that run, and what they have left to be written; start no other."""
        self._is_stopping = True
        self._watch.stop()
        for entry in self._waiting:
            self._in_flight.discard(entry.id)
        self._waiting.clear()
        self._fresh.clear()
        self._tell_if_idle()
        try:
            async with asyncio.timeout(self._rules.stop_grace):
                if self.relay is not None:
                    await self.relay.stop(self._rules.stop_grace - 1.0)
                await self._idle.wait()
        except TimeoutError:
            self._log.error("delivery_cut_short", count=len(self._in_flight))
        self._pool.close(cancels=True)

    # Batches.

    def _begin(self, entry: Entry, discarded: list[Settled]) -> bool:
        """Do at once what needs no thread; ``False`` where a batch must see to it."""
        now = self._clock.time()
        parameters, received_at = entry.envelope.parameters, entry.trace.received_at
        if (parameters.hold_for is not None or parameters.hold_until is not None) and (
            now < (release := release_time(parameters, received_at))
        ):
            self._settle(
                [Settled(entry.id, entry.pending, State.QUEUED, release, "its sender wants it delivered later")]
            )
            return True
        try:
            found = sort_at_once(entry, self._ways, now)
        except Exception as error:  # noqa: BLE001 - the accounts could not be read: the batch will see to it
            self._log.error("routing_failed", id=entry.id, error=error)
            return False
        if found is None:
            return False
        if found.is_discarded:
            discarded.append(Settled(entry.id))
        else:
            self._go_on(Tried(entry, [None] * len(entry.pending), found.hops))
        return True

    def _go_on(self, tried: Tried) -> None:
        """Some of an entry's recipients are left: the relay's are its turn now, then it is written down."""
        entry = tried.entry
        begun = Round(entry, tried.outcomes, sum(map(len, tried.hops.values())), is_damaged=tried.is_damaged)
        if self.relay is None or not tried.hops:
            self._rounds.advance(begun)
            return
        self._idle.clear()
        pending = entry.pending

        def answer(numbers: Sequence[int], outcomes: Sequence[Outcome], is_damaged: bool) -> None:
            begun.note([pending[number] for number in numbers], outcomes, is_damaged=is_damaged)
            self._rounds.advance(begun)

        self._rounds.advance(begun)  # who has it already is written down before anything is sent
        for hop, numbers in tried.hops.items():
            recipients = tuple([self._ways.rewritten(pending[number].recipient) for number in numbers])
            self.relay.take(hop, Job(entry, tuple(numbers), recipients, answer, is_hurried(entry)))

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
            job = self._submit(partial(run_batch, entries, fresh, self._ways, self._clock.time()))
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
            result = defer_all(entries)
        self.counters.delivered += result.delivered
        if result.settled:
            self._settle(result.settled)
            over = {one.id for one in result.settled if not one.pending}
            for entry in entries:
                if entry.id in over:
                    self._rounds.tell_delivered(entry, len(entry.pending))
        for tried in result.tried:
            self._go_on(tried)
        self._dispatch()

    def _settle(self, settled: list[Settled]) -> None:
        self._idle.clear()

        def done() -> None:
            self._loop.call_soon_threadsafe(self._settled, settled)

        self._queue.settle(settled, done)

    def _settled(self, settled: list[Settled]) -> None:
        self._release([one.id for one in settled])
        for one in settled:
            if one.pending and one.state is State.QUEUED:
                self._watch.wake_at(one.due)

    def _release(self, ids: list[str]) -> None:
        """These are no longer ours: the queue may name them again."""
        self._in_flight.difference_update(ids)
        self._watch.release(ids)
        self._look_if_behind()
        self._tell_if_idle()

    def _tell_if_idle(self) -> None:
        if not self._in_flight and not self._running and not self._watch.is_looking:
            self._idle.set()

    # What the queue has due.

    def _take(self, entries: Sequence[Entry]) -> None:
        discarded: list[Settled] = []
        for entry in entries:
            self._in_flight.add(entry.id)
            if not self._begin(entry, discarded):
                self._waiting.append(entry)
        if discarded:
            self.counters.discarded += len(discarded)
            self._settle(discarded)

    def _looked(self) -> None:
        self._dispatch()
        self._look_if_behind()
        self._tell_if_idle()

    def _look_if_behind(self) -> None:
        if self._watch.is_behind and not self._waiting and not self._is_stopping:
            self._watch.look()
