"""IP addresses and networks: who a peer is and whether it is among those that the operator named.

Addresses are compared in canonical form: an IPv4-mapped IPv6 address is the
IPv4 address that it stands for (RFC 4291 §2.5.5.2), and a zone ("%eth0") says
by which link a packet came, not who sent it. Without both rules a network
could be left or entered by another spelling.

Raises ``SetupError`` where the operator's text is no network; what comes from
a peer raises ``ValueError`` or is not a member.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network
from typing import Final

from samotop.errors import SetupError
from samotop.peer import Peer

Network = IPv4Network | IPv6Network

ADDRESS_LIMIT: Final = 64
"""Octets of an address in text; the longest IPv6 form has 45, a zone a few more."""


def parse_address(text: str) -> IPv4Address | IPv6Address:
    """Read an IP address and bring it to its canonical form. Raises ``ValueError``."""
    if len(text) > ADDRESS_LIMIT:
        raise ValueError("too long for an IP address")
    return _read_address(text.partition("%")[0])


@lru_cache(maxsize=256)  # a session asks for the same peer half a dozen times, and reading one takes 20 calls
def _read_address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks as a configuration names them: ``192.0.2.0/24``, ``2001:db8::/32``, ``::1``.

    Raises ``SetupError`` for anything else, and for host bits behind the
    prefix: it is not ours to guess whether the address or the prefix is wrong.
    """
    return tuple(_parse_network(text) for text in texts)


def _parse_network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError:
        try:
            meant = ip_interface(text)
        except ValueError:
            remedy = 'Write an address or a network, such as "192.0.2.7", "192.0.2.0/24" or "2001:db8::/32".'
        else:
            remedy = f'Write "{meant.network}" for the whole network, or "{meant.ip}" for this address alone.'
        raise SetupError(f'"{text}" is not a network', remedy=remedy) from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None and network.prefixlen >= 96:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def in_networks(address: str, networks: Sequence[Network]) -> bool:
    """Is ``address`` in one of ``networks``? An empty or unreadable one is in none."""
    if not networks or not address:
        return False
    try:
        parsed = parse_address(address)
    except ValueError:
        return False
    for network in networks:  # noqa: SIM110 - asked at every step of a session: a generator costs more than the rest
        if parsed in network:
            return True
    return False


def network_key(address: str) -> str:
    """What counts as one peer: an IPv4 address, an IPv6 /64, or all of this machine's own sockets (``""``).

    One IPv6 customer has a /64 at least.
    """
    if ":" not in address:
        return address
    return IPv6Address(address).packed[:8].hex()


def normal_address(text: str) -> str:
    """An IP address of a socket in its canonical form; empty for what is none."""
    try:
        return str(parse_address(text))
    except ValueError:
        return ""


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Who is at the other end of ``transport``: an empty ``Peer`` for a UNIX socket or pipes."""
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple) or len(name) < 2:
        return Peer()
    if ":" not in name[0]:
        return Peer(address=name[0], port=name[1])  # IPv4: the kernel writes it in canonical form
    try:
        return Peer(address=str(parse_address(name[0])), port=name[1])
    except ValueError:
        return Peer()
