"""How a handover ended, in the words of RFC 3463. Texts name neither files nor people."""

from __future__ import annotations

import errno
import os
from typing import Final

from samotop.ports.transport import Outcome
from samotop.status import EnhancedStatus

DELIVERED: Final = Outcome(EnhancedStatus(2, 0, 0), "delivered")
ALREADY_THERE: Final = Outcome(EnhancedStatus(2, 0, 0), "was there already")
NO_MAILBOX: Final = Outcome(EnhancedStatus(5, 1, 1), "there is no mailbox of that name")
NO_ROOM: Final = Outcome(EnhancedStatus(4, 3, 1), "no room on the disk")
LOCKED: Final = Outcome(EnhancedStatus(4, 2, 0), "somebody else has the mailbox locked")
UNREADABLE: Final = Outcome(EnhancedStatus(4, 3, 0), "the stored content could not be read")

_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def failed(fault: Exception) -> Outcome:
    """The outcome where reading the content or writing the file failed: for now, never for ever."""
    if not isinstance(fault, OSError):
        return UNREADABLE
    if fault.errno in _FULL:
        return NO_ROOM
    reason = os.strerror(fault.errno) if fault.errno is not None else "a fault of the disk"
    return Outcome(EnhancedStatus(4, 3, 0), f"could not be written: {reason}")
