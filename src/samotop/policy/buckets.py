"""Token buckets: how much of something there may be in a time, with some of it at once.

A bucket holds ``rate.count`` tokens at first, and gets as many again every ``rate.seconds``. What is asked for takes
one. Buckets that are full need not be remembered, and no more than ``KEYS_LIMIT`` are: the one that was not used for
longest is forgotten first, which is full again most of the time.

Time is passed in, in seconds of any clock that does not go back. Raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEYS_LIMIT: Final = 65_536
"""Buckets of one kind: about 10 MB."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` in ``seconds``; a count of 0 is no limit."""

    count: int = 0
    seconds: float = 3600.0

    def __bool__(self) -> bool:
        return self.count > 0


NO_LIMIT: Final = Rate()


class Buckets:
    """The buckets of one rate, by their keys."""

    __slots__ = ("_kept", "_limit", "_rate")

    def __init__(self, rate: Rate, limit: int = KEYS_LIMIT) -> None:
        self._rate = rate
        self._limit = limit
        self._kept: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, key: str, now: float) -> bool:
        """Take a token: was there one?"""
        kept = self._kept.get(key)
        tokens = self._level(key, now)
        if tokens < 1:
            self._keep(key, *(kept or (tokens, now)))  # as it was: many small sums would come to less than one
            return False
        self._keep(key, tokens - 1, now)
        return True

    def owe(self, key: str, now: float, most: int) -> int:
        """Take a token, also where there is none: how many are owed now, at most ``most``."""
        tokens = max(self._level(key, now) - 1, -float(most))
        self._keep(key, tokens, now)
        return max(0, -int(tokens // 1))

    def _level(self, key: str, now: float) -> float:
        rate, kept = self._rate, self._kept.pop(key, None)
        if kept is None:
            return float(rate.count)
        tokens, at = kept
        return min(float(rate.count), tokens + (now - at) * rate.count / rate.seconds)

    def _keep(self, key: str, tokens: float, now: float) -> None:
        self._kept[key] = (tokens, now)
        if len(self._kept) > self._limit:
            del self._kept[next(iter(self._kept))]
