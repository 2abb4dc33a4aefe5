"""What a TLS peer's certificate tells its client: whose it is, its chain, its key, its channel binding.

Names are matched as RFC 9525 has it: subjectAltName alone, a wildcard only as
the whole left-most label, IP addresses by value. Whether somebody trusted has
signed the chain is OpenSSL's business (``net.clienttls``); whether a TLSA record
speaks for it is that of whoever is given the chain.

Raises ``ValueError`` for a certificate that cannot be read.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization


def chain_of(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The chain as the peer sent it, its own certificate first, as DER: nobody has verified it here."""
    if hasattr(tls, "get_unverified_chain"):  # public from Python 3.13 on
        return tuple(tls.get_unverified_chain())
    inner: Any = getattr(tls, "_sslobj", None)  # what 3.10 to 3.12 have, and do not tell of
    if inner is not None and hasattr(inner, "get_unverified_chain"):
        return tuple(ssl.PEM_cert_to_DER_cert(found.public_bytes()) for found in inner.get_unverified_chain() or ())
    leaf = tls.getpeercert(binary_form=True)
    return (leaf,) if leaf else ()


def key_digest(certificate: bytes) -> bytes:
    """SHA-256 of a certificate's public key (SubjectPublicKeyInfo): what is pinned. Raises ``ValueError``."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    except UnsupportedAlgorithm as error:
        raise ValueError("a key of an unknown kind") from error
    return hashlib.sha256(spki).digest()


def end_point_of(certificate: bytes) -> bytes | None:
    """``tls-server-end-point`` of a server's certificate (RFC 5929 §4.1); ``None`` where the RFC defines none."""
    try:
        found = x509.load_der_x509_certificate(certificate)
        algorithm = found.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return None
    if algorithm is None:
        return None
    if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    return found.fingerprint(algorithm)


def names_any(certificate: bytes, wanted: Iterable[str]) -> bool:
    """Does the certificate name one of ``wanted``: host names, in any spelling, or IP addresses (RFC 9525 §6)?

    Raises ``ValueError``.
    """
    try:
        found = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return False
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError("the certificate's names cannot be read") from error
    hosts = [name.lower() for name in found.value.get_values_for_type(x509.DNSName)]
    addresses = {str(address) for address in found.value.get_values_for_type(x509.IPAddress)}
    return any(_is_named(name, hosts, addresses) for name in wanted)


def _is_named(wanted: str, hosts: list[str], addresses: set[str]) -> bool:
    text = wanted.strip("[]")
    text = text[5:] if text[:5].lower() == "ipv6:" else text
    try:
        return str(ip_address(text)) in addresses
    except ValueError:
        pass
    try:
        name = wanted.rstrip(".").encode("idna").decode("ascii").lower() if not wanted.isascii() else wanted
    except UnicodeError:
        return False
    name = name.rstrip(".").lower()
    return any(_matches(name, host.rstrip(".")) for host in hosts)


def _matches(name: str, presented: str) -> bool:
    """A wildcard stands for one label, at the left, of at least three (RFC 9525 §6.3)."""
    if not presented.startswith("*."):
        return name == presented and bool(name)
    label, dot, parent = name.partition(".")
    return bool(label and dot) and parent == presented[2:] and "." in parent
