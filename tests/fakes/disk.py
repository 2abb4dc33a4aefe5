"""A disk that tells what was asked of it, that can fail, and that loses at a crash whatever was not synced."""

from __future__ import annotations

import os
from collections.abc import Iterable

from samotop.transport.disk import Disk


class Crash(BaseException):
    """The machine stops here."""


class FaultyDisk(Disk):
    """A real directory below, with a model of what of it would outlive a power cut.

    ``fails`` maps an operation's name to the error that it raises from now on;
    ``crashes_at`` is the number of the operation that never happens.
    """

    def __init__(self, *, syncs_file_systems: bool = True) -> None:
        super().__init__()
        self._shares = syncs_file_systems
        self.told: list[str] = []
        self.fails: dict[str, OSError] = {}
        self.crashes_at = -1
        self._paths: dict[int, str] = {}
        self._synced: dict[str, bytes] = {}
        self._names_lost: list[tuple[str, str]] = []

    @property
    def syncs_file_systems(self) -> bool:
        return self._shares

    def _tell(self, operation: str, path: str = "") -> None:
        if len(self.told) == self.crashes_at:
            raise Crash
        self.told.append(f"{operation} {os.path.basename(path)}".strip())
        if operation in self.fails:
            raise self.fails[operation]

    def create(self, path: str) -> int:
        self._tell("create", path)
        fd = super().create(path)
        self._paths[fd] = path
        self._synced[path] = b""
        return fd

    def write(self, fd: int, octets: bytes) -> None:
        self._tell("write")
        super().write(fd, octets)

    def sync_file(self, fd: int) -> None:
        path = self._paths.get(fd, "")
        self._tell("sync", path)
        self._keep(path)

    def sync_file_system(self, fd: int) -> None:
        self._tell("sync_all")
        for path in self._synced:
            self._keep(path)

    def sync_directory(self, path: str) -> None:
        self._tell("sync_directory", path)
        self._names_lost = [(old, new) for old, new in self._names_lost if os.path.dirname(new) != path]

    def rename(self, path: str, name: str) -> None:
        self._tell("rename", name)
        super().rename(path, name)
        self._synced[name] = self._synced.pop(path)
        self._names_lost.append((path, name))

    def remove(self, path: str) -> None:
        self._tell("remove", path)
        super().remove(path)

    def make_directories(self, paths: Iterable[str]) -> None:
        for path in paths:
            os.makedirs(path, exist_ok=True)

    def _keep(self, path: str) -> None:
        if os.path.exists(path):
            with open(path, "rb") as file:
                self._synced[path] = file.read()

    def cut_power(self) -> None:
        """Bring the directory to what is certain to be left: the worst that a file system may do."""
        for old, new in reversed(self._names_lost):
            if os.path.exists(new):
                os.rename(new, old)
                self._synced[old] = self._synced.pop(new)
        for path, octets in self._synced.items():
            if os.path.exists(path):
                with open(path, "wb") as file:
                    file.write(octets)
