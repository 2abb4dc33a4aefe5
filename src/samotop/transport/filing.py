"""Files that appear whole and durable, many at a time: write aside, sync, rename, sync the directories.

What costs is waiting for the disk, so all files of a batch wait together. A
few are synced one by one; from ``SHARED_FROM`` on one ``syncfs`` serves all of
them, which on ext4 is five times as fast and takes a third of the processor's
time, and which every file system of Linux knows. It also waits for what others
have written, so where that took longer than ``SLOW_SECONDS``, the next
``AVOID_BATCHES`` batches are synced file by file.

A file's name appears only once its octets are durable; ``file_all`` returns
once the names are.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from samotop.ports.clock import Clock
from samotop.transport.disk import Disk

SHARED_FROM: Final = 4
"""Files from which on one syncfs costs less than syncing each: three fdatasync take about as long."""
SLOW_SECONDS: Final = 1.0
"""A syncfs that takes longer waits for other programs' files."""
AVOID_BATCHES: Final = 50
"""How long we then leave it alone."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file: written to ``temporary``, renamed to ``final``; both on one file system. ``chunks()`` may raise."""

    temporary: str
    final: str
    chunks: Callable[[], Iterable[bytes]]


class Filing:
    """Files batches on ``disk``. ``prepare`` makes the directories that an item misses."""

    def __init__(self, disk: Disk, clock: Clock, prepare: Callable[[Item], None]) -> None:
        self._disk = disk
        self._clock = clock
        self._prepare = prepare
        self._avoids = 0

    def file_all(self, items: Sequence[Item]) -> list[Exception | None]:
        """File all; for each the fault that kept it away, or ``None`` once it is durable.

        The faults are ``OSError``, and ``ValueError`` from ``chunks``. Where
        the last wait fails, the file may be there although its fault is
        told. Whatever else is raised has left nothing under a final name.
        """
        faults: list[Exception | None] = [None] * len(items)
        kept: dict[int, int] = {}  # a descriptor for each file system, opened before most of what is written there
        is_shared = self._is_shared(len(items))
        try:
            for number, item in enumerate(items):
                try:
                    self._write(item, kept if is_shared else None)
                except (OSError, ValueError) as fault:
                    faults[number] = fault
            fault_of_all = self._sync(kept)
        finally:
            for fd in kept.values():
                self._disk.close(fd)
        waiting: dict[str, list[int]] = {}
        for number, item in enumerate(items):
            if faults[number] is not None:
                continue
            try:
                if fault_of_all is not None:
                    raise fault_of_all
                self._disk.rename(item.temporary, item.final)
                waiting.setdefault(os.path.dirname(item.final), []).append(number)
            except OSError as fault:
                faults[number] = fault
                self._forget(item.temporary)
        for directory, numbers in waiting.items():
            try:
                self._disk.sync_directory(directory)
            except OSError as fault:
                for number in numbers:
                    faults[number] = fault
        return faults

    def _is_shared(self, count: int) -> bool:
        if count < SHARED_FROM or not self._disk.syncs_file_systems:
            return False
        if self._avoids > 0:
            self._avoids -= 1
            return False
        return True

    def _write(self, item: Item, kept: dict[int, int] | None) -> None:
        disk = self._disk
        fd = self._create(item)
        is_kept = False
        try:
            for chunk in item.chunks():
                disk.write(fd, chunk)
            if kept is None:
                disk.sync_file(fd)
            else:
                is_kept = kept.setdefault(disk.device(fd), fd) == fd
        except BaseException:
            self._forget(item.temporary)
            raise
        finally:
            if not is_kept:
                disk.close(fd)

    def _create(self, item: Item) -> int:
        try:
            return self._disk.create(item.temporary)
        except FileNotFoundError:
            self._prepare(item)
        except FileExistsError:  # left by a process that had our number, before it crashed
            self._disk.remove(item.temporary)
        return self._disk.create(item.temporary)

    def _sync(self, kept: dict[int, int]) -> OSError | None:
        began = self._clock.monotonic()
        try:
            for fd in kept.values():
                self._disk.sync_file_system(fd)
        except OSError as fault:
            return fault
        if self._clock.monotonic() - began > SLOW_SECONDS:
            self._avoids = AVOID_BATCHES
        return None

    def _forget(self, path: str) -> None:
        with contextlib.suppress(OSError):  # cleaned up with other left-overs, later
            self._disk.remove(path)
