"""Command lines off the wire (RFC 5321 §2.3.8).

Only CRLF ends a line. A CR or LF on its own is refused rather than repaired:
two servers that repair it differently is what SMTP smuggling needs. What is
found does not depend on how the octets were cut into reads.
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
    carriage_return = buffer.find(b"\r", 0, limit)
    if carriage_return >= 0 and buffer.find(b"\n", 0, carriage_return + 2) == carriage_return + 1 < limit:
        line = bytes(buffer[:carriage_return])
        del buffer[: carriage_return + 2]
        return line
    available = min(len(buffer), limit)
    if buffer.find(b"\n", 0, available) >= 0 or 0 <= carriage_return < available - 1:
        raise BareLineEnding("CR or LF on its own in a command")
    if len(buffer) >= limit:
        raise LineTooLong(f"line longer than {limit} octets")
    return None


def skip_line(buffer: bytearray, limit: int) -> tuple[int, bool]:
    """Drop what belongs to an over-long line, at most ``limit`` octets of it.

    Returns how many octets went and whether the line ended: then the buffer
    begins with the next line. A CR whose LF may still come stays in the
    buffer. Raises ``BareLineEnding`` as ``take_line`` does.
    """
    carriage_return = buffer.find(b"\r", 0, limit)
    end = carriage_return if carriage_return >= 0 else min(len(buffer), limit)
    if buffer.find(b"\n", 0, end) >= 0:
        raise BareLineEnding("LF on its own in a command")
    if carriage_return < 0:
        del buffer[:end]
        return end, False
    following = buffer[end + 1 : end + 2]
    if following == b"\n":
        del buffer[: end + 2]
        return end + 2, True
    if following:
        raise BareLineEnding("CR on its own in a command")
    del buffer[:end]
    return end, False
