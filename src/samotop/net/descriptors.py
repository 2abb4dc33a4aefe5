"""How many files and sockets this process may have open (RLIMIT_NOFILE), and how many sessions fit into that.

A server that runs out of descriptors can neither accept nor store nor deliver.
So the soft limit is raised to the hard one at the start, and sessions are kept
to what then fits. Programs that we start inherit the raised limit.
"""

from __future__ import annotations

import contextlib
import resource
from typing import Final

RESERVE: Final = 256
"""Descriptors for everything but sessions: listeners, the database's and the spool's files, mailboxes, the log."""

PER_SESSION: Final = 2
"""Its socket, and the file of a large content."""


def raise_limit() -> int:
    """Raise the soft limit as far as the hard one allows; returns what holds then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # what holds is less, and is told
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft


def fitting_sessions(limit: int) -> int:
    """Sessions that ``limit`` descriptors are enough for, one at least."""
    if limit == resource.RLIM_INFINITY:
        return fitting_sessions(2**31 - 1)
    return max(1, (limit - RESERVE) // PER_SESSION)
