"""What a content may not exceed: its size, its header section, the length of a line.

Every octet counts as it arrives, and the first octet that goes beyond a limit
decides which one is told: it makes no difference how the octets were cut.
"""

from __future__ import annotations

from samotop.errors import PeerError
from samotop.smtp.rules import Rules


class ContentRefused(PeerError):
    """The content breaks a limit. The rest of it is swallowed, then the refusal is said."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class Measure:
    """Keeps count of one content. Fed with its pieces in order, until it raises ``ContentRefused``."""

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
        before = self.size
        self.size = before + len(piece)
        header = self._count_header(piece) if self._in_header else 0
        first_end = piece.find(b"\n") + 1
        line_before = self._line
        if first_end == 0:
            line = self._line = line_before + len(piece)
        else:
            line = line_before + first_end
            self._line = len(piece) - piece.rfind(b"\n") - 1
        limit = rules.text_line
        if (
            self.size > rules.size
            or header > rules.header
            or line > limit
            or (len(piece) > limit and _find_long_line(piece, 0, limit) >= 0)
        ):
            self._refuse(piece, before, header, line_before)

    def _count_header(self, piece: bytes) -> int:
        """Octets of the header section so far."""
        joined = self._tail + piece
        end = joined.find(b"\r\n\r\n")
        self._in_header = end < 0
        self._tail = joined[-3:]
        return self.size if end < 0 else self.size - len(joined) + end + 4

    def _refuse(self, piece: bytes, before: int, header: int, line_before: int) -> None:
        """Find which limit was broken first; ``before`` and ``line_before`` were counted before this piece."""
        rules = self._rules
        faults: list[tuple[int, str, str]] = []  # where in the piece, what to say, its status
        if self.size > rules.size:
            faults.append((rules.size - before, f"message larger than {rules.size} octets", "5.3.4"))
        if header > rules.header:
            faults.append((rules.header - before, f"header section longer than {rules.header} octets", "5.3.4"))
        long_line = _find_long_line(piece, line_before, rules.text_line)
        if long_line >= 0:
            faults.append((long_line, f"line longer than {rules.text_line} octets", "5.6.0"))
        _, message, status = min(faults, key=lambda fault: fault[0])
        raise ContentRefused(message, status)


def _find_long_line(piece: bytes, line_before: int, limit: int) -> int:
    """Where the first line becomes longer than ``limit`` (LF included), or -1.

    ``line_before`` octets of the first line came before this piece.
    """
    start, allowed = 0, limit - line_before
    while len(piece) - start > allowed:
        end = piece.find(b"\n", start, start + allowed)
        if end < 0:
            return start + allowed
        start, allowed = end + 1, limit
    return -1
