"""A filter's file: read, and written anew so that a crash leaves the old one or the new one, never half of one.

The one place of the package that touches the world, for ``Filter.open`` and
``Filter.save``; who keeps filters elsewhere uses ``record``. The file is
readable by its owner alone: it is learned from his mail.

Raises ``SetupError``; ``TryAgainLater`` where the disk is full.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from samotop.errors import SetupError, TryAgainLater
from samotop.junk.record import LARGEST, format_filter, parse_filter

if TYPE_CHECKING:
    from samotop.junk.filter import Filter


FilePath = str | os.PathLike[str]

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def read_filter(path: FilePath) -> Filter | None:
    """The filter in a file, or ``None`` where there is no file."""
    try:
        with open(path, "rb") as file:
            octets = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SetupError(f"the filter {path} cannot be read: {error.strerror}") from error
    remedy = "move the file away and train anew, or name the right one"
    if len(octets) > LARGEST:
        raise SetupError(f"the filter {path} is larger than any filter", remedy=remedy)
    try:
        return parse_filter(octets)
    except ValueError as error:
        raise SetupError(f"the filter {path} cannot be read: {error}", remedy=remedy) from error


def write_filter(path: FilePath, learned: Filter) -> None:
    """Replace the file."""
    octets = format_filter(learned)
    folder = Path(path).absolute().parent
    fresh = None
    try:
        descriptor, fresh = tempfile.mkstemp(prefix=".junk-", dir=folder)
        with open(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
        fresh = None
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        said = f"the filter {path} cannot be written: {error.strerror}"
        raise (TryAgainLater(said) if error.errno in _FULL else SetupError(said)) from error
    finally:
        if fresh is not None:
            Path(fresh).unlink(missing_ok=True)
