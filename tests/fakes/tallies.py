"""Tallies in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from samotop.ports.tallies import Tally


class MemoryTallies:
    """Implements ``ports.Tallies``; ``kept`` is all there is."""

    def __init__(self) -> None:
        self.kept: list[Tally] = []

    def add(self, tallies: Iterable[Tally]) -> None:
        for one in tallies:
            for number, old in enumerate(self.kept):
                if (old.day, old.domain, old.record) == (one.day, one.domain, one.record):
                    self.kept[number] = replace(old, count=old.count + one.count)
                    break
            else:
                self.kept.append(one)

    def pending(self, before: int) -> list[tuple[int, str]]:
        return sorted({(one.day, one.domain) for one in self.kept if one.day < before})

    def get(self, day: int, domain: str, limit: int) -> list[Tally]:
        return [one for one in self.kept if (one.day, one.domain) == (day, domain)][:limit]

    def drop(self, day: int, domain: str) -> None:
        self.kept = [one for one in self.kept if (one.day, one.domain) != (day, domain)]

    def expire(self, before: int) -> int:
        kept = [one for one in self.kept if one.day >= before]
        gone, self.kept = len(self.kept) - len(kept), kept
        return gone
