"""Content to octets for DATA and BDAT (RFC 5321 §4.5.2, RFC 3030), piece after piece.

``DotStuffer`` is for DATA: dots at a line's beginning doubled, the end of data
appended by ``finish``. ``LineGuard`` is for text that goes by BDAT: the same
care for line ends, nothing added but a last CRLF. No CR or LF on its own
leaves either of them: it is refused (``BareLineEnding``) or made a CRLF, as
``LineEnds`` says. What they give does not depend on how the content was cut.
Work is linear; at most one octet is kept.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.smtp.client.rules import LineEnds
from samotop.smtp.lines import BareLineEnding

_BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class LineGuard:
    """Lets text through in which every line ends with CRLF."""

    __slots__ = ("_at_line_start", "_held", "_line_ends")

    def __init__(self, line_ends: LineEnds = LineEnds.REFUSE) -> None:
        self._line_ends = line_ends
        self._held = b""  # a CR whose LF may come with the next chunk
        self._at_line_start = True

    def feed(self, chunk: bytes) -> bytes:
        """What can be sent now. Raises ``BareLineEnding``: nothing of this content may be sent any more."""
        if self._held:
            chunk = self._held + chunk
            self._held = b""
        if chunk.endswith(b"\r"):
            self._held = b"\r"
            chunk = chunk[:-1]
        if not chunk:
            return b""
        pairs = chunk.count(b"\r\n")
        if chunk.count(b"\n") != pairs or chunk.count(b"\r") != pairs:
            chunk = self._mend(chunk)
        was_at_start = self._at_line_start
        self._at_line_start = chunk.endswith(b"\n")
        return self._transform(chunk, was_at_start)

    def finish(self) -> bytes:
        """What ends the content. Raises as ``feed`` does."""
        octets = b""
        if self._held:
            self._mend(self._held)
            self._held = b""
            octets = b"\r\n"
        elif not self._at_line_start:
            octets = b"\r\n"
        return octets + self._end()

    def _mend(self, chunk: bytes) -> bytes:
        if self._line_ends is LineEnds.REFUSE:
            raise BareLineEnding("CR or LF on its own in content")
        return _BARE.sub(b"\r\n", chunk)

    def _transform(self, chunk: bytes, is_at_start: bool) -> bytes:
        return chunk

    def _end(self) -> bytes:
        return b""


class DotStuffer(LineGuard):
    """Makes of a content what follows the 354 reply to DATA."""

    __slots__ = ()

    def whole(self, octets: bytes) -> bytes:
        """All of a content at once, whose every line is known to end with CRLF or to be the last."""
        return self._transform(octets, True) + (b".\r\n" if octets.endswith(b"\n") or not octets else b"\r\n.\r\n")

    def _transform(self, chunk: bytes, is_at_start: bool) -> bytes:
        if b"\n." in chunk:
            chunk = chunk.replace(b"\n.", b"\n..")
        return b"." + chunk if is_at_start and chunk.startswith(b".") else chunk

    def _end(self) -> bytes:
        return b".\r\n"
