"""From one zone to the next: DS records, and the DNSKEY RRset that they vouch for (RFC 4035 §5.2).

A delegation with DS records of which we support none (unknown algorithms or
digests, SHA-1) leads to an insecure zone (RFC 4035 §5.2, RFC 6840 §5.2). As soon
as one is supported, a zone that does not verify by it is bogus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import dns.name
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG

from samotop.dns.dnssec.public import SUPPORTED
from samotop.dns.dnssec.signatures import ZoneKeys, collect_keys, verify_rrset
from samotop.dns.dnssec.work import Work

DIGESTS: Final = {2: hashlib.sha256, 4: hashlib.sha384}
"""Digest types of DS records that count (RFC 4509, RFC 6605). SHA-1 (1) does not any more."""

DS_LIMIT: Final = 16
"""DS records looked at, of those that we support; a rollover has four."""


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The keys of a zone, and for how many seconds they may be kept."""

    keys: ZoneKeys
    ttl: int


def choose_supported(records: Iterable[DS]) -> tuple[DS, ...]:
    """Those whose algorithm and digest we can verify; none: the zone below is insecure."""
    return tuple(record for record in records if record.algorithm in SUPPORTED and record.digest_type in DIGESTS)


def format_digest(zone: dns.name.Name, key: DNSKEY, digest_type: int) -> bytes:
    """The digest of a key as a DS record has it (RFC 4034 §5.1.4). ``digest_type`` is one of ``DIGESTS``."""
    return DIGESTS[digest_type](zone.to_digestable() + key.to_digestable()).digest()


def verify_keys(
    rrset: dns.rrset.RRset, signatures: Sequence[RRSIG], trusted: Sequence[DS], now: int, work: Work
) -> TrustedKeys | None:
    """The keys of a DNSKEY RRset if one of them is ``trusted`` and signs it; else ``None``: bogus."""
    by_tag = collect_keys(rrset.name, rrset).by_tag
    vouched = [
        key
        for record in choose_supported(trusted)[:DS_LIMIT]
        for key in by_tag.get((record.key_tag, int(record.algorithm)), ())
        if format_digest(rrset.name, key, record.digest_type) == record.digest
    ]
    secure_entry = collect_keys(rrset.name, dict.fromkeys(vouched))
    verified = verify_rrset(rrset, signatures, secure_entry, now, work)
    if verified is None or verified.encloser is not None:
        return None
    return TrustedKeys(ZoneKeys(rrset.name, by_tag), verified.ttl)
