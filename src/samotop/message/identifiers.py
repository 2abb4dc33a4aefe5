"""Message identifiers: Message-ID, In-Reply-To, References, Content-ID (RFC 5322 §3.6.4, RFC 2045 §7).

Written strictly, ``<left@right>``; read tolerantly, whatever stands between
angle brackets without a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

ID_LIMIT: Final = 900
"""Octets of an identifier: it cannot be folded, so it must fit into a line with its field's name."""
COUNT_LIMIT: Final = 1000
"""Identifiers of a field that are read."""

_WRITTEN: Final = re.compile(
    r"[!#-'*+\--9=?A-Z^-~\u00a1-\U0010ffff]+@(?:[!#-'*+\--9=?A-Z^-~\u00a1-\U0010ffff]+|\[[!-Z^-~]*\])"
)
_CONTENT: Final = re.compile(r"[!#-'*+\--9=?A-Z^-~@]+")
_FOUND: Final = re.compile(rf"<([^<>\s]{{1,{ID_LIMIT}}})>")
_BARE: Final = re.compile(rf"[^<>\s,;\"()@]{{1,{ID_LIMIT}}}@[^<>\s,;\"()]{{1,255}}")


def format_id(text: str) -> str:
    """``text`` with its angle brackets, which it may have already. Raises ``ValueError`` if it is no identifier."""
    inner = text[1:-1] if text.startswith("<") and text.endswith(">") else text
    if len(inner) > ID_LIMIT or not _WRITTEN.fullmatch(inner):
        raise ValueError("not a message identifier: <something@example.org>")
    return f"<{inner}>"


def format_content_id(text: str) -> str:
    """As ``format_id``, but ``<logo>`` will do: an HTML part names it as ``cid:logo`` (RFC 2392)."""
    inner = text[1:-1] if text.startswith("<") and text.endswith(">") else text
    if len(inner) > ID_LIMIT or not _CONTENT.fullmatch(inner):
        raise ValueError("not a content identifier: letters, digits and .-_ without spaces, such as logo@example.org")
    return f"<{inner}>"


def format_ids(ids: str | Iterable[str]) -> list[str]:
    """Identifiers as the pieces of a field; a ``str`` may hold several. Raises ``ValueError``."""
    return [format_id(text) for text in (ids.split() if isinstance(ids, str) else ids)]


def read_ids(text: str) -> tuple[str, ...]:
    """The identifiers in a field, with their brackets, in order and each once. Raises nothing."""
    found: dict[str, None] = {}
    for match in _FOUND.finditer(text):
        found[match[0]] = None
        if len(found) == COUNT_LIMIT:
            break
    return tuple(found)


def read_id(text: str) -> str | None:
    """The first identifier, with its brackets, which it may lack where it stands; ``None`` without any."""
    found = _FOUND.search(text)
    if found is not None:
        return found[0]
    bare = text.strip()
    return f"<{bare}>" if len(bare) <= ID_LIMIT and _BARE.fullmatch(bare) else None
