"""What a filter's changes make of a header section; and a section's fields as the protocol carries them.

Fields are octets as they stand in the message. A filter's value is folded
with LF alone; here it gets CRLF. What would break out of its field (a NUL, a
line that begins with no space) is pressed into it: a filter may write a field,
not another message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from samotop.milter.responses import AddHeader, Change, ChangeHeader, InsertHeader

_FIELD: Final = re.compile(rb"[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+|[^\n]*+\n?+", re.DOTALL)
_BREAKS: Final = re.compile(rb"\r\n?+|\n")


def split_fields(section: bytes) -> list[bytes]:
    """The fields of a header section, each with its folded lines and CRLF; without the blank line."""
    end = section.find(b"\r\n\r\n")
    if section.startswith(b"\r\n"):
        return []
    section = section if end < 0 else section[: end + 2]
    return [found for match in _FIELD.finditer(section) if (found := match[0])]


def name_of(field: bytes) -> bytes:
    """A field's name; empty for a line that is none."""
    name, colon, _ = field.partition(b":")
    return name.rstrip(b" \t") if colon else b""


def value_of(field: bytes, *, keeps_space: bool) -> bytes:
    """A field's value as filters get it: folded with LF; ``keeps_space``: with the blank after the colon."""
    value = field.partition(b":")[2].removesuffix(b"\r\n").replace(b"\r\n", b"\n").replace(b"\0", b" ")
    return value if keeps_space else value.removeprefix(b" ")


def format_field(name: bytes, value: bytes, *, has_space: bool = False) -> bytes:
    """A field as it stands in a message; ``has_space``: the value brings its own blank."""
    lines = _BREAKS.split(value.replace(b"\0", b" ").rstrip(b"\r\n"))
    folded = [lines[0]]
    for line in lines[1:]:
        if line.strip(b" \t"):  # a line of blanks alone would end the header section for some
            folded.append(line if line[:1] in (b" ", b"\t") else b"\t" + line)
    return name + (b":" if has_space else b": ") + b"\r\n".join(folded) + b"\r\n"


def apply_changes(section: bytes, changes: Iterable[Change], *, has_space: bool = False) -> bytes:
    """The header section, blank line included, as ``changes`` leave it: they count in their order.

    An index counts the fields as the changes before it left them. What is no
    change of the header is not done here.
    """
    fields = split_fields(section)
    for change in changes:
        match change:
            case AddHeader(name, value):
                fields.append(format_field(name, value, has_space=has_space))
            case InsertHeader(index, name, value):
                fields.insert(min(index, len(fields)), format_field(name, value, has_space=has_space))
            case ChangeHeader(index, name, value):
                _change(fields, max(1, index), name, value, has_space=has_space)
            case _:
                pass
    return b"".join(fields) + b"\r\n"


def _change(fields: list[bytes], index: int, name: bytes, value: bytes, *, has_space: bool) -> None:
    """Sendmail and Postfix add a field where there is none to change."""
    places = [place for place, field in enumerate(fields) if name_of(field).lower() == name.lower()]
    new = format_field(name, value, has_space=has_space)
    if index > len(places):
        if value:
            fields.append(new)
    elif value:
        fields[places[index - 1]] = new
    else:
        del fields[places[index - 1]]
