"""Locks on a mailbox file, as mail clients understand them: ``FILE.lock`` and a POSIX lock.

The lock file is what works everywhere, the POSIX lock is for programs that
know only that. A lock file that is older than ``STALE_SECONDS`` was left by a
crash. Waits at most ``WAIT_SECONDS``; raises ``Locked`` after that.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STALE_SECONDS: Final = 300.0
"""Nobody keeps a mailbox locked for this long on purpose."""
WAIT_SECONDS: Final = 5.0
"""Delivery has other things to do; it comes back later."""
STEP_SECONDS: Final = 0.05
"""Between two tries."""


class Locked(Exception):
    """Somebody else has it."""


@contextmanager
def lock_file(path: str, wait: float = WAIT_SECONDS) -> Iterator[int]:
    """Open ``path`` for reading and appending, alone; give its descriptor. Raises ``Locked`` and ``OSError``."""
    deadline = time.monotonic() + wait
    name = f"{path}.lock"
    _make_lock(name, deadline)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _lock_record(fd, deadline)
            yield fd
        finally:
            os.close(fd)
    finally:
        os.unlink(name)


def _make_lock(name: str, deadline: float) -> None:
    while True:
        try:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            return
        except FileExistsError:
            pass
        try:
            if time.time() - os.lstat(name).st_mtime > STALE_SECONDS:
                os.unlink(name)
                continue
        except FileNotFoundError:
            continue
        _wait(deadline)


def _lock_record(fd: int, deadline: float) -> None:
    while True:
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            _wait(deadline)


def _wait(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise Locked
    time.sleep(STEP_SECONDS)
