"""Frames of the milter protocol: a length of four octets, a letter, what belongs to it.

Raises ``MilterSyntaxError``. Nothing is repaired: who counts wrongly once has
lost its place in the stream.
"""

from __future__ import annotations

import struct
from typing import Final

from samotop.errors import PeerError

FRAME_LIMIT: Final = 1024 * 1024 + 1
"""Octets of a frame, its letter included: libmilter's own largest, and more than any field of a message has."""
CHUNK: Final = 65535
"""Octets of a body that fit into one frame for every implementation (``MILTER_CHUNK_SIZE``)."""
STRINGS_LIMIT: Final = 1000
"""Strings in one frame: macros come in pairs, Postfix sends up to thirty of them."""

_LENGTH: Final = struct.Struct("!I")
NUL: Final = b"\0"


class MilterSyntaxError(PeerError):
    """This is not the milter protocol. The text quotes nothing of it."""


def take_frame(buffer: bytearray, limit: int = FRAME_LIMIT) -> tuple[bytes, bytes] | None:
    """Take one frame off the front: its letter and what follows. ``None``: not complete yet."""
    if len(buffer) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(buffer)
    if not 0 < length <= limit:
        raise MilterSyntaxError("a frame of this length is not possible")
    end = _LENGTH.size + length
    if len(buffer) < end:
        return None
    letter, rest = bytes(buffer[4:5]), bytes(buffer[5:end])
    del buffer[:end]
    return letter, rest


def format_frame(letter: bytes, rest: bytes = b"") -> bytes:
    """One frame. ``ValueError`` where it would be too long: who makes frames cuts before."""
    if len(rest) >= FRAME_LIMIT:
        raise ValueError("too long for a frame")
    return _LENGTH.pack(len(rest) + 1) + letter + rest


def split_strings(octets: bytes, least: int = 0, most: int = STRINGS_LIMIT) -> list[bytes]:
    """Strings that each end with a NUL, and nothing after the last."""
    if not octets:
        found: list[bytes] = []
    elif not octets.endswith(NUL):
        raise MilterSyntaxError("a string does not end")
    else:
        found = octets[:-1].split(NUL, most)
    if not least <= len(found) <= most:
        raise MilterSyntaxError("too few strings, or too many")
    return found


def join_strings(*strings: bytes) -> bytes:
    """The same with their ends. ``ValueError`` for a NUL in one of them: it would become two."""
    if any(NUL in one for one in strings):
        raise ValueError("a string cannot have a NUL")
    return b"".join(one + NUL for one in strings)


def take_number(octets: bytes) -> tuple[int, bytes]:
    """A number of four octets off the front, and the rest."""
    if len(octets) < _LENGTH.size:
        raise MilterSyntaxError("a number is cut off")
    return _LENGTH.unpack_from(octets)[0], octets[_LENGTH.size :]


def format_number(number: int) -> bytes:
    return _LENGTH.pack(number)
