"""Asks the queue what is due: when told to, and when the next of it is due.

One look at a time, in a thread; what is asked for meanwhile is one more look
afterwards. While nothing is known to be due, the queue is asked all the same
now and then: clocks jump, and somebody may have changed something.

Lives on the loop. Where the queue cannot be read, that is logged and tried
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Protocol

from samotop.delivery.rules import DeliveryRules
from samotop.ports.clock import Clock
from samotop.ports.queue import Queue
from samotop.queue.entry import Entry

Found = tuple[list[Entry], float | None]


class Log(Protocol):
    def error(self, event: str, **fields: Any) -> None: ...


class Watch:
    """``in_flight`` are the ids that are in memory, as they are at any moment; ``submit`` runs a job in a thread.

    ``take`` gets the entries that are due and not in flight; ``begin`` and ``finish`` are called around each look.
    """

    def __init__(
        self,
        queue: Queue,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        rules: DeliveryRules,
        *,
        in_flight: Collection[str],
        submit: Callable[[Callable[[], Found]], asyncio.Future[Found]],
        take: Callable[[Sequence[Entry]], None],
        begin: Callable[[], None],
        finish: Callable[[], None],
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._loop = loop
        self._log = log
        self._rules = rules
        self._in_flight = in_flight
        self._submit = submit
        self._take = take
        self._begin = begin
        self._finish = finish
        self._looks_again = False
        self._gone: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        self._is_stopping = True
        self.is_looking = False
        self.is_behind = False
        """Is there more in the queue than fits into memory?"""

    def start(self) -> None:
        self._is_stopping = False
        self.look()

    def stop(self) -> None:
        self._is_stopping = True
        self._stop_timer()

    def look(self) -> None:
        """Ask the queue what is due, in a thread; one such look at a time."""
        if self.is_looking:
            self._looks_again = True
            return
        room = self._rules.in_flight - len(self._in_flight)
        if room <= 0:
            self.is_behind = True
            return
        self.is_looking, self._looks_again, self.is_behind = True, False, False
        self._begin()
        self._gone.clear()
        self._stop_timer()
        limit = min(room, 4 * self._rules.batch)
        read = self._submit(partial(self._read, limit, frozenset(self._in_flight)))
        read.add_done_callback(partial(self._looked, limit))

    def release(self, ids: Sequence[str]) -> None:
        """These have just been settled: what is read of them now is as it was before."""
        if self.is_looking:
            self._gone.update(ids)

    def wake_at(self, due: float) -> None:
        """Look again at ``due`` (seconds since 1970), or before: clocks jump."""
        if self._is_stopping or (self._timer is not None and self._wakes_at <= due):
            return
        self._stop_timer()
        self._wakes_at = due
        wait = min(max(0.0, due - self._clock.time()), self._rules.look)
        self._timer = self._loop.call_later(wait, self.wake)

    def wake(self) -> None:
        """It is time."""
        self._timer = None
        self.look()

    @property
    def wakes_in(self) -> float | None:
        """Seconds until it looks by itself; ``None`` where it does not."""
        return None if self._timer is None else self._timer.when() - self._loop.time()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read(self, limit: int, exclude: frozenset[str]) -> Found:
        now = self._clock.time()
        entries = self._queue.due(now, limit, exclude)
        return entries, None if len(entries) >= limit else self._queue.next_due(now)

    def _looked(self, limit: int, job: asyncio.Future[Found]) -> None:
        self.is_looking = False
        error = None if job.cancelled() else job.exception()
        if not self._is_stopping and not job.cancelled():
            now = self._clock.time()
            if error is not None:
                self._log.error("queue_unreadable", error=error)
                self.wake_at(now + self._rules.pause)
            else:
                entries, next_due = job.result()
                self._take([one for one in entries if one.id not in self._in_flight and one.id not in self._gone])
                self.is_behind = self.is_behind or len(entries) >= limit
                self.wake_at(next_due if next_due is not None else now + self._rules.look)
            self._gone.clear()
            if self._looks_again:
                self.look()
        self._finish()
