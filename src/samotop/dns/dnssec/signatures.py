"""RRsets and the signatures that come with them (RFC 4034 §3, RFC 4035 §5.3).

A signature proves an RRset if it is by a key of the zone, says so, covers this
type, is valid now, and verifies over the RRset in canonical form. It also says
whether the RRset was made from a wildcard; that the name has no records of its
own must then be proven too, see ``denial``.

What does not count: signatures past their time by even a second (no grace for
clocks that are wrong), keys without the zone flag, revoked keys (RFC 5011 §2.1)
and key tags that more than ``TAG_LIMIT`` keys share.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.dnskeybase import Flag

from samotop.dns.dnssec.public import SUPPORTED, is_signature
from samotop.dns.dnssec.work import Work

SIGNATURE_LIMIT: Final = 8
"""Verifications tried for one RRset: two algorithms with two keys each in a key rollover take four."""

TAG_LIMIT: Final = 4
"""Keys of one zone with the same tag and algorithm. Two happen by chance; more are made on purpose."""

PROTOCOL: Final = 3
"""The only value of a DNSKEY's protocol field (RFC 4034 §2.1.2)."""

_HALF: Final = 1 << 31
_SERIAL: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class ZoneKeys:
    """The keys of a zone that are trusted, by tag and algorithm. Make it with ``collect_keys``."""

    zone: dns.name.Name
    by_tag: Mapping[tuple[int, int], tuple[DNSKEY, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Verified:
    """An RRset is as its zone signed it.

    ``ttl`` in seconds is what RFC 4035 §5.3.3 allows. ``encloser`` is the name
    whose wildcard the RRset was made from, ``None`` for one of its own.
    """

    ttl: int
    encloser: dns.name.Name | None = None


def collect_keys(zone: dns.name.Name, keys: Iterable[DNSKEY]) -> ZoneKeys:
    """Those of ``keys`` that may sign the zone's records (RFC 4034 §2.1)."""
    found: dict[tuple[int, int], list[DNSKEY]] = {}
    for key in keys:
        if key.algorithm in SUPPORTED and key.protocol == PROTOCOL and key.flags & Flag.ZONE:
            if not key.flags & Flag.REVOKE:
                found.setdefault((key.key_id(), int(key.algorithm)), []).append(key)
    few = {place: tuple(same) for place, same in found.items() if len(same) <= TAG_LIMIT}
    return ZoneKeys(zone, MappingProxyType(few))


def verify_rrset(
    rrset: dns.rrset.RRset, signatures: Sequence[RRSIG], keys: ZoneKeys, now: int, work: Work
) -> Verified | None:
    """What the signatures prove of ``rrset``; ``None``: nothing. ``now`` is in seconds since 1970."""
    tried = 0
    for signature in signatures:
        if not is_applicable(rrset, signature, keys.zone, now):
            continue
        signed = b""
        for key in keys.by_tag.get((signature.key_tag, int(signature.algorithm)), ()):
            if tried == SIGNATURE_LIMIT or not work.take_verification():
                return None
            tried += 1
            signed = signed or format_signed(rrset, signature)
            if is_signature(int(key.algorithm), key.key, signature.signature, signed):
                return _verified(rrset, signature, now)
            work.count_failure()
    return None


def is_applicable(rrset: dns.rrset.RRset, signature: RRSIG, zone: dns.name.Name, now: int) -> bool:
    """May the signature count for ``rrset``, if it verifies (RFC 4035 §5.3.1)?"""
    labels = count_labels(rrset.name)
    return (
        rrset.rdclass == signature.rdclass == dns.rdataclass.IN
        and signature.type_covered == rrset.rdtype
        and signature.signer == zone
        and rrset.name.is_subdomain(zone)
        # A wildcard above the zone's apex is not the zone's.
        and count_labels(zone) <= signature.labels <= labels
        and is_between(signature.inception, now, signature.expiration)
    )


def is_between(inception: int, now: int, expiration: int) -> bool:
    """``inception <= now <= expiration`` in serial arithmetic, for the times wrap in 2106 (RFC 4034 §3.1.5)."""
    return (now - inception) % _SERIAL < _HALF and (expiration - now) % _SERIAL < _HALF


def count_labels(name: dns.name.Name) -> int:
    """Labels as an RRSIG counts them: without the root's and without an asterisk in front (RFC 4034 §3.1.3)."""
    return len(name.labels) - 1 - int(name.is_wild())


def format_signed(rrset: dns.rrset.RRset, signature: RRSIG) -> bytes:
    """The octets that are signed (RFC 4034 §3.1.8.1): the RRSIG without its signature, the RRset in canonical form."""
    head = struct.pack(
        "!HBBIIIH",
        signature.type_covered,
        signature.algorithm,
        signature.labels,
        signature.original_ttl,
        signature.expiration,
        signature.inception,
        signature.key_tag,
    )
    owner = wildcard.to_digestable() if (wildcard := _wildcard(rrset, signature)) else rrset.name.to_digestable()
    prefix = owner + struct.pack("!HHI", rrset.rdtype, rrset.rdclass, signature.original_ttl)
    parts = [head, signature.signer.to_digestable()]
    for octets in sorted({rdata.to_digestable() for rdata in rrset}):  # each once (RFC 4034 §6.3)
        parts += (prefix, len(octets).to_bytes(2, "big"), octets)
    return b"".join(parts)


def _wildcard(rrset: dns.rrset.RRset, signature: RRSIG) -> dns.name.Name | None:
    """The wildcard that the RRset was made from, if it was (RFC 4035 §5.3.2)."""
    if signature.labels == count_labels(rrset.name):
        return None
    encloser = rrset.name.split(signature.labels + 1)[1]
    return dns.name.Name((b"*", *encloser.labels))


def _verified(rrset: dns.rrset.RRset, signature: RRSIG, now: int) -> Verified:
    wildcard = _wildcard(rrset, signature)
    ttl = min(int(rrset.ttl), signature.original_ttl, (signature.expiration - now) % _SERIAL)
    return Verified(ttl, wildcard.parent() if wildcard else None)
