"""A message's content as it flows: header section, size, chunks.

Nothing needs the whole in memory. ``Content`` is a view: who made it knows
where the octets are (memory, a sealed segment, a file), and ``chunks()``
starts a fresh pass each time it is called. Octets are as they came from the
wire: CRLF line ends, dot-stuffing undone, nothing repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

HEADER_LIMIT: Final = 256 * 1024
"""Octets of a header section that we look at: many times the largest honest one seen."""

PIECE: Final = 256 * 1024
"""Octets that are taken at a time where a thread does it: each piece costs a way there and back."""


class Content:
    """One message's octets, readable any number of times.

    ``size`` counts octets. ``chunks()`` yields ``bytes`` of any length; it may
    read a file, so a caller on an event loop keeps to small contents or goes
    through a thread, unless it ``is_at_hand``: in memory, read without waiting.
    Raises ``OSError`` where the storage under it fails.
    """

    __slots__ = ("_header", "_open", "is_at_hand", "size")

    def __init__(
        self,
        size: int,
        open_chunks: Callable[[], Iterator[bytes]],
        header: bytes | None = None,
        *,
        is_at_hand: bool = False,
    ) -> None:
        self.size = size
        self.is_at_hand = is_at_hand
        self._open = open_chunks
        self._header = header

    @classmethod
    def from_bytes(cls, octets: bytes) -> Content:
        return cls(len(octets), lambda: iter((octets,)), is_at_hand=True)

    @classmethod
    def from_chunks(cls, chunks: tuple[bytes, ...]) -> Content:
        return cls(sum(map(len, chunks)), lambda: iter(chunks), is_at_hand=True)

    @property
    def header(self) -> bytes:
        """The header section with the blank line that ends it (RFC 5322 §2.1).

        All of the content if there is no blank line, at most ``HEADER_LIMIT``
        octets in any case.
        """
        if self._header is None:
            self._header = take_header(self._open())
        return self._header

    def chunks(self) -> Iterator[bytes]:
        """Start a pass over all octets, header section included."""
        return self._open()

    def to_bytes(self) -> bytes:
        """All of it at once: for small contents, tests and tools."""
        return b"".join(self._open())

    def __repr__(self) -> str:
        return f"<Content of {self.size} octets>"


def take_piece(chunks: Iterator[bytes], least: int = PIECE) -> bytes:
    """The next octets, ``least`` or some more; empty at the end."""
    taken: list[bytes] = []
    size = 0
    for chunk in chunks:
        taken.append(chunk)
        size += len(chunk)
        if size >= least:
            break
    return b"".join(taken)


def take_header(chunks: Iterable[bytes], limit: int = HEADER_LIMIT) -> bytes:
    """Read from ``chunks`` up to and including the blank line, or to ``limit`` octets."""
    seen = bytearray()
    for chunk in chunks:
        if not seen and (end := chunk.find(b"\r\n\r\n")) >= 0 and chunk[:2] != b"\r\n":  # nearly always
            return chunk[: min(end + 4, limit)]
        start = max(0, len(seen) - 3)
        seen += chunk
        if seen[:2] == b"\r\n":  # no header fields at all
            return bytes(seen[:2])
        end = seen.find(b"\r\n\r\n", start)
        if end >= 0:
            return bytes(seen[: min(end + 4, limit)])
        if len(seen) >= limit:
            return bytes(seen[:limit])
    return bytes(seen)
