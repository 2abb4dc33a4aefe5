"""A few open sessions that many messages share.

Sessions are opened when they are needed, at most ``PoolRules.connections``; who
comes later waits. One that was idle longer than ``check_after`` is asked before
it is used (NOOP), since servers close idle connections without a word. One
that was idle for ``idle``, or has carried ``messages``, is closed. A small message
that waits is given to the first session that has sent all of the one before it
(``express``).

For one event loop. Raises nothing for what servers do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from samotop.smtp.client import Stage, TransactionResult
from samotop.status import EnhancedStatus
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.express import Errand, Turn
from samotop.transport.smtp.opening import NoSession

CHECK_SECONDS: Final = 10.0
"""For the answer to NOOP; who takes longer is not worth waiting for, as another connection may be quicker."""
GOODBYE_SECONDS: Final = 2.0
"""For the answer to QUIT."""
BUSY: Final = NoSession(EnhancedStatus(4, 4, 5), "all connections were busy until there was no time left", Stage.IDLE)


@dataclass(frozen=True, slots=True)
class PoolRules:
    """Times are in seconds."""

    connections: int = 5
    """Open at the same time: what most providers allow one client."""
    messages: int = 100
    """On one connection, before a fresh one takes its place: many servers allow about as many."""
    idle: float = 30.0
    """Until a connection that nobody uses is closed; servers wait 5 minutes (RFC 5321 §4.5.3.2.7), some far less."""
    check_after: float = 5.0
    """Idle time after which a connection is asked whether it is still there."""


@dataclass(slots=True)
class Lease:
    """A session that is one's own until it is given back. ``is_reused``: it has carried messages before."""

    courier: Courier
    is_reused: bool


class Pool:
    """Opens sessions with ``open_session``, and keeps them."""

    def __init__(
        self, open_session: Callable[[float], Awaitable[Courier | NoSession]], rules: PoolRules = PoolRules()
    ) -> None:
        self._open_session = open_session
        self._rules = rules
        self._room = rules.connections
        self._queue: deque[Turn] = deque()
        self._clock: asyncio.TimerHandle | None = None  # of those who wait, set for the first whose time is up
        self._idle: list[tuple[Courier, float]] = []  # the longest idle first; the freshest is taken
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def idle(self) -> int:
        """Sessions that are open and not in use."""
        return len(self._idle)

    async def take(
        self, until: float, *, fresh: bool = False, errand: Errand | None = None
    ) -> Lease | NoSession | TransactionResult:
        """A session, an idle one or a new one, before ``until`` on the loop's clock; ``fresh`` wants a new one.

        An ``errand`` that had to wait may be done already. Raises ``RuntimeError`` once the pool is closed.
        """
        if self._is_closed:
            raise RuntimeError("the transport is closed")
        if self._room and not self._queue:
            self._room -= 1
        else:
            found = await self._wait(errand or Turn(until, self._loop))
            if isinstance(found, TransactionResult):
                return found
            if not found:
                return BUSY
        try:
            if fresh:
                self._make_place()
            elif (courier := await self._take_idle(until)) is not None:
                return Lease(courier, is_reused=True)
            opened = await self._open_session(until)
        except BaseException:
            self._leave_room()
            raise
        if isinstance(opened, NoSession):
            self._leave_room()
            return opened
        return Lease(opened, is_reused=False)

    def start(self, lease: Lease, errand: Errand) -> bool:
        """Let the session carry ``errand``, and what waits behind it: it need not be given back then.

        False where it must go the long way.
        """
        courier = lease.courier
        express = courier.express
        express.feed = partial(self._feed, courier)
        express.on_idle = partial(self._rest, courier)
        errand.is_reused = lease.is_reused
        courier.deliveries += 1
        if express.start(errand):
            return True
        courier.deliveries -= 1
        express.feed = express.on_idle = None
        return False

    def give_back(self, lease: Lease) -> None:
        """The session is not needed any more: keep it, or end it where it is of no more use."""
        self._rest(lease.courier)

    def _rest(self, courier: Courier) -> None:
        courier.express.feed = courier.express.on_idle = None
        if not courier.can_quit:
            courier.abort()
        elif self._is_closed or not courier.is_usable or courier.deliveries >= self._rules.messages:
            self._see_off(courier)
        else:
            self._idle.append((courier, self._loop.time()))
            if self._timer is None:
                self._timer = self._loop.call_later(self._rules.idle, self._end_idle)
        self._leave_room()

    async def close(self) -> None:
        """End the idle sessions now, and those in use when they are given back."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for courier, _ in self._idle:
            self._see_off(courier)
        self._idle.clear()
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _wait(self, turn: Turn) -> TransactionResult | bool:
        """Wait one's turn; false where there is no time left. An errand may be done by then."""
        self._queue.append(turn)
        if self._clock is None or self._clock.when() > turn.until:
            self._set_clock(turn.until)
        try:
            return await turn.ended
        except asyncio.CancelledError:
            if isinstance(turn, Errand) and turn.express is not None:
                turn.forget()
            elif turn.ended.done() and not turn.ended.cancelled() and turn.ended.result():
                self._leave_room()  # it was our turn already: it is the next one's now
            raise

    def _set_clock(self, until: float) -> None:
        if self._clock is not None:
            self._clock.cancel()
        self._clock = self._loop.call_at(until, self._end_waiting)

    def _end_waiting(self) -> None:
        """Send away whose time is up. One timer serves all: most of them have the same patience."""
        self._clock = None
        now = self._loop.time()
        waiting = [turn for turn in self._queue if not turn.ended.done()]
        for turn in waiting:
            if turn.until <= now:
                turn.ended.set_result(False)
        self._queue = deque(turn for turn in waiting if turn.until > now)
        if self._queue:
            self._set_clock(min(turn.until for turn in self._queue))

    def _feed(self, courier: Courier) -> None:
        """Give the session what waits first, if it is a small message and the session may carry more."""
        queue = self._queue
        while queue and queue[0].ended.done():
            queue.popleft()
        if not queue or self._is_closed or courier.deliveries >= self._rules.messages:
            return
        errand = queue[0]
        if not isinstance(errand, Errand) or errand.is_tried:
            return
        errand.is_reused = True
        if courier.express.begin(errand):
            courier.deliveries += 1
            queue.popleft()
        else:
            errand.is_tried = True  # it waits for a session of its own

    def _leave_room(self) -> None:
        """Let the next one in."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.ended.done():
                turn.ended.set_result(True)
                return
        self._room += 1

    def _make_place(self) -> None:
        """A fresh session is coming, and another one may have become idle while its turn was waited for."""
        while len(self._idle) > self._room:
            self._see_off(self._idle.pop(0)[0])

    async def _take_idle(self, until: float) -> Courier | None:
        while self._idle:
            courier, since = self._idle.pop()
            now = self._loop.time()
            try:
                if courier.is_usable and (
                    now - since < self._rules.check_after or await courier.check(min(until, now + CHECK_SECONDS))
                ):
                    return courier
            except BaseException:
                courier.abort()
                raise
            courier.abort()
        return None

    def _end_idle(self) -> None:
        """End what was idle for too long; look again when the next one is due."""
        self._timer = None
        due = self._loop.time() - self._rules.idle
        while self._idle and self._idle[0][1] <= due:
            self._see_off(self._idle.pop(0)[0])
        if self._idle:
            self._timer = self._loop.call_at(self._idle[0][1] + self._rules.idle, self._end_idle)

    def _see_off(self, courier: Courier) -> None:
        """Say goodbye in the background."""
        task = self._loop.create_task(courier.quit(self._loop.time() + GOODBYE_SECONDS))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
