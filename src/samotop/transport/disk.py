"""The few things that transports ask of a disk, so that a test can put a failing one in its place.

Files are made with mode 0600, directories with 0700, and never through a
symbolic link at the end of their path. Raises ``OSError``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterable


class Disk:
    """The real one. ``syncs_file_systems``: can one call make all of a file system's files durable (Linux syncfs)?"""

    def __init__(self) -> None:
        self._syncfs: Callable[[int], int] | None = None
        with contextlib.suppress(OSError, AttributeError):
            self._syncfs = ctypes.CDLL(None, use_errno=True).syncfs

    @property
    def syncs_file_systems(self) -> bool:
        return self._syncfs is not None

    def create(self, path: str) -> int:
        """Make a new file and return its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, octets: bytes) -> None:
        """Write all of ``octets``."""
        written = os.write(fd, octets)
        if written < len(octets):
            rest = memoryview(octets)[written:]
            while rest:
                rest = rest[os.write(fd, rest) :]

    def close(self, fd: int) -> None:
        os.close(fd)

    def device(self, fd: int) -> int:
        """Which file system this file is on."""
        return os.fstat(fd).st_dev

    def sync_file(self, fd: int) -> None:
        os.fdatasync(fd)

    def sync_file_system(self, fd: int) -> None:
        """Make durable all that was written to the file system of ``fd``; raises what failed since it was opened."""
        assert self._syncfs is not None, "asked before"
        if self._syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def sync_directory(self, path: str) -> None:
        """Make durable which names ``path`` has."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, path: str, name: str) -> None:
        os.rename(path, name)

    def remove(self, path: str) -> None:
        os.unlink(path)

    def names(self, path: str) -> list[str]:
        """The names in a directory; none where it is missing."""
        try:
            return os.listdir(path)
        except FileNotFoundError:
            return []

    def modified_at(self, path: str) -> float:
        """When the file was last written, in seconds since 1970."""
        return os.lstat(path).st_mtime

    def make_directories(self, paths: Iterable[str]) -> None:
        """Make these directories and those above them, where they are missing, and make their names durable.

        Those that are there already too: whoever made them may not have come so far yet.
        """
        for path in paths:
            self._make_directory(path)

    def _make_directory(self, path: str) -> None:
        above = os.path.dirname(path) or "."
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        except FileNotFoundError:
            self._make_directory(above)
            self._make_directory(path)
            return
        self.sync_directory(above)
