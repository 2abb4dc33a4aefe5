"""A peer's IP address as sender authentication compares it.

An IPv4-mapped IPv6 address is the IPv4 address in it (RFC 7208 §5): it is how
a socket that serves both shows an IPv4 peer.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

IPAddress = IPv4Address | IPv6Address


def parse_peer(ip: str) -> IPAddress:
    """Read a peer's address. Raises ``ValueError``: the caller has it from a socket, so anything else is a bug."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:  # fe80::1%eth0: the interface is ours, not the peer's
            address = IPv6Address(int(address))
        return address.ipv4_mapped or address
    return address


def host_type(peer: IPAddress) -> str:
    """The type of the records that hold addresses of the peer's kind."""
    return "A" if peer.version == 4 else "AAAA"


def is_among(peer: IPAddress, addresses: tuple[str, ...]) -> bool:
    """Is the peer one of these addresses, which are as ``dns.records`` writes them?"""
    # Text first, which is quick; then the value, since not everybody writes an IPv6 address alike.
    return str(peer) in addresses or (peer.version == 6 and any(IPv6Address(one) == peer for one in addresses))
