"""SCRAM-SHA-256's keys: what a server keeps of a password, and what proves that a client knows it.

RFC 5802 §3, with SHA-256 as RFC 7677 has it:

    SaltedPassword  = PBKDF2(password, salt, iterations)     only the client and whoever sets the password know it
    ClientKey       = HMAC(SaltedPassword, "Client Key")     StoredKey = SHA-256(ClientKey)
    ServerKey       = HMAC(SaltedPassword, "Server Key")

The server keeps salt, iterations, StoredKey and ServerKey. Who steals these
can pretend to be this server, but cannot log in; guessing the password from
them costs ``iterations`` for each guess.

The primitives are those of OpenSSL, by way of the standard library. The wire
messages are in ``scram_messages``, the exchange in ``scram_server`` and
``scram_client``.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

SCRAM_ITERATIONS: Final = 65_536
"""PBKDF2 rounds of a new verifier: what one login costs the client, about 25 ms, once per password if it caches.

RFC 7677 §4 asks for 4,096 at least and for more where clients can bear it. A
stolen row holds an argon2id hash too, and the cheaper of the two to guess from
sets the strength, so this is as high as telephones and interpreted clients
bear, and no higher than Cyrus SASL takes: its client, and so Postfix, breaks off
a login of more than 65,536. The server computes nothing of it at a login.
"""

MINIMUM_ITERATIONS: Final = 4096
"""Fewer are refused, by the client too: a false server could ask for one and guess from our answer (RFC 7677 §4)."""

MAXIMUM_ITERATIONS: Final = 1_000_000
"""What a server may make a client compute: less than half a second."""

SALT_OCTETS: Final = 16
"""Octets of a new verifier's salt (RFC 7677 leaves it open; 16 never repeat)."""

KEY_OCTETS: Final = 32
"""Octets of each key and proof: those of SHA-256."""


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """What SCRAM-SHA-256 needs to know of a password (RFC 7677)."""

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


def hmac_sha256(key: bytes, octets: bytes) -> bytes:
    return hmac.digest(key, octets, "sha256")


def salted_password(password: str, salt: bytes, iterations: int) -> bytes:
    """PBKDF2 over a password that ``saslprep`` has prepared. Takes about 0.4 us for each iteration."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


def client_key(salted: bytes) -> bytes:
    return hmac_sha256(salted, b"Client Key")


def server_key(salted: bytes) -> bytes:
    return hmac_sha256(salted, b"Server Key")


def derive_verifier(password: str, salt: bytes, iterations: int = SCRAM_ITERATIONS) -> ScramVerifier:
    """What to keep of a prepared password. Raises ``ValueError`` for too few iterations or no salt."""
    if iterations < MINIMUM_ITERATIONS:
        raise ValueError(f"SCRAM needs {MINIMUM_ITERATIONS} iterations at least (RFC 7677)")
    if not salt:
        raise ValueError("SCRAM needs a salt")
    salted = salted_password(password, salt, iterations)
    stored = hashlib.sha256(client_key(salted)).digest()
    return ScramVerifier(salt, iterations, stored, server_key(salted))


def decoy_verifier(secret: bytes, name: str, iterations: int = SCRAM_ITERATIONS) -> ScramVerifier:
    """What an unknown account's verifier looks like: always the same for one name, and nobody's password fits.

    ``secret`` must outlive restarts and be the same in all processes: a salt
    that changes while the password cannot have would give the decoy away.
    """
    encoded = name.encode()
    salt = hmac_sha256(secret, b"salt\0" + encoded)[:SALT_OCTETS]
    return ScramVerifier(
        salt, iterations, hmac_sha256(secret, b"stored\0" + encoded), hmac_sha256(secret, b"server\0" + encoded)
    )


def proof_of(salted: bytes, auth_message: bytes) -> bytes:
    """ClientProof: ClientKey hidden by a signature that only this exchange has (RFC 5802 §3)."""
    key = client_key(salted)
    return _xor(key, hmac_sha256(hashlib.sha256(key).digest(), auth_message))


def is_proof(verifier: ScramVerifier, auth_message: bytes, proof: bytes) -> bool:
    """Does ``proof`` show that the client knows the password?"""
    if len(proof) != KEY_OCTETS:
        return False
    key = _xor(proof, hmac_sha256(verifier.stored_key, auth_message))
    return hmac.compare_digest(hashlib.sha256(key).digest(), verifier.stored_key)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
