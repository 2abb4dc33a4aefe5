"""Segment files: sealed contents one after the other, appended and never changed.

``spool/<slot>-<sequence>.seg``; a slot is one server process, so that no two
ever append to the same file. A content of its own file is
``spool/<slot>-<id>.large``. Which octets belong to whom stands in state.db.

A segment ends at ``SEGMENT_OCTETS``, when the process ends, and when the disk
fails it: after a failed sync the kernel may have dropped pages that it calls
clean, so that nothing may be appended behind them. A segment goes when its
last entry is done: ``Segments`` counts entries by what the writer tells it,
and is corrected by ``recount`` from what state.db says.

Owned by the writer thread. Raises ``OSError`` from ``append`` and ``sync``;
what was appended then is gone or out of use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from samotop.store.files import Files, unlink_quietly

SEGMENT_OCTETS: Final = 16 * 1024 * 1024
"""Where a segment ends: small enough that one old entry does not keep much, large enough that making one is rare."""

_SEGMENT: Final = re.compile(r"([0-9]+)-([0-9]{8,})\.seg")
_LARGE: Final = re.compile(r"([0-9]+)-([0-9A-Z]+)\.large")


class Segments:
    """The segments of one slot: the one being written and the count of entries in each."""

    def __init__(self, files: Files, directory: str, slot: int, counts: Mapping[str, int], next_sequence: int) -> None:
        self._files = files
        self._directory = directory
        self._slot = slot
        self._counts = dict(counts)
        self._sequence = next_sequence
        self._fd = -1
        self._good = 0
        self.current = ""

    @property
    def counts(self) -> Mapping[str, int]:
        """Entries by file name, files of their own included."""
        return self._counts

    def append(self, octets: bytes) -> int:
        """Write behind what is there; returns the offset. Not durable before ``sync``."""
        if self._fd >= 0 and self._good >= SEGMENT_OCTETS:
            self.retire()
        if self._fd < 0:
            self._open()
        offset = self._good
        try:
            self._files.write_all(self._fd, octets)
        except OSError:
            self.take_back(offset)
            raise
        self._good = offset + len(octets)
        return offset

    def sync(self) -> None:
        try:
            self._files.fdatasync(self._fd)
        except OSError:
            self.retire()
            raise

    def take_back(self, offset: int) -> None:
        """Cut off what stands at ``offset`` and behind it: no row will name it."""
        if self._fd < 0:
            return
        try:
            self._files.truncate(self._fd, offset)
            self._good = offset
        except OSError:
            self.retire()

    def retire(self, *, keeps_file: bool = False) -> None:
        """Append nothing more to the current segment; it goes now if nothing in it is needed.

        ``keeps_file`` where that is not known: recovery will decide at the next start.
        """
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        name, self.current = self.current, ""
        with suppress(OSError):  # what was synced is on disk and the rest has no row
            self._files.close(fd)
        if not self._counts.get(name) and not keeps_file:
            self._counts.pop(name, None)
            unlink_quietly(self._files, self._directory, (name,))

    def retire_idle(self) -> None:
        """Let the current segment go if all of its entries are done."""
        if self._good and not self._counts.get(self.current):
            self.retire()

    def add(self, name: str, entries: int) -> None:
        """Rows that name this file have been committed."""
        self._counts[name] = self._counts.get(name, 0) + entries

    def remove(self, name: str, entries: int) -> None:
        """Rows that named this file are gone for good."""
        left = self._counts.get(name, 0) - entries
        if left > 0:
            self._counts[name] = left
            return
        self._counts.pop(name, None)
        if name != self.current:
            unlink_quietly(self._files, self._directory, (name,))

    def drop_unused(self, closed: frozenset[str], counts: Mapping[str, int]) -> None:
        """Correct the counts of ``closed`` files, which gain no more rows, by what state.db said since.

        What ``remove`` has been told meanwhile may be in these counts still: the lower number is never too low.
        """
        for name in closed & self._counts.keys():
            if name != self.current:
                self.remove(name, max(0, self._counts[name] - counts.get(name, 0)))

    def closed(self) -> frozenset[str]:
        """The files that gain no more rows."""
        return frozenset(self._counts.keys() - {self.current})

    def close(self) -> None:
        self.retire()

    def _open(self) -> None:
        name = format_segment(self._slot, self._sequence)
        self._sequence += 1
        fd = self._files.open_new(f"{self._directory}/{name}")
        try:
            self._files.sync_directory(self._directory)
        except OSError:
            self._files.close(fd)
            unlink_quietly(self._files, self._directory, (name,))
            raise
        self._fd = fd
        self._good = 0
        self.current = name


def format_segment(slot: int, sequence: int) -> str:
    return f"{slot}-{sequence:08d}.seg"


def format_large(slot: int, name: str) -> str:
    return f"{slot}-{name}.large"


def is_large(name: str) -> bool:
    return name.endswith(".large")


def slot_of(name: str) -> int | None:
    """The slot whose process made this file; ``None`` if it is not the spool's."""
    match = _SEGMENT.fullmatch(name) or _LARGE.fullmatch(name)
    return int(match[1]) if match else None


def sequence_of(name: str) -> int:
    """The number of a segment, -1 for any other file."""
    match = _SEGMENT.fullmatch(name)
    return int(match[2]) if match else -1
