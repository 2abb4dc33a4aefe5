"""Work that many ask for at once and that is done once.

    answer = await once.run(("example.org", "MX"), lambda: self._ask("example.org", "MX"))

Whoever asks for a key while its work is under way waits for that work. A
caller that is cancelled leaves the others undisturbed; when the last has left,
the work is cancelled too, so that nothing runs for nobody. Results are not
kept: that is a cache's part.

Work that waits for its own key waits for ever; who nests keys must see to it
that they form no circle. Raises what the work raises, to all who wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class _Flight(Generic[V]):
    """Work under way, and how many wait for it."""

    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Task[V]) -> None:
        self.task = task
        self.waiting = 0


class Once(Generic[K, V]):
    """For one event loop. As many entries as there are keys under way, so its users bound it."""

    __slots__ = ("_flights",)

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    def __len__(self) -> int:
        """How many keys are under way."""
        return len(self._flights)

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of the work for ``key``: of that under way, else of ``work()``, begun now."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.get_running_loop().create_task(work()))
        flight.waiting += 1
        try:
            # The shield is what keeps one caller's cancellation from reaching the work.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.task.done() or not flight.waiting:
                # Forgotten before it is cancelled: who comes now must not join what is about to end.
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()
