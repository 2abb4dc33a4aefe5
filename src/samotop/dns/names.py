"""Domain names as they are compared and asked for: A-labels, lower case, no dot at the end.

Sender authentication puts what strangers write into questions, so that
``normalize_name`` refuses by ``ValueError`` what cannot be a name: empty
labels, labels above 63 octets, names above 253 (RFC 1035 §2.3.4).
Underscores and any other printable ASCII are allowed: DNS does not mind.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import idna

NAME_LIMIT: Final = 253
"""Octets of a name in text form (RFC 1035 §2.3.4: 255 on the wire)."""

# Printable ASCII with space, which a macro of RFC 7208 §7.3 can bring; but for the backslash, an escape to a resolver.
_PLAIN: Final = re.compile(r"(?:[ -\-/-\[\]-~]{1,63}\.)*[ -\-/-\[\]-~]{1,63}")


@lru_cache(maxsize=4096)
def normalize_name(name: str) -> str:
    """``name`` as an absolute name in lower case without its last dot; U-labels become A-labels (RFC 5891).

    The root is the empty string.
    """
    plain = name.removesuffix(".")
    if not plain:
        if name in ("", "."):
            return ""
        raise ValueError("a name has an empty label")
    if not plain.isascii():
        try:
            plain = idna.encode(plain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise ValueError("a name is no internationalised domain name") from None
    if len(plain) > NAME_LIMIT:
        raise ValueError(f"a name is longer than {NAME_LIMIT} octets")
    if not _PLAIN.fullmatch(plain):
        raise ValueError("a name has an empty or overlong label, or a character that no name has")
    return plain.lower()


def format_reverse(address: IPv4Address | IPv6Address) -> str:
    """The name under which an address's PTR records are (RFC 1035 §3.5, RFC 3596 §2.5)."""
    return address.reverse_pointer
