"""Whose turn it is: senders take turns, each with its own messages in the order in which they came.

One sender's ten thousand newsletters must not keep another's letter waiting.
Plain state, every operation in constant time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """A queue in which everybody who has something in it is next in turn."""

    __slots__ = ("_order", "_size", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[T]] = {}
        self._order: deque[Hashable] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, sender: Hashable, item: T) -> None:
        waiting = self._waiting.get(sender)
        if waiting is None:
            self._waiting[sender] = deque((item,))
            self._order.append(sender)
        else:
            waiting.append(item)
        self._size += 1

    def take(self) -> T | None:
        """The next one's first; ``None`` where there is nothing."""
        if not self._order:
            return None
        sender = self._order.popleft()
        waiting = self._waiting[sender]
        item = waiting.popleft()
        if waiting:
            self._order.append(sender)
        else:
            del self._waiting[sender]
        self._size -= 1
        return item

    def drain(self) -> list[T]:
        """Everything, in turn; nothing is left."""
        items: list[T] = []
        while (item := self.take()) is not None:
            items.append(item)
        return items
