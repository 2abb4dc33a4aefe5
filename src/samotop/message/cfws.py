"""Comments, quoted strings and tokens of structured fields (RFC 5322 §3.2, RFC 2045 §5.1).

UTF-8 may be in them (RFC 6532). Pieces for readers of such fields, on text that is unfolded already. Takes
linear time. Raises nothing.
"""

from __future__ import annotations

import re
from typing import Final

COMMENT_DEPTH_LIMIT: Final = 100
"""Comments inside comments that we follow; nobody honest nests more than two."""

# Possessive, all of them: no character is looked at twice.
QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
"""A quoted string; group 1 is what is between the quotes."""
TOKEN: Final = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~\x80-\U0010ffff]++")
"""RFC 2045's token, and anything that is not ASCII."""

_IN_COMMENT: Final = re.compile(r"(?:[^()\\]|\\.)*+", re.DOTALL)
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)


def find_end_of_comment(text: str, at: int) -> int:
    """Where the comment ends whose bracket stands at ``at``; -1 where it does not end, or nests too deep."""
    depth = 0
    while at < len(text):
        depth += 1 if text[at] == "(" else -1
        at += 1
        if depth == 0:
            return at
        found = _IN_COMMENT.match(text, at)
        assert found is not None, "the pattern matches nothing as well"
        at = found.end()
        if depth > COMMENT_DEPTH_LIMIT or text.startswith("\\", at):  # a backslash at the end, with nothing to quote
            return -1
    return -1


def unquote(quoted: str) -> str:
    """What a quoted string says, quotes at both ends included."""
    inner = quoted[1:-1]
    return _PAIR.sub(r"\1", inner) if "\\" in inner else inner
