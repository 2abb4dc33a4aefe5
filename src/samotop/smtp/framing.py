"""Where content begins and ends on the wire: DATA (RFC 5321 §4.5.2) and BDAT (RFC 3030).

Both readers take octets off the front of a buffer and give content in pieces,
with dot-stuffing undone and nothing else changed: octets above 127 pass as
they are. A CR or LF on its own is refused with ``BareLineEnding`` (except in
BINARYMIME): servers that read it differently is what SMTP smuggling needs.
Work is linear in the octets received, memory is the caller's buffer.
"""

from __future__ import annotations

from typing import Final

from samotop.errors import PeerError
from samotop.smtp.lines import BareLineEnding
from samotop.smtp.rules import Rules

_END: Final = b"\r\n.\r\n"


class ContentRefused(PeerError):
    """The content breaks a limit. The rest of it is swallowed, then the refusal is said."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class Measure:
    """Keeps count of what a content may not exceed: size, header section, length of a line.

    Fed with the pieces in order; how they were cut makes no difference.
    """

    __slots__ = ("_in_header", "_line", "_rules", "_tail", "size")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._line = 0
        self._tail = b"\r\n"  # a content that begins with an empty line has no header fields
        self._in_header = True
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Count one piece. Raises ``ContentRefused``."""
        rules = self._rules
        length = len(piece)
        self.size += length
        if self.size > rules.size:
            raise ContentRefused(f"message larger than {rules.size} octets", "5.3.4")
        if self._in_header:
            self._count_header(piece)
        last = piece.rfind(b"\n")
        if last < 0:
            self._line += length
        else:
            self._line += piece.find(b"\n") + 1
            if self._line > rules.text_line or (length > rules.text_line and self._has_long_line(piece)):
                raise ContentRefused(f"line longer than {rules.text_line} octets", "5.6.0")
            self._line = length - last - 1
        if self._line > rules.text_line:
            raise ContentRefused(f"line longer than {rules.text_line} octets", "5.6.0")

    def _count_header(self, piece: bytes) -> None:
        joined = self._tail + piece
        end = joined.find(b"\r\n\r\n")
        octets = self.size if end < 0 else self.size - len(joined) + end + 4
        if octets > self._rules.header:
            raise ContentRefused(f"header section longer than {self._rules.header} octets", "5.3.4")
        self._in_header = end < 0
        self._tail = joined[-3:]

    def _has_long_line(self, piece: bytes) -> bool:
        return any(len(line) + 1 > self._rules.text_line for line in piece.split(b"\n")[1:-1])


class DataReader:
    """Reads one content sent with DATA.

    ``take`` returns what is ready (perhaps nothing) and whether the content
    has ended; after that the buffer begins with the next command. Raises
    ``BareLineEnding``.
    """

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = False

    def take(self, buffer: bytearray) -> tuple[bytes, bool]:
        if not self._begun:
            if buffer[:1] == b".":
                if buffer[:3] == b".\r\n":
                    del buffer[:3]
                    return b"", True
                if len(buffer) < 3 and b".\r\n".startswith(buffer):
                    return b"", False
                del buffer[:1]
            elif not buffer:
                return b"", False
            self._begun = True
        end = buffer.find(_END)
        if end >= 0:
            piece = bytes(buffer[: end + 2])
            del buffer[: end + 5]
        else:
            ready = len(buffer) - _held_back(buffer)
            if ready == 0:
                return b"", False
            piece = bytes(buffer[:ready])
            del buffer[:ready]
        line_ends = piece.count(b"\r\n")
        if piece.count(b"\n") != line_ends or piece.count(b"\r") != line_ends:
            raise BareLineEnding("CR or LF on its own in content")
        if b"\r\n." in piece:
            piece = piece.replace(b"\r\n.", b"\r\n")
        return piece, end >= 0


def _held_back(buffer: bytearray) -> int:
    """How many last octets could be the beginning of the end, and so must wait."""
    for length in (4, 3, 2, 1):
        if buffer.endswith(_END[:length]):
            return length
    return 0


class ChunkReader:
    """Reads one content sent with BDAT, chunk after chunk.

    ``expect`` is called with each BDAT's size, then ``take`` until ``remaining`` is 0.
    """

    __slots__ = ("_after_cr", "_is_binary", "remaining")

    def __init__(self, *, is_binary: bool) -> None:
        self.remaining = 0
        self._after_cr = False
        self._is_binary = is_binary

    def expect(self, size: int) -> None:
        self.remaining = size

    def take(self, buffer: bytearray) -> bytes:
        """Take what is there of the chunk. Raises ``BareLineEnding`` unless the content is binary."""
        piece = bytes(buffer[: self.remaining])
        del buffer[: len(piece)]
        self.remaining -= len(piece)
        if piece and not self._is_binary:
            self._check(piece)
        return piece

    def finish(self) -> None:
        """The last chunk is complete. Raises ``BareLineEnding`` if it ended on a CR."""
        if self._after_cr:
            raise BareLineEnding("CR on its own in content")

    def _check(self, piece: bytes) -> None:
        whole = b"\r" + piece if self._after_cr else piece
        self._after_cr = whole.endswith(b"\r")
        if self._after_cr:
            whole = whole[:-1]
        line_ends = whole.count(b"\r\n")
        if whole.count(b"\n") != line_ends or whole.count(b"\r") != line_ends:
            raise BareLineEnding("CR or LF on its own in content")


def format_data(content: bytes) -> bytes:
    """What a client sends after 354 for a content in memory: dots doubled, end of data appended.

    ``content`` has CRLF line ends; one is added at the end if it is missing.
    """
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + b".\r\n"
