"""Lists of ``name=value`` tags, as signatures and key records write them (RFC 6376 §3.2).

A list with a tag twice, with an empty place between semicolons, or with a
control character is refused as a whole, as the RFC asks for: two readers that
each take another one of two ``d=`` are what a forger needs. Values keep their
octets, inner folding included; octets above 127 are let through for the
readers of tags that may be UTF-8 (RFC 8616 §5).

Takes linear time. Raises ``TagSyntaxError``.
"""

from __future__ import annotations

import binascii
import re
from typing import Final, NamedTuple

LENGTH_LIMIT: Final = 16 * 1024
"""Octets of one list: an RSA key of 4096 bits has 800, a long ``h=`` some hundred more."""
COUNT_LIMIT: Final = 64
"""Tags of one list: fourteen are registered."""
DIGITS_LIMIT: Final = 76
"""Digits of a number: what ``l=`` may have (RFC 6376 §3.5)."""

# A control character ends the value and is followed by neither, so that there is no match.
_TAG: Final = re.compile(
    rb"[ \t\r\n]*+([A-Za-z][A-Za-z0-9_]*+)[ \t\r\n]*+=([ \t\r\n!-:<-~\x80-\xff]*+)(?:;|\Z)",
)
_DIGITS: Final = re.compile(rb"[0-9]{1,%d}" % DIGITS_LIMIT)
_SPACE: Final = b" \t\r\n"


class TagSyntaxError(ValueError):
    """No tag list, or a value that does not fit its tag; says which, and quotes nothing."""


class Tag(NamedTuple):
    """One tag's value: without the white space around it; ``start`` and ``end`` are its place, white space included."""

    value: bytes
    start: int
    end: int


def parse_tags(octets: bytes, limit: int = LENGTH_LIMIT) -> dict[str, Tag]:
    """Read a tag list into its tags by name, in their order (RFC 6376 §3.2). Names are case-sensitive.

    Raises ``TagSyntaxError``.
    """
    if len(octets) > limit:
        raise TagSyntaxError(f"is longer than {limit} octets")
    tags: dict[str, Tag] = {}
    position, size = 0, len(octets)
    while position < size or not tags:
        found = _TAG.match(octets, position)
        if found is None:
            if tags and not octets[position:].strip(_SPACE):  # the list may end with a semicolon
                return tags
            raise TagSyntaxError("is no list of tags")
        word, value = found.groups()
        name = word.decode("ascii")
        if name in tags:
            raise TagSyntaxError(f"has the tag {name}= twice" if len(name) < 8 else "has a tag twice")
        begin, end = found.span(2)
        tags[name] = Tag(value.strip(_SPACE), begin, end)
        if len(tags) > COUNT_LIMIT:
            raise TagSyntaxError(f"has more than {COUNT_LIMIT} tags")
        position = found.end()
    return tags


def read_base64(value: bytes) -> bytes:
    """Decode base64 with white space in it (RFC 6376 §3.5, ``b=``). Raises ``TagSyntaxError``."""
    try:
        return binascii.a2b_base64(b"".join(value.split()), strict_mode=True)
    except binascii.Error:
        raise TagSyntaxError("has a value that is not base64") from None


def read_number(value: bytes) -> int:
    """A decimal number without a sign. Raises ``TagSyntaxError``."""
    if not _DIGITS.fullmatch(value):
        raise TagSyntaxError("has a value that is no number")
    return int(value)


def split_list(value: bytes) -> list[bytes]:
    """The parts of a colon-separated list, without white space around them; an empty value is one empty part."""
    return [part.strip(_SPACE) for part in value.split(b":")]
