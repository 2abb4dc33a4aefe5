"""Paths and domains as MAIL, RCPT and HELO write them (RFC 5321 §4.1.2, §4.1.3, RFC 6531).

Read strictly: what two servers could read differently is refused. A source
route is read and ignored, as RFC 5321 appendix C asks.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from samotop.address import NULL_PATH, Address, NullPath
from samotop.errors import PeerError

DOMAIN_LIMIT: Final = 255
"""Octets of a domain (RFC 5321 §4.5.3.1.2)."""
LABEL_LIMIT: Final = 63
"""Octets of one label (RFC 1035 §2.3.4)."""
USUAL_LOCAL_LIMIT: Final = 64
"""Octets of a local part that every server takes (RFC 5321 §4.5.3.1.1)."""

_ATEXT = rb"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_DOT_STRING: Final = re.compile(rb"[%s\x80-\xff]+(?:\.[%s\x80-\xff]+)*" % (_ATEXT, _ATEXT))
_QUOTED: Final = re.compile(rb'"((?:[ !#-\[\]-~\x80-\xff]|\\[ -~])*)"')
_QUOTED_PAIR: Final = re.compile(rb"\\([ -~])")
_LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_ASCII_LABEL: Final = re.compile(_LABEL.decode())
_DOMAIN: Final = re.compile(rb"%s(?:\.%s)*" % (_LABEL, _LABEL))
_LITERAL: Final = re.compile(rb"\[(IPv6:)?([0-9A-Fa-f.:]{2,45})\]", re.IGNORECASE)

# Code points that a U-label may have besides letters, marks and digits: the exceptions of RFC 5892 §2.6 and App. A.
_LABEL_EXTRA: Final = frozenset("-\u00b7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u200c\u200d\u3007\u30fb")

# The address that nearly every command names: dot-string, plain domain, nothing else.
_USUAL: Final = re.compile(rb"<([%s]+(?:\.[%s]+)*)@(%s(?:\.%s)*)>" % (_ATEXT, _ATEXT, _LABEL, _LABEL))


class BadPath(PeerError):
    """Not a path by the grammar. The text says what was expected."""


class NeedsUtf8(BadPath):
    """A path beyond ASCII where the client has not said SMTPUTF8 (RFC 6531 §3.5)."""


def take_path(octets: bytes, *, allows_utf8: bool, local_limit: int) -> tuple[Address | NullPath, bytes]:
    """Read a path in angle brackets off the front; return it and what follows the ``>``.

    ``<>`` is ``NULL_PATH``; ``<postmaster>`` is an address without a domain.
    Raises ``BadPath``.
    """
    usual = _USUAL.match(octets)
    if usual is not None and len(usual[2]) <= DOMAIN_LIMIT and len(usual[1]) <= local_limit:
        return Address(usual[1].decode("ascii"), usual[2].decode("ascii")), octets[usual.end() :]
    if not octets.startswith(b"<"):
        raise BadPath("a path stands between angle brackets: <user@example.org>")
    if octets.startswith(b"<>"):
        return NULL_PATH, octets[2:]
    rest = _skip_route(octets[1:])
    local, rest = _take_local(rest, allows_utf8, local_limit)
    if rest.startswith(b">") and local.lower() == "postmaster":
        return Address(local, ""), rest[1:]
    if not rest.startswith(b"@"):
        raise BadPath("a local part is followed by @ and a domain; one with spaces or specials is quoted")
    domain, rest = _take_domain(rest[1:], allows_utf8)
    if not rest.startswith(b">"):
        raise BadPath("the domain is not a domain, or the closing > is missing")
    return Address(local, domain), rest[1:]


def is_usual_path(octets: bytes) -> bool:
    """Is this a path with a dot-string and a plain domain, in ASCII, and nothing else?"""
    usual = _USUAL.fullmatch(octets)
    return usual is not None and len(usual[2]) <= DOMAIN_LIMIT and len(usual[1]) <= USUAL_LOCAL_LIMIT


def parse_mailbox(octets: bytes, *, allows_utf8: bool = True, local_limit: int = 254) -> Address:
    """Read ``local@domain`` with no brackets. Raises ``BadPath``."""
    path, rest = take_path(b"<" + octets + b">", allows_utf8=allows_utf8, local_limit=local_limit)
    if rest or not isinstance(path, Address) or not path.domain or octets.startswith(b"@"):
        raise BadPath("expected one address: user@example.org")
    return path


def parse_domain(octets: bytes, *, allows_utf8: bool = False) -> str:
    """Read a whole domain or address literal. Raises ``BadPath``."""
    domain, rest = _take_domain(octets, allows_utf8)
    if rest:
        raise BadPath("not a domain name")
    return domain


def _skip_route(octets: bytes) -> bytes:
    """``@relay,@relay:`` in front of a mailbox means nothing any more (RFC 5321 appendix C)."""
    if not octets.startswith(b"@"):
        return octets
    route, colon, rest = octets.partition(b":")
    if not colon or not all(hop.startswith(b"@") and _is_domain(hop[1:]) for hop in route.split(b",")):
        raise BadPath("bad source route: leave it away")
    return rest


def _is_domain(octets: bytes) -> bool:
    match = _DOMAIN.fullmatch(octets)
    return match is not None and len(octets) <= DOMAIN_LIMIT


def _take_local(octets: bytes, allows_utf8: bool, limit: int) -> tuple[str, bytes]:
    quoted = _QUOTED.match(octets)
    match = quoted or _DOT_STRING.match(octets)
    if match is None:
        raise BadPath("the local part is missing or has characters that must be quoted")
    octets_read = _QUOTED_PAIR.sub(rb"\1", quoted[1]) if quoted else match[0]
    if len(octets_read) > limit:
        raise BadPath(f"local part longer than {limit} octets")
    if not octets_read.isascii() and not allows_utf8:
        raise NeedsUtf8("an address beyond ASCII needs SMTPUTF8")
    return _decode(octets_read), octets[match.end() :]


def _take_domain(octets: bytes, allows_utf8: bool) -> tuple[str, bytes]:
    if octets.startswith(b"["):
        return _take_literal(octets)
    plain = _DOMAIN.match(octets)
    if plain is not None and octets[plain.end() : plain.end() + 1] in (b">", b"", b",", b":"):
        if len(plain[0]) > DOMAIN_LIMIT:
            raise BadPath(f"domain longer than {DOMAIN_LIMIT} octets")
        return plain[0].decode("ascii"), octets[plain.end() :]
    end = octets.find(b">")
    end = len(octets) if end < 0 else end
    raw = octets[:end]
    if raw.isascii():
        raise BadPath("not a domain name: labels of letters, digits and inner hyphens, with dots between")
    if not allows_utf8:
        raise NeedsUtf8("a domain beyond ASCII needs SMTPUTF8")
    if len(raw) > DOMAIN_LIMIT:
        raise BadPath(f"domain longer than {DOMAIN_LIMIT} octets")
    domain = _decode(raw)
    if not all(map(_is_label, domain.split("."))):
        raise BadPath("not an internationalized domain name")
    return domain, octets[end:]


def _is_label(label: str) -> bool:
    """Is this a label, by letters, digits and hyphens or nearly by RFC 5892?

    What is written in two ways for the eye (full-width letters, ligatures) is
    refused; the rules of single scripts are left to whoever looks it up.
    """
    if label.isascii():
        return bool(_ASCII_LABEL.fullmatch(label))
    return (
        len(label) <= LABEL_LIMIT
        and all(unicodedata.category(c)[0] in "LM" or c.isdecimal() or c in _LABEL_EXTRA for c in label)
        and "-" not in (label[0], label[-1])
        and unicodedata.category(label[0])[0] != "M"
        and label[:4].lower() != "xn--"
        and unicodedata.is_normalized("NFKC", label)
    )


def _take_literal(octets: bytes) -> tuple[str, bytes]:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 §4.1.3).

    The grammar has room for other tags, but they must be registered, and IPv6
    is the only one that ever was.
    """
    match = _LITERAL.match(octets)
    try:
        if match is None:
            raise AddressValueError("no digits and colons in brackets")
        inner = match[2].decode("ascii")
        inner = f"IPv6:{IPv6Address(inner)}" if match[1] else str(IPv4Address(inner))
    except AddressValueError as error:
        raise BadPath("not an address literal: [192.0.2.1] or [IPv6:2001:db8::1]") from error
    return f"[{inner}]", octets[match.end() :]


def _decode(octets: bytes) -> str:
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadPath("not valid UTF-8") from error
    if not text.isascii() and any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in text):
        raise BadPath("control characters or line separators in an address")
    return text
