"""xtext: any octets within printable ASCII (RFC 3461 §4); its like for addresses of any script (RFC 6533 §3); and
base64 as SASL uses it (RFC 4954 §4)."""

from __future__ import annotations

import binascii
import re
from typing import Final

from samotop.errors import PeerError

_XTEXT: Final = re.compile(rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_ESCAPE: Final = re.compile(rb"\+([0-9A-F]{2})")
_UTF8_XTEXT: Final = re.compile(rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2}|[\x80-\xff])*")
_POINT: Final = r"\\x\{([0-9A-F]{2}|[1-9A-F][0-9A-F]{2,4}|10[0-9A-F]{4})\}"
_EMBEDDED: Final = re.compile(_POINT, re.IGNORECASE)
_UNITEXT: Final = re.compile(rf"(?:[!-*,-<>-\[\]-~]|[^\x00-\x7f]|{_POINT})*", re.IGNORECASE | re.ASCII)
_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class NotXtext(PeerError):
    """Octets that xtext does not allow."""


def parse_xtext(octets: bytes, *, allows_utf8: bool = False) -> bytes:
    """Undo xtext; ``allows_utf8`` admits raw octets above ASCII (RFC 6533 §3). Raises ``NotXtext``."""
    if not (_UTF8_XTEXT if allows_utf8 else _XTEXT).fullmatch(octets):
        raise NotXtext("not xtext: write a special octet as + and two capital hexadecimal digits")
    return _ESCAPE.sub(lambda m: bytes((int(m[1], 16),)), octets)


def format_xtext(octets: bytes) -> bytes:
    """Write any octets as xtext."""
    return b"".join(bytes((o,)) if 33 <= o <= 126 and o not in b"+=" else b"+%02X" % o for o in octets)


def parse_unitext(octets: bytes, *, allows_utf8: bool) -> str:
    """Read what follows ``utf-8;`` in ORCPT: utf-8-addr-xtext, with ``allows_utf8`` utf-8-addr-unitext (RFC 6533 §3).

    A character that cannot stand for itself is written as ``\\x{F6}``. Raises ``NotXtext``.
    """
    try:
        text = octets.decode("utf-8" if allows_utf8 else "ascii")
        if not _UNITEXT.fullmatch(text):
            raise NotXtext(r"not a utf-8 address: write a special character as \x{2B}")
        decoded = _EMBEDDED.sub(lambda m: chr(int(m[1], 16)), text)
        decoded.encode()  # no surrogates
    except UnicodeError as error:
        raise NotXtext(r"beyond ASCII without SMTPUTF8, or no characters: write one as \x{F6}") from error
    return decoded


def format_unitext(text: str, *, allows_utf8: bool) -> bytes:
    """Write an address as ``parse_unitext`` reads it. Raises ``UnicodeEncodeError`` for lone surrogates."""
    text.encode()
    return "".join(
        c if ("!" <= c <= "~" and c not in "+=\\") or (allows_utf8 and c > "\x7f") else f"\\x{{{ord(c):02X}}}"
        for c in text
    ).encode()


def parse_base64(octets: bytes) -> bytes:
    """Decode one line of an AUTH exchange strictly (RFC 4648 §3.3). Raises ``PeerError``."""
    if not _BASE64.fullmatch(octets):
        raise PeerError("not base64")
    return binascii.a2b_base64(octets)
