"""Mail addresses as values: what MAIL and RCPT name (RFC 5321 §4.1.2, RFC 6531).

The wire grammar (quoting, source routes, literals) is read in ``smtp.paths``;
here an address is what it means: a local part with the quoting undone and a
domain as it was given. No look-ups, no normalising of a local part: only the
domain's owner knows what a local part means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

# RFC 5321 Dot-string; anything above ASCII is allowed by RFC 6531 and needs no quotes.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_DOT_STRING: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")


@dataclass(frozen=True, slots=True)
class Address:
    """``local@domain``. ``domain`` is empty only for the bare ``<postmaster>`` (RFC 5321 §4.5.1).

    ``local`` is the meaning, without quotes and backslashes. ``domain`` is a
    host name (A-labels or, with SMTPUTF8, U-labels) or a literal in brackets.
    """

    local: str
    domain: str

    @property
    def is_ascii(self) -> bool:
        """Can this be sent to a server without SMTPUTF8?"""
        return self.local.isascii() and self.domain.isascii()

    @property
    def is_literal(self) -> bool:
        """Is the domain an address literal, ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]``?"""
        return self.domain.startswith("[")

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The literal's IP address, or ``None`` for a host name or a literal of another kind."""
        inner = self.domain[1:-1] if self.is_literal else ""
        try:
            if inner[:5].lower() == "ipv6:":
                return IPv6Address(inner[5:])
            return IPv4Address(inner)
        except ValueError:
            return None

    def __str__(self) -> str:
        """As it stands between angle brackets: quoted where the grammar needs it."""
        local = self.local
        if not _DOT_STRING.fullmatch(local):
            local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{local}@{self.domain}" if self.domain else local


@dataclass(frozen=True, slots=True)
class NullPath:
    """The null reverse-path ``<>`` of notifications (RFC 5321 §4.5.5)."""

    is_ascii = True

    def __str__(self) -> str:
        return ""


NULL_PATH: Final = NullPath()

ReversePath = Address | NullPath
"""The argument of MAIL: an address, or ``NULL_PATH``."""
