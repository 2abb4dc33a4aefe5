"""Contents that were committed a moment ago and are about to be delivered: kept in memory up to a bound.

Saves the usual delivery a look-up, a read and a decryption. What does not fit
is read from the disk. Written by the writer thread alone; any thread may ``get``.
"""

from __future__ import annotations

from typing import Final

FRESH_OCTETS: Final = 16 * 1024 * 1024
"""More than this waits only when delivery is slower than reception, and then memory is not the remedy."""


class Fresh:
    def __init__(self, limit: int = FRESH_OCTETS) -> None:
        self._contents: dict[str, tuple[bytes, ...]] = {}
        self._room = limit

    def add(self, name: str, chunks: tuple[bytes, ...], size: int) -> None:
        if size <= self._room:
            self._room -= size
            self._contents[name] = chunks

    def get(self, name: str) -> tuple[bytes, ...] | None:
        return self._contents.get(name)

    def drop(self, name: str) -> None:
        """No error where it is not there."""
        chunks = self._contents.pop(name, None)
        if chunks is not None:
            self._room += sum(map(len, chunks))
