"""Counts that a report is made of later: what was seen, on which day, for which domain, how often.

A record is octets that mean something to whoever counts them; equal ones are
counted together. Days are numbered from 1970-01-01 (UTC). All methods may wait
for the disk: they are called in threads. Raises ``TryAgainLater`` where the
store does not answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

DAY_SECONDS: Final = 86400


@dataclass(frozen=True, slots=True)
class Tally:
    """``count`` times ``record`` on ``day`` for ``domain``."""

    day: int
    domain: str
    record: bytes
    count: int


class Tallies(Protocol):
    """The tallies of one kind of report."""

    def add(self, tallies: Iterable[Tally]) -> None:
        """Count these, all or none."""
        ...

    def pending(self, before: int) -> list[tuple[int, str]]:
        """The days before ``before``, with their domains, of which there are tallies; in order."""
        ...

    def get(self, day: int, domain: str, limit: int) -> list[Tally]:
        """One day's tallies of one domain, the most frequent first, ``limit`` at most."""
        ...

    def drop(self, day: int, domain: str) -> None:
        """Forget them: they are in a report, or nobody wants one."""
        ...

    def expire(self, before: int) -> int:
        """Forget all days before ``before``; returns how many tallies that were."""
        ...
