"""The header of a message or of a part, read tolerantly: fields by their names, raw and decoded.

Names are compared without regard to case. ``get`` gives text for people:
unfolded, encoded words decoded, and without the characters that no field may
have, however they came there, so that what it gives can be written into a new
message. ``get_raw`` gives the octets.

Fields are found when first asked for, in linear time, and ``count`` of them at
most. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from samotop.message.charsets import decode_text
from samotop.message.encodedwords import decode_words
from samotop.message.header import Field, iterate_fields
from samotop.message.text import clean_text

FIELDS_LIMIT: Final = 10_000
"""Fields that are read: ten times more than the longest way through lists and servers makes."""


class Header:
    """The fields of a header section, in order. ``octets`` is the section, with or without its blank line."""

    __slots__ = ("_count", "_index", "octets")

    def __init__(self, octets: bytes, count: int = FIELDS_LIMIT) -> None:
        self.octets = octets
        self._count = count
        self._index: dict[str, list[Field]] | None = None

    def __iter__(self) -> Iterator[Field]:
        """All fields, in order; a line that is no field has no name."""
        return islice(iterate_fields(self.octets), self._count)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._fields()

    def get(self, name: str) -> str | None:
        """The first field of this name as text, or ``None``."""
        found = self._fields().get(name.lower())
        return read_text(found[0].value) if found else None

    def get_all(self, name: str) -> list[str]:
        """All fields of this name as text, in order."""
        return [read_text(field.value) for field in self._fields().get(name.lower(), ())]

    def get_raw(self, name: str) -> bytes | None:
        """The first field's value as it lies there, folding included, or ``None``."""
        found = self._fields().get(name.lower())
        return found[0].value if found else None

    def get_unfolded(self, name: str) -> str:
        """The first field's value in one line, encoded words as they are; empty without one."""
        found = self._fields().get(name.lower())
        return unfold(found[0].value) if found else ""

    def get_joined(self, name: str) -> str:
        """The values of all fields of this name with commas between: one list in several fields."""
        return ", ".join([unfold(field.value) for field in self._fields().get(name.lower(), ())])

    def _fields(self) -> dict[str, list[Field]]:
        if self._index is None:
            self._index = {}
            for field in self:
                if field.name:
                    self._index.setdefault(field.name.decode("ascii").lower(), []).append(field)
        return self._index


def unfold(value: bytes) -> str:
    """A field's value in one line (RFC 5322 §2.2.3); octets beyond ASCII are UTF-8 or the next best."""
    if b"\n" in value or b"\r" in value:
        value = value.replace(b"\r", b"").replace(b"\n", b"")
    return decode_text(value).strip(" \t")


def read_text(value: bytes) -> str:
    """A field's value as text for people."""
    return clean_text(decode_words(unfold(value)))
