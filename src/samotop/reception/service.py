"""Reception as a service: makes sessions for listeners, watches their deadlines, stops them gracefully."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from samotop.reception.context import Context
from samotop.reception.listener import Listener
from samotop.reception.session import Session

SWEEP_SECONDS: Final = 1.0
"""How often deadlines are looked at: a time-out may come this much late."""


class Reception:
    """All sessions of a process. ``start`` before the listeners open, ``stop`` after they closed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._timer: asyncio.TimerHandle | None = None

    @property
    def sessions(self) -> int:
        """How many sessions there are now."""
        return len(self._context.sessions)

    def factory(self, listener: Listener) -> Callable[[], Session]:
        """What a listener calls for each connection."""
        context = self._context
        return lambda: Session(context, listener)

    def start(self) -> None:
        self._timer = self._context.loop.call_later(SWEEP_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = self._context.loop.call_later(SWEEP_SECONDS, self._tick)
        self.sweep()

    def sweep(self) -> None:
        """End the sessions whose deadline has passed, by the injected clock."""
        now = self._context.clock.monotonic()
        for session in [s for s in self._context.sessions if s.deadline < now]:
            session.expire()

    async def stop(self) -> None:
        """Take no new transactions, let those under way finish for a while, then cut what is left."""
        context = self._context
        context.is_stopping = True
        for session in list(context.sessions):
            session.stop()
        context.emptied.clear()
        if context.sessions:
            with suppress(TimeoutError):
                await asyncio.wait_for(context.emptied.wait(), context.rules.stop_grace)
        if self._timer is not None:
            self._timer.cancel()
        for session in list(context.sessions):
            session.abort()
        await asyncio.sleep(0)
