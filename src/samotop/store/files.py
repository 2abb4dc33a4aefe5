"""The thin layer between the spool and the operating system's files.

Everything the spool does with files goes through ``Files``, so that a test
can put a layer there that fails at the n-th call or forgets, at a "crash",
what was not synced. It adds nothing of its own: no buffering, no retries.
``write_all`` alone loops, because a short write is not an error to POSIX.

All methods raise ``OSError``. Paths are text; descriptors are plain integers.
Files are made for their owner alone (mode 0600, directories 0700).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final, Protocol

_FILE_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700


class Files(Protocol):
    """What the spool asks of a file system."""

    def open_new(self, path: str) -> int:
        """Create a file that must not exist; returns a descriptor that appends and can be read."""
        ...

    def open_read(self, path: str) -> int: ...

    def close(self, fd: int) -> None: ...

    def write_all(self, fd: int, octets: bytes) -> None:
        """Append all of it. After an error any part of it may have been written."""
        ...

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        """Up to ``length`` octets, fewer only at the end of the file."""
        ...

    def fdatasync(self, fd: int) -> None:
        """Make the octets and the size durable. After an error nothing written since the last one may be trusted."""
        ...

    def truncate(self, fd: int, size: int) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def unlink(self, path: str) -> None: ...

    def list_directory(self, path: str) -> list[str]: ...

    def make_directory(self, path: str) -> None:
        """Make it, its parents too; no error if it is there."""
        ...

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        ...

    def size(self, path: str) -> int: ...

    def free(self, path: str) -> int:
        """Octets that may still be written to the file system that ``path`` is on."""
        ...


class RealFiles:
    """``Files`` on the operating system."""

    def open_new(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, _FILE_MODE)

    def open_read(self, path: str) -> int:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        os.close(fd)

    def write_all(self, fd: int, octets: bytes) -> None:
        written = os.write(fd, octets)
        if written == len(octets):
            return
        rest = memoryview(octets)[written:]
        while rest:
            rest = rest[os.write(fd, rest) :]

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        octets = os.pread(fd, length, offset)
        if len(octets) == length or not octets:
            return octets
        parts = [octets]
        missing = length - len(octets)
        while missing:
            octets = os.pread(fd, missing, offset + length - missing)
            if not octets:
                break
            parts.append(octets)
            missing -= len(octets)
        return b"".join(parts)

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def list_directory(self, path: str) -> list[str]:
        return os.listdir(path)

    def make_directory(self, path: str) -> None:
        os.makedirs(path, _DIRECTORY_MODE, exist_ok=True)

    def sync_directory(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def size(self, path: str) -> int:
        return os.stat(path).st_size

    def free(self, path: str) -> int:
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize


def unlink_quietly(files: Files, directory: str, names: Iterable[str]) -> None:
    """Unlink each; what cannot be unlinked now is an orphan that recovery at the next start removes."""
    for name in names:
        try:
            files.unlink(f"{directory}/{name}")
        except OSError:
            continue
