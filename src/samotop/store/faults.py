"""Faults of the disk and of state.db in the operator's words, for whoever starts something.

A full disk and a database that somebody else is writing are ``TryAgainLater``:
nothing is wrong with the home. Everything else is a ``SetupError`` with a
remedy. Texts name files of the home and what the system said, never a row.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import apsw

from samotop.errors import SetupError, TryAgainLater

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

_REMEDIES: Final = {
    errno.EEXIST: "This must be a directory: move the file that is there away.",
    errno.ENOTDIR: "This must be a directory: move the file that is there away.",
    errno.EISDIR: "This must be a file: move the directory that is there away.",
    errno.EACCES: "Check who owns the home and everything in it.",
    errno.EPERM: "Check who owns the home and everything in it.",
    errno.EROFS: "The home must be on a disk that can be written to.",
    errno.EMFILE: "Raise the limit of open files (ulimit -n, LimitNOFILE= of systemd).",
    errno.ENFILE: "The system has too many files open.",
}
_REMEDY: Final = "Look at the disk and at its messages in the system's log."


@contextmanager
def explained(home: str | os.PathLike[str]) -> Iterator[None]:
    """Tell what goes wrong inside as ``SetupError`` or ``TryAgainLater``."""
    try:
        yield
    except SetupError as error:
        if _is_full(error.__cause__):
            raise _no_room(home) from error
        raise
    except BrokenPipeError:  # of standard output: no fault of the home
        raise
    except TryAgainLater as error:
        if isinstance(error.__cause__, apsw.Error):  # a server may hope for the next time; who starts something is told
            raise _explain(home, error.__cause__) from error
        raise
    except (OSError, apsw.Error) as error:
        raise _explain(home, error) from error


@contextmanager
def asked() -> Iterator[None]:
    """For what services ask of the store: they can do nothing about it, and are told to come back."""
    try:
        yield
    except apsw.BusyError as error:
        raise TryAgainLater("state.db cannot be read now: another program keeps it for itself") from error
    except (apsw.Error, OSError) as error:
        raise TryAgainLater(f"state.db does not answer: {error}") from error


def _explain(home: str | os.PathLike[str], error: OSError | apsw.Error) -> SetupError | TryAgainLater:
    if _is_full(error):
        return _no_room(home)
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return TryAgainLater(f"the database in {os.fspath(home)} is being written by another program")
    if isinstance(error, OSError):
        where = error.filename if isinstance(error.filename, str) else os.fspath(home)
        remedy = _REMEDIES.get(error.errno or 0, _REMEDY)
        return SetupError(f"{where}: {error.strerror or 'it cannot be used'}", remedy=remedy)
    return SetupError(
        f"{os.path.join(home, 'state.db')} cannot be used: {error}",
        remedy="Check who owns it and that the disk is sound; where it is damaged, restore it from a backup.",
    )


def _is_full(error: BaseException | None) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL
    # SQLite tells a full disk by a code of its own, except where it makes the file that its processes share.
    extended = getattr(error, "extendedresult", 0)  # absent from what was not raised by SQLite
    return isinstance(error, apsw.FullError) or extended == apsw.SQLITE_IOERR_SHMSIZE


def _no_room(home: str | os.PathLike[str]) -> TryAgainLater:
    return TryAgainLater(f"the disk of {os.fspath(home)} is full, or a quota is used up\n  Make room and start again.")
