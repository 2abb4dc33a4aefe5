"""Secrets of a home that nobody has to know: made once, the same for all workers and after each start.

Files of ``SECRET_OCTETS`` random octets, 0600, synced before they are used.
Raises ``OSError`` for a place that cannot be written.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

SECRET_OCTETS: Final = 32
"""As long as the digest that they key."""


def keep_secret(path: Path) -> bytes:
    """The secret at ``path``, made where there is none, or only a part of one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        found = path.read_bytes()
        if len(found) == SECRET_OCTETS:
            return found
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)  # cut short by a crash
    secret = secrets.token_bytes(SECRET_OCTETS)
    with os.fdopen(fd, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    return secret
