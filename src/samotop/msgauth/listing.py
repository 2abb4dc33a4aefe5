"""DNS lists of addresses: what a block list says of a peer (RFC 5782).

    found = await listing.lookup("192.0.2.1", "zen.example", resolver)
    found.codes                     # ("127.0.0.2",), empty where it is not listed

The address is asked for backwards below the list's domain. Records in 127.0.0.0/8 are the list's word; what it means
is the list's own to say. 127.255.255.0/24 says that the list does not answer us (a public resolver, too many
questions), and anything else that the domain is no list any more: both are no opinion, as is a failure of DNS.
Whoever is asked learns who writes to us. Raises ``ValueError`` for what is no IP address, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.dns import Resolver, Status
from samotop.msgauth.addresses import parse_peer

CODES_LIMIT: Final = 8
"""Records of one list that are kept: honest ones have one for each of their sublists."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list said. ``is_known`` unless it did not answer, or answered that it does not answer us."""

    zone: str
    codes: tuple[str, ...] = ()
    is_known: bool = True


def format_question(ip: str, zone: str) -> str:
    """The name that is asked for (RFC 5782 §2.1, §2.4): ``1.2.0.192.zen.example``."""
    pointer = parse_peer(ip).address.reverse_pointer
    return f"{pointer.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{zone}"


async def lookup(ip: str, zone: str, resolver: Resolver) -> Listing:
    """Ask one list about one address: one question."""
    answer = await resolver.lookup(format_question(ip, zone), "A")
    if answer.is_temporary:
        return Listing(zone, is_known=False)
    if answer.status is not Status.OK:
        return Listing(zone)
    codes = tuple(sorted(answer.names)[:CODES_LIMIT])
    if any(code.startswith("127.255.255.") for code in codes):
        return Listing(zone, is_known=False)
    listed = tuple(code for code in codes if code.startswith("127.") and code != "127.0.0.1")
    return Listing(zone, listed, is_known=bool(listed))
