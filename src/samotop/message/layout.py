"""A tree of parts as the octets of a message: headers, delimiters, encoded bodies (RFC 2046 §5.1).

Boundaries are made from a seed, so that the same message is the same octets.
``=_`` is in all of them: neither quoted-printable nor base64 can have it, and
where a body is not encoded it is searched for. So no body, whoever wrote it,
can end its part.

Raises ``ValueError`` where a boundary that the caller asked for is in a body,
and where parts are nested deeper than any reader follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2s
from itertools import chain
from typing import Final

from samotop.content import Content
from samotop.message.part import Part
from samotop.message.sources import Octets, contains, iterate_octets, measure

DEPTH_LIMIT: Final = 20
"""Multiparts inside multiparts: what our own reader follows."""

_ENCODED: Final = ("base64", "quoted-printable")
_MARK: Final = b"--=_"


def lay_out(part: Part, seed: str) -> tuple[bytes, list[Octets]]:
    """The fields of ``part`` without the blank line after them, and the pieces of its body in order."""
    return _Layout(part, seed).lay_out(part, 0)


class _Layout:
    """Numbers the boundaries of one message."""

    __slots__ = ("_count", "_seed", "_suspects")

    def __init__(self, root: Part, seed: str) -> None:
        self._seed = seed
        self._count = 0
        self._suspects = [body for body in _iterate_bodies(root) if contains(body, _MARK)] if root.parts else []

    def lay_out(self, part: Part, depth: int) -> tuple[bytes, list[Octets]]:
        if not part.parts:
            return part.format_fields(), [part.content]
        boundary = self._choose(part)
        octets = boundary.encode("ascii")
        pieces: list[Octets] = []
        for child in part.parts:
            fields, body = self.lay_out(child, depth + 1)
            pieces += (b"--%b\r\n%b\r\n" % (octets, fields), *body, b"\r\n")
        pieces.append(b"--%b--\r\n" % octets)
        return part.format_fields(boundary), pieces

    def _choose(self, part: Part) -> str:
        if part.boundary:
            needle = b"--" + part.boundary.encode("ascii")
            if any(contains(body, needle) for body in _iterate_bodies(part, encoded=True)):
                raise ValueError("the boundary that was asked for is in one of the parts")
            return part.boundary
        while True:
            self._count += 1
            token = blake2s(f"{self._count} {self._seed}".encode(), digest_size=12).hexdigest()
            boundary = f"=_{token}"
            if not any(contains(body, b"--" + boundary.encode("ascii")) for body in self._suspects):
                return boundary


def _iterate_bodies(part: Part, depth: int = 0, *, encoded: bool = False) -> Iterator[Octets]:
    """The bodies of all leaves, of those in base64 and quoted-printable only if asked for. Raises ``ValueError``."""
    if depth > DEPTH_LIMIT:
        raise ValueError(f"parts are nested deeper than {DEPTH_LIMIT}")
    for child in part.parts:
        yield from _iterate_bodies(child, depth + 1, encoded=encoded)
    if not part.parts and (encoded or part.encoding not in _ENCODED):
        yield part.content


def join_pieces(pieces: Iterable[Octets]) -> list[Octets]:
    """The same octets in fewer pieces: what is in memory is put together."""
    joined: list[Octets] = []
    waiting: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            waiting.append(piece)
            continue
        joined += (b"".join(waiting), piece)
        waiting = []
    joined.append(b"".join(waiting))
    return joined


def make_content(header: bytes, pieces: Iterable[Octets]) -> Content:
    """The message: ``header`` with its blank line, and the pieces of its body."""
    joined = join_pieces([header, *pieces])
    if len(joined) == 1 and isinstance(joined[0], bytes):
        whole = joined[0]
        return Content(len(whole), lambda: iter((whole,)), header)
    return Content(sum(map(measure, joined)), lambda: chain.from_iterable(map(iterate_octets, joined)), header)
