"""The signature algorithms: rsa-sha256 and ed25519-sha256 (RFC 6376 §3.3, RFC 8463 §3).

rsa-sha1 is known by name, so that a signature with it can be called what it is,
and is never verified or made (RFC 8301 §3.1). Both algorithms sign the
SHA-256 of what is signed, so that a digest is all that comes in here.

Raises ``ValueError`` for keys that cannot be read, and nothing for signatures that do not verify.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key

RSA_BITS_LEAST: Final = 1024
"""Shorter keys are broken by amateurs; verifiers must not accept them (RFC 8301 §3.2)."""
RSA_BITS_MOST: Final = 4096
"""What verifiers must be able to do (RFC 8301 §3.2). Work grows with the square, and strangers choose the key."""
EXPONENT_BITS_MOST: Final = 64
"""An exponent as long as the key makes a verification as slow as a hundred; everybody's has 17 bits or fewer."""
DER_LIMIT: Final = 2 * 1024
"""Octets of a public key that are decoded: one of 4096 bits has 550; some more, to tell too long from broken."""
ED25519_OCTETS: Final = 32
"""Of an Ed25519 public key (RFC 8032 §5.1.5)."""
CACHED_KEYS: Final = 1024
"""Decoded keys that are kept, the least recently used ones leave first: some hundred octets each."""

PrivateKey = RSAPrivateKey | Ed25519PrivateKey

_PADDING: Final = padding.PKCS1v15()
_PREHASHED: Final = Prehashed(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm as ``a=`` names it. ``key_type`` is the key record's ``k=``, ``hash`` a word of its ``h=``."""

    name: str
    key_type: str
    hash: str
    is_accepted: bool = True


_ALGORITHMS: Final = {
    b"rsa-sha256": Algorithm("rsa-sha256", "rsa", "sha256"),
    b"ed25519-sha256": Algorithm("ed25519-sha256", "ed25519", "sha256"),
    b"rsa-sha1": Algorithm("rsa-sha1", "rsa", "sha1", is_accepted=False),
}


def find_algorithm(name: bytes) -> Algorithm | None:
    """The algorithm of an ``a=`` tag, or ``None`` for one that nobody here knows."""
    return _ALGORITHMS.get(name.lower())


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A decoded public key. ``bits`` is the modulus' length for RSA."""

    key: RSAPublicKey | Ed25519PublicKey
    type: str
    bits: int


@lru_cache(maxsize=CACHED_KEYS)
def load_public_key(type: str, octets: bytes) -> PublicKey:
    """Decode the octets of ``p=``: SubjectPublicKeyInfo or RSAPublicKey for RSA, 32 octets for Ed25519.

    RFC 6376 §3.6.1 names RSAPublicKey and shows SubjectPublicKeyInfo; both are in use.
    Raises ``ValueError``.
    """
    if type == "ed25519":
        if len(octets) != ED25519_OCTETS:
            raise ValueError(f"is no Ed25519 key: it has not {ED25519_OCTETS} octets")
        return PublicKey(Ed25519PublicKey.from_public_bytes(octets), type, 256)
    if len(octets) > DER_LIMIT:
        raise ValueError("is longer than any acceptable key")
    try:
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no RSA key") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("is no RSA key")
    if key.public_numbers().e.bit_length() > EXPONENT_BITS_MOST:
        raise ValueError("has an exponent that is out of all proportion")
    return PublicKey(key, "rsa", key.key_size)


def verify_digest(key: PublicKey, signature: bytes, digest: bytes) -> bool:
    """Whether ``signature`` is that key's over this SHA-256 digest."""
    try:
        if isinstance(key.key, Ed25519PublicKey):
            key.key.verify(signature, digest)
        else:
            key.key.verify(signature, digest, _PADDING, _PREHASHED)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_digest(key: PrivateKey, digest: bytes) -> bytes:
    """The signature over a SHA-256 digest."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(digest)
    return key.sign(digest, _PADDING, _PREHASHED)
