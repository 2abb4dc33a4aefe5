"""Public keys as DNSKEY records have them, and one signature over octets.

    8, 10    RSA with SHA-256, SHA-512                RFC 3110, RFC 5702
    13, 14   ECDSA on P-256, P-384                    RFC 6605
    15, 16   Ed25519, Ed448                           RFC 8080

Everything else is not supported: SHA-1 (5, 7) since RFC 9905, DSA, MD5 and GOST
since RFC 8624 and RFC 9906. A zone of none but such keys is insecure, see
``delegation``. A key of a supported algorithm that is malformed, or an RSA key
outside of the sizes below, verifies nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

RSA_BITS: Final = (1024, 4096)
"""Fewer are factored at home; more are no DNSSEC keys (RFC 5702 §2)."""

EXPONENT_BITS: Final = 64
"""An RSA exponent as long as the modulus makes one verification cost as much as a hundred."""

KEY_OCTETS: Final = 1024
"""Longest public key: RSA with 4096 bits takes 512 octets and the exponent."""

_KEYS_KEPT: Final = 256
"""Keys that stay decoded: those of the root, of the common top domains and of the zones just walked through."""

Verify = Callable[[bytes, bytes], None]
"""Takes the signature and what is signed; raises ``InvalidSignature``."""


def is_signature(algorithm: int, key: bytes, signature: bytes, octets: bytes) -> bool:
    """Is ``signature`` one over ``octets``, by the public key of a DNSKEY record?"""
    verify = _load(algorithm, key) if len(key) <= KEY_OCTETS else None
    if verify is None:
        return False
    try:
        verify(signature, octets)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=_KEYS_KEPT)
def _load(algorithm: int, key: bytes) -> Verify | None:
    """What verifies with ``key``, or ``None`` for a key that is none."""
    try:
        load = _LOADERS.get(algorithm)
        return None if load is None else load(key)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _load_rsa(hash: hashes.HashAlgorithm) -> Callable[[bytes], Verify]:
    def load(octets: bytes) -> Verify:
        exponent, modulus = _split_rsa(octets)
        if not (RSA_BITS[0] <= modulus.bit_length() <= RSA_BITS[1]) or exponent.bit_length() > EXPONENT_BITS:
            raise ValueError("an RSA key of a size that is not accepted")
        key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        return lambda signature, signed: key.verify(signature, signed, padding.PKCS1v15(), hash)

    return load


def _split_rsa(octets: bytes) -> tuple[int, int]:
    """Exponent and modulus (RFC 3110 §2)."""
    size, start = octets[0] if octets else 0, 1
    if size == 0:
        size, start = int.from_bytes(octets[1:3], "big"), 3
    if size == 0 or len(octets) <= start + size:
        raise ValueError("an RSA key without exponent or modulus")
    return int.from_bytes(octets[start : start + size], "big"), int.from_bytes(octets[start + size :], "big")


def _load_ecdsa(curve: ec.EllipticCurve, size: int, hash: hashes.HashAlgorithm) -> Callable[[bytes], Verify]:
    def load(octets: bytes) -> Verify:
        if len(octets) != 2 * size:
            raise ValueError("a point of another curve")
        key = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + octets)

        def verify(signature: bytes, signed: bytes) -> None:
            if len(signature) != 2 * size:  # r and s, each in full (RFC 6605 §4)
                raise InvalidSignature
            r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hash))

        return verify

    return load


_LOADERS: Final[dict[int, Callable[[bytes], Verify]]] = {
    8: _load_rsa(hashes.SHA256()),
    10: _load_rsa(hashes.SHA512()),
    13: _load_ecdsa(ec.SECP256R1(), 32, hashes.SHA256()),
    14: _load_ecdsa(ec.SECP384R1(), 48, hashes.SHA384()),
    15: lambda octets: ed25519.Ed25519PublicKey.from_public_bytes(octets).verify,
    16: lambda octets: ed448.Ed448PublicKey.from_public_bytes(octets).verify,
}

SUPPORTED: Final = frozenset(_LOADERS)
"""The algorithms that we verify, by their numbers."""
