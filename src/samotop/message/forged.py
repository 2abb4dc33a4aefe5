"""Fields that arrive in a message and would pass for our own trace fields: they are taken away (RFC 5321 §4.4).

Every Return-Path and X-Samotop-Verdict, a Delivered-To that names our own
recipient, a Received whose by-clause is our host name, an
Authentication-Results that claims to be written by it (RFC 8601 §5). What we
write ourselves is ``trace``'s.

All else stays as it is, octet by octet. Takes linear time. Raises nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final

from samotop.address import Address
from samotop.content import HEADER_LIMIT
from samotop.message.claims import claims_to_be
from samotop.message.header import iterate_fields, split_fields

COMMENT_DEPTH_LIMIT: Final = 100
"""Comments inside comments that we follow; deeper ones are no comment to us."""

_COMMENT_TOKEN: Final = re.compile(rb"\\.|[()]", re.DOTALL)
_SUSPECT: Final = (
    b"return-path",
    b"delivered-to",
    b"x-samotop-",
    b"authentication-results",
)  # the last may name us in many spellings

# What a lenient reader may take for such a field though it is none: something that is not seen around its name.
_NEARLY_OURS: Final = re.compile(
    rb"[\x00-\x20\x7f-\xff]*+(?:return-path|x-samotop-verdict|authentication-results)[\x00-\x20\x7f-\xff]*+:",
    re.IGNORECASE,
)


def is_forged(name: bytes, value: bytes, hostname: bytes, recipients: frozenset[bytes]) -> bool:
    """Would this field pass for one of ours? ``hostname`` and ``recipients`` are lower case, octets of UTF-8."""
    name = name.lower()
    if name in (b"return-path", b"x-samotop-verdict"):
        return True
    if name == b"delivered-to":
        return value.strip().strip(b"<>").lower() in recipients
    if name == b"authentication-results":
        return claims_to_be(value, hostname.decode("utf-8", "replace"))
    return name == b"received" and _names_by(value.lower(), hostname)


def _names_by(value: bytes, hostname: bytes) -> bool:
    """Has this Received field a by-clause with our name? ``value`` is lower case."""
    if hostname not in value:
        return False
    words = _without_comments(value).replace(b";", b" ").split()
    return any(word == b"by" and following.rstrip(b".") == hostname for word, following in itertools.pairwise(words))


def _without_comments(value: bytes) -> bytes:
    """Take comments out, also nested ones; where brackets do not match, nothing is a comment: none hides a clause."""
    if b"(" not in value:
        return value
    kept: list[bytes] = []
    depth = position = 0
    for token in _COMMENT_TOKEN.finditer(value):
        if token[0] == b"(":
            if depth == 0:
                kept.append(value[position : token.start()])
            depth += 1
            if depth > COMMENT_DEPTH_LIMIT:
                break
        elif token[0] == b")":
            depth -= 1
            if depth < 0:
                break
            position = token.end()
    if depth != 0:
        return value.replace(b"(", b" ").replace(b")", b" ")
    kept.append(value[position:])
    return b" ".join(kept)


def strip_forged(section: bytes, hostname: str, recipients: Iterable[Address] = ()) -> bytes:
    """Return the header section without the fields that would pass for ours; the rest is untouched, octet by octet.

    ``section`` may end with its blank line or without it.
    """
    host = hostname.lower().rstrip(".").encode("utf-8", "replace")
    lower = section.lower()
    if not any(name in lower for name in _SUSPECT) and host not in lower:
        return section  # nearly always
    own = frozenset(str(recipient).lower().encode("utf-8", "replace") for recipient in recipients)
    kept: list[bytes] = []
    position = 0
    for field in iterate_fields(section):
        if is_forged(field.name, field.value, host, own) if field.name else _NEARLY_OURS.match(field.raw):
            kept.append(section[position : field.start])
            position = field.end
    if not kept:
        return section
    kept.append(section[position:])
    return b"".join(kept)


def iterate_genuine(
    chunks: Iterator[bytes], hostname: str, recipients: Iterable[Address] = (), *, limit: int = HEADER_LIMIT
) -> Iterator[bytes]:
    """Yield a message's chunks with ``strip_forged`` done to its header section, however long that is.

    Keeps at most ``limit`` octets and one chunk at a time. A single field
    longer than that is judged by its beginning.
    """
    own = list(recipients)
    seen = bytearray()
    begins_field, drops = True, False  # whether ``seen`` begins with a whole field; what becomes of a cut one's rest
    for chunk in chunks:
        start = max(0, len(seen) - 3)
        seen += chunk
        is_empty = begins_field and seen.startswith(b"\r\n")
        blank = seen.find(b"\r\n\r\n", start)
        if is_empty or blank >= 0:
            end = 0 if is_empty else blank + 2
            yield _strip_part(bytes(seen[:end]), begins_field, drops, hostname, own)
            yield bytes(seen[end:])
            yield from chunks
            return
        if len(seen) < limit:
            continue
        cut = split_fields(bytes(seen))
        if cut > 0:
            yield _strip_part(bytes(seen[:cut]), begins_field, drops, hostname, own)
            begins_field, drops = True, False
        else:
            cut = len(seen) - 3
            part = bytes(seen[:cut])
            if begins_field:
                drops = not strip_forged(part, hostname, own)
                begins_field = False
            if not drops:
                yield part
        del seen[:cut]
    yield _strip_part(bytes(seen), begins_field, drops, hostname, own)


def _strip_part(part: bytes, begins_field: bool, drops: bool, hostname: str, own: list[Address]) -> bytes:
    """Strip whole fields, of which the first may be the rest of one that was cut."""
    if begins_field:
        return strip_forged(part, hostname, own)
    rest = next(iter(iterate_fields(b"x" + part)), None)
    end = rest.end - 1 if rest is not None else 0
    return (b"" if drops else part[:end]) + strip_forged(part[end:], hostname, own)
