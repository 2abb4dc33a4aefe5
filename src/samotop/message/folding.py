"""Header fields as they are written: encoded, folded, and impossible to break out of (RFC 5322 §2.2).

``format_unstructured`` writes text (Subject and every field that the caller
names), ``format_structured`` pieces that a grammar allows a space between.
Lines have at most 78 characters where there is a space to fold at (76 with an
encoded word, RFC 2047 §2), and never more than 998 octets. Folding adds a line
end and nothing else, so that unfolding gives back exactly what was there; no
line has only space on it.

With ``utf8`` text beyond ASCII stays as it is (RFC 6532), else it is encoded.

Whatever goes in, what comes out is one field: each value passes a last check.
Raises ``ValueError`` for a name or a value that cannot be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from samotop.message.encodedwords import LEAST_ROOM, encode_words
from samotop.message.text import check_text
from samotop.message.transfer import LINE_LIMIT

FOLD_AT: Final = 78
"""Characters of a line (RFC 5322 §2.1.1)."""
FOLD_ENCODED_AT: Final = 76
"""Characters of a line with an encoded word in it (RFC 2047 §2)."""
WORD_LIMIT: Final = 800
"""Octets of a word that is written as it is; a longer one is encoded, so that it can be folded."""
NAME_LIMIT: Final = 76
"""Octets of a field's name, so that name, colon and fold fit into 78."""
QUOTED_LIMIT: Final = 60
"""Characters of a quoted string, which is not folded; what is longer is encoded."""

_NAME: Final = re.compile(rf"[!-9;-~]{{1,{NAME_LIMIT}}}")
_ATOM: Final = re.compile(rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~\u00a1-\U0010ffff-]{{1,{QUOTED_LIMIT}}}")
_SPACES: Final = re.compile(r"([ \t]+)")
_ONE_FIELD: Final = re.compile(r"(?:\r\n)?(?:[ \t]++[^\x00-\x20\x7f][^\x00-\x08\x0a-\x1f\x7f]*+(?:\r\n)?)++")
_FIELDS: Final = re.compile(
    rb"(?:[!-9;-~]{1,%d}+:(?:\r\n)?(?:[ \t]*+[^\x00-\x20\x7f][^\x00-\x08\x0a-\x1f\x7f]*+\r\n(?=[ \t]))*+"
    rb"[ \t]*+[^\x00-\x20\x7f][^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+" % NAME_LIMIT
)


def check_name(name: str) -> None:
    """Raise ``ValueError`` if no field can have this name (RFC 5322 §2.2)."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a header field's name: {ascii(name)[:60]}")


def check_fields(octets: bytes) -> None:
    """Raise ``ValueError`` unless these are whole header fields, each folded rightly and with its CRLF."""
    if not _FIELDS.fullmatch(octets) or any(len(line) > LINE_LIMIT for line in octets.split(b"\r\n")):
        raise ValueError("these are no header fields, with CRLF after each and lines of at most 998 octets")


def format_unstructured(name: str, text: str, *, utf8: bool = False) -> bytes:
    """Write a field whose value is text for people, CRLF included."""
    check_name(name)
    check_text(text, name)
    if len(name) + len(text) <= FOLD_AT - 2 and text.isascii() and "=?" not in text and text.strip(" \t") == text:
        return f"{name}: {text}\r\n".encode("ascii")
    return _finish(name, _fold_words(len(name) + 1, text, utf8))


def format_structured(name: str, pieces: Iterable[str]) -> bytes:
    """Write a field of pieces with single spaces between them, folded where they meet; CRLF included.

    The pieces are right by the field's grammar already: encoded and quoted.
    """
    check_name(name)
    return _finish(name, fold_pieces(len(name) + 1, pieces))


def fold_pieces(column: int, pieces: Iterable[str]) -> str:
    """``pieces``, each with a space or a fold before it; ``column`` characters stand before the first."""
    folded: list[str] = []
    for piece in pieces:
        limit = FOLD_ENCODED_AT if piece.startswith("=?") else FOLD_AT
        if column + 1 + len(piece) > limit and folded:
            folded.append("\r\n")
            column = 0
        folded.append(" " + piece)
        column += 1 + len(piece)
    return "".join(folded)


def format_phrase(text: str, *, utf8: bool = False) -> list[str]:
    """``text`` as the words of a phrase, such as a display name (RFC 5322 §3.2.5): atoms, quoted, or encoded."""
    check_text(text, "a name")
    if (text.isascii() or utf8) and "=?" not in text:
        words = text.split(" ")
        if all(map(_ATOM.fullmatch, words)):
            return words
        if len(text) <= QUOTED_LIMIT:
            return [quote(text)]
    return encode_words(text) if text else []


def quote(text: str) -> str:
    """``text`` as a quoted string (RFC 5322 §3.2.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _finish(name: str, value: str) -> bytes:
    """The field, if it is one and no more: what cannot happen is made sure of here."""
    if not _ONE_FIELD.fullmatch(value) or value.endswith("\r\n"):
        raise ValueError(f"the value of {name} is empty, or would not stay one field")
    field = f"{name}:{value}\r\n".encode()
    if len(field) > LINE_LIMIT and any(len(line) > LINE_LIMIT for line in field.split(b"\r\n")):
        raise ValueError(f"a part of {name} is longer than a line may be")
    return field


def _fold_words(column: int, text: str, utf8: bool) -> str:
    """Text as words with their own spaces before them, some of them encoded; ``column`` characters stand before."""
    words = _SPACES.split(text)  # word, spaces, word, ...; empty at an end where spaces are
    must = [_must_encode(word, utf8) for word in words[::2]]
    if not words[0] and len(words) > 1:  # a reader drops spaces at both ends, so they go along with a word
        must[1] = True
    if not words[-1] and len(words) > 1:
        must[-2] = True
    if not words[0]:
        must[0] = True
    if not words[-1]:
        must[-1] = True
    folded: list[str] = []
    index, space = 0, " "
    while index < len(must):
        if not must[index]:
            word = words[2 * index]
            if folded and column + len(space) + len(word) > FOLD_AT:
                folded.append("\r\n")
                column = 0
            folded.append(space + word)
            column += len(space) + len(word)
            space = words[2 * index + 1] if index + 1 < len(must) else ""
            index += 1
            continue
        last = index
        while last + 1 < len(must) and must[last + 1]:
            last += 1
        run = space[1:] + "".join(words[2 * index : 2 * last + 1])
        if last + 1 < len(must):
            after = words[2 * last + 1]
            run, following = run + after[:-1], after[-1]
        else:
            following = ""
        column = _fold_encoded(folded, column, space[:1], run)
        index, space = last + 1, following
    return "".join(folded)


def _must_encode(word: str, utf8: bool) -> bool:
    is_long = len(word) * 4 > WORD_LIMIT and len(word.encode()) > WORD_LIMIT
    return is_long or "=?" in word or not (utf8 or word.isascii())


def _fold_encoded(folded: list[str], column: int, space: str, text: str) -> int:
    """Add ``text`` as encoded words to ``folded``; return the column after it."""
    room = FOLD_ENCODED_AT - column - 1
    if room < LEAST_ROOM and folded:
        folded.append("\r\n")
        column, room = 0, FOLD_ENCODED_AT - 1
    for word in encode_words(text, room):
        if column + 1 + len(word) > FOLD_ENCODED_AT and column:
            folded.append("\r\n")
            column = 0
        folded.append(space + word)
        column += 1 + len(word)
        space = " "
    return column
