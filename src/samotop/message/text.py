"""Which characters a header field may have, and what becomes of the others (RFC 5322 §2.2, RFC 6532 §3.1).

Whoever can put a line end into a field can begin another field: so that what
is written is refused by ``check_text``, and what was read is made harmless by
``clean_text``. Both know the same set: control characters but the tab, the
separators that some programs take for line ends, and halves of surrogate
pairs, which are no characters.
"""

from __future__ import annotations

import re
from typing import Final

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check_text(text: str, what: str) -> None:
    """Raise ``ValueError`` if ``text`` cannot stand in a header field. ``what`` is named in it, the text is not."""
    if text.isascii() and text.isprintable():
        return
    found = _FORBIDDEN.search(text)
    if found is not None:
        raise ValueError(f"{what} has a character that no header field may have: {_describe(found[0])}")


def clean_text(text: str) -> str:
    """``text`` with a space for each character that ``check_text`` refuses."""
    if text.isprintable():
        return text
    return _FORBIDDEN.sub(" ", text)


def _describe(character: str) -> str:
    names = {"\r": "a carriage return", "\n": "a line feed", "\0": "a NUL"}
    return names.get(character, f"U+{ord(character):04X}")
