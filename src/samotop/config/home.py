"""The home: one directory that holds everything, for its owner's eyes alone.

``find_home`` says where it is, ``check_home`` refuses one that somebody else
could read, ``HomeLock`` keeps a second server out. The lock is flock(2) on
``HOME/lock``: it goes with the process that holds it, however that ends, and
a left-over file means nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from samotop.errors import SetupError, TryAgainLater

LOCK_NAME: Final = "lock"
STATE_NAME: Final = "state.db"
MAIL_NAME: Final = "mail"

PATIENCE_SECONDS: Final = 0.5
"""For the workers of a server that was killed to end: they do so at once."""
PATIENCE_STEP: Final = 0.02

_OTHERS: Final = 0o077
"""Permission bits of anybody but the owner."""


def find_home(given: str | None, environment: Mapping[str, str], *, is_root: bool) -> Path:
    """``--home``, else ``$SAMOTOP_HOME``, else ``/var/lib/samotop`` or ``~/.local/share/samotop``; absolute."""
    chosen = given or environment.get("SAMOTOP_HOME")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    if is_root:
        return Path("/var/lib/samotop")
    return Path(os.path.abspath(os.path.expanduser("~/.local/share/samotop")))


def check_home(home: Path) -> None:
    """Raise ``SetupError`` unless ``home`` is a directory of ours that nobody else may enter."""
    try:
        found = home.stat()
    except FileNotFoundError:
        raise SetupError(
            f"there is no home at {home}",
            remedy=f"samotop init --home {home} --domain example.org --account alice",
        ) from None
    except OSError as error:
        raise SetupError(f"{home} cannot be looked at: {error.strerror}", remedy="check who owns it") from None
    if not stat.S_ISDIR(found.st_mode):
        raise SetupError(f"{home} is not a directory", remedy="choose another --home")
    if found.st_uid != os.geteuid():
        raise SetupError(
            f"{home} belongs to another user (number {found.st_uid}), who could read all that is in it",
            remedy=f"run this as that user, or: chown -R {os.geteuid()} {home}",
        )
    if found.st_mode & _OTHERS:
        raise SetupError(
            f"{home} could be read by others: its mode is {stat.S_IMODE(found.st_mode):o}",
            remedy=f"chmod 700 {home}",
        )


def make_home(home: Path) -> None:
    """Make the directory, mode 0700 whatever the umask; one that is there must pass ``check_home``."""
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700)
        home.chmod(0o700)
    except FileExistsError:
        check_home(home)
    except OSError as error:
        raise SetupError(f"{home} cannot be made: {error.strerror}", remedy="choose another --home") from None


class HomeLock:
    """Held by the one server of a home. A context manager; ``TryAgainLater`` where another has it.

    Worker processes inherit it, so that it is free only when the last of them
    has ended; they end by themselves when their server was killed. So taking it
    with ``with`` waits for ``PATIENCE_SECONDS``.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / LOCK_NAME
        self._descriptor = -1

    def take(self) -> None:
        """Take the lock or raise at once; ``SetupError`` where the file cannot be opened."""
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise SetupError(f"{self._path} cannot be opened: {error.strerror}", remedy="check who owns it") from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.set_inheritable(self._descriptor, True)
        except OSError as error:
            self.release()
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise SetupError(
                    f"{self._path} cannot be locked: {error.strerror}", remedy="use a local disk"
                ) from None
            raise TryAgainLater(f"a server is running in {self._path.parent} already") from None

    def release(self) -> None:
        """Let go; the file stays, removing it would race with another's lock on it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.take()
            except TryAgainLater:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(PATIENCE_STEP)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_running(home: Path) -> bool:
    """Does a server hold the lock of ``home`` right now?"""
    lock = HomeLock(home)
    try:
        lock.take()
    except TryAgainLater:
        return True
    except SetupError:
        return False
    lock.release()
    return False
