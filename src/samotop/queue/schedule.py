"""When a deferred entry is tried again, and when that ends (RFC 5321 §4.5.4.1).

Intervals grow: 1, 2, 4, 8, 16, 32 minutes, then an hour, each with up to a
fifth more or less so that what failed together does not come back together.
Pure: the time and the randomness are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ScheduleRules:
    """Times in seconds."""

    first: float = 60.0
    """After the first attempt: a full disk may have room in a minute."""
    longest: float = 3600.0
    """Between two attempts, later on."""
    factor: float = 2.0
    jitter: float = 0.2
    """The part of an interval by which it varies, to either side."""
    max_age: float = 5 * 86400.0
    """From arrival until we give up (RFC 5321 §4.5.4.1: four to five days)."""
    warn_after: float = 4 * 3600.0
    """From arrival until the sender is told of a delay, once; unless it asked not to be."""


RULES: Final = ScheduleRules()
DOUBLINGS_LIMIT: Final = 64
"""More of them overflow nothing, and change nothing: the interval is the longest by then."""


def plan_attempt(
    attempts: int,
    now: float,
    received_at: float,
    random: float,
    rules: ScheduleRules = RULES,
    *,
    gives_up: float | None = None,
) -> float | None:
    """When the next attempt is due after ``attempts`` have failed; ``None`` where the time is up.

    ``random`` is in [0, 1). The last attempt comes when the time is just up, not before. ``gives_up`` is when that is
    (seconds since 1970), where it is not ``rules.max_age`` after the arrival.
    """
    if gives_up is None:
        gives_up = received_at + rules.max_age
    if now >= gives_up:
        return None
    interval = min(rules.longest, rules.first * rules.factor ** min(max(attempts, 1) - 1, DOUBLINGS_LIMIT))
    interval *= 1 + rules.jitter * (2 * random - 1)
    return max(now + rules.first * (1 - rules.jitter), min(now + interval, gives_up))
