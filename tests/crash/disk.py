"""A disk that forgets at a power loss what was not synced, and fails on demand.

``Disk`` counts every change that the spool (through ``CrashFiles``) and SQLite
(through ``CrashVfs``) make below one directory. The files are real; beside
them ``Disk`` remembers what of them is durable: octets as of the last sync of
the file, names as of the last sync of the directory. At the chosen operation
the power goes: this one and all later ones do nothing but raise, and
``survivors`` says what a machine would find when it comes back:

* ``dropped``: nothing that was not synced;
* ``kept``: everything that was written, as after ``kill -9``;
* ``torn``: of what was not synced, every second 512-octet sector.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Final

import apsw

from samotop.store.files import RealFiles

SECTOR: Final = 512
MODES: Final = ("dropped", "kept", "torn")


class PowerLoss(BaseException):
    """Not an ``Exception``: nothing may handle it."""


class Disk:
    """``fails`` is asked before each change, with its number and its name; what it returns is raised."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.operations: list[str] = []
        self.dies_at: int | None = None
        self.fails: Callable[[int, str], Exception | None] = lambda number, name: None
        self.is_dead = False
        self._octets: dict[str, bytes] = {}
        self._names: set[str] = set()
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                self._names.add(path)
                self._octets[path] = _read(path)

    def change(self, name: str) -> None:
        """A change is about to be made."""
        if self.is_dead or len(self.operations) == self.dies_at:
            self.is_dead = True
            raise PowerLoss
        self.operations.append(name)
        error = self.fails(len(self.operations) - 1, name)
        if error is not None:
            raise error

    def synced(self, path: str, *, with_name: bool = False) -> None:
        self._octets[path] = _read(path)
        if with_name:
            self._names.add(path)

    def synced_directory(self, directory: str) -> None:
        gone = {path for path in self._names if os.path.dirname(path) == directory and not os.path.exists(path)}
        self._names -= gone
        for name in os.listdir(directory):
            if os.path.isfile(os.path.join(directory, name)):
                self._names.add(os.path.join(directory, name))

    def unlinked(self, path: str) -> None:
        self._names.discard(path)

    def survivors(self, mode: str, target: str) -> None:
        """Write what is found after the power came back to ``target``."""
        if mode == "kept":
            shutil.copytree(self.root, target)
            return
        for folder, folders, _ in os.walk(self.root):
            for name in folders:
                os.makedirs(os.path.join(target, os.path.relpath(os.path.join(folder, name), self.root)))
        os.makedirs(target, exist_ok=True)
        for path in self._names:
            durable = self._octets.get(path, b"")
            octets = durable
            if mode == "torn" and os.path.exists(path):
                octets = _tear(durable, _read(path))
            with open(os.path.join(target, os.path.relpath(path, self.root)), "wb") as file:
                file.write(octets)


class CrashFiles(RealFiles):
    """The spool's files on such a disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._paths: dict[int, str] = {}
        self.free_octets = 1 << 40

    def open_new(self, path: str) -> int:
        self._disk.change(f"create {_kind(path)}")
        fd = super().open_new(path)
        self._paths[fd] = path
        return fd

    def write_all(self, fd: int, octets: bytes) -> None:
        half = len(octets) // 2
        try:
            self._disk.change(f"write {_kind(self._paths[fd])}")
        except OSError:
            super().write_all(fd, octets[:half])  # disks run full in the middle
            raise
        super().write_all(fd, octets)

    def fdatasync(self, fd: int) -> None:
        self._disk.change(f"sync {_kind(self._paths[fd])}")
        self._disk.synced(self._paths[fd])

    def close(self, fd: int) -> None:
        self._paths.pop(fd, None)
        super().close(fd)

    def close_all(self) -> None:
        for fd in list(self._paths):
            self.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        self._disk.change(f"truncate {_kind(self._paths[fd])}")
        super().truncate(fd, size)

    def rename(self, old: str, new: str) -> None:
        raise NotImplementedError("the spool renames nothing")

    def unlink(self, path: str) -> None:
        self._disk.change(f"unlink {_kind(path)}")
        super().unlink(path)

    def sync_directory(self, path: str) -> None:
        self._disk.change("sync directory")
        self._disk.synced_directory(path)

    def free(self, path: str) -> int:
        return self.free_octets


class CrashVfs(apsw.VFS):
    """SQLite's files on such a disk. Without shared memory, so that WAL needs exclusive locking."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.disk = disk
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> CrashFile:
        return CrashFile(self.disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.disk.change(f"unlink {_kind(filename)}")
        super().xDelete(filename, syncdir)
        if syncdir:
            self.disk.unlinked(filename)


class CrashFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.change(f"write {_kind(self._path)}")
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.change(f"truncate {_kind(self._path)}")
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._disk.change(f"sync {_kind(self._path)}")
        super().xSync(flags)
        self._disk.synced(self._path, with_name=True)  # SQLite syncs the directory with a file that it made


def connect_through(vfs: str) -> Callable[[str], apsw.Connection]:
    def connect(path: str) -> apsw.Connection:
        connection = apsw.Connection(path, vfs=vfs)
        connection.pragma("locking_mode", "exclusive")
        return connection

    return connect


def _kind(path: str) -> str:
    return os.path.basename(path) if ".db" in path else path.rpartition(".")[2]


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _tear(durable: bytes, written: bytes) -> bytes:
    """``durable`` with every second sector of what was written over or behind it."""
    torn = bytearray(durable)
    for start in range(0, len(written), 2 * SECTOR):
        sector = written[start : start + SECTOR]
        if len(torn) < start + len(sector):
            torn.extend(bytes(start + len(sector) - len(torn)))
        torn[start : start + len(sector)] = sector
    return bytes(torn)
