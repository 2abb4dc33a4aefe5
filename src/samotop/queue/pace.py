"""How fast we go: how many sessions a next hop gets, which of its hosts we leave alone for a while.

``Window`` learns how many sessions a next hop bears: one more for each window
full of successes, half as many after failures, as TCP does and for the same
reason: the other side's room is unknown, and shared. ``Rest`` keeps away from
a host that did not answer, longer each time. Both are plain state; the time,
in monotonic seconds, and the randomness are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class PaceRules:
    """Counts of sessions, times in seconds."""

    initial: int = 4
    """Sessions with a next hop of which we know nothing: enough to go on when one of them hangs."""
    most: int = 20
    """Sessions with one next hop: big providers count more than this as an attack."""
    rest_first: float = 30.0
    """How long a host that did not answer is left alone, the first time."""
    rest_longest: float = 1800.0
    """And later on: half an hour, so that its return is noticed."""
    rest_jitter: float = 0.2


RULES: Final = PaceRules()


@dataclass(slots=True)
class Window:
    """How many sessions with one next hop may be open. ``limit`` is at least 1."""

    rules: PaceRules = RULES
    _size: float = field(init=False)

    def __post_init__(self) -> None:
        self._size = float(min(self.rules.initial, self.rules.most))

    @property
    def limit(self) -> int:
        return max(1, int(self._size))

    def succeed(self) -> None:
        """A message was taken: after as many as there are sessions, one session more."""
        self._size = min(float(self.rules.most), self._size + 1 / self._size)

    def fail(self) -> None:
        """The next hop refused a session, or broke one off."""
        self._size = max(1.0, self._size / 2)


@dataclass(slots=True)
class Rest:
    """How one host has done lately. ``failures`` counts those in a row."""

    rules: PaceRules = RULES
    failures: int = 0
    until: float = 0.0

    def is_resting(self, now: float) -> bool:
        return now < self.until

    def succeed(self) -> None:
        self.failures = 0
        self.until = 0.0

    def fail(self, now: float, random: float) -> None:
        """It did not answer, or not as a mail server. ``random`` is in [0, 1).

        Failures while it rests already are those of sessions that were on their way, and say nothing new.
        """
        if self.is_resting(now):
            return
        rules = self.rules
        seconds = min(rules.rest_longest, rules.rest_first * 2.0 ** min(self.failures, 32))
        self.failures += 1
        self.until = now + seconds * (1 + rules.rest_jitter * (2 * random - 1))
