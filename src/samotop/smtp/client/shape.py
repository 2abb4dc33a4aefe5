"""What must be known of a content before it is sent: size, eight bits, line ends.

``ContentShape`` is the value; ``measure_content`` finds it in one pass, and
``ShapeMeter`` does so for who has the chunks only as they pass by. How the
octets were cut makes no difference. Memory is constant.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContentShape:
    """What a plan depends on.

    ``size`` in octets. ``has_eight_bit``: octets above 127 anywhere.
    ``has_utf8_header``: the header section is valid UTF-8 beyond ASCII, as an
    internationalized one is (RFC 6532 §3); a relay that was not told SMTPUTF8
    may clear it and pass on what it was given. ``is_binary``: NUL octets, so that only
    BINARYMIME carries it as it is; a caller that knows of a binary part sets
    it too. ``bare_line_ends`` counts the CRs and LFs on their own.
    """

    size: int = 0
    has_eight_bit: bool = False
    has_utf8_header: bool = False
    is_binary: bool = False
    bare_line_ends: int = 0


class ShapeMeter:
    """Finds the shape of one content: ``feed`` each chunk, then ``finish``."""

    __slots__ = (
        "_bare",
        "_decoder",
        "_ends_on_cr",
        "_has_high",
        "_has_nul",
        "_in_header",
        "_is_utf8",
        "_size",
        "_tail",
    )

    def __init__(self) -> None:
        self._size = self._bare = 0
        self._has_high = self._has_nul = self._is_utf8 = self._ends_on_cr = False
        self._in_header = True
        self._tail = b"\n"  # a content that begins with an empty line has no header fields
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, chunk: bytes) -> None:
        """Look at the next octets."""
        if not chunk:
            return
        self._size += len(chunk)
        if not chunk.isascii():
            self._has_high = True
        self._has_nul = self._has_nul or b"\0" in chunk
        if self._in_header:
            self._look_at_header(chunk)
        pairs = chunk.count(b"\r\n")
        self._bare += chunk.count(b"\r") + chunk.count(b"\n") - 2 * pairs
        if self._ends_on_cr and chunk[0] == 10:
            self._bare -= 2  # both halves of a CRLF that was cut had been counted
        self._ends_on_cr = chunk[-1] == 13

    def _look_at_header(self, chunk: bytes) -> None:
        """The header section ends with an empty line, whatever its line ends are."""
        joined = self._tail + chunk.replace(b"\r", b"")
        end = joined.find(b"\n\n")
        before = len(self._tail)
        self._tail = joined[-1:]
        self._in_header = end < 0
        try:
            text = self._decoder.decode(joined[before : end if end >= 0 else None], final=end >= 0)
        except UnicodeDecodeError:
            self._in_header = self._is_utf8 = False
        else:
            self._is_utf8 = self._is_utf8 or not text.isascii()

    def finish(self) -> ContentShape:
        """The shape of all that was fed."""
        if self._in_header:
            self._look_at_header(b"\n\n")
        return ContentShape(self._size, self._has_high, self._is_utf8, self._has_nul, self._bare)


def measure_content(chunks: Iterable[bytes]) -> ContentShape:
    """The shape of a content; ``measure_content(content.chunks())``."""
    meter = ShapeMeter()
    for chunk in chunks:
        meter.feed(chunk)
    return meter.finish()


def measure_whole(octets: bytes) -> ContentShape:
    """The shape of a content that is in memory whole; of text in ASCII, in few steps."""
    if not octets.isascii() or b"\0" in octets:
        return measure_content((octets,))
    bare = octets.count(b"\r") + octets.count(b"\n") - 2 * octets.count(b"\r\n")
    return ContentShape(len(octets), bare_line_ends=bare)
