"""Parameters of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2231, RFC 2183).

``parse_parameters`` reads what strangers write: values with spaces and no
quotes, encoded words where none may be, comments, continuations out of order.
Of two parameters with one name the first counts. Takes linear time, keeps at
most ``COUNT_LIMIT`` parameters, raises nothing.

``format_parameters`` writes tokens, quoted strings, and what is beyond ASCII or
too long for a line as RFC 2231 has it, in UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote as percent_encode
from urllib.parse import unquote_to_bytes

from samotop.message.cfws import QUOTED, find_end_of_comment, unquote
from samotop.message.charsets import decode_text
from samotop.message.encodedwords import decode_words
from samotop.message.folding import QUOTED_LIMIT, quote
from samotop.message.text import check_text, clean_text

COUNT_LIMIT: Final = 200
"""Parameters, and pieces of them, that are read of one field."""
PIECE: Final = 54
"""Characters of a value's piece, so that a name as long as "filename", its number and quotes fit into the line."""

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+")
_UNQUOTED_VALUE: Final = re.compile(r"[A-Za-z0-9._+-]+")  # fewer than a token has: some readers stumble over "*"
_NAME: Final = re.compile(r"[ \t\r\n;]*+([^=;\"()]*+)(=?)[ \t\r\n]*+")
_UNQUOTED: Final = re.compile(r"[^;(]*+")
_SECTION: Final = re.compile(r"([^*]++)(?:\*(\d{1,3}))?(\*?)")


def parse_parameters(value: str) -> tuple[str, dict[str, str]]:
    """The value's first word in lower case, and its parameters by their names in lower case."""
    end = value.find(";")
    first = value if end < 0 else value[:end]
    if "(" in first:
        first, end = _take_unquoted(value, 0)
    found: dict[str, dict[int, tuple[str, bool]]] = {}
    plain: dict[str, str] = {}
    count = 0
    while 0 <= end < len(value) and count < COUNT_LIMIT:
        name, text, end = _take_parameter(value, end)
        count += 1
        if not name:
            continue
        section = _SECTION.fullmatch(name)
        if section is not None and (section[2] is not None or section[3]):
            found.setdefault(section[1], {}).setdefault(int(section[2] or 0), (text, bool(section[3])))
        else:
            plain.setdefault(name, clean_text(decode_words(text)))
    for name, sections in found.items():
        plain[name] = clean_text(_join_sections(sections))
    return first.strip().lower(), plain


def _take_parameter(value: str, at: int) -> tuple[str, str, int]:
    """``(name, value, end)`` of the parameter that begins at ``at``; the name is empty where there is none."""
    match = _NAME.match(value, at)
    assert match is not None, "the pattern matches nothing as well"
    end = match.end()
    name = match[1].strip().lower()
    if not match[2]:
        if end < len(value) and value[end] == "(":
            closed = find_end_of_comment(value, end)
            return "", "", closed if closed > 0 else end + 1
        return "", "", end if end > at else end + 1
    quoted = QUOTED.match(value, end)
    if quoted is not None:
        text, end = unquote(quoted[0]), quoted.end()
        return name, text, _take_unquoted(value, end)[1]
    text, end = _take_unquoted(value, end)
    return name, text.strip().removeprefix('"'), end


def _take_unquoted(value: str, at: int) -> tuple[str, int]:
    """What stands up to the next semicolon, without comments."""
    found: list[str] = []
    while True:
        match = _UNQUOTED.match(value, at)
        assert match is not None, "the pattern matches nothing as well"
        found.append(match[0])
        at = match.end()
        if at == len(value) or value[at] == ";":
            return "".join(found), at
        closed = find_end_of_comment(value, at)
        if closed < 0:  # no comment then
            end = value.find(";", at)
            end = len(value) if end < 0 else end
            found.append(value[at:end])
            return "".join(found), end
        at = closed


def _join_sections(sections: Mapping[int, tuple[str, bool]]) -> str:
    """Put the pieces of a parameter together (RFC 2231 §3, §4): 0, 1, 2 and so on, up to the first that is missing."""
    octets: list[bytes] = []
    charset = ""
    number = 0
    while number in sections:
        text, is_extended = sections[number]
        if is_extended:
            if number == 0 and text.count("'") >= 2:
                charset, _, text = text.split("'", 2)
            octets.append(unquote_to_bytes(text))
        else:
            octets.append(text.encode("utf-8", "replace"))
        number += 1
    text = decode_text(b"".join(octets), charset)
    return decode_words(text) if not charset else text


def format_parameters(first: str, parameters: Mapping[str, str]) -> list[str]:
    """``first`` and its parameters as pieces of a field. Raises ``ValueError`` for what cannot be one."""
    written = [first]
    for name, value in parameters.items():
        if not _TOKEN.fullmatch(name) or "*" in name or "'" in name or "%" in name or len(name) > 40:
            raise ValueError(f"not a parameter's name: {ascii(name)[:60]}")
        check_text(value, f"parameter {name}")
        written.extend(_format_parameter(name, value))
    return [piece + ";" for piece in written[:-1]] + written[-1:]


def _format_parameter(name: str, value: str) -> list[str]:
    if value.isascii() and len(value) <= QUOTED_LIMIT and "=?" not in value:
        return [f"{name}={value}" if _UNQUOTED_VALUE.fullmatch(value) else f"{name}={quote(value)}"]
    encoded = percent_encode(value, safe="!#$&+-.^_`{|}~")
    if len(encoded) <= PIECE:
        return [f"{name}*=utf-8''{encoded}"]
    pieces: list[str] = []
    start = 0
    while start < len(encoded):
        end = start + PIECE
        cut = encoded.rfind("%", end - 2, end)  # never between a percent sign and its digits
        end = cut if cut >= 0 and cut + 3 > end and end < len(encoded) else end
        prefix = "utf-8''" if not pieces else ""
        pieces.append(f"{name}*{len(pieces)}*={prefix}{encoded[start:end]}")
        start = end
    return pieces
