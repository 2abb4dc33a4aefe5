"""Header fields as they are: raw octets with their folding, in order, with offsets (RFC 5322 §2.2).

Nothing is decoded, unfolded or repaired. A field ends at a line end that no
space or tab follows; LF alone counts as a line end here, because a reader of
the stored message will take it for one. A line that is no field (no colon, or
no name before it) is a field without a name, so that the raw octets of all
fields are together exactly the section.

Takes linear time. Raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

NAME_LIMIT: Final = 255
"""Octets of a field's name: the longest registered one has 38; more is a line of text with a colon in it."""

# Possessive: no octet is looked at twice, whatever the folding.
_FIELD: Final = re.compile(rb"[^\n]*+(?:\n[ \t][^\n]*+)*+\n?")
_NAME: Final = re.compile(rb"([!-9;-~]{1,%d})[ \t]*:" % NAME_LIMIT)


class Field(NamedTuple):
    """One field. ``raw`` has name, colon, folding and line end; ``start`` and ``end`` are its place in the section."""

    name: bytes
    """As it was written; empty where the line is no field."""
    raw: bytes
    start: int
    end: int

    @property
    def value(self) -> bytes:
        """What follows the colon, raw, without the last line end."""
        after = self.raw.partition(b":")[2] if self.name else self.raw
        return after.removesuffix(b"\n").removesuffix(b"\r")


def iterate_fields(section: bytes) -> Iterator[Field]:
    """Yield the fields of a header section, in order, up to the blank line or the end of ``section``."""
    position, size = 0, len(section)
    match_field, match_name = _FIELD.match, _NAME.match
    while position < size:
        found = match_field(section, position)
        assert found is not None, "the pattern matches anything"
        raw = found[0]
        if raw == b"\r\n" or raw == b"\n":
            return
        name = match_name(raw)
        end = found.end()
        yield Field(name[1] if name is not None else b"", raw, position, end)
        position = end


def split_fields(section: bytes) -> int:
    """Where the last field begins that may still go on: all before it is complete, whatever follows.

    0 where nothing is complete. For readers who have not seen the section's end yet.
    """
    at = len(section)
    while at > 0:
        at = section.rfind(b"\n", 0, at)
        if at < 0:
            return 0
        if section[at + 1 : at + 2] not in (b" ", b"\t", b""):
            return at + 1
    return 0
