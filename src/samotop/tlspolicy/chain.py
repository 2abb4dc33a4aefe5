"""A server's certificates: from its own to an authority, when they hold, for which names (RFC 5280 §6, RFC 7672 §3.2).

For chains that a TLSA record vouches for, whose authorities are anybody's:
``find_path`` and ``check_path``. For the public authorities: ``Trust``, where
the cryptography library finds the path and verifies it first.

Signatures are the library's work; what is decided here is the order, the
dates, who may sign for whom, and the names. Not looked at: revocation, which
mail servers do not check, and certificate policies.

Raises ``ChainFault`` with the word that reports have for it, and ``ValueError``
for octets that are no certificate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from samotop.dns.names import normalize_name
from samotop.tlspolicy.levels import Failure

CHAIN_LIMIT: Final = 10
"""Certificates of a server that are looked at: OpenSSL takes no more by default, honest chains have four."""
NAME_LIMIT: Final = 1000
"""Names of one certificate that are looked at: the largest shared ones have some hundred."""

_WEAK: Final = (hashes.MD5, hashes.SHA1)
_KNOWN: Final = frozenset((
    ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.NAME_CONSTRAINTS, ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.POLICY_CONSTRAINTS, ExtensionOID.INHIBIT_ANY_POLICY,
))  # fmt: skip
"""Extensions that may be critical: what they say is obeyed, or concerns policies, for which nobody asks."""

Extension = TypeVar("Extension", bound=x509.ExtensionType)

_EITHER: Final = verification.Criticality.AGNOSTIC
_AUTHORITY: Final = verification.ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, _EITHER, None)
_SERVER: Final = verification.ExtensionPolicy.permit_all().require_present(x509.SubjectAlternativeName, _EITHER, None)
"""What the library looks at in extensions: little, as its own rules are those of browsers, which
refuse what mail servers take. ``check_path`` looks at the rest."""

Link = tuple[x509.Certificate, bytes]
"""A certificate and its octets."""


class ChainFault(ValueError):
    """The chain is not to be believed. The text names nobody."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


def parse_chain(chain: Sequence[bytes], *, is_lenient: bool = False) -> list[Link]:
    """Read the first ``CHAIN_LIMIT`` certificates. Raises ``ValueError``; ``is_lenient`` leaves out what is none."""
    links: list[Link] = []
    for octets in chain[:CHAIN_LIMIT]:
        try:
            links.append((x509.load_der_x509_certificate(octets), octets))
        except (ValueError, TypeError, UnsupportedAlgorithm):
            if not is_lenient:
                raise ValueError("the server's certificate cannot be read") from None
    return links


def parse_key(octets: bytes) -> CertificatePublicKeyTypes | None:
    """A public key from its SubjectPublicKeyInfo; ``None`` for one that no certificate could be checked with."""
    try:
        key = load_der_public_key(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    kinds = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)
    return key if isinstance(key, kinds) else None


def is_signed_by(certificate: x509.Certificate, key: CertificatePublicKeyTypes) -> bool:
    """Is this the key that has signed the certificate?"""
    try:
        signed, signature = certificate.tbs_certificate_bytes, certificate.signature
        parameters = certificate.signature_algorithm_parameters
        if isinstance(key, rsa.RSAPublicKey):
            algorithm = certificate.signature_hash_algorithm
            if algorithm is None or not isinstance(parameters, padding.PKCS1v15 | padding.PSS):
                return False
            key.verify(signature, signed, parameters, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            if not isinstance(parameters, ec.ECDSA):
                return False
            key.verify(signature, signed, parameters)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        else:
            return False
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def find_path(chain: Sequence[Link], more: Sequence[Link] = ()) -> list[Link]:
    """The server's certificate, the one that issued it, and so on as far as ``chain`` and ``more`` lead.

    Servers send theirs in disorder, and some that do not belong: each is used
    once, the first that fits. At most ``CHAIN_LIMIT`` squared comparisons of
    names, and a signature for each that fits.
    """
    path = list(chain[:1])
    left = [*chain[1:], *more]
    while path and left:
        last = path[-1][0]
        for place, (certificate, _) in enumerate(left):
            if certificate.subject == last.issuer and _has_issued(certificate, last):
                path.append(left.pop(place))
                break
        else:
            return path
    return path


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def check_path(path: Sequence[x509.Certificate], names: Sequence[str], now: float) -> None:
    """Is ``path``, whose signatures verify, good at ``now`` for a server with one of ``names``? Raises ``ChainFault``.

    The last is the anchor, or is signed by it. It has to be valid too: that is
    what other mail servers ask of it.
    """
    moment = datetime.fromtimestamp(now, UTC)
    leaf = path[0]
    for depth, certificate in enumerate(path):
        check_dates(certificate, moment)
        _check_extensions(certificate)
        if certificate.subject != certificate.issuer and isinstance(certificate.signature_hash_algorithm, _WEAK):
            raise ChainFault(Failure.UNTRUSTED, "a certificate is signed by a digest that can be forged")
        if depth:
            _check_issuer(certificate, depth - 1)
            _check_constraints(certificate, _names_of(leaf))
    usage = _extension(leaf, x509.ExtendedKeyUsage)
    wanted = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if usage is not None and not any(purpose in usage for purpose in wanted):
        raise ChainFault(Failure.UNTRUSTED, "the certificate is not for servers")
    check_names(leaf, names)


def check_dates(certificate: x509.Certificate, moment: datetime) -> None:
    """Raises ``ChainFault`` before the certificate begins and after its end."""
    if moment > certificate.not_valid_after_utc:
        raise ChainFault(Failure.EXPIRED, "a certificate has expired")
    if moment < certificate.not_valid_before_utc:
        raise ChainFault(Failure.UNTRUSTED, "a certificate is not valid yet")


def check_names(certificate: x509.Certificate, names: Sequence[str]) -> None:
    """Is it for one of ``names``? Raises ``ChainFault``."""
    shown = _names_of(certificate)
    if not any(match_name(pattern, name) for name in names for pattern in shown):
        raise ChainFault(Failure.NAME, "the certificate is for other names")


def match_name(pattern: str, name: str) -> bool:
    """Does a certificate's name stand for ``name``? An asterisk is one whole label, the first (RFC 7672 §3.2.3)."""
    try:
        wanted = normalize_name(name)
        if not pattern.startswith("*."):
            return normalize_name(pattern) == wanted
        suffix = normalize_name(pattern[2:])
    except ValueError:
        return False
    label, _, rest = wanted.partition(".")
    return bool(label) and "." in suffix and rest == suffix


def _names_of(certificate: x509.Certificate) -> list[str]:
    """The DNS names it is for; the common name where there are none (RFC 7672 §3.2.3)."""
    alternatives = _extension(certificate, x509.SubjectAlternativeName)
    names = alternatives.get_values_for_type(x509.DNSName) if alternatives is not None else []
    if not names:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = [str(attribute.value) for attribute in common]
    return names[:NAME_LIMIT]


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _check_extensions(certificate: x509.Certificate) -> None:
    """A critical extension that nobody here understands may say anything (RFC 5280 §4.2)."""
    if any(extension.critical and extension.oid not in _KNOWN for extension in certificate.extensions):
        raise ChainFault(Failure.UNTRUSTED, "a certificate has a critical extension that is not known")


def _check_issuer(certificate: x509.Certificate, below: int) -> None:
    """May this one issue certificates, with ``below`` other issuers between it and the server?"""
    basic = _extension(certificate, x509.BasicConstraints)
    if basic is None or not basic.ca:
        raise ChainFault(Failure.UNTRUSTED, "an issuer in the chain is no authority")
    if basic.path_length is not None and below > basic.path_length:
        raise ChainFault(Failure.UNTRUSTED, "the chain is longer than an authority in it allows")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise ChainFault(Failure.UNTRUSTED, "an authority in the chain may not sign certificates")


def _check_constraints(certificate: x509.Certificate, names: Sequence[str]) -> None:
    """The names an authority is allowed to issue for (RFC 5280 §4.2.1.10); only DNS names are of interest here."""
    limits = _extension(certificate, x509.NameConstraints)
    if limits is None:
        return
    allowed, denied = _trees_of(limits.permitted_subtrees), _trees_of(limits.excluded_subtrees)
    for name in names:
        if _is_below(name, denied) or (allowed and not _is_below(name, allowed)):
            raise ChainFault(Failure.UNTRUSTED, "an authority in the chain may not issue for this name")


def _trees_of(names: Iterable[x509.GeneralName] | None) -> frozenset[str]:
    return frozenset(name.value.lower().removeprefix(".") for name in names or () if isinstance(name, x509.DNSName))


def _is_below(name: str, trees: frozenset[str]) -> bool:
    """One look for each label of the name, however many trees there are."""
    above = name.lower().removeprefix("*.")
    while above not in trees:
        if not above:
            return False
        above = above.partition(".")[2]
    return True


class Trust:
    """The public authorities, or those that the operator names instead.

    ``roots`` are certificates in DER, as ``ssl.SSLContext.get_ca_certs(True)``
    gives them; those that cannot be read are left out.
    """

    def __init__(self, roots: Sequence[bytes]) -> None:
        read: list[x509.Certificate] = []
        for octets in roots:
            try:
                read.append(x509.load_der_x509_certificate(octets))
            except (ValueError, TypeError, UnsupportedAlgorithm):  # one of a hundred, with something newer than us
                continue
        self._store = verification.Store(read) if read else None

    def check(self, chain: Sequence[bytes], names: Sequence[str], now: float) -> None:
        """Does a known authority vouch for the chain (DER, the server's own first) at ``now``, for one of ``names``?

        Raises ``ChainFault``, and ``ValueError`` for what cannot be read.
        """
        if not chain:
            raise ChainFault(Failure.VALIDATION, "the server has shown no certificate")
        links = [certificate for certificate, _ in parse_chain(chain)]
        moment = datetime.fromtimestamp(now, UTC)
        check_dates(links[0], moment)
        wanted = [name for name in names if any(match_name(shown, name) for shown in _names_of(links[0]))]
        if not wanted:
            raise ChainFault(Failure.NAME, "the certificate is for other names")
        if self._store is None:
            raise ChainFault(Failure.UNTRUSTED, "no authority is known here")
        policy = verification.PolicyBuilder().store(self._store).time(moment)
        policy = policy.extension_policies(ca_policy=_AUTHORITY, ee_policy=_SERVER)
        verifier = policy.build_server_verifier(x509.DNSName(normalize_name(wanted[0])))
        try:
            check_path(verifier.verify(links[0], links[1:]), wanted[:1], now)
        except verification.VerificationError:
            for certificate in links[1:]:
                check_dates(certificate, moment)
            raise ChainFault(Failure.UNTRUSTED, "no known authority vouches for the certificate") from None
