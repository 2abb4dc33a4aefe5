"""How the ledger's rows look: keyed digests to find them by, and sealed octets.

Digests are HMAC-SHA-256 under the owner's secret, cut to 16 octets: not to be guessed without it, and short enough
for a million rows. Sealed octets are AES-256-GCM under a key derived from the same secret, with a nonce of their own;
the digest is bound to them, so that rows cannot be exchanged. What is sealed is msgpack, an array that begins with
its version.

Raises ``ValueError`` for octets that are no such form.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from samotop.consent.contact import Binding, Contact, Origin, Standing
from samotop.consent.evidence import Evidence
from samotop.consent.identity import Identity, IdentityKind
from samotop.ports.contacts import ContactRequest, request_place

DIGEST_OCTETS: Final = 16
VERSION: Final = 1
STANDINGS: Final = (Standing.UNKNOWN, Standing.PENDING, Standing.APPROVED, Standing.REJECTED)
"""The ``standing`` column's numbers. Append only: they are on disk."""

_NONCE: Final = 12
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Any]).decode


class Seal:
    """One owner's digests and seals."""

    __slots__ = ("_cipher", "_secret", "tag_secret")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.tag_secret = hashlib.blake2b(secret, digest_size=32, person=b"samotop-tag").digest()
        """What the owner's addresses by convention are keyed with."""
        self._cipher = AESGCM(hashlib.blake2b(secret, digest_size=32, person=b"samotop-seal").digest())

    def digest(self, kind: str, name: str) -> bytes:
        """What a row is found by; ``kind`` keeps a tag from being taken for an address."""
        said = f"{kind}\0{name}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, said, "sha256")[:DIGEST_OCTETS]

    def identity(self, identity: Identity) -> bytes:
        return self.digest(identity.kind.value, identity.name)

    def request(self, identity: Identity, evidence: Evidence) -> bytes:
        """What a request is found by: who claims to write, and what would be approved."""
        place = request_place(identity, evidence)
        return self.digest("request", f"{identity.kind.value}\0{identity.name}\0{place}")

    def close(self, digest: bytes, value: tuple[object, ...]) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, _encode((VERSION, *value)), digest)

    def open(self, digest: bytes, sealed: bytes) -> list[Any]:
        try:
            version, *value = _decode(self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], digest))
        except (InvalidTag, msgspec.DecodeError, ValueError) as error:
            raise ValueError("a row of the ledger cannot be read") from error
        if version != VERSION:
            raise ValueError("a row of the ledger is of another version")
        return value


def contact_form(contact: Contact) -> tuple[object, ...]:
    """What is sealed of a contact; its standing and times are columns."""
    binding = contact.binding
    return (
        *_identity_form(contact.identity),
        (binding.domain, binding.key, binding.network, binding.reverse_name),
        contact.origin.value,
    )


def read_contact(value: list[Any], standing: int, decided_at: float, expires_at: float | None) -> Contact:
    kind, name, binding, origin, *_ = value
    identity = Identity(IdentityKind(kind), name)
    return Contact(identity, STANDINGS[standing], Binding(*binding), Origin(origin), decided_at, expires_at)


def request_form(request: ContactRequest) -> tuple[object, ...]:
    """What is sealed of a request; its times are columns."""
    e = request.evidence
    evidence = (
        e.domain, e.methods, e.signers, sorted(e.keys), e.is_secure, e.network, e.reverse_name, e.is_encrypted,
    )  # fmt: skip
    return (
        [_identity_form(one) for one in (request.identity, *request.identities)],
        evidence,
        (request.name, request.subject, request.code, request.reason, request.is_flagged, request.tag),
        request.count,
        request.entries,
        request.features,
    )


def read_request(value: list[Any], first_seen: float, last_seen: float) -> ContactRequest:
    identities, evidence, words, count, entries, features, *_ = value
    domain, methods, signers, keys, is_secure, network, reverse_name, is_encrypted, *_ = evidence
    first, *others = [Identity(IdentityKind(kind), name) for kind, name in identities]
    found = Evidence(
        domain, tuple(methods), tuple(signers), frozenset(keys), is_secure, network, reverse_name, is_encrypted
    )
    name, subject, code, reason, is_flagged, tag, *_ = words
    return ContactRequest(
        first, tuple(others), found, name, subject, code, reason, is_flagged, first_seen, last_seen, count,
        tuple(entries), tag, features,
    )  # fmt: skip


def _identity_form(identity: Identity) -> tuple[str, str]:
    return identity.kind.value, identity.name
