"""Who wants reports on a domain: the TXT record at ``_smtp._tls.`` (RFC 8460 §3).

Mail addresses and https URLs; what else there is, is passed over. A domain may
name destinations anywhere (RFC 8460 asks for nobody's consent), so that their
number is small and each gets one report a day.

``parse_record`` raises ``ValueError``; nothing else raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.dns.names import normalize_name
from samotop.dns.resolver import Resolver
from samotop.msgauth.dmarc.uris import parse_report_uri
from samotop.msgauth.results import Result

RECORD_LIMIT: Final = 4096
"""Octets of a record: a few long URIs."""
DESTINATION_LIMIT: Final = 5
"""Destinations of a record that get a report."""

_VERSION: Final = b"v=TLSRPTv1"
_FIELD: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*=[ \t]*(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reporting:
    """What was found for ``domain``. PASS: reports are wanted. NONE: they are not. TEMPERROR: nobody can tell."""

    domain: str
    result: Result
    addresses: tuple[Address, ...] = ()
    urls: tuple[str, ...] = ()


async def lookup_reporting(domain: str, resolver: Resolver) -> Reporting:
    """Ask whether anybody wants reports on ``domain``."""
    try:
        name = normalize_name(domain)
        asked = normalize_name(f"_smtp._tls.{name}")
    except ValueError:  # or so long that nothing can stand below it
        return Reporting(domain, Result.NONE)
    answer = await resolver.lookup(asked, "TXT")
    if answer.is_temporary:
        return Reporting(name, Result.TEMPERROR)
    records = [text for text in answer.texts if text.startswith(_VERSION) and text[10:11] in (b";", b" ", b"\t")]
    if len(records) != 1:  # of two nobody knows which is meant
        return Reporting(name, Result.NONE)
    try:
        addresses, urls = parse_record(records[0])
    except ValueError:
        return Reporting(name, Result.PERMERROR)
    return Reporting(name, Result.PASS, addresses, urls)


def parse_record(octets: bytes) -> tuple[tuple[Address, ...], tuple[str, ...]]:
    """Addresses and https URLs of a record, those that can be used. Raises ``ValueError`` if there are none."""
    if len(octets) > RECORD_LIMIT or not octets.isascii():
        raise ValueError("no TLSRPT record")
    version, *fields = octets.decode("ascii").split(";")
    if version.rstrip(" \t") != _VERSION.decode("ascii"):
        raise ValueError("no TLSRPT record")
    for text in fields:
        field = _FIELD.fullmatch(text.strip(" \t"))
        if field is not None and field[1] == "rua":
            return _read_uris(field[2])
    raise ValueError("a TLSRPT record without destinations")


def _read_uris(text: str) -> tuple[tuple[Address, ...], tuple[str, ...]]:
    addresses: dict[Address, None] = {}
    urls: dict[str, None] = {}
    for one in text.split(","):
        try:
            uri = parse_report_uri(one)
        except ValueError:
            continue
        if uri.address is not None and uri.address.is_ascii:
            addresses[uri.address] = None
        elif uri.scheme == "https":
            urls[uri.uri] = None
        if len(addresses) + len(urls) >= DESTINATION_LIMIT:
            break
    if not addresses and not urls:
        raise ValueError("a TLSRPT record without a destination that can be used")
    return tuple(addresses), tuple(urls)
