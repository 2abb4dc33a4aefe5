"""The home: one directory that holds everything, for its owner's eyes alone.

``find_home`` says where it is, ``check_home`` refuses one that somebody else
could read, ``HomeLock`` keeps a second server out. The lock is flock(2) on
``HOME/lock`` and ``HOME/lock.workers``: it goes with the process that holds it,
however that ends, and a left-over file means nothing.
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
WORKERS_NAME: Final = "lock.workers"
STATE_NAME: Final = "state.db"
MAIL_NAME: Final = "mail"

PATIENCE_SECONDS: Final = 10.0
"""For the workers of a server that was killed to end: they do so at once, but a busy machine or disk may hold them."""
FORK_SECONDS: Final = 0.5
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

    Two files are locked. ``lock`` is the server's alone. ``lock.workers`` is
    inherited by its worker processes, so that it is free only when the last of
    them has ended; they end by themselves when their server was killed. Who
    finds only that one taken waits for them, up to ``patience`` seconds.
    """

    def __init__(self, home: Path, *, patience: float = PATIENCE_SECONDS) -> None:
        self._home = home
        self._patience = patience
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        try:
            # A program that was just started may hold on to it for the moment between fork and exec.
            if not self._take_within(FORK_SECONDS, LOCK_NAME):
                raise TryAgainLater(f"a server is running in {self._home} already")
            if not self._take_within(self._patience, WORKERS_NAME, is_inherited=True):
                raise TryAgainLater(f"workers of a server that was killed are still running in {self._home}")
        except BaseException:
            self.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let go; the files stay, removing them would race with another's lock on them."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _take_within(self, seconds: float, name: str, *, is_inherited: bool = False) -> bool:
        ends_at = time.monotonic() + seconds
        while not self._take(name, is_inherited=is_inherited):
            if time.monotonic() > ends_at:
                return False
            time.sleep(PATIENCE_STEP)
        return True

    def _take(self, name: str, *, is_inherited: bool = False) -> bool:
        path = self._home / name
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise SetupError(f"{path} cannot be opened: {error.strerror}", remedy="check who owns it") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise SetupError(f"{path} cannot be locked: {error.strerror}", remedy="use a local disk") from None
        os.set_inheritable(descriptor, is_inherited)
        self._descriptors.append(descriptor)
        return True
