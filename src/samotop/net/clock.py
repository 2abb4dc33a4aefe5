"""The system's clock: the ``Clock`` port for a running server. Tests use a movable one."""

from __future__ import annotations

import time


class SystemClock:
    """Reads the machine's clocks. Raises nothing."""

    __slots__ = ()

    def time(self) -> float:
        """Seconds since 1970, UTC. May jump when the machine's clock is set."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment. Never jumps."""
        return time.monotonic()
