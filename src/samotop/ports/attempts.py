"""The memory of those who were asked to come back.

Keys are kept as keyed digests. ``find`` and ``note`` are called on the event loop and answer from memory, or from one
row found by index; ``flush`` writes what is new, in a thread. A crash forgets the last seconds, which costs a sender
one attempt more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from samotop.policy.greylist import Attempt


class Attempts(Protocol):
    """Times are seconds since 1970. Raises ``TryAgainLater`` from ``find`` and ``flush``."""

    def find(self, key: str) -> Attempt | None: ...

    def note(self, keys: Iterable[str], now: float) -> None:
        """An attempt was put off: remember the first one."""
        ...

    def note_passed(self, keys: Iterable[str], now: float) -> None:
        """It has waited, and was let through."""
        ...

    def flush(self, now: float) -> None:
        """Write down what is new, and forget what is over."""
        ...
