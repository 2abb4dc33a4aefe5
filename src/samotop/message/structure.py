"""Where the parts of a message lie: its MIME structure, found in one pass (RFC 2046 §5.1).

Works on the octets as they came, CRLF or LF. A part ends where a delimiter of
any multipart around it stands, so that one that was never closed takes nothing
of its neighbours. A delimiter is a line that begins with two hyphens and the
boundary; white space may follow, and anything after that. A boundary that
begins with another one is a different boundary.

What comes from strangers has bounds (``MimeBounds``): what is deeper is one
opaque part, what comes after the last part that is counted is left out. The
time is linear in the octets times the depth, whatever they are.
Raises nothing.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from typing import Final

from samotop.content import HEADER_LIMIT
from samotop.message.fields import FIELDS_LIMIT, Header
from samotop.message.parameters import parse_parameters

PART_HEADER_LIMIT: Final = 64 * 1024
"""Octets of a part's header: the longest honest ones hold a few file names."""

_BLANK: Final = re.compile(rb"\n\r?\n")
_FIELD_START: Final = re.compile(rb"[!-9;-~]{1,255}[ \t]*:")
_MEDIA_TYPE: Final = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+/[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+")
_AFTER: Final = (b"", b" ", b"\t", b"\r", b"\n")
_NEVER: Final = sys.maxsize


@dataclass(frozen=True, slots=True)
class MimeBounds:
    """How much of a message is looked at.

    ``octets`` of it are kept in memory when its body is asked for; ``parts``
    are counted in all, multiparts included; ``depth`` is how deep multiparts
    and messages may be nested; ``fields`` are those of one header.
    """

    octets: int = 64 * 1024 * 1024
    parts: int = 1000
    depth: int = 20
    fields: int = FIELDS_LIMIT

    def inner(self) -> MimeBounds:
        """The bounds for a message inside of one."""
        return replace(self, depth=self.depth - 1)


BOUNDS: Final = MimeBounds()


class Node:
    """One part: where its header and body lie, and the parts inside of it."""

    __slots__ = ("body_end", "body_start", "epilogue", "header", "media_type", "parameters", "parts", "preamble_end")

    def __init__(self, header: Header, body_start: int, default_type: str) -> None:
        self.header = header
        self.body_start = self.body_end = body_start
        media_type, self.parameters = parse_parameters(header.get_unfolded("content-type"))
        if not _MEDIA_TYPE.fullmatch(media_type):  # as RFC 2045 §5.2 has it for what cannot be read
            media_type = "text/plain" if "content-type" in header else default_type
        self.media_type = media_type
        self.parts: list[Node] = []
        self.preamble_end: int | None = None
        self.epilogue: int | None = None
        """Where it begins; ``None`` where the last delimiter is missing."""


class _Level:
    """A multipart that is open, and the next line that is one of its delimiters."""

    __slots__ = ("needle", "next", "node")

    def __init__(self, node: Node, boundary: bytes) -> None:
        self.node = node
        self.needle = b"--" + boundary
        self.next = -1


def parse_structure(octets: bytes, bounds: MimeBounds = BOUNDS) -> tuple[Node, bool]:
    """The tree of parts, and whether all of it was read."""
    return _Walk(octets, bounds).read()


class _Walk:
    __slots__ = ("_bounds", "_count", "_levels", "_octets", "_open")

    def __init__(self, octets: bytes, bounds: MimeBounds) -> None:
        self._octets = octets
        self._bounds = bounds
        self._levels: list[_Level] = []
        self._open: list[Node] = []  # from the root to the part that is being read
        self._count = 0

    def read(self) -> tuple[Node, bool]:
        start = self._octets.find(b"\n") + 1 if self._octets.startswith(b"From ") else 0
        at = self._begin(start, "text/plain")
        root, is_complete = self._open[0], True
        while self._levels:
            number, start = self._find_delimiter(at)
            if number < 0:
                break
            level = self._levels[number]
            self._end_parts(level.node, self._line_before(start))
            del self._levels[number + 1 :]
            after = start + len(level.needle)
            is_last = self._octets.startswith(b"--", after)
            line_end = self._octets.find(b"\n", after)
            at = line_end + 1 if line_end >= 0 else len(self._octets)
            if is_last:
                level.node.epilogue = at
                del self._levels[number]
            elif self._count >= self._bounds.parts:
                is_complete = False
                level.node.epilogue = len(self._octets)
                self._levels.clear()
            else:
                digest = level.node.media_type == "multipart/digest"
                at = self._begin(at, "message/rfc822" if digest else "text/plain")
        for node in self._open:
            node.body_end = max(node.body_start, len(self._octets))
        return root, is_complete

    def _begin(self, at: int, default_type: str) -> int:
        """A part begins at ``at``: read its header, open it; where its body begins."""
        octets = self._octets
        is_root = not self._open
        limit = HEADER_LIMIT if is_root else PART_HEADER_LIMIT
        number, stop = self._find_delimiter(at)
        stop = stop if number >= 0 else len(octets)
        if octets.startswith((b"\r\n", b"\n"), at):
            header, body = b"", octets.index(b"\n", at) + 1
        elif not _FIELD_START.match(octets, at, stop):
            header, body = b"", at
        else:
            end = min(stop, at + limit)
            blank = _BLANK.search(octets, at, end)
            header = octets[at : blank.start() + 1 if blank else end]
            if blank is None and is_root and end < stop:  # the body begins where it does, however long the header is
                blank = _BLANK.search(octets, end - 2)
                end = blank.end() if blank else stop
            body = blank.end() if blank else end
        node = Node(Header(header, self._bounds.fields), body, default_type)
        self._count += 1
        if self._open:
            self._open[-1].parts.append(node)
        self._open.append(node)
        boundary = node.parameters.get("boundary", "")
        if boundary and node.media_type.startswith("multipart/") and len(self._levels) < self._bounds.depth:
            self._levels.append(_Level(node, boundary.encode("utf-8", "replace")))
        return body

    def _end_parts(self, node: Node, end: int) -> None:
        """A delimiter of ``node`` stands behind ``end``: whatever is open inside of it ends there."""
        while self._open[-1] is not node:
            inner = self._open.pop()
            inner.body_start = min(inner.body_start, end)  # an empty part: its last line end is the delimiter's
            inner.body_end = end
        if node.preamble_end is None:
            node.preamble_end = max(node.body_start, end)

    def _line_before(self, start: int) -> int:
        """Where the line before ``start`` ends, its line end excluded: that belongs to the delimiter."""
        if start and self._octets[start - 1] == 10:
            start -= 1
            if start and self._octets[start - 1] == 13:
                start -= 1
        return start

    def _find_delimiter(self, at: int) -> tuple[int, int]:
        """``(number, start)`` of the next line that is a delimiter of an open multipart; ``(-1, ...)`` without one.

        Each level searches up to what the levels around it have found, and not
        again before that is passed, so that no octet is searched twice for it.
        """
        found, limit = -1, len(self._octets)
        for number, level in enumerate(self._levels):
            if level.next < at:
                level.next = self._search(level.needle, at, limit)
            if level.next <= limit:
                found, limit = number, level.next
        return found, limit

    def _search(self, needle: bytes, at: int, limit: int) -> int:
        """The first line from ``at`` on, which begins a line, up to ``limit`` that is ``needle``'s delimiter."""
        octets, size = self._octets, len(needle)
        if not octets.startswith(needle, at):
            at = octets.find(b"\n" + needle, max(0, at - 1), limit + size) + 1
        while at > 0 or octets.startswith(needle):
            follows = octets[at + size : at + size + 3]
            if follows[:1] in _AFTER or (follows[:2] == b"--" and follows[2:] in _AFTER):
                return at
            at = octets.find(b"\n" + needle, at, limit + size) + 1
            if at == 0:
                break
        return _NEVER
