"""What is kept about the TLS of other domains: MTA-STS policies, and what they have shown before.

Rows name domains that somebody here has written to, and nothing else; every
row ends. All methods may wait for the disk: they are called in threads. Raises
``TryAgainLater`` where the store does not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from samotop.tlspolicy.firstuse import Memory
from samotop.tlspolicy.levels import Level
from samotop.tlspolicy.mtasts import StsEntry


@dataclass(frozen=True, slots=True)
class Known:
    """All that is kept of one domain, for the operator to look at; it may have ended."""

    domain: str
    memory: Memory | None = None
    sts: StsEntry | None = None


class Policies(Protocol):
    """Domains are as ``dns.normalize_name`` writes them; times are seconds since 1970."""

    def get_sts(self, domain: str) -> StsEntry | None:
        """What ``lookup_sts`` left for this domain."""
        ...

    def put_sts(self, entry: StsEntry) -> None:
        """Keep what ``lookup_sts`` says is new."""
        ...

    def due_sts(self, now: float, limit: int) -> Sequence[StsEntry]:
        """Policies that a daily refresh should fetch again, ``limit`` at most.

        Those that end first are in front, behind all others those that could not be fetched the last time.
        """
        ...

    def get_memory(self, domain: str) -> Memory | None:
        """What the domain has shown, whether it still holds or not: ask ``recall_level``."""
        ...

    def remember(self, domain: str, reached: Level, now: float) -> None:
        """A delivery has reached this level (``remember_level``): it only rises, whoever else writes meanwhile."""
        ...

    def forget(self, domain: str) -> bool:
        """The operator says that this domain has changed honestly. Was anything known of it?"""
        ...

    def expire(self, now: float) -> int:
        """Drop what has ended, and what is more than may be kept; returns how many rows that were."""
        ...
