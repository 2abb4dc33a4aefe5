"""What a signature covers, and in which form: the tags ``h=`` and ``c=`` (RFC 6376 §3.5, RFC 8617 §4.1.2).

Raises ``TagSyntaxError``.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.msgauth.signature.canonical import Canonicalization
from samotop.msgauth.signature.tags import Tag, TagSyntaxError

NAMES_LIMIT: Final = 512
"""Names in ``h=``: the longest honest lists have some forty, oversigned twice as many."""

_SPACE: Final = b" \t\r\n"
_NAMES: Final = re.compile(rb"[ \t\r\n]*+[!-9<-~]++[ \t\r\n]*+(?::[ \t\r\n]*+[!-9<-~]++[ \t\r\n]*+)*+")


def read_names(value: bytes) -> tuple[bytes, ...]:
    """The names of the fields that ``h=`` lists, in lower case."""
    if not _NAMES.fullmatch(value):
        raise TagSyntaxError("lists something that is no field's name")
    if value.count(b":") >= NAMES_LIMIT:
        raise TagSyntaxError(f"lists more than {NAMES_LIMIT} fields")
    return tuple(value.translate(None, _SPACE).lower().split(b":"))


def read_forms(tag: Tag | None) -> tuple[Canonicalization, Canonicalization]:
    """``c=``: header and body; simple is what is not said."""
    header, slash, body = ("simple", "", "") if tag is None else tag.value.decode("latin-1").lower().partition("/")
    try:
        return Canonicalization(header), Canonicalization(body if slash else "simple")
    except ValueError:
        raise TagSyntaxError("has a canonical form that is not known") from None
