"""A clock that stands still until it is moved."""

from __future__ import annotations


class MovableClock:
    """Implements ``ports.Clock``; begins on 2026-01-01 unless told otherwise. Times in seconds."""

    def __init__(self, time: float = 1_767_225_600.0) -> None:
        self._time = time
        self._monotonic = 1000.0

    def time(self) -> float:
        return self._time

    def monotonic(self) -> float:
        return self._monotonic

    def move(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time does not go back; make another clock")
        self._time += seconds
        self._monotonic += seconds
