"""The fields of message/delivery-status (RFC 3464 §2.2, §2.3), and addresses in them (RFC 6533 §3).

One field is one line here, unfolded and without its line end. Nothing that
comes from a peer can begin another field: what is not printable becomes a space.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.address import Address

FIELD_LIMIT: Final = 900
"""Octets of a field's value: a line has at most 998 (RFC 5322 §2.1.1)."""

_ESCAPED: Final = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")


def format_field(name: str, value: str) -> str:
    """``Name: value``, whatever ``value`` holds."""
    clean = value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)
    octets = clean.encode("utf-8", "replace")
    if len(octets) > FIELD_LIMIT:
        clean = octets[:FIELD_LIMIT].decode("utf-8", "ignore")
    return f"{name}: {clean.strip()}"


def format_recipient(address: Address, *, utf8: bool) -> str:
    """``type; address``: rfc822 where ASCII will do, else utf-8, escaped unless ``utf8`` (RFC 6533 §3)."""
    text = str(address)
    if text.isascii():
        return f"rfc822; {text}"
    return f"utf-8; {text if utf8 else escape_utf8(text)}"


def format_original(original: str, *, utf8: bool) -> str:
    """The ORCPT parameter as a field's value, in the type that it came with (RFC 3461 §6.3)."""
    kind, _, address = original.partition(";")
    return f"{kind.strip()}; {address if utf8 or address.isascii() else escape_utf8(address)}"


def escape_utf8(text: str) -> str:
    """utf-8-addr-xtext: ASCII for what has characters beyond it (RFC 6533 §3)."""
    return "".join(c if "!" <= c <= "~" and c not in "\\+=" else f"\\x{{{ord(c):02X}}}" for c in text)


def unescape_utf8(text: str) -> str:
    """Undo ``escape_utf8``; what is no character stays as it is written."""

    def replace(match: re.Match[str]) -> str:
        number = int(match[1], 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else match[0]

    return _ESCAPED.sub(replace, text)


def parse_typed(value: str) -> tuple[str, str]:
    """``rfc822; bob@example.org`` as its type, in lower case, and the rest; no type where there is no semicolon."""
    kind, semicolon, rest = value.partition(";")
    if not semicolon:
        return "", value.strip()
    kind, rest = kind.strip().lower(), rest.strip()
    return kind, unescape_utf8(rest) if kind == "utf-8" else rest
