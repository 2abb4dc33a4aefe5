"""A peer's IP address as sender authentication compares it: as a number.

An IPv4-mapped IPv6 address is the IPv4 address in it (RFC 7208 §5): it is how
a socket that serves both shows an IPv4 peer. Reading an address with the
standard library takes longer than all else in a warm evaluation, and an
``mx`` brings many; four octets are read here from a table, as strictly.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

_OCTETS: Final = {str(number): number for number in range(256)}


class PeerAddress(NamedTuple):
    """``text`` is as ``ipaddress`` writes it, ``type`` the type of the records that hold such addresses."""

    text: str
    number: int
    type: str

    @property
    def address(self) -> IPv4Address | IPv6Address:
        return IPv4Address(self.number) if self.type == "A" else IPv6Address(self.number)


def parse_peer(ip: str) -> PeerAddress:
    """Read a peer's address. Raises ``ValueError``: the caller has it from a socket, so anything else is a bug."""
    try:
        if ":" not in ip:
            return PeerAddress(ip, read_ipv4(ip), "A")
        address = IPv6Address(ip)
    except ValueError:
        raise ValueError("that is no IP address; they look like 192.0.2.1 or 2001:db8::1") from None
    mapped = address.ipv4_mapped
    if mapped is not None:
        return PeerAddress(str(mapped), int(mapped), "A")
    # Without its zone index (fe80::1%eth0): the interface is ours, not the peer's.
    return PeerAddress(str(IPv6Address(int(address))), int(address), "AAAA")


def read_ipv4(text: str) -> int:
    """The number of a dotted quad. Raises ``ValueError``; no leading zeros, no parts left out."""
    try:
        first, second, third, fourth = text.split(".")
        return _OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth]
    except (ValueError, KeyError):
        raise ValueError("that is no IPv4 address") from None


def is_among(peer: PeerAddress, records: Iterable[object], mask: int = -1) -> bool:
    """Is the peer's address, as far as ``mask`` says, that of one of these records of its type?"""
    number = peer.number & mask
    if peer.type == "A":
        for record in records:
            if isinstance(record, str) and read_ipv4(record) & mask == number:
                return True
    else:
        for record in records:
            if isinstance(record, str) and int(IPv6Address(record)) & mask == number:
                return True
    return False
