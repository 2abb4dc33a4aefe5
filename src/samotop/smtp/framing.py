"""Where content begins and ends on the wire: DATA (RFC 5321 §4.5.2) and BDAT (RFC 3030).

Both readers take octets off the front of a buffer and give content in pieces,
with dot-stuffing undone and nothing else changed: octets above 127 pass as
they are. A CR or LF on its own is refused with ``BareLineEnding`` (except in
BINARYMIME): servers that read it differently is what SMTP smuggling needs.
What came before it is given first, so that nothing depends on how the octets
were cut into reads. Work is linear in the octets received, memory is the
caller's buffer. What a content may not exceed is counted in ``measure``.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.smtp.lines import BareLineEnding

_END: Final = b"\r\n.\r\n"
_BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")


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
        ready = end + 2 if end >= 0 else len(buffer) - _held_back(buffer)
        if ready == 0:
            return b"", False
        piece = bytes(buffer[:ready])
        line_ends = piece.count(b"\r\n")
        if piece.count(b"\n") != line_ends or piece.count(b"\r") != line_ends:
            piece = _before_bare(piece)
            del buffer[: len(piece)]
            end = -1
        else:
            del buffer[: end + 5 if end >= 0 else ready]
        if b"\r\n." in piece:
            piece = piece.replace(b"\r\n.", b"\r\n")
        return piece, end >= 0


def _held_back(buffer: bytearray) -> int:
    """How many last octets could be the beginning of the end, and so must wait."""
    for length in (4, 3, 2, 1):
        if buffer.endswith(_END[:length]):
            return length
    return 0


def _before_bare(octets: bytes) -> bytes:
    """What stands before the first CR or LF on its own. Raises ``BareLineEnding`` if that is nothing."""
    found = _BARE.search(octets)
    assert found is not None, "only called where there is one"
    if found.start() == 0:
        raise BareLineEnding("CR or LF on its own in content")
    return octets[: found.start()]


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
        """Take what is there of the chunk; nothing while its CR waits for its LF.

        Raises ``BareLineEnding`` unless the content is binary.
        """
        piece = bytes(buffer[: self.remaining])
        if piece and not self._is_binary:
            piece = self._checked(piece)
        del buffer[: len(piece)]
        self.remaining -= len(piece)
        return piece

    def finish(self) -> None:
        """The last chunk is complete. Raises ``BareLineEnding`` if it ended on a CR."""
        if self._after_cr:
            raise BareLineEnding("CR on its own in content")

    def _checked(self, piece: bytes) -> bytes:
        """The piece, without what begins with a CR or LF on its own, or with a CR whose LF may yet come."""
        if self._after_cr and not piece.startswith(b"\n"):
            raise BareLineEnding("CR on its own in content")
        before = b"\r" if self._after_cr else b""
        ends_on_cr = piece.endswith(b"\r")
        whole = before + (piece[:-1] if ends_on_cr else piece)
        line_ends = whole.count(b"\r\n")
        if whole.count(b"\n") != line_ends or whole.count(b"\r") != line_ends:
            self._after_cr = False
            return _before_bare(whole)[len(before) :]
        self._after_cr = ends_on_cr and len(piece) == self.remaining  # then its LF begins the next chunk
        return piece[:-1] if ends_on_cr and not self._after_cr else piece


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
