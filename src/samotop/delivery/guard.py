"""A content that remembers how reading it ended: who hands it on sees only that it failed.

What cannot be read because of what was stored is damage, and no later attempt
will help; what the machine has run out of comes back.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final

from samotop.content import Content

PASSING: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EBUSY))
"""Faults of opening or reading that say nothing about what was stored."""


class Guarded:
    """``content`` of one entry under guard, ``None`` where it did not open; ``is_damaged`` once that has shown."""

    __slots__ = ("_inner", "content", "is_damaged")

    def __init__(self, inner: Content | None, *, is_damaged: bool = False) -> None:
        self._inner = inner
        self.is_damaged = is_damaged
        self.content = Content(inner.size, self._chunks) if inner is not None else None

    def _chunks(self) -> Iterator[bytes]:
        assert self._inner is not None, "nobody has the content otherwise"
        size = 0
        try:
            for chunk in self._inner.chunks():
                size += len(chunk)
                yield chunk
            if size != self._inner.size:
                raise ValueError("the content has not the size that was stored")
        except (OSError, ValueError) as fault:
            self.is_damaged = is_damage(fault)
            raise


def is_damage(fault: Exception) -> bool:
    """Will reading fail again?"""
    return not isinstance(fault, OSError) or fault.errno not in PASSING
