"""Enhanced status codes (RFC 3463): the one source of permanence.

A code is ``class.subject.detail``: 2 done, 4 not now, 5 never. Everything that
must know whether a failure is permanent asks the class of this code and
nothing else. Text and three-digit codes follow from it, not the reverse.

Raises ``ValueError`` where a text is no such code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class EnhancedStatus(NamedTuple):
    """``class.subject.detail`` as three numbers (RFC 3463 §2)."""

    klass: int
    subject: int
    detail: int

    @property
    def is_success(self) -> bool:
        return self.klass == 2

    @property
    def is_transient(self) -> bool:
        return self.klass == 4

    @property
    def is_permanent(self) -> bool:
        return self.klass == 5

    def __str__(self) -> str:
        return f"{self.klass}.{self.subject}.{self.detail}"


@lru_cache(maxsize=256)
def parse_status(text: str) -> EnhancedStatus:
    """Read ``"5.1.1"``; raise ``ValueError`` for anything that RFC 3463 §2 does not allow."""
    parts = text.split(".")
    if (
        len(parts) != 3
        or parts[0] not in ("2", "4", "5")
        or not all(p.isascii() and p.isdigit() and 1 <= len(p) <= 3 for p in parts)
    ):
        raise ValueError(f"not an enhanced status code: {text!r}; write it like 5.7.1")
    return EnhancedStatus(int(parts[0]), int(parts[1]), int(parts[2]))
