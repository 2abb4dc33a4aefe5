"""Certificates of every sort, made in the test: good ones, and each thing that can be wrong with one.

    root = make_certificate("Root", is_authority=True)
    leaf = make_certificate("mx.example.org", issuer=root)
    leaf.der, leaf.key_der, leaf.digest(256), leaf.write(folder)

Valid around ``NOW`` unless told otherwise. Keys are new in each process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = 1_795_000_000.0
"""Seconds since 1970: a day in November 2026."""
DAY = 86400.0

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def tlsa(self, usage: int, selector: int, matching: int) -> str:
        """The TLSA record that names it, in presentation format."""
        octets = self.key_der if selector else self.der
        shown = {0: octets, 1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}[matching]
        return f"{usage} {selector} {matching} {shown.hex()}"

    def write(self, folder: Path, *above: Made) -> tuple[Path, Path]:
        """Files for a server: the certificate with those above it, and its key."""
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        shown = (self, *above)
        certificate.write_bytes(b"".join(one.certificate.public_bytes(serialization.Encoding.PEM) for one in shown))
        key.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, key


def make_certificate(
    name: str,
    *,
    names: Sequence[str] | None = None,
    issuer: Made | None = None,
    key: PrivateKey | None = None,
    begin: float = NOW - 30 * DAY,
    end: float = NOW + 30 * DAY,
    is_authority: bool = False,
    path_length: int | None = None,
    may_sign: bool = True,
    purposes: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.SERVER_AUTH,),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Made:
    """A certificate for ``name``, signed by ``issuer`` or itself. ``names`` are the DNS names, ``name`` by default."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(begin))
        .not_valid_after(_moment(end))
        .add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(above, critical=False)
    if is_authority:
        usage = x509.KeyUsage(True, False, False, False, False, may_sign, may_sign, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        shown = [name] if names is None else names
        if shown:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(one) for one in shown])
            builder = builder.add_extension(alternatives, critical=False)
        if purposes is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    signer = issuer.key if issuer else key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Made(builder.sign(signer, algorithm), key)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
