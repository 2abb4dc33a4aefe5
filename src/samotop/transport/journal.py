"""An append-only journal of messages: an mbox file that is put aside when it is large or old.

The file is ``PATH``; put aside it is ``PATH.YYYYMMDDTHHMMSSZ``, with ``-N``
where two would have one name. It is old by its first message. A message is
never divided, so that a file may exceed ``size`` by what one batch brings. What is
put aside is nobody's business here: it is not removed. Several processes may
append to one journal: it is put aside under the lock that guards its end.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from samotop.message.trace import NO_DISCLOSURE, DisclosureRules
from samotop.net.clock import SystemClock
from samotop.ports.clock import Clock
from samotop.ports.transport import Handover, Outcome
from samotop.routing.via import JOURNAL_AGE, JOURNAL_SIZE
from samotop.transport.disk import Disk
from samotop.transport.locking import WAIT_SECONDS, Locked, lock_file
from samotop.transport.mbox import Mbox
from samotop.transport.outcomes import LOCKED, failed

FIRST_LINE_LIMIT: Final = 1024
"""Octets of the first line that are looked at: sender and date take less."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FIRST_LINE: Final = re.compile(rb"From \S+ \w{3} (\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})")
_ASIDE: Final = re.compile(r"\.(\d{8}T\d{6}Z)(?:-(\d+))?")


class Journal:
    """Implements ``ports.LocalTransport``. ``size`` in octets, ``age`` and ``wait`` for a lock in seconds."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        size: int = JOURNAL_SIZE,
        age: float = JOURNAL_AGE,
        hostname: str = "",
        disclosure: DisclosureRules = NO_DISCLOSURE,
        clock: Clock | None = None,
        disk: Disk | None = None,
        wait: float = WAIT_SECONDS,
    ) -> None:
        self._path = os.fspath(path)
        self._size = size
        self._age = age
        self._clock = clock or SystemClock()
        self._disk = disk or Disk()
        self._mbox = Mbox(path, hostname=hostname, disclosure=disclosure, disk=self._disk, wait=wait)
        self._wait = wait
        self._lock = threading.Lock()

    def hand_on(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Append all, each message once; put the file aside before that where it is time."""
        with self._lock:
            try:
                is_known = all(handover.is_first for handover in handovers)
                if is_known:  # else a message that a crash has cut short may be at the file's end
                    self._rotate()
                    return self._mbox.append(handovers)
                return self._mbox.append(handovers, self._latest_aside())
            except Locked:
                return [LOCKED] * len(handovers)
            except OSError as fault:
                return [failed(fault)] * len(handovers)

    def _rotate(self) -> None:
        """Put the file aside where it is time. Asked again under the lock: another process may have been first."""
        now = self._clock.time()
        try:
            with open(self._path, "rb") as file:
                if not self._is_due(file.fileno(), now):
                    return
        except FileNotFoundError:
            return
        with lock_file(self._path, self._wait) as fd:
            if not self._is_due(fd, now):
                return
            name = self._reserve(now)
            try:
                self._disk.rename(self._path, name)
            except OSError:
                self._disk.remove(name)
                raise
            self._disk.sync_directory(os.path.dirname(self._path) or ".")

    def _is_due(self, fd: int, now: float) -> bool:
        size = os.fstat(fd).st_size
        if size == 0 or size >= self._size:
            return size > 0
        began = _parse_first_line(os.pread(fd, FIRST_LINE_LIMIT, 0).partition(b"\n")[0])
        return began is not None and now - began >= self._age

    def _reserve(self, now: float) -> str:
        """A name that nobody has, made as an empty file, so that the rename replaces nothing else."""
        base = name = f"{self._path}.{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
        number = 0
        while True:
            try:
                self._disk.close(self._disk.create(name))
                return name
            except FileExistsError:
                number += 1
                name = f"{base}-{number}"

    def _latest_aside(self) -> list[str]:
        """The file that was put aside last: a crash may have come right after that."""
        directory, base = os.path.split(self._path)
        found: list[tuple[str, int, str]] = []
        for name in self._disk.names(directory or "."):
            match = _ASIDE.fullmatch(name, len(base)) if name.startswith(base) else None
            if match is not None:
                found.append((match[1], int(match[2] or 0), name))
        return [os.path.join(directory, max(found)[2])] if found else []


def _parse_first_line(line: bytes) -> float | None:
    """When the first message came, in seconds since 1970."""
    match = _FIRST_LINE.fullmatch(line)
    if match is None or match[1].decode("ascii", "replace") not in _MONTHS:
        return None
    month = _MONTHS.index(match[1].decode("ascii")) + 1
    day, hour, minute, second, year = (int(match[number]) for number in range(2, 7))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
