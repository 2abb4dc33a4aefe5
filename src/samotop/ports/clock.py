"""The clock, injected: tests move it, nothing below the adapters reads another."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Both times in seconds."""

    def time(self) -> float:
        """Seconds since 1970, UTC: for what is stored or shown."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump: for deadlines."""
        ...
