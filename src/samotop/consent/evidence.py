"""What proves that a message is from whom it claims: aligned domains, keys; the network where nothing does.

A domain is *aligned* if SPF or a DKIM signature proved it, and it lies in the author's organization
(RFC 9989 §4.4), whether that publishes a policy or not. Domains below an organization are
one for us, so that a sender may move from ``d=example.net`` to ``d=mail.example.net``.

The network and the confirmed reverse name prove little: many may share them. They are kept because
"as always from there" is better than nothing where a correspondent signs nothing.
Raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from samotop.dns.names import normalize_name
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.results import Result
from samotop.peer import Peer

PREFIXES: Final = {4: 24, 6: 64}
"""Bits of an address that make a network: what one customer of a provider has, seen from outside."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """``domain`` is the author's organization if something proved it, empty otherwise; ``methods`` says what did.

    ``signers`` are all domains of passing signatures, the author's own or not: a list's identity is proven by one of
    them. ``keys`` are digests of the public keys of aligned passing signatures. ``is_secure``: DNSSEC vouches for
    what the proof rests on. ``network`` is ``192.0.2.0/24`` or ``2001:db8::/64``; ``reverse_name`` leads back to
    the peer.
    """

    domain: str = ""
    methods: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()
    is_secure: bool = False
    network: str = ""
    reverse_name: str = ""
    is_encrypted: bool = False

    @property
    def is_proven(self) -> bool:
        return bool(self.domain)

    def __str__(self) -> str:
        """In words, for the owner."""
        if self.domain:
            how = " and ".join(word.upper() for word in self.methods)
            return f"{how} of {self.domain}" + (", with DNSSEC" if self.is_secure else "")
        where = f"from {self.reverse_name}" if self.reverse_name else f"from {self.network}" if self.network else ""
        return f"nothing proves it; {where}" if where else "nothing proves it"


NO_EVIDENCE: Final = Evidence()


def gather_evidence(found: Authentication | None, peer: Peer) -> Evidence:
    """The evidence that a message brings, from what sender authentication found and the session."""
    network = network_of(peer)
    name = peer.name
    if found is None:
        return Evidence(network=network, reverse_name=name, is_encrypted=peer.is_encrypted)
    if found.iprev is not None and found.iprev.result is Result.PASS:
        name = found.iprev.name
    organization = _organization(found)
    signatures = [one for one in found.dkim if one.result is Result.PASS and one.domain and not one.is_weak]
    aligned = [one for one in signatures if is_within(one.domain, organization)]
    spf = found.spf
    has_spf = spf is not None and spf.result is Result.PASS and is_within(spf.domain, organization)
    policy = found.dmarc
    if policy is not None and policy.record is not None and policy.result in (Result.PASS, Result.FAIL):
        # The domain has said what is its own (strict alignment, psd=), and DMARC has looked at that already.
        aligned = aligned if "dkim" in policy.aligned else []
        has_spf = has_spf and "spf" in policy.aligned
    methods = ("dkim",) * bool(aligned) + ("spf",) * has_spf
    secure = [one.is_secure for one in aligned]
    if has_spf and spf is not None:
        secure.append(spf.is_secure)
    return Evidence(
        domain=organization if methods else "",
        methods=methods,
        signers=tuple(dict.fromkeys(one.domain for one in signatures)),
        keys=frozenset(one.key_digest for one in aligned if one.key_digest),
        is_secure=any(secure),
        network=network,
        reverse_name=name,
        is_encrypted=peer.is_encrypted,
    )


def is_within(domain: str, organization: str) -> bool:
    """Is ``domain`` the organization's own, or below it?"""
    if not domain or not organization:
        return False
    try:
        name = normalize_name(domain)
    except ValueError:
        return False
    return name == organization or name.endswith(f".{organization}")


def is_signed_by(signers: Iterable[str], domain: str) -> bool:
    return any(is_within(one, domain) for one in signers)


def network_of(peer: Peer) -> str:
    """The network that a peer's address lies in; empty for this machine's own sockets."""
    ip = peer.ip
    return str(ip_network((ip, PREFIXES[ip.version]), strict=False)) if ip is not None else ""


def _organization(found: Authentication) -> str:
    """The organization of the author's one domain; empty where there is no author."""
    if found.author is None or not found.author.domain or found.author.domain.startswith("["):
        return ""
    own = found.author.domain
    walked = "" if found.dmarc is None else found.dmarc.organizational_domain
    return walked if walked and is_within(own, walked) else own
