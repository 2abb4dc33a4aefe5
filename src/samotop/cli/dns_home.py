"""What a home says about the records of a domain: its configuration, its certificate, its DKIM keys, its addresses.

``observe`` makes what is missing as the first start of the server would: a
pair of DKIM keys, and a self-signed certificate where none is named.
Raises ``SetupError``.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from samotop.cli.dns_records import CertificateNote, KeyNote, Situation
from samotop.cli.later import is_served
from samotop.config.shapes import CHECKING_PROTOCOLS, Config, Listen, TlsFiles
from samotop.config.sts import own_policy
from samotop.dns.names import normalize_name
from samotop.errors import SetupError
from samotop.msgauth import dkim
from samotop.net.certificates import ensure_self_signed, is_self_signed
from samotop.net.endpoint import Tcp
from samotop.ports.clock import Clock
from samotop.store.keys import DkimKeys, KeyPair

CERTIFICATE_LIMIT: Final = 1024 * 1024
"""Octets of a certificate's file with its chain that are read."""

_ISSUERS: Final = {
    "let's encrypt": "letsencrypt.org",
    "(staging) let's encrypt": "letsencrypt.org",
    "zerossl": "sectigo.com",
    "sectigo limited": "sectigo.com",
    "google trust services": "pki.goog",
    "google trust services llc": "pki.goog",
    "digicert inc": "digicert.com",
    "buypass as-983163327": "buypass.com",
    "ssl corporation": "ssl.com",
    "actalis s.p.a.": "actalis.it",
}
"""The CAA names of authorities by the organization in their certificates, in lower case, as they publish them."""
_FAR_AWAY: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Where no packet is sent: only the way there is asked for (RFC 5737, RFC 3849)."""


def own_domain(config: Config, domain: str) -> str:
    """``domain`` as it is compared. Raises ``SetupError`` unless it is one of ours."""
    try:
        name = normalize_name(domain)
    except ValueError:
        name = ""
    if name not in {normalize_name(one) for one in config.domains}:
        raise SetupError(
            f'"{domain}" is not among the domains of samotop.toml', remedy=f"they are: {', '.join(config.domains)}"
        )
    return name


def observe(
    config: Config, home: Path, domain: str, clock: Clock, *, addresses: Sequence[str] = (), asks_system: bool = True
) -> Situation:
    """All that the plan needs to know. ``addresses`` are what somebody says; else the listeners' and the system's."""
    listeners = [one for one in config.listeners if is_served(one)]
    reception = next((one for one in listeners if one.protocol == "smtp"), None)
    smarthost = urlsplit(config.relay.smarthost).hostname or "" if config.relay.smarthost else ""
    # First of all, as the policy follows from it: the server makes its certificate at the first start.
    certificate = _read_certificate(config, home, clock) if any(one.tls != "none" for one in listeners) else None
    return Situation(
        domain=own_domain(config, domain),
        hostname=normalize_name(config.hostname),
        addresses=check_addresses(addresses) or tuple(_find_addresses(listeners, asks_system=asks_system)),
        certificate=certificate,
        services=dict(_services(listeners)),
        keys=tuple(note_keys(ensure_keys(DkimKeys(home), own_domain(config, domain), clock.time()))),
        smarthost=smarthost,
        receives_at=None if reception is None else reception.address.port if isinstance(reception.address, Tcp) else 25,
        sts=own_policy(config, home),
        serves_web=any(one.protocol == "web" for one in listeners),
        hidden=tuple(f"{one.protocol} {one.address}" for one in listeners if _is_hidden(one)),
    )


def check_addresses(addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses in their usual form. Raises ``SetupError``."""
    try:
        return tuple(str(ip_address(one.strip("[]"))) for one in addresses)
    except ValueError:
        raise SetupError("--address is not an IP address", remedy="write it like 192.0.2.1 or 2001:db8::1") from None


def _services(listeners: list[Listen]) -> Iterator[tuple[str, int]]:
    """The services that mail programs may use, with their ports; the first listener of each."""
    for one in reversed(listeners):
        if one.protocol in ("submission", "imap") and isinstance(one.address, Tcp) and one.address.port:
            yield one.protocol + ("s" if one.tls == "implicit" else ""), one.address.port


def _is_hidden(listen: Listen) -> bool:
    """Should the world reach it, and cannot? What a proxy or a mail server on this machine asks is meant to be here."""
    if listen.protocol in ("web", *CHECKING_PROTOCOLS):
        return False
    return isinstance(listen.address, Tcp) and (
        listen.address.host == "localhost" or _is_ip(listen.address.host, "is_loopback")
    )


def _is_ip(text: str, claim: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.is_loopback if claim == "is_loopback" else address.is_global and not address.is_multicast


def _find_addresses(listeners: list[Listen], *, asks_system: bool) -> list[str]:
    """Public addresses that a listener names, else those from which this machine would send."""
    hosts = [one.address.host for one in listeners if isinstance(one.address, Tcp)]
    named = [str(ip_address(host)) for host in hosts if _is_ip(host, "is_global")]
    if not named and asks_system and not all(_is_hidden(one) for one in listeners):
        named = [address for family, far in _FAR_AWAY if _is_ip(address := _source_address(family, far), "is_global")]
    return list(dict.fromkeys(named))


def _source_address(family: socket.AddressFamily, far: str) -> str:
    """The address that packets to ``far`` would come from; connecting a datagram socket sends nothing."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _read_certificate(config: Config, home: Path, clock: Clock) -> CertificateNote:
    path = home / config.tls.certificate
    if config.tls == TlsFiles():
        path = ensure_self_signed(home / "tls", config.hostname, config.domains, clock).certificate
    try:
        with path.open("rb") as file:
            octets = file.read(CERTIFICATE_LIMIT)
        certificate = x509.load_pem_x509_certificates(octets)[0]
        key = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}", remedy="samotop check") from None
    except ValueError:
        raise SetupError(f"{path} holds no certificate", remedy="name a PEM file in [tls]") from None
    organizations = certificate.issuer.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    issuer = str(organizations[0].value).lower() if organizations else ""
    return CertificateNote(hashlib.sha256(key).digest(), is_self_signed(certificate), _ISSUERS.get(issuer, ""))


def ensure_keys(keys: DkimKeys, domain: str, now: float) -> list[KeyPair]:
    """The domain's pairs, the first one made where there is none."""
    if not keys.pairs(domain):
        make_keys(keys, domain, now)
    return keys.pairs(domain)


def make_keys(keys: DkimKeys, domain: str, now: float) -> KeyPair:
    """Another pair: RSA with 2048 bits, which everybody knows, and Ed25519 (RFC 8463)."""
    pems = {
        "rsa": dkim.format_private_key(dkim.generate_key("rsa")),
        "ed": dkim.format_private_key(dkim.generate_key("ed25519")),
    }
    return keys.add(domain, pems, now)


def note_keys(pairs: Sequence[KeyPair]) -> Iterator[KeyNote]:
    """Each key with its record. Raises ``SetupError`` for a file that holds no key."""
    for pair in pairs:
        for key in pair.keys:
            try:
                private = dkim.parse_private_key(key.pem)
            except ValueError:
                raise SetupError(
                    f"{key.selector}.pem of {pair.domain} holds no key that could sign", remedy="remove or mend it"
                ) from None
            yield KeyNote(key.selector, dkim.format_key_record(private), pair.state.value)
