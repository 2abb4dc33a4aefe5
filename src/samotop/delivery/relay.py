"""Mail for other servers: who waits for which next hop, and the sessions that carry it there.

Each next hop has a *lane* of its own: senders take turns in it (``fairness``),
and as many sessions work on it as it has shown to bear (``pace.Window``). A
session carries one message after the other. Hosts that do not answer are left
alone for a while, longer each time; while all hosts of a lane rest, what comes
for it is put off without being tried.

Nothing here can keep others waiting: every call and every message has its
deadline, a lane that does not move may fill a part of the room that is free and
no more, and with many sessions open a lane gets one.

What became of a recipient is told at once, by ``answer``: what to make of it is
for ``rounds``. All methods are called on the loop; nothing is kept on disk
here, so that a crash costs nothing but the attempt.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from samotop.content import Content
from samotop.delivery.calls import Caller, Host, NoVisit, Visit
from samotop.delivery.guard import Guarded, is_damage
from samotop.delivery.outgoing import Outgoing
from samotop.delivery.rules import RelayRules
from samotop.dns.resolver import Resolver
from samotop.envelope import Envelope, Recipient
from samotop.msgauth.results import Result
from samotop.ports.clock import Clock
from samotop.ports.transport import Outcome
from samotop.queue.deadlines import remaining_by
from samotop.queue.entry import Entry
from samotop.queue.fairness import Turns
from samotop.queue.pace import Rest, Window
from samotop.routing.nexthop import LOOP, HopKind, NextHop, order_hosts
from samotop.status import EnhancedStatus, parse_status
from samotop.tlspolicy.exchanges import Exchanges, lookup_exchanges

BROKEN: Final = Outcome(EnhancedStatus(4, 3, 0), "something went wrong here")
UNREADABLE: Final = Outcome(EnhancedStatus(4, 3, 0), "the stored content could not be read")
NO_ROOM: Final = "waits behind other mail for the same place"
RESTING: Final = "waits: its servers did not answer a moment ago"
LANES_KEPT: Final = 10_000
"""Lanes without mail that are kept for what they have learned."""


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


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


LaneKey = tuple[NextHop, bool]
"""Next hop, and whether its sessions must keep the promises of REQUIRETLS (RFC 8689)."""


class Lane:
    """What waits for one next hop, and who works on it."""

    __slots__ = ("active", "is_hungry", "jobs", "key", "rest", "waker", "window")

    def __init__(self, key: LaneKey, rules: RelayRules) -> None:
        self.key = key
        self.jobs: Turns[Job] = Turns()
        self.window = Window(rules.pace)
        self.active = 0
        self.rest = Rest(rules.pace)
        self.is_hungry = False
        self.waker: deque[asyncio.Future[None]] = deque()


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
        beside: Callable[[Callable[[], Content]], Coroutine[Any, Any, Content]],
        ourselves: frozenset[str],
        random: Callable[[], float],
        rules: RelayRules = RelayRules(),
    ) -> None:
        self._caller = caller
        self._resolver = resolver
        self._outgoing = outgoing
        self._open_content = open_content
        self._clock = clock
        self._loop = loop
        self._log = log
        self._room = room
        self._beside = beside
        self._ourselves = ourselves
        self._random = random
        self._rules = rules
        self._lanes: OrderedDict[LaneKey, Lane] = OrderedDict()
        self._rests: OrderedDict[str, Rest] = OrderedDict()
        self._hungry: deque[Lane] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self.sessions = 0

    # -- what comes in ------------------------------------------------------------------------------

    def take(self, hop: NextHop, job: Job) -> None:
        """Take a message for ``hop``. Its recipients are answered in any case, perhaps before this returns."""
        key = (hop, job.entry.envelope.parameters.requires_tls)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key, self._rules)
            self._forget_lanes()
        now = self._clock.monotonic()
        if self._is_stopping or (lane.rest.is_resting(now) and not job.is_hurried):
            job.tell(self._put_off(max(0.0, lane.rest.until - now), RESTING))
            return
        if len(lane.jobs) > max(4, self._room()):
            job.tell(self._put_off(self._rules.put_off, NO_ROOM))
            return
        limit = self._rules.recipients
        for start in range(0, len(job.numbers), limit):
            part = slice(start, start + limit)
            lane.jobs.put(
                _sender(job.entry),
                replace(job, numbers=job.numbers[part], recipients=job.recipients[part]),
            )
        self._staff(lane)

    async def stop(self, grace: float) -> None:
        """Let the messages that are being sent come to their end; what waits is put off."""
        self._is_stopping = True
        for lane in list(self._lanes.values()):
            for job in lane.jobs.drain():
                job.tell(self._put_off(0.0, NO_ROOM))
            self._wake(lane)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def _put_off(self, seconds: float, why: str) -> Outcome:
        at = self._clock.time() + seconds * (1 + 0.5 * self._random())
        return Outcome(EnhancedStatus(4, 4, 5), why, retry_at=at)

    def _forget_lanes(self) -> None:
        for key in list(self._lanes)[: len(self._lanes) - LANES_KEPT] if len(self._lanes) > LANES_KEPT else ():
            lane = self._lanes[key]
            if not lane.active and not len(lane.jobs):
                del self._lanes[key]

    # -- who works ----------------------------------------------------------------------------------

    def _staff(self, lane: Lane) -> None:
        """See that somebody works on what waits."""
        while lane.waker:
            waiter = lane.waker.popleft()
            if not waiter.done():
                waiter.set_result(None)
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
        task = self._loop.create_task(self._work(lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _wake(self, lane: Lane) -> None:
        while lane.waker:
            waiter = lane.waker.popleft()
            if not waiter.done():
                waiter.set_result(None)

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
                        lane.jobs.put(_sender(job.entry), job)  # at once: nobody has seen it
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
        waiter = self._loop.create_future()
        lane.waker.append(waiter)
        handle = self._loop.call_later(self._rules.idle, _end, waiter)
        try:
            await waiter
        finally:
            handle.cancel()
            if waiter in lane.waker:
                lane.waker.remove(waiter)
        return lane.jobs.take()

    # -- sessions -----------------------------------------------------------------------------------

    async def _open(self, lane: Lane, job: Job) -> Visit | None:
        """A session with one of the next hop's hosts; without one the job is answered, and the lane rests."""
        hosts, outcome = await self._find_hosts(lane.key)
        tried = 0
        faults: list[Outcome] = [] if outcome is None else [outcome]
        now = self._clock.monotonic()
        rested = [one for one in hosts if job.is_hurried or not self._rest_of(one.key).is_resting(now)]
        for host in rested[: self._rules.hosts]:
            tried += 1
            until = self._loop.time() + self._rules.call
            found = await self._caller.visit(host, until)
            rest = self._rest_of(host.key)
            if not isinstance(found, NoVisit):
                rest.succeed()
                lane.rest.succeed()
                return found
            faults.append(found.outcome)
            if found.is_host:
                rest.fail(self._clock.monotonic(), self._random())
        lane.window.fail()
        if hosts and not tried:
            wait = min(self._rest_of(host.key).until for host in hosts) - now
            faults = [self._put_off(wait, RESTING)]
        outcome = next((one for one in faults if one.status.is_transient), faults[-1])
        job.tell(outcome)
        self._let_rest(lane, outcome)
        return None

    def _let_rest(self, lane: Lane, outcome: Outcome) -> None:
        """No session can be had: what waits has the same end, or is put off for as long as the lane rests."""
        now = self._clock.monotonic()
        waiting = lane.jobs.drain()
        if outcome.status.is_transient:
            lane.rest.fail(now, self._random())
        for job in waiting:
            job.tell(self._put_off(lane.rest.until - now, RESTING) if outcome.status.is_transient else outcome)

    async def _find_hosts(self, key: LaneKey) -> tuple[list[Host], Outcome | None]:
        hop, requires_tls = key
        if hop.kind is HopKind.SERVER:
            return [Host(hop, requires_tls=requires_tls)], None
        if hop.kind is HopKind.LITERAL:
            return [Host(hop, hop.name, requires_tls=requires_tls)], None
        exchanges = await lookup_exchanges(hop.name, self._resolver)
        if exchanges.result is not Result.PASS:
            return [], _refused(exchanges)
        order = order_hosts(exchanges.hosts, self._ourselves, self._random)
        if order.is_loop:
            return [], Outcome(parse_status(LOOP), "mail for this domain leads back to us, who do not know it")
        return [Host(hop, name, exchanges, requires_tls) for name in order.hosts], None

    def _rest_of(self, key: str) -> Rest:
        rest = self._rests.get(key)
        if rest is None:
            rest = self._rests[key] = Rest(self._rules.pace)
            if len(self._rests) > self._rules.hosts_remembered:
                self._rests.popitem(last=False)
        return rest

    # -- one message --------------------------------------------------------------------------------

    async def _carry(self, lane: Lane, visit: Visit, job: Job, *, is_first: bool) -> bool:
        """Send one message; ``False`` where the session had ended while nobody used it, and the job is not answered."""
        entry = job.entry
        parameters = entry.envelope.parameters
        try:
            guard = Guarded(self._open_content(entry))
            assert guard.content is not None, "given above"
            content = guard.content
            if self._outgoing.needs_signature(entry):
                content = await self._beside(lambda: self._outgoing.prepare(entry, content))
            else:
                content = self._outgoing.prepare(entry, content)
        except (OSError, ValueError) as fault:
            job.answer(job.numbers, [UNREADABLE] * len(job.numbers), is_damage(fault))
            return True
        envelope = Envelope(entry.envelope.reverse_path, job.recipients, parameters)
        rules = self._rules
        until = self._loop.time() + rules.send + content.size / rules.least_rate
        left = remaining_by(parameters, entry.trace.received_at, self._clock.time())
        may_convert = not self._outgoing.needs_signature(entry)
        try:
            outcomes = await visit.deliver(envelope, content, until, seconds_left=left, may_convert=may_convert)
        except ValueError:
            outcomes = [UNREADABLE] * len(job.numbers)
        if visit.is_stale and not is_first:
            return False
        if visit.is_usable:
            lane.window.succeed()
            if len(lane.jobs) > lane.active:
                self._staff(lane)
        else:
            lane.window.fail()
        job.answer(job.numbers, outcomes, guard.is_damaged)
        return True


def _sender(entry: Entry) -> Hashable:
    """Whose turn it is: an account's, or a reverse-path's."""
    return entry.trace.login or entry.envelope.reverse_path


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _refused(exchanges: Exchanges) -> Outcome:
    return Outcome(exchanges.status or EnhancedStatus(4, 4, 3), exchanges.reason)
