"""Where the octets of an attachment come from: memory, a file, a stream of the caller's.

A file is opened by its own object (``pathlib.Path`` has what is asked for), so
that nothing here knows of file systems; it is read in pieces each time that
the message is. A stream that can be rewound is read where it stood, again for
each pass, so it must not be used otherwise meanwhile; one that cannot is read
into memory at once.

Raises ``OSError`` as files do, also where a file is not as long any more as it
was when the message was built: its length has been told by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final, Literal, Protocol, runtime_checkable

from samotop.content import Content
from samotop.message.transfer import GROUP, LINE_LIMIT, is_lines

PIECE: Final = 1024 * GROUP
"""Octets read of a file at a time: whole lines of base64."""


class _Status(Protocol):
    @property
    def st_size(self) -> int: ...


@runtime_checkable
class FileLike(Protocol):
    """A file that opens itself, as ``pathlib.Path`` does."""

    @property
    def name(self) -> str: ...
    def open(self, mode: Literal["rb"]) -> IO[bytes]: ...
    def stat(self) -> _Status: ...


@runtime_checkable
class StreamLike(Protocol):
    """An open binary stream."""

    def read(self, size: int = ..., /) -> bytes: ...


Source = bytes | Content | FileLike | StreamLike

Octets = bytes | Content
"""Octets in memory, or where they can be read."""


def open_source(source: Source) -> Octets:
    """The octets of ``source``. Raises ``ValueError`` for what is no source, and ``OSError``."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, Content):
        return source
    if isinstance(source, FileLike):
        return _open_file(source)
    if isinstance(source, StreamLike):
        return _open_stream(source)
    raise ValueError(f"expected bytes, a path, a binary stream or a Content, not {type(source).__name__}")


def _open_file(file: FileLike) -> Content:
    size = file.stat().st_size

    def chunks() -> Iterator[bytes]:
        with file.open("rb") as stream:
            yield from _iterate(stream, size)

    return Content(size, chunks)


def _open_stream(stream: StreamLike) -> Octets:
    is_rewindable = getattr(stream, "seekable", None)
    if is_rewindable is None or not is_rewindable():
        octets = stream.read()
        if not isinstance(octets, bytes):
            raise ValueError("the stream gives text: open it in binary mode")
        return octets
    seek = getattr(stream, "seek")  # noqa: B009  # what is seekable has it; the protocol asks for read alone
    start: int = seek(0, 1)
    size: int = seek(0, 2) - start

    def chunks() -> Iterator[bytes]:
        seek(start)
        yield from _iterate(stream, size)

    return Content(size, chunks)


def _iterate(stream: StreamLike | IO[bytes], size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = stream.read(min(left, PIECE))
        if not piece:
            raise OSError("an attachment is shorter than it was when the message was built")
        if not isinstance(piece, bytes):
            raise ValueError("the stream gives text: open it in binary mode")
        left -= len(piece)
        yield piece


def iterate_octets(octets: Octets) -> Iterator[bytes]:
    """A pass over them."""
    return iter((octets,)) if isinstance(octets, bytes) else octets.chunks()


def measure(octets: Octets) -> int:
    return len(octets) if isinstance(octets, bytes) else octets.size


def collect(octets: Octets) -> bytes:
    """All of them at once."""
    return octets if isinstance(octets, bytes) else octets.to_bytes()


def examine_lines(octets: Octets) -> tuple[bool, bool]:
    """``(is_ascii, is_lines)``, read through once: may they travel as they are? (RFC 2045 §2.7, §2.8)"""
    is_ascii, rest = True, b""
    for chunk in iterate_octets(octets):
        is_ascii = is_ascii and chunk.isascii()
        seen = rest + chunk
        end = seen.rfind(b"\n") + 1
        if not is_lines(seen[:end]) or len(seen) - end > LINE_LIMIT + 1:
            return is_ascii, False
        rest = seen[end:]
    return is_ascii, is_lines(rest)


def contains(octets: Octets, needle: bytes) -> bool:
    """Is ``needle`` anywhere in them? Keeps a piece at a time."""
    rest = b""
    for chunk in iterate_octets(octets):
        seen = rest + chunk
        if needle in seen:
            return True
        rest = seen[1 - len(needle) :]
    return False
