"""Command lines off the wire (RFC 5321 §2.3.8).

Only CRLF ends a line. A CR or LF on its own is refused rather than repaired:
two servers that repair it differently is what SMTP smuggling needs.
"""

from __future__ import annotations

from samotop.errors import PeerError


class LineTooLong(PeerError):
    """The line has no end within the limit."""


class BareLineEnding(PeerError):
    """A CR without its LF, or a LF without its CR."""


def take_line(buffer: bytearray, limit: int) -> bytes | None:
    """Take one line, without its CRLF, off the front of ``buffer``.

    ``None`` means "not complete yet, feed me more". Only CRLF ends a line
    (RFC 5321 §2.3.8).

    Raises ``LineTooLong`` past ``limit`` octets (CRLF included), so that a
    peer cannot make us buffer more than that; ``BareLineEnding`` as above.
    """
    end = buffer.find(b"\n", 0, limit)
    if end < 0:
        carriage_return = buffer.find(b"\r", 0, limit)
        if 0 <= carriage_return < min(len(buffer), limit) - 1:
            raise BareLineEnding("CR without LF")
        if len(buffer) >= limit:
            raise LineTooLong(f"line longer than {limit} octets")
        return None
    line = bytes(buffer[: end + 1])
    if line.find(b"\r") != end - 1 or end == 0:
        raise BareLineEnding("line not ended by CRLF")
    del buffer[: end + 1]
    return line[:-2]


def skip_line(buffer: bytearray) -> int:
    """Drop what belongs to an over-long line; return how many octets went.

    The line's end goes with it: afterwards the buffer is empty (the line goes
    on) or begins with the next line.
    """
    end = buffer.find(b"\n")
    count = len(buffer) if end < 0 else end + 1
    del buffer[:count]
    return count
