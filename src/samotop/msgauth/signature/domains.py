"""Domains, selectors and identities in signatures, in U-labels or A-labels (RFC 6376 §3.5, RFC 8616 §5).

What becomes part of a DNS question, and of a result that others compare, is
held to letters, digits, hyphens and underscores once in A-labels. The grammar
has no underscore; selectors in use have, and DNS does not mind.

Raises ``TagSyntaxError``.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.dns.names import normalize_name
from samotop.msgauth.signature.tags import TagSyntaxError

LOCAL_PART_LIMIT: Final = 256
"""Octets of an identity's local part: four times what an address may have (RFC 5321 §4.5.3.1.1)."""

_LABELS: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*+(?<!-)(?:\.[a-z0-9_][a-z0-9_-]*+(?<!-))*+")
_HEX: Final = re.compile(rb"=([0-9A-F]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def read_selector(value: bytes) -> str:
    """The selector of an ``s=`` tag, in lower-case A-labels. Raises ``TagSyntaxError``."""
    return _read_labels(value, "has a selector that is none")


def read_domain(value: bytes) -> str:
    """The domain of a ``d=`` tag, in lower-case A-labels; it has a dot in it. Raises ``TagSyntaxError``."""
    domain = _read_labels(value, "has a domain that is none")
    if "." not in domain:
        raise TagSyntaxError("has a domain of one label")
    return domain


def _read_labels(value: bytes, fault: str) -> str:
    try:
        name = normalize_name(value.decode())
    except ValueError:
        raise TagSyntaxError(fault) from None
    if value.endswith(b".") or not _LABELS.fullmatch(name):
        raise TagSyntaxError(fault)
    return name


def format_key_name(selector: str, domain: str) -> str:
    """Where the key record is (RFC 6376 §3.6.2.1). Raises ``TagSyntaxError`` for a name too long to exist."""
    try:
        return normalize_name(f"{selector}._domainkey.{domain}")
    except ValueError:
        raise TagSyntaxError("names a key at a name too long to exist") from None


def read_identity(value: bytes) -> tuple[str, str]:
    """The local part (or "") and the domain of an ``i=`` tag (RFC 6376 §2.11, §3.5). Raises ``TagSyntaxError``."""
    local, at, domain = _decode_printable(b"".join(value.split())).rpartition(b"@")
    if not at or len(local) > LOCAL_PART_LIMIT:
        raise TagSyntaxError("has an identity that is none")
    try:
        text = local.decode()
    except UnicodeDecodeError:
        raise TagSyntaxError("has an identity that is none") from None
    if _CONTROL.search(text):  # it would end a line wherever the result is written
        raise TagSyntaxError("has an identity with a control character")
    return text, read_domain(domain)


def _decode_printable(value: bytes) -> bytes:
    """Undo DKIM's quoted-printable (RFC 6376 §2.11)."""
    decoded = _HEX.sub(lambda found: bytes((int(found[1], 16),)), value)
    if value.count(b"=") != len(_HEX.findall(value)):
        raise TagSyntaxError("has a value in broken quoted-printable")
    return decoded
