"""A file that somebody edits while the server runs: read at the start, and again once it has changed.

It is taken up when it has been the same for two looks, as somebody may be writing. Made and read in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

Signature = tuple[int, int, int] | None
"""By what a file is known to have changed: time, size, inode. ``None`` where it is not there."""


class WatchedFiles(Generic[T]):
    """Several files that make one value. ``load`` reads them, and says how many faults there are; with faults the
    value stays what it was."""

    def __init__(self, paths: Sequence[Path], load: Callable[[], tuple[T, int]]) -> None:
        self._paths = tuple(paths)
        self._load = load
        self._seen = self._taken = self._sign()
        self.value, self.faults = load()

    def __bool__(self) -> bool:
        """Is there any file to watch?"""
        return bool(self._paths)

    def has_changed(self) -> bool:
        """Is anything another than what was read, and the same as at the last look?"""
        before, self._seen = self._seen, self._sign()
        return self._seen != self._taken and self._seen == before

    def read(self) -> int:
        """Read them; how many faults there are."""
        self._taken = self._seen
        value, self.faults = self._load()
        if not self.faults:
            self.value = value
        return self.faults

    def _sign(self) -> tuple[Signature, ...]:
        return tuple(_sign(path) for path in self._paths)


def _sign(path: Path) -> Signature:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
