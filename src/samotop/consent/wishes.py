"""What an owner wants to become of those about whom nothing has been decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

REQUESTS: Final = "Requests"
"""The folder of a mailbox where the unknown wait."""


JUNK: Final = "Junk"
"""The folder for what the owner's filter calls junk, where strangers are not asked about."""


class Unknown(Enum):
    """``[consent] unknown``."""

    ACCEPT = "accept"
    REQUEST = "request"
    DEFER = "defer"


class Bounces(Enum):
    """What happens to notifications about mail that the owner has not sent."""

    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Wishes:
    """One owner's. ``defer_for``: seconds that a sender may be made to wait; afterwards the message is held instead,
    so that nothing expires at the sender. ``greylists``: the unproven are asked to come back before they are held."""

    unknown: Unknown = Unknown.REQUEST
    defer_for: float = 4 * 3600.0
    bounces: Bounces = Bounces.HOLD
    greylists: bool = True


DEFAULT_WISHES = Wishes()
