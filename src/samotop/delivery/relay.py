"""Mail for other servers: who waits for which next hop, and the sessions that carry it there.

Each next hop has a *lane* of its own: senders take turns in it (``fairness``),
and as many sessions work on it as it has shown to bear (``pace.Window``). A
session carries one message after the other. Hosts that do not answer are left
alone for a while, longer each time; while all hosts of a lane rest, what comes
for it is put off without being tried.

Nothing here can keep others waiting: every call and every message has its
deadline, a lane that does not move may fill a part of the room that is free and
no more, and with many sessions open a lane gets one.

``lanes`` holds what waits, ``hosts`` finds who takes it, ``carrying`` sends one
message. What became of a recipient is told at once, by ``answer``: what to make of it is
for ``rounds``. All methods are called on the loop; nothing is kept on disk
here, so that a crash costs nothing but the attempt.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Protocol

from samotop.content import Content
from samotop.delivery.calls import Beside, Caller, Visit
from samotop.delivery.carrying import Carrier
from samotop.delivery.hosts import RESTING, Hosts
from samotop.delivery.lanes import Job, Lane, Lanes
from samotop.delivery.outgoing import Outgoing
from samotop.delivery.rules import RelayRules
from samotop.delivery.wishes import find_wishes, wish_at_once
from samotop.dns.resolver import Resolver
from samotop.ports.clock import Clock
from samotop.ports.transport import Outcome
from samotop.queue.entry import Entry
from samotop.routing.nexthop import NextHop
from samotop.status import EnhancedStatus
from samotop.tlspolicy.requiretls import Wish

BROKEN: Final = Outcome(EnhancedStatus(4, 3, 0), "something went wrong here")
SORTED_AT_ONCE: Final = 64
"""Messages whose headers are read before the first of them goes on: the disk may be slow."""
NO_ROOM: Final = "waits behind other mail for the same place"


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


class Relay:
    """``open_content`` gives an entry's content; ``beside`` runs a job that may block in a thread."""

    def __init__(
        self,
        caller: Caller,
        resolver: Resolver,
        outgoing: Outgoing,
        open_content: Callable[[Entry], Content],
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        *,
        room: Callable[[], int],
        beside: Beside,
        ourselves: frozenset[str],
        random: Callable[[], float],
        rules: RelayRules = RelayRules(),
    ) -> None:
        self._hosts = Hosts(caller, resolver, clock, ourselves=ourselves, random=random, rules=rules)
        self._carrier = Carrier(outgoing, open_content, beside, clock, rules)
        self._open_content = open_content
        self._beside = beside
        self._lanes = Lanes(rules)
        self._clock = clock
        self._loop = loop
        self._log = log
        self._room = room
        self._random = random
        self._rules = rules
        self._hungry: deque[Lane] = deque()
        self._arrived: list[tuple[NextHop, Job]] = []
        self._arriving: Counter[NextHop] = Counter()
        self._is_sorting = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self.sessions = 0

    # -- what comes in ------------------------------------------------------------------------------

    def take(self, hop: NextHop, job: Job) -> None:
        """Take a message for ``hop``. Its recipients are answered in any case, perhaps before this returns."""
        if self._is_stopping:
            job.tell(self._put_off(0.0, NO_ROOM))
            return
        wish = wish_at_once(job.entry, self._open_content)
        waiting = self._arriving[hop] + len(self._lanes.get((hop, wish or Wish.NOTHING)).jobs)
        if waiting > max(4, self._room()):
            job.tell(self._put_off(self._rules.put_off, NO_ROOM))
            return
        if wish is not None:
            self._put(hop, wish, job)
            return
        self._arriving[hop] += 1
        self._arrived.append((hop, job))
        if not self._is_sorting:
            self._is_sorting = True
            self._begin(self._sort())

    async def _sort(self) -> None:
        """Find out what the senders wish: of all that has arrived at once, so that each message costs little."""
        arrived: list[tuple[NextHop, Job]] = []
        try:
            while self._arrived:
                arrived, self._arrived = self._arrived[:SORTED_AT_ONCE], self._arrived[SORTED_AT_ONCE:]
                entries = {job.entry.id: job.entry for _, job in arrived}
                wishes = await self._beside(partial(find_wishes, list(entries.values()), self._open_content))
                sorted_now, arrived = arrived, []
                self._arriving.subtract(hop for hop, _ in sorted_now)
                for hop, job in sorted_now:
                    self._put(hop, wishes[job.entry.id], job)
                self._arriving = +self._arriving  # none is kept of those of whom nothing waits
        finally:
            self._is_sorting = False
            for _, job in (*arrived, *self._arrived):  # we are being stopped, or no thread could be had
                job.tell(self._put_off(0.0 if self._is_stopping else self._rules.put_off, NO_ROOM))
            self._arrived = []
            self._arriving.clear()

    def _put(self, hop: NextHop, wish: Wish, job: Job) -> None:
        """Into the lane for this next hop and this wish. A bug is this job's, and not that of those behind it."""
        try:
            found = self._place(hop, wish, job)
        except Exception as error:  # noqa: BLE001 - as in _work: a bug must not lose an answer
            self._log.error("relay_failed", id=job.entry.id, error=error)
            found = BROKEN
        if isinstance(found, Outcome):
            job.tell(found)
            return
        try:
            self._staff(found)
        except Exception as error:  # noqa: BLE001 - nobody comes for what waits there, so it is answered
            self._log.error("relay_failed", id=job.entry.id, error=error)
            for waiting in found.jobs.drain():
                waiting.tell(BROKEN)

    def _place(self, hop: NextHop, wish: Wish, job: Job) -> Lane | Outcome:
        """The lane that has the job now, whole; or what it is answered."""
        lane = self._lanes.get((hop, wish))
        now = self._clock.monotonic()
        if self._is_stopping or (lane.rest.is_resting(now) and not job.is_hurried):
            return self._put_off(max(0.0, lane.rest.until - now), RESTING)
        for part in list(job.parts(self._rules.recipients)):
            lane.put(part)
        return lane

    async def stop(self, grace: float) -> None:
        """Let the messages that are being sent come to their end; what waits is put off."""
        self._is_stopping = True
        for lane in self._lanes:
            for job in lane.jobs.drain():
                job.tell(self._put_off(0.0, NO_ROOM))
            lane.wake_all()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def _put_off(self, seconds: float, why: str) -> Outcome:
        return self._hosts.put_off(seconds, why)

    # -- who works ----------------------------------------------------------------------------------

    def _staff(self, lane: Lane) -> None:
        """See that somebody works on what waits."""
        if lane.wake_one():
            return
        free = self._rules.sessions - self.sessions
        if lane.active >= min(lane.window.limit, max(1, free // 2), len(lane.jobs) + lane.active):
            return
        if free <= 0:
            if not lane.is_hungry:
                lane.is_hungry = True
                self._hungry.append(lane)
            return
        lane.active += 1
        self.sessions += 1
        self._begin(self._work(lane))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, lane: Lane) -> None:
        """One session after the other, as long as there is something to carry."""
        visit: Visit | None = None
        count = 0
        try:
            while (job := await self._next_job(lane, visit is not None)) is not None:
                try:
                    if visit is None:
                        visit, count = await self._open(lane, job), 0
                    if visit is None:
                        continue  # the lane rests, and what waited in it was answered
                    if not await self._carry(lane, visit, job, is_first=count == 0):
                        lane.put(job)  # at once: nobody has seen it
                    count += 1
                except asyncio.CancelledError:
                    job.tell(self._put_off(0.0, NO_ROOM))
                    raise
                except Exception as error:  # noqa: BLE001 - a bug must not lose an answer, nor the others' sessions
                    self._log.error("relay_failed", id=job.entry.id, error=error)
                    job.tell(BROKEN)
                    count = self._rules.messages
                if visit is not None and (not visit.is_usable or count >= self._rules.messages):
                    await visit.close()
                    visit = None
        finally:
            lane.active -= 1
            self.sessions -= 1
            self._feed()
            if len(lane.jobs):
                self._staff(lane)
            if visit is not None:
                await visit.close()

    def _feed(self) -> None:
        """Sessions are free again: those who went without come first. One whose mail has gone meanwhile wants none."""
        while self._hungry and self.sessions < self._rules.sessions:
            hungry = self._hungry.popleft()
            hungry.is_hungry = False
            self._staff(hungry)

    async def _next_job(self, lane: Lane, has_session: bool) -> Job | None:
        """What is next in turn; with a session, one that comes in a moment."""
        job = lane.jobs.take()
        if job is not None or not has_session or self._is_stopping or self._hungry:
            return job
        await lane.wait(self._rules.idle)
        return lane.jobs.take()

    # -- sessions -----------------------------------------------------------------------------------

    async def _open(self, lane: Lane, job: Job) -> Visit | None:
        """A session with one of the next hop's hosts; without one the job is answered, and the lane rests."""
        found = await self._hosts.open(lane.key, is_hurried=job.is_hurried)
        if not isinstance(found, Outcome):
            lane.rest.succeed()
            return found
        lane.window.fail()
        job.tell(found)
        self._let_rest(lane, found)
        return None

    def _let_rest(self, lane: Lane, outcome: Outcome) -> None:
        """No session can be had: what waits has the same end, or is put off for as long as the lane rests."""
        now = self._clock.monotonic()
        waiting = lane.jobs.drain()
        if outcome.status.is_transient:
            lane.rest.fail(now, self._random())
        for job in waiting:
            job.tell(self._put_off(lane.rest.until - now, RESTING) if outcome.status.is_transient else outcome)

    async def _carry(self, lane: Lane, visit: Visit, job: Job, *, is_first: bool) -> bool:
        """Send one message, and learn how much the next hop bears; ``False`` as ``Carrier.carry`` says it."""
        if not await self._carrier.carry(visit, job, self._loop.time(), is_first=is_first):
            return False
        if visit.is_usable:
            lane.window.succeed()
            if len(lane.jobs) > lane.active:
                self._staff(lane)
        else:
            lane.window.fail()
        return True
