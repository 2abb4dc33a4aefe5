"""The queue as delivery and the command line see it.

Methods may be called from any thread unless they say otherwise. What
``settle`` was told is durable when its ``done`` is called, in one commit with
whatever else was waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from samotop.content import Content
from samotop.queue.entry import Entry, Settled


class Queue(Protocol):
    def due(self, now: float, limit: int, exclude: frozenset[str] = frozenset()) -> list[Entry]:
        """Queued entries whose time has come, oldest due first, without those in ``exclude``."""
        ...

    def next_due(self, after: float) -> float | None:
        """When the first entry that is not due at ``after`` will be; ``None`` if there is none."""
        ...

    def open(self, entry: Entry) -> Content:
        """The entry's content. Reading it raises ``OSError`` or ``ValueError`` where it is damaged."""
        ...

    def settle(self, outcomes: Sequence[Settled], done: Callable[[], None]) -> None:
        """Write down what attempts left; ``done`` is called from any thread once it is durable."""
        ...
