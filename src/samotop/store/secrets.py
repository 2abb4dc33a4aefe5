"""Secrets of a home that nobody has to know: made once, the same for all workers and after each start.

Files of ``SECRET_OCTETS`` random octets, 0600, synced before they are used. A
secret gets its name when it is whole, so that of several processes that start
at once none takes another's half, and all take the first one's.
Raises ``OSError`` for a place that cannot be written.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

SECRET_OCTETS: Final = 32
"""As long as the digest that they key."""


def keep_secret(path: Path) -> bytes:
    """The secret at ``path``, made where there is none, or only a part of one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    found = _read(path)
    if found is not None and len(found) == SECRET_OCTETS:
        return found
    secret = secrets.token_bytes(SECRET_OCTETS)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        _write(beside, secret)
        if found is None:
            with suppress(FileExistsError):  # another process was first
                os.link(beside, path)
        else:
            os.replace(beside, path)  # an older release was cut short by a crash
    finally:
        beside.unlink(missing_ok=True)
    _sync(path.parent)
    return path.read_bytes()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, secret: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
