"""The present and chance, for who builds a message and names no date or identifier.

The one place in this package that reads a clock or random numbers: everything
else is given them. The date is told in UTC, so that a message does not say in
which part of the world it was written; the identifier is drawn, so that it
tells neither the machine nor the time.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import Final

TOKEN_OCTETS: Final = 15
"""Chance in an identifier: 120 bits never meet by accident."""


def now() -> datetime:
    """The present second, in UTC."""
    return datetime.fromtimestamp(int(time.time()), UTC)


def draw_token() -> str:
    """Letters and digits that nobody can guess."""
    return secrets.token_hex(TOKEN_OCTETS)
