"""A few open sessions that many messages share.

Sessions are opened when they are needed, at most ``PoolRules.connections``; who
comes later waits. One that was idle longer than ``check_after`` is asked before
it is used (NOOP), since servers close idle connections without a word. One
that was idle for ``idle``, or has carried ``messages``, is closed.

For one event loop. Raises nothing for what servers do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from samotop.smtp.client import Stage
from samotop.status import EnhancedStatus
from samotop.transport.smtp.courier import Courier
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
        self._queue: deque[asyncio.Future[bool]] = deque()
        self._idle: list[tuple[Courier, float]] = []  # the longest idle first; the freshest is taken
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def idle(self) -> int:
        """Sessions that are open and not in use."""
        return len(self._idle)

    async def take(self, until: float, *, fresh: bool = False) -> Lease | NoSession:
        """A session, an idle one or a new one, before ``until`` on the loop's clock; ``fresh`` wants a new one.

        Raises ``RuntimeError`` once the pool is closed.
        """
        if self._is_closed:
            raise RuntimeError("the transport is closed")
        if self._room and not self._queue:
            self._room -= 1
        elif not await self._wait_for_room(until):
            return BUSY
        try:
            courier = None if fresh else await self._take_idle(until)
            if courier is not None:
                return Lease(courier, is_reused=True)
            found = await self._open_session(until)
        except BaseException:
            self._leave_room()
            raise
        if isinstance(found, NoSession):
            self._leave_room()
            return found
        return Lease(found, is_reused=False)

    def give_back(self, lease: Lease) -> None:
        """The session is not needed any more: keep it, or end it where it is of no more use."""
        courier = lease.courier
        if not courier.is_usable:
            courier.abort()
        elif self._is_closed or courier.deliveries >= self._rules.messages:
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

    async def _wait_for_room(self, until: float) -> bool:
        """Wait one's turn; false where there is no time left."""
        turn: asyncio.Future[bool] = self._loop.create_future()
        self._queue.append(turn)
        timer = self._loop.call_at(until, _give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self._leave_room()  # it was our turn already: it is the next one's now
            raise
        finally:
            timer.cancel()

    def _leave_room(self) -> None:
        """Let the next one in."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._room += 1

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


def _give_up(turn: asyncio.Future[bool]) -> None:
    if not turn.done():
        turn.set_result(False)
