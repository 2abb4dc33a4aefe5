"""Private keys: made, read, written, and the record that publishes the other half (RFC 6376 §3.6.1, RFC 8463 §4).

Octets in, octets out: where they are kept, and that nobody else reads them, is
the caller's. Raises ``ValueError`` for what is no key that we sign with.
"""

from __future__ import annotations

import base64
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from samotop.msgauth.signature.algorithms import RSA_BITS_LEAST, RSA_BITS_MOST, PrivateKey

RSA_BITS: Final = 2048
"""Of the RSA keys that we make: what signers should have (RFC 8301 §3.2), and it fits into a UDP answer."""
EXPONENT: Final = 65537
STRING_LIMIT: Final = 255
"""Octets of one character string of a TXT record (RFC 1035 §3.3)."""

KeyType = Literal["rsa", "ed25519"]


def generate_key(type: KeyType = "rsa") -> PrivateKey:
    """Make a new key; RSA of 2048 bits takes a tenth of a second or so."""
    if type == "ed25519":
        return Ed25519PrivateKey.generate()
    if type == "rsa":
        return generate_private_key(EXPONENT, RSA_BITS)
    raise ValueError(f"no type of key: {type!r}")


def parse_private_key(pem: bytes) -> PrivateKey:
    """Read a key without a password in PEM, PKCS #8 or PKCS #1. Raises ``ValueError``."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key in PEM, or one with a password") from None
    check_private_key(key)
    assert isinstance(key, RSAPrivateKey | Ed25519PrivateKey)
    return key


def check_private_key(key: object) -> None:
    """Raises ``ValueError`` for a key that verifiers would not accept (RFC 8301 §3.2)."""
    if isinstance(key, Ed25519PrivateKey):
        return
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("a key for DKIM is RSA or Ed25519, as generate_key or parse_private_key give it")
    if not RSA_BITS_LEAST <= key.key_size <= RSA_BITS_MOST:
        raise ValueError(f"an RSA key for DKIM has {RSA_BITS_LEAST} to {RSA_BITS_MOST} bits, not {key.key_size}")


def format_private_key(key: PrivateKey) -> bytes:
    """The key in PEM, PKCS #8, without a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def format_key_record(key: PrivateKey) -> str:
    """What to publish as TXT at ``selector._domainkey.domain``, in one piece; ``split_strings`` cuts it."""
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        octets = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(octets).decode('ascii')}"
    # SubjectPublicKeyInfo, as everybody does, rather than RSAPublicKey, as the text of the RFC says.
    octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(octets).decode('ascii')}"


def split_strings(text: str) -> tuple[str, ...]:
    """A TXT record's text, which is ASCII, as the character strings of at most 255 octets that it is published in."""
    return tuple(text[at : at + STRING_LIMIT] for at in range(0, len(text), STRING_LIMIT)) or ("",)
