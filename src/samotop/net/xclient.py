"""The argument of XCLIENT: who is really connected, told by a proxy as an SMTP command.

Postfix' XCLIENT_README defines it: ``NAME=value`` pairs, the values in xtext
(RFC 3461 §4), ``[UNAVAILABLE]`` and ``[TEMPUNAVAIL]`` for what the proxy does
not know. What is said is as good as who says it: ask only peers in the
operator's ``proxy`` networks.

Strict: an attribute that is unknown, given twice or malformed refuses the whole
command. Raises ``XclientError``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from samotop.errors import PeerError
from samotop.net.networks import parse_address
from samotop.smtp.xtext import parse_xtext

ARGUMENT_LIMIT: Final = 502
"""Octets of the argument: a command line has 512 (RFC 5321 §4.5.3.1.4), verb, space and CRLF not counted."""

VALUE_LIMIT: Final = 255
"""Octets of one value (XCLIENT_README, note 1)."""

UNKNOWN_ADDRESS: Final = "0.0.0.0"
"""For a client whose address the proxy does not know. Not empty, since that means a socket of this
machine, and in nobody's network: an unknown client is trusted with nothing."""

_UNKNOWN_WORDS: Final = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_PORT: Final = re.compile(r"0|[1-9][0-9]{0,4}")


class XclientError(PeerError):
    """The argument of XCLIENT is refused (501 5.5.4)."""


@dataclass(frozen=True, slots=True)
class XclientAttributes:
    """What the proxy said; ``None`` where it said nothing, so that what was known stays.

    Empty texts and port 0 mean that the proxy does not know; an unknown address
    is ``UNKNOWN_ADDRESS``. ``name`` is the client's confirmed reverse name,
    ``reverse_name`` the unconfirmed one. ``proto`` is SMTP or ESMTP.
    """

    name: str | None = None
    address: str | None = None
    port: int | None = None
    proto: str | None = None
    helo: str | None = None
    login: str | None = None
    destination: str | None = None
    destination_port: int | None = None
    reverse_name: str | None = None


_FIELDS: Final = {
    "NAME": "name",
    "ADDR": "address",
    "PORT": "port",
    "PROTO": "proto",
    "HELO": "helo",
    "LOGIN": "login",
    "DESTADDR": "destination",
    "DESTPORT": "destination_port",
    "REVERSE_NAME": "reverse_name",
}


def parse_xclient(argument: bytes) -> XclientAttributes:
    """Read what follows the verb. Raises ``XclientError``, or ``NotXtext`` for a malformed value."""
    if len(argument) > ARGUMENT_LIMIT:
        raise XclientError("too many attributes")
    found: dict[str, Any] = {}
    for pair in argument.split(b" "):
        name, equals, value = pair.partition(b"=")
        field = _FIELDS.get(name.decode("ascii", "replace").upper())
        if field is None or not equals:
            raise XclientError("write NAME=value, with the names that EHLO lists")
        if field in found:
            raise XclientError("an attribute is given twice")
        found[field] = _parse_value(field, value)
    return XclientAttributes(**found)


def _parse_value(field: str, value: bytes) -> str | int:
    """Undo xtext and check the value's own form."""
    octets = parse_xtext(value)
    if not octets or len(octets) > VALUE_LIMIT:
        raise XclientError("a value is empty or too long")
    text = octets.decode("utf-8", "replace")
    if not text.isprintable() or "\ufffd" in text:
        raise XclientError("a value has octets that do not print")
    is_unknown = text.upper() in _UNKNOWN_WORDS
    if field in ("address", "destination"):
        return UNKNOWN_ADDRESS if is_unknown else _parse_address(text)
    if field in ("port", "destination_port"):
        return 0 if is_unknown else _parse_port(text)
    if is_unknown:
        return ""
    if field == "proto":
        if text.upper() not in ("SMTP", "ESMTP"):
            raise XclientError("PROTO is SMTP or ESMTP")
        return text.upper()
    return text


def _parse_address(text: str) -> str:
    """An IPv4 address, or an IPv6 one behind ``IPV6:``; in canonical form."""
    try:
        if text[:5].upper() == "IPV6:":
            if "%" in text:
                raise ValueError
            return str(parse_address(str(IPv6Address(text[5:]))))
        return str(IPv4Address(text))
    except ValueError:
        raise XclientError("an address is written 192.0.2.1 or IPV6:2001:db8::1") from None


def _parse_port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise XclientError("a port is a number from 0 to 65535")
    return int(text)
