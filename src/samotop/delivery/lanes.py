"""What waits for each next hop, and what is known of how much it bears.

A *job* is one message for one next hop. A *lane* holds the jobs for one, from
which senders take turns (``fairness``). Plain state, on the loop; who works on
a lane is ``relay``'s.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from samotop.delivery.rules import RelayRules
from samotop.envelope import Recipient
from samotop.ports.transport import Outcome
from samotop.queue.entry import Entry
from samotop.queue.fairness import Turns
from samotop.queue.pace import Rest, Window
from samotop.routing.nexthop import NextHop
from samotop.tlspolicy.requiretls import Wish

LANES_KEPT: Final = 10_000
"""Lanes without mail that are kept for what they have learned."""

Answer = Callable[[Sequence[int], Sequence[Outcome], bool], None]
"""Told for each recipient of a job by its number; whether the content turned out to be damaged."""


@dataclass(frozen=True, slots=True)
class Job:
    """One message for one next hop: ``numbers`` are the places of its recipients in the entry's ``pending``."""

    entry: Entry
    numbers: tuple[int, ...]
    recipients: tuple[Recipient, ...]
    answer: Answer
    is_hurried: bool = False
    """The operator wants it tried now, whoever rests."""

    def tell(self, outcome: Outcome) -> None:
        """The same for all."""
        self.answer(self.numbers, [outcome] * len(self.numbers), False)

    def parts(self, limit: int) -> Iterator[Job]:
        """The same in jobs of at most ``limit`` recipients."""
        if len(self.numbers) <= limit:
            yield self
            return
        for start in range(0, len(self.numbers), limit):
            part = slice(start, start + limit)
            yield replace(self, numbers=self.numbers[part], recipients=self.recipients[part])


class RelayPort(Protocol):
    """Who carries jobs to other servers; ``relay.Relay`` is one."""

    def take(self, hop: NextHop, job: Job) -> None: ...

    async def stop(self, grace: float) -> None: ...


LaneKey = tuple[NextHop, Wish]
"""Next hop, and what the senders wish of TLS: sessions are shared by those who wish the same (RFC 8689)."""


class Lane:
    """What waits for one next hop, and who works on it: ``active`` sessions, some of them waiting in ``waker``."""

    __slots__ = ("_waker", "active", "is_hungry", "jobs", "key", "rest", "window")

    def __init__(self, key: LaneKey, rules: RelayRules) -> None:
        self.key = key
        self.jobs: Turns[Job] = Turns()
        self.window = Window(rules.pace)
        self.active = 0
        self.rest = Rest(rules.pace)
        self.is_hungry = False
        self._waker: deque[asyncio.Future[None]] = deque()

    def put(self, job: Job) -> None:
        self.jobs.put(_sender(job.entry), job)

    def wake_one(self) -> bool:
        """Is there a session with nothing to do, that takes up what has come?"""
        while self._waker:
            waiter = self._waker.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return True
        return False

    def wake_all(self) -> None:
        while self.wake_one():
            pass

    async def wait(self, seconds: float) -> None:
        """Until somebody wakes this session, ``seconds`` at most."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waker.append(waiter)
        handle = loop.call_later(seconds, _end, waiter)
        try:
            await waiter
        finally:
            handle.cancel()
            if waiter in self._waker:
                self._waker.remove(waiter)


class Lanes:
    """The lanes by their keys. Of those without mail, the oldest are forgotten."""

    def __init__(self, rules: RelayRules) -> None:
        self._rules = rules
        self._lanes: OrderedDict[LaneKey, Lane] = OrderedDict()

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def get(self, key: LaneKey) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key, self._rules)
            self._forget()
        return lane

    def _forget(self) -> None:
        for key in list(self._lanes)[: len(self._lanes) - LANES_KEPT] if len(self._lanes) > LANES_KEPT else ():
            lane = self._lanes[key]
            if not lane.active and not len(lane.jobs):
                del self._lanes[key]


def _sender(entry: Entry) -> Hashable:
    """Whose turn it is: an account's, or a reverse-path's."""
    return entry.trace.login or entry.envelope.reverse_path


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
