"""Where a domain wants its reports: the URIs of ``rua`` and ``ruf`` (RFC 9989 §4.6, §4.8).

A URI may end in ``!10m``, the size limit of older records: RFC 9989 has taken
it out and tells reporters to ignore it, so it is read and kept apart. Of the
schemes only ``mailto`` (RFC 6068) has a meaning to us; what it says after a
question mark (fields for the message) is dropped, as a stranger's record has
no say in what we write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from samotop.address import Address
from samotop.smtp.paths import BadPath, parse_mailbox

URI_LIMIT: Final = 512
"""Octets of one URI: more than the longest address, each octet of it escaped twice over, would be used for."""

# RFC 3986 §2: unreserved, reserved and escaped; comma and exclamation point must be escaped here (RFC 9989 §4.8).
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*+):((?:[A-Za-z0-9._~:/?#\[\]@$&'()*+;=-]|%[0-9A-Fa-f]{2})++)")
_SIZE: Final = re.compile(r"!([0-9]{1,12})([kmgtKMGT]?)$")
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@dataclass(frozen=True, slots=True)
class ReportUri:
    """One URI. ``size_limit`` is in octets (RFC 7489 §6.3), ``None`` without one.

    ``address`` is whom a ``mailto`` names; ``None`` for other schemes.
    """

    uri: str
    scheme: str
    address: Address | None = None
    size_limit: int | None = None


def parse_report_uri(text: str) -> ReportUri:
    """Read one URI of a list. Raises ``ValueError``."""
    text = text.strip(" \t")
    if len(text) > URI_LIMIT:
        raise ValueError(f"a URI is longer than {URI_LIMIT} octets")
    size = _SIZE.search(text)
    limit = None
    if size is not None:
        limit = int(size[1]) * _UNITS[size[2].lower()]
        text = text[: size.start()]
    found = _URI.fullmatch(text)
    if found is None:
        raise ValueError("no URI: a scheme, a colon, and no comma or exclamation point that is not escaped")
    scheme = found[1].lower()
    if scheme != "mailto":
        return ReportUri(text, scheme, None, limit)
    try:
        address = parse_mailbox(unquote_to_bytes(found[2].partition("?")[0]))
    except BadPath:
        raise ValueError("a mailto URI without an address") from None
    return ReportUri(text, scheme, address, limit)
