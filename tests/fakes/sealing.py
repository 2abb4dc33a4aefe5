"""Seal messages as servers on the way do (RFC 8617 §5.1), rightly or wrongly: what the product never does itself.

    sealed = seal(MESSAGE, LIST)                    # set 1 on top
    sealed = seal(sealed, RELAY, results=b"...")    # set 2

The keys are fixed, so that runs repeat exactly.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from samotop.message.header import iterate_fields
from samotop.msgauth.signature import Canonicalization, canonicalize_body, canonicalize_field, sign_digest
from samotop.msgauth.signature.algorithms import PrivateKey
from samotop.testing import ZoneResolver

_P = int(
    "d98b3f1e1fe8399768ec31bf5f69d3bd6e11edd518364100b50abd0f3ab79ae7"
    "6e942171a519a3251f75dad749cba2b34dba397dcadd4907dcce992d32f4cb91",
    16,
)
_Q = int(
    "ca0c3848fd4863368515e7a06d47650ac9ca61a9ee1307ef83bf87dcc741d047"
    "20dde82e69448780b2419f86033e5eb029e2548626554ab3fe1ac08cce0b75f1",
    16,
)


def _make_rsa(p: int, q: int, e: int = 65537) -> RSAPrivateKey:
    d = pow(e, -1, (p - 1) * (q - 1))
    crt = rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q)
    return RSAPrivateNumbers(p, q, d, *crt, RSAPublicNumbers(e, p * q)).private_key()


RSA = _make_rsa(_P, _Q)
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass(frozen=True)
class Sealer:
    """A server that seals."""

    domain: str
    selector: str = "s"
    key: PrivateKey = RSA

    @property
    def algorithm(self) -> bytes:
        return b"rsa-sha256" if isinstance(self.key, RSAPrivateKey) else b"ed25519-sha256"

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        if isinstance(self.key, RSAPrivateKey):
            octets = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(octets).decode()}"
        octets = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(octets).decode()}"

    @property
    def pem(self) -> bytes:
        """As dkimpy takes it."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


LIST = Sealer("lists.example.org")
RELAY = Sealer("relay.example.net", "e", ED25519)
SECOND = Sealer("second.example", "r2")

MESSAGE = (
    b"Received: from a.example (a.example [192.0.2.1])\r\n\tby lists.example.org with ESMTP; date\r\n"
    b"From: Alice <alice@a.example>\r\n"
    b"To: list@lists.example.org\r\n"
    b"Subject:  Lunch\r\n"
    b"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n"
    b"Message-ID: <1@a.example>\r\n"
    b"\r\n"
    b"Hello \t all,\r\n"
    b"\r\n"
    b"see you.  \r\n"
    b"\r\n"
)
RESULTS = b"lists.example.org; dkim=pass header.d=a.example; dmarc=pass header.from=a.example"


def publish(*sealers: Sealer, secure: bool | Sequence[str] = False) -> ZoneResolver:
    """A DNS with the keys of these; of all here without any."""
    told = sealers or (LIST, RELAY, SECOND)
    return ZoneResolver({one.name: {"TXT": [f'"{one.record}"']} for one in told}, secure)


def seal(
    message: bytes,
    sealer: Sealer = LIST,
    *,
    instance: int | None = None,
    cv: bytes | None = None,
    results: bytes = RESULTS,
    names: bytes = b"from:to:subject:date:message-id",
    form: Canonicalization = Canonicalization.RELAXED,
    signature_tags: bytes = b"",
    seal_tags: bytes = b"",
    body_hash: bytes | None = None,
) -> bytes:
    """``message`` with one more ARC set on top; the instance and ``cv`` follow from those that are there."""
    section, _, body = message.partition(b"\r\n\r\n")
    fields = [(field.name.lower(), field.raw) for field in iterate_fields(section + b"\r\n")]
    if instance is None:
        instance = 1 + sum(name == b"arc-seal" for name, _ in fields)
    if cv is None:
        cv = b"none" if instance == 1 else b"pass"
    head = b"i=%d; a=%s; d=%s; s=%s; t=1790000000" % (
        instance,
        sealer.algorithm,
        sealer.domain.encode(),
        sealer.selector.encode(),
    )
    authentication = b"ARC-Authentication-Results: i=%d; %s\r\n" % (instance, results)
    if body_hash is None:
        body_hash = base64.b64encode(hashlib.sha256(canonicalize_body(body, form)).digest())
    signature = b"ARC-Message-Signature: %s; c=%s/%s;\r\n h=%s;\r\n bh=%s%s; b=" % (
        head,
        form.encode(),
        form.encode(),
        names,
        body_hash,
        signature_tags,
    )
    signature = sign_field(_select(fields, names), signature, sealer, form)
    own = b"ARC-Seal: %s; cv=%s%s; b=" % (head, cv, seal_tags)
    covered = [authentication, signature] if cv == b"fail" else [*_order(fields), authentication, signature]
    return sign_field(covered, own, sealer) + signature + authentication + message


def sign_field(
    covered: Sequence[bytes], field: bytes, sealer: Sealer, form: Canonicalization = Canonicalization.RELAXED
) -> bytes:
    """``field``, which ends with ``b=``, with a signature over these fields and itself."""
    octets = b"".join(canonicalize_field(raw, form) for raw in covered)
    octets += canonicalize_field(field, form).removesuffix(b"\r\n")
    signature = base64.b64encode(sign_digest(sealer.key, hashlib.sha256(octets).digest()))
    return field + b"\r\n ".join(signature[at : at + 70] for at in range(0, len(signature), 70)) + b"\r\n"


def _select(fields: list[tuple[bytes, bytes]], names: bytes) -> list[bytes]:
    """From the bottom up, each field once (RFC 6376 §5.4.2)."""
    left = list(fields)
    chosen: list[bytes] = []
    for name in names.lower().split(b":"):
        at = next((at for at in reversed(range(len(left))) if left[at][0] == name.strip()), None)
        if at is not None:
            chosen.append(left.pop(at)[1])
    return chosen


def _order(fields: list[tuple[bytes, bytes]]) -> list[bytes]:
    """The sets there are, the oldest first: each was put on top, seal above signature above results."""
    arc = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
    return [raw for name, raw in reversed(fields) if name in arc]


def take_fields(message: bytes, *names: bytes) -> tuple[list[bytes], bytes]:
    """The raw fields of these names (lower case), in order, and the message without them."""
    section, blank, body = message.partition(b"\r\n\r\n")
    taken: list[bytes] = []
    kept: list[bytes] = []
    for field in iterate_fields(section + b"\r\n"):
        (taken if field.name.lower() in names else kept).append(field.raw)
    return taken, b"".join(kept) + blank[2:] + body
