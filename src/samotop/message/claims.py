"""Which Authentication-Results fields pass for ours: the ones that a border server has to remove (RFC 8601 §5).

A field that arrives in a message and names us as its author was not written by
us. Unlike ``message.authres`` this reader is tolerant, because the next one may
be: it does not ask whether a field is well-formed but whether somebody could
take its first word for our name.

Takes linear time. Raises nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from samotop.message.cfws import QUOTED, TOKEN, find_end_of_comment, unquote

NAME_LIMIT: Final = 1024
"""Characters of a word that may be a host name in some spelling (255 octets, escaped)."""
WORDS_LIMIT: Final = 1000
"""Words in doubt that are compared: a field that begins with more of them, in comments, is nobody's honest one."""
LABEL_LIMIT: Final = 63
"""Octets of a label (RFC 1035 §2.3.4)."""

_STOPS: Final = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
"""What may stand for a dot in an international name (RFC 3490 §3.1)."""
_SPACED_DOT: Final = re.compile(r"[ \t\r\n]*+\.[ \t\r\n]*+")
_NO_WORD: Final = re.compile(r"[^!#$%&'*+\-.0-9A-Z^_`a-z{|}~\x80-\U0010ffff\"(]*+")


def claims_to_be(field_value: bytes, hostname: str) -> bool:
    """Whether an Authentication-Results field claims to be written by ``hostname``.

    It is enough that the first word after comments is our name, in capitals,
    with a dot at its end, quoted, or in the other form of an international
    name, also with space around its dots, whatever follows it. Where a comment before it has brackets or
    backslashes inside, readers differ in where it ends: then no word up to
    there may be our name.
    """
    ours = _fold_name(hostname)
    text = field_value.decode("utf-8", "surrogateescape")
    return _begins_with(text, ours) or _begins_with(_SPACED_DOT.sub(".", text), ours)


def _begins_with(text: str, ours: str) -> bool:
    for number, word in enumerate(_iterate_first_words(text)):
        if number == WORDS_LIMIT or (len(word) <= NAME_LIMIT and _fold_name(word) == ours):
            return True
    return False


def _iterate_first_words(text: str) -> Iterator[str]:
    """What one reader or another will take for the identifier."""
    at, is_doubtful = 0, False
    while True:
        junk = _NO_WORD.match(text, at)
        assert junk is not None, "the pattern matches nothing as well"
        at = junk.end()
        if text.startswith("(", at):
            end = find_end_of_comment(text, at)
            if end < 0:
                yield from TOKEN.findall(text, at)
                return
            inner = text[at + 1 : end - 1]
            is_doubtful = is_doubtful or "(" in inner or "\\" in inner
            if is_doubtful:
                yield from TOKEN.findall(inner)
            at = end
        elif text.startswith('"', at):
            found = QUOTED.match(text, at)
            inner = (unquote(found[0]) if found is not None else text[at + 1 :]).strip()
            yield inner
            yield from TOKEN.findall(inner)[:1]
            if inner or found is None:
                return
            at = found.end()
        else:
            word = TOKEN.match(text, at)
            if word is not None:
                yield word[0]
            return


def _fold_name(name: str) -> str:
    """A host name in the one form in which it is compared: U-labels, lower case, no dot at its end."""
    plain = name.lower().translate(_STOPS).rstrip(".")
    if plain.isascii() and "xn--" not in plain:
        return plain
    return ".".join(_fold_label(label) for label in plain.split("."))


def _fold_label(label: str) -> str:
    if label.startswith("xn--") and len(label) <= LABEL_LIMIT and label.isascii():
        try:
            label = label[4:].encode("ascii").decode("punycode")
        except UnicodeError:
            return label
    folded = unicodedata.normalize("NFKC", label).casefold()
    return "".join(c for c in folded if c.isprintable())
