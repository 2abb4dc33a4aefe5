"""Whom the operator allows and blocks by name: addresses, domains, networks.

    bob@example.net        an address: the reverse-path, or an author
    @example.net           a domain, and nothing below it
    example.net            a domain and everything below it
    192.0.2.0/24           a network, or an address of one: the client's

A block entry counts by the claim alone: nobody pretends to be who is blocked. An allow entry for a network counts as
it is; one for an address or a domain counts where SPF or DKIM proves it. Who is allowed is spared what is asked of
the unproven; what proves identity (DMARC, logins, the owner's decisions) is asked of everybody.

Facts in, verdict out; who reads the files is ``app.named``. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from samotop.address import Address
from samotop.consent.evidence import gather_evidence, is_within
from samotop.dns.names import normalize_name
from samotop.facts import ConnectionFacts, ContentFacts, MailFacts, RecipientFacts
from samotop.msgauth.author import find_author
from samotop.msgauth.results import Result
from samotop.peer import Peer
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

NETWORK: Final = Cause(
    "blocked-network",
    "5.7.1",
    "the operator blocks its network",
    "We take no mail from your network",
    "ask the operator, by telephone or from elsewhere",
    "block_files",
    closes=True,
)
SENDER: Final = Cause(
    "blocked-sender",
    "5.7.1",
    "the operator blocks its sender",
    "We take no mail from this sender",
    "ask the operator, from another address",
    "block_files",
)
CAUSES: Final = (NETWORK, SENDER)

_NETWORK: Final = NETWORK.refuse()
_SENDER: Final = SENDER.refuse()

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Entries:
    """What one or several files name. Looking up takes as long as there are lengths of prefixes, not entries."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    """Exact ones; with all below them as ``.example.net``."""
    networks: frozenset[tuple[int, int, int]] = frozenset()
    """Version, length of the prefix, the prefix as a number."""
    lengths: tuple[tuple[int, int], ...] = field(default=())

    def __len__(self) -> int:
        return len(self.addresses) + len(self.domains) + len(self.networks)

    def iterate_networks(self) -> Iterator[Network]:
        """The networks again."""
        for version, length, prefix in self.networks:
            bits = 32 if version == 4 else 128
            make = IPv4Network if version == 4 else IPv6Network
            yield make((prefix << bits - length, length))

    def has_network(self, address: str) -> bool:
        """Is this IP address in one of the networks?"""
        if not self.networks or not address:
            return False
        version, bits, number = _number(address)
        return any(
            (version, length, number >> bits - length) in self.networks for of, length in self.lengths if of == version
        )

    def has_address(self, address: Address) -> bool:
        """Is it named, or its domain?"""
        local, domain = address.local.lower(), _normalize(address.domain)
        return f"{local}@{domain}" in self.addresses or self.has_domain(domain)

    def has_domain(self, domain: str) -> bool:
        """Is it named, or one above it with all below?"""
        if not self.domains:
            return False
        if domain in self.domains:
            return True
        return any(above in self.domains for above in _above(domain))


NO_ENTRIES: Final = Entries()


def collect(addresses: Iterable[str], domains: Iterable[str], networks: Iterable[Network]) -> Entries:
    """The entries, made to be asked. ``domains`` begin with a dot where all below them are meant."""
    keys = frozenset(
        (one.version, one.prefixlen, int(one.network_address) >> one.max_prefixlen - one.prefixlen) for one in networks
    )
    lengths = tuple(sorted({(version, length) for version, length, _ in keys}))
    return Entries(frozenset(addresses), frozenset(domains), keys, lengths)


@dataclass(slots=True)
class Named:
    """Both lists, replaced as a whole when their files change. ``blocks`` unless nothing will ever be blocked."""

    allowed: Entries = NO_ENTRIES
    blocked: Entries = NO_ENTRIES
    blocks: bool = True


def check_blocked_network(facts: ConnectionFacts, blocked: Entries) -> Verdict:
    """554 5.7.1 to a client in a blocked network."""
    return _NETWORK if blocked.has_network(facts.peer.address) else ABSTAIN


def check_blocked_sender(facts: MailFacts, blocked: Entries) -> Verdict:
    """At MAIL: 550 5.7.1 for a blocked reverse-path."""
    path = facts.reverse_path
    return _SENDER if isinstance(path, Address) and blocked.has_address(path) else ABSTAIN


def check_blocked_author(facts: ContentFacts, blocked: Entries) -> Verdict:
    """At the end of the content: 550 5.7.1 where any author of the message is blocked."""
    if not blocked.addresses and not blocked.domains:
        return ABSTAIN
    found = facts.authentication
    author = found.author if found is not None and found.author is not None else find_author(facts.content.header)
    is_blocked = any(map(blocked.has_address, author.addresses)) or any(map(blocked.has_domain, author.claimed))
    return _SENDER if is_blocked else ABSTAIN


def is_allowed_network(peer: Peer, allowed: Entries) -> bool:
    return allowed.has_network(peer.address)


def is_allowed_path(facts: RecipientFacts, allowed: Entries) -> bool:
    """At RCPT: a network, or a reverse-path that SPF proves."""
    if allowed.has_network(facts.peer.address):
        return True
    found, path = facts.mail.authentication, facts.mail.reverse_path
    if found is None or found.spf is None or found.spf.result is not Result.PASS or not isinstance(path, Address):
        return False
    return found.spf.scope == "mailfrom" and allowed.has_address(path)


def is_allowed_author(facts: ContentFacts, allowed: Entries) -> bool:
    """At the end of the content: a network, or an author whose domain SPF or DKIM proves."""
    if allowed.has_network(facts.peer.address):
        return True
    found = facts.authentication
    if found is None or found.author is None or not found.author.addresses:
        return False
    proven = gather_evidence(found, facts.peer).domain
    return all(is_within(_normalize(one.domain), proven) and allowed.has_address(one) for one in found.author.addresses)


@lru_cache(maxsize=1024)
def _number(address: str) -> tuple[int, int, int]:
    ip: IPv4Address | IPv6Address = ip_address(address)
    return ip.version, ip.max_prefixlen, int(ip)


def _normalize(domain: str) -> str:
    try:
        return normalize_name(domain)
    except ValueError:
        return domain.lower()


def _above(domain: str) -> Iterator[str]:
    """``.mail.example.net``, ``.example.net``, ``.net`` for ``mail.example.net``."""
    rest = f".{domain}"
    while rest:
        yield rest
        _, dot, rest = rest[1:].partition(".")
        rest = dot + rest
