"""Names and addresses as pseudonyms that keep what checks compare, and nothing that says who is meant.

The same name always has the same pseudonym under one key. A domain's stands below its parent's, so that
``mail.example.net`` still lies within ``example.net``; two addresses share as many leading bits as their originals do
(as Crypto-PAn has it), so that networks stay networks. So the rules of a configuration, hidden under the same key,
match what they would have matched. Who has the key can find out by trying: it never leaves the home.

Keyed BLAKE2 (RFC 7693) is the function. Raises nothing for what a peer said.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from samotop.address import Address
from samotop.dns.names import normalize_name
from samotop.msgauth.hello import parse_hello
from samotop.policy.allowed import Entries, Network, collect

KEPT: Final = 4096
"""Pseudonyms of each kind that are remembered: an address costs some 50 us."""
_V6_NETWORK: Final = 64
"""Leading bits of an IPv6 address that are hidden one by one; the rest is one customer's."""
_PLAIN: Final = frozenset(("postmaster", "abuse"))
"""Local parts that checks treat differently, and that tell of nobody."""


class Pseudonyms:
    """Pseudonyms under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, person=b"samotop-policy").digest()
        self._keep_domain = lru_cache(KEPT)(self._hide_domain)
        self._keep_ip = lru_cache(KEPT)(self._hide_ip)

    def word(self, kind: str, text: str) -> str:
        """One word for any text."""
        return "x" + blake2b(f"{kind}\0{text}".encode("utf-8", "replace"), key=self._key, digest_size=6).hexdigest()

    def domain(self, name: str) -> str:
        """A domain label by label, in lower case; a literal's address; nothing for nothing."""
        if name.startswith("["):
            literal = Address("", name).literal
            if literal is None:
                return f"[{self.word('literal', name)}]"
            return f"[{'IPv6:' if literal.version == 6 else ''}{self.ip(str(literal))}]"
        return self._keep_domain(name)

    def _hide_domain(self, name: str) -> str:
        try:
            name = normalize_name(name)
        except ValueError:
            name = name.lower()
        labels = name.split(".")
        return ".".join(self.word("domain", ".".join(labels[at:])) if one else "" for at, one in enumerate(labels))

    def address(self, address: Address) -> Address:
        local = address.local.lower()
        hidden = local if local in _PLAIN else self.word("local", f"{local}@{address.domain.lower()}")
        return Address(hidden, self.domain(address.domain))

    def hello(self, name: str) -> str:
        """A name that is as good a name as before: an address, fully qualified, or neither."""
        if name.startswith("[") or parse_hello(name):
            return self.domain(name)
        try:
            return self.ip(str(ip_address(name)))
        except ValueError:
            return self.word("hello", name.lower())

    def ip(self, address: str) -> str:
        """An IP address of the same version; nothing for nothing."""
        return self._keep_ip(address) if address else ""

    def _hide_ip(self, address: str) -> str:
        ip = ip_address(address)
        length, number = ip.max_prefixlen, int(ip)
        single = length if ip.version == 4 else _V6_NETWORK
        hidden = 0
        for at in range(single):
            prefix = number >> (length - at)
            octet = blake2b(f"{ip.version}/{at}/{prefix:x}".encode(), key=self._key, digest_size=1).digest()[0]
            hidden = hidden << 1 | (number >> (length - at - 1) & 1) ^ (octet & 1)
        if ip.version == 4:
            return str(IPv4Address(hidden))
        rest = blake2b(f"6/host/{number:x}".encode(), key=self._key, digest_size=8).digest()
        return str(IPv6Address(hidden << _V6_NETWORK | int.from_bytes(rest)))

    def network(self, network: Network) -> Network:
        """The network of the hidden addresses. One of IPv6 that is smaller than a /64 becomes that /64."""
        length = network.prefixlen if network.version == 4 else min(network.prefixlen, _V6_NETWORK)
        return ip_network((self.ip(str(network.network_address)), length), strict=False)

    def entries(self, entries: Entries) -> Entries:
        """What an operator's files name, hidden."""
        addresses = []
        for one in entries.addresses:
            local, _, domain = one.rpartition("@")
            hidden = self.address(Address(local, domain))
            addresses.append(f"{hidden.local}@{hidden.domain}")
        domains = [("." if one.startswith(".") else "") + self.domain(one.removeprefix(".")) for one in entries.domains]
        return collect(addresses, domains, [self.network(one) for one in entries.iterate_networks()])
