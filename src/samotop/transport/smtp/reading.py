"""Reading a content on its way to a server: what it is like, piece after piece, and what is converted of it.

A small content is read on the event loop; a larger one may lie in a file, and
is read in a thread. Raises ``Unreadable`` where that fails: a fault on our
side, not of the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from samotop.content import Content
from samotop.smtp.client import ContentShape, measure_content
from samotop.transport.sending import Progress

T = TypeVar("T")

SMALL: Final = 512 * 1024
"""Octets of a content that is read on the event loop."""

WRITE_FROM: Final = 64 * 1024
"""Octets of content that are gathered for one write: a small message leaves together with its end."""


class Unreadable(Exception):
    """The stored content could not be read."""


class Sent:
    """Counts for the progress, and says when enough has gathered to be written."""

    __slots__ = ("_count", "_gathered", "_progress", "_size")

    def __init__(self, size: int, progress: Progress | None) -> None:
        self._count = self._gathered = 0
        self._size = size
        self._progress = progress

    def add(self, count: int) -> bool:
        self._count += count
        self._gathered += count
        if self._gathered < WRITE_FROM:
            return False
        self._gathered = 0
        return True

    def tell(self) -> None:
        if self._progress is not None:
            self._progress(self._count, self._size)


def measure(content: Content) -> ContentShape:
    """What a plan depends on. Raises ``Unreadable``."""
    try:
        return measure_content(content.chunks())
    except OSError as error:
        raise Unreadable from error


async def read(content: Content, job: Callable[[], T]) -> T:
    """Do what reads a whole content, in a thread where it is large. Raises ``Unreadable``."""
    try:
        return job() if content.size <= SMALL else await asyncio.to_thread(job)
    except OSError as error:
        raise Unreadable from error


def take_chunk(chunks: Iterator[bytes]) -> bytes | None:
    """The next piece; ``None`` at the end. Raises ``Unreadable``."""
    try:
        return next(chunks, None)
    except OSError as error:
        raise Unreadable from error
