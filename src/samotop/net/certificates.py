"""The server's certificate on disk, and the one we make when there is none.

A self-signed ECDSA P-256 certificate lets a fresh server offer STARTTLS at
once: it keeps eavesdroppers out and proves nothing (RFC 7435, opportunistic
security). A certificate that somebody put in its place is never touched. One
of our own making is renewed before it ends and when the server's name has
changed, with the same key, so that a TLSA record for the key stays true
(RFC 7671 §5.1).

Files are written beside their place, synced and renamed, the key first and
with mode 0600: a crash leaves the old pair, or a key whose certificate the
next start makes.

Raises ``SetupError`` where the directory cannot be used.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from samotop.errors import SetupError
from samotop.net.peercert import names_any
from samotop.ports.clock import Clock

CERTIFICATE_NAME: Final = "certificate.pem"
KEY_NAME: Final = "key.pem"

LIFETIME: Final = timedelta(days=3650)
"""Nobody checks the end of a certificate that nobody signed; each new one makes people confirm it anew."""

RENEW_BEFORE: Final = timedelta(days=30)
"""Left when a start makes a new one: longer than a server usually runs between restarts."""

SKEW: Final = timedelta(days=1)
"""Certificates begin this much earlier, for clients whose clock is behind."""

FILE_LIMIT: Final = 1024 * 1024
"""Octets of a certificate's file with its chain that are read."""

NAMES_LIMIT: Final = 100
"""Names in one certificate; it is sent in every handshake."""

_MARK: Final = "Samotop self-signed"  # the organization in ours: by this we know what we may replace
_COMMON_NAME_LIMIT: Final = 64  # RFC 5280, ub-common-name
_KEY_MODE: Final = 0o600
_CERTIFICATE_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the certificate with its chain, and its private key. They may be one file."""

    certificate: Path
    key: Path


def ensure_self_signed(directory: Path, hostname: str, domains: Iterable[str], clock: Clock) -> TlsFiles:
    """Return the pair in ``directory``; make it first where it is missing, or ours and about to end.

    The certificate names ``hostname`` and ``domains``. Raises ``SetupError``.
    """
    files = TlsFiles(directory / CERTIFICATE_NAME, directory / KEY_NAME)
    now = datetime.fromtimestamp(clock.time(), UTC)
    names = _names(hostname, domains)
    try:
        if files.certificate.exists():
            if not files.key.exists():
                raise SetupError(
                    f"{files.certificate} has no key beside it",
                    remedy=f"Put the certificate's key into {files.key}, or remove both to have a new pair made.",
                )
            if not _is_ours_to_renew(files.certificate, names, now):
                return files
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = _kept_key(files.key)
        if key is None:
            key = ec.generate_private_key(ec.SECP256R1())
            _write(files.key, _pem_of_key(key), _KEY_MODE)
        _write(files.certificate, _self_signed(key, names, now), _CERTIFICATE_MODE)
    except OSError as error:
        raise SetupError(
            f"cannot make a certificate in {directory}: {error.strerror}",
            remedy="Let the server's user write there, or name a certificate and key of your own.",
        ) from error
    return files


def is_issued(path: Path) -> bool:
    """Has somebody else than itself signed the certificate at ``path``? No file that can be read has none."""
    try:
        with path.open("rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read(FILE_LIMIT))
    except (OSError, ValueError):
        return False
    return not is_self_signed(certificate)


def names_host(path: Path, host: str) -> bool:
    """Is the certificate at ``path`` for ``host``? No file that can be read is for nobody."""
    try:
        with path.open("rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read(FILE_LIMIT))
        return names_any(certificate.public_bytes(serialization.Encoding.DER), [host])
    except (OSError, ValueError):
        return False


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Is it its own authority? Then no stranger can verify it."""
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_ours_to_renew(path: Path, names: list[x509.GeneralName], now: datetime) -> bool:
    """Is this our own making, and is it about to end or made for other names?"""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(certificate)
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False  # not one of ours; whether it is any good shows when it is loaded
    marks = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    if [mark.value for mark in marks] != [_MARK]:
        return False
    return certificate.not_valid_after_utc - RENEW_BEFORE <= now or list(held) != names


def _kept_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    """The key that is there, if it is one that we could have made."""
    if not path.exists():
        return None
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        key = None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key
    raise SetupError(
        f"{path} has no certificate beside it, and is no key that one could be made for",
        remedy=f"Put its certificate beside it as {CERTIFICATE_NAME}, or remove it to have a new pair made.",
    )


def _names(hostname: str, domains: Iterable[str]) -> list[x509.GeneralName]:
    """Every name once, as a certificate spells it: IDNs as A-labels, IP addresses as such."""
    names: list[x509.GeneralName] = []
    for text in filter(None, (hostname, *domains)):
        name: x509.GeneralName
        try:
            name = x509.IPAddress(ip_address(text.strip("[]").removeprefix("IPv6:")))
        except ValueError:
            try:
                name = x509.DNSName(text.encode("idna").decode("ascii").lower())
            except ValueError:
                continue  # no certificate can name it
        if name not in names:
            names.append(name)
    return names[:NAMES_LIMIT]


def _self_signed(key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName], now: datetime) -> bytes:
    """A certificate for ``names``, signed with its own key, as PEM."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, _MARK)]
    first = str(names[0].value) if names else ""
    if 0 < len(first) <= _COMMON_NAME_LIMIT:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, first))
    name = x509.Name(attributes)
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, octets: bytes, mode: int) -> None:
    """Put ``octets`` at ``path`` as a whole or not at all; nobody else can read them on the way."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
