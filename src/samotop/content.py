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


class Content:
    """One message's octets, readable any number of times.

    ``size`` counts octets. ``chunks()`` yields ``bytes`` of any length; it may
    read a file, so a caller on an event loop keeps to small contents or goes
    through a thread. Raises ``OSError`` where the storage under it fails.
    """

    __slots__ = ("_header", "_open", "size")

    def __init__(self, size: int, open_chunks: Callable[[], Iterator[bytes]], header: bytes | None = None) -> None:
        self.size = size
        self._open = open_chunks
        self._header = header

    @classmethod
    def from_bytes(cls, octets: bytes) -> Content:
        return cls(len(octets), lambda: iter((octets,)))

    @classmethod
    def from_chunks(cls, chunks: tuple[bytes, ...]) -> Content:
        return cls(sum(map(len, chunks)), lambda: iter(chunks))

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


class HeaderCollector:
    """Takes the header section off the front of a content that arrives in pieces, looking at each octet once.

    ``header`` is ``None`` until it is complete: with the blank line that ends
    it, or ``limit`` octets long. ``feed`` returns what of the piece follows it.
    """

    __slots__ = ("_limit", "_seen", "header")

    def __init__(self, limit: int = HEADER_LIMIT) -> None:
        self.header: bytes | None = None
        self._seen = bytearray()
        self._limit = limit

    def feed(self, chunk: bytes) -> bytes:
        """Take the next octets; the body's among them are returned."""
        if self.header is not None:
            return chunk
        seen = self._seen
        start = max(0, len(seen) - 3)
        seen += chunk
        if seen[:2] == b"\r\n":  # no header fields at all
            return self._complete(2)
        end = seen.find(b"\r\n\r\n", start)
        if end >= 0:
            return self._complete(min(end + 4, self._limit))
        if len(seen) >= self._limit:
            return self._complete(self._limit)
        return b""

    def end(self) -> bytes:
        """There is no more: what came is the header section, if it was not complete. Returns it."""
        if self.header is None:
            self._complete(len(self._seen))
        assert self.header is not None, "just completed"
        return self.header

    def _complete(self, size: int) -> bytes:
        seen, self._seen = self._seen, bytearray()
        self.header = bytes(seen[:size])
        return bytes(seen[size:])


def take_header(chunks: Iterable[bytes], limit: int = HEADER_LIMIT) -> bytes:
    """Read from ``chunks`` up to and including the blank line, or to ``limit`` octets."""
    collector = HeaderCollector(limit)
    for chunk in chunks:
        collector.feed(chunk)
        if collector.header is not None:
            return collector.header
    return collector.end()
