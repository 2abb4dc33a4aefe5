"""The present, for callers of the thin wrappers who name none: the one place where a decision meets the clock."""

from __future__ import annotations

import time
from datetime import datetime


def seconds_at(now: float | datetime | None) -> float:
    """Seconds since 1970 (UTC): of ``now``, or of the system's clock for ``None``."""
    if now is None:
        return time.time()
    return now.timestamp() if isinstance(now, datetime) else float(now)
