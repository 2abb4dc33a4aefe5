"""TLSA records that can be used, and what of a certificate each of them names (RFC 6698 §2, RFC 7671, RFC 7672 §3.1).

Used are DANE-TA(2) and DANE-EE(3). PKIX-TA(0) and PKIX-EE(1) are unusable for
mail: no client is sure to know every public authority (RFC 7672 §3.1.3). Of
digests, only the strongest counts for each usage and selector (RFC 7671 §9):
who can forge SHA-256 must not be able to pass over SHA-512.

Raises ``ValueError`` for octets that are no certificate; every step is linear.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Final

from samotop.dns.records import Tlsa

DANE_TA: Final = 2
"""The record names an authority in the chain (RFC 7672 §3.1.2)."""
DANE_EE: Final = 3
"""The record names the server's own certificate or key (RFC 7672 §3.1.1)."""
CERTIFICATE: Final = 0
PUBLIC_KEY: Final = 1
FULL: Final = 0

_DIGESTS: Final[dict[int, tuple[int, Callable[[bytes], bytes]]]] = {
    1: (32, lambda octets: hashlib.sha256(octets).digest()),
    2: (64, lambda octets: hashlib.sha512(octets).digest()),
}
"""By matching type: octets of a digest, and how it is made. A higher number is a stronger one."""

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0


def select_usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that a server is to be verified by: known, well formed, and of the strongest digest each."""
    known = [record for record in dict.fromkeys(records) if _is_usable(record)]
    strongest: dict[tuple[int, int], int] = {}
    for record in known:
        place = record.usage, record.selector
        strongest[place] = max(strongest.get(place, FULL), record.matching)
    return tuple(record for record in known if record.matching in (FULL, strongest[record.usage, record.selector]))


def _is_usable(record: Tlsa) -> bool:
    if record.usage not in (DANE_TA, DANE_EE) or record.selector not in (CERTIFICATE, PUBLIC_KEY):
        return False
    if record.matching == FULL:
        try:
            if record.selector == CERTIFICATE:
                take_public_key(record.octets)
            else:
                _take(record.octets, 0, len(record.octets), _SEQUENCE)
        except ValueError:
            return False
        return True
    return record.matching in _DIGESTS and len(record.octets) == _DIGESTS[record.matching][0]


def matches(record: Tlsa, certificate: bytes) -> bool:
    """Does ``record`` name this certificate (DER)? Raises ``ValueError`` for octets that are none."""
    octets = certificate if record.selector == CERTIFICATE else take_public_key(certificate)
    return (octets if record.matching == FULL else _DIGESTS[record.matching][1](octets)) == record.octets


def take_public_key(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate, octet for octet as it stands there (RFC 5280 §4.1).

    Read by hand because a library that knows the key would write it anew, and
    one that does not know it would refuse.
    """
    begin, end = _take(certificate, 0, len(certificate), _SEQUENCE)
    if end != len(certificate):
        raise ValueError("something follows the certificate")
    at, end = _take(certificate, begin, end, _SEQUENCE)
    if at < end and certificate[at] == _VERSION:
        at = _take(certificate, at, end)[1]
    for _ in range(5):  # serial number, signature, issuer, validity, subject
        at = _take(certificate, at, end)[1]
    return certificate[at : _take(certificate, at, end, _SEQUENCE)[1]]


def _take(octets: bytes, at: int, end: int, tag: int | None = None) -> tuple[int, int]:
    """Where the content of the DER element at ``at`` begins and ends (X.690 §8.1)."""
    if at + 2 > end or (tag is not None and octets[at] != tag):
        raise ValueError("this is no certificate")
    size, begin = octets[at + 1], at + 2
    if size >= 0x80:
        count = size - 0x80
        if not 1 <= count <= 4 or begin + count > end:
            raise ValueError("this is no certificate")
        size, begin = int.from_bytes(octets[begin : begin + count], "big"), begin + count
    if begin + size > end:
        raise ValueError("this is no certificate")
    return begin, begin + size
