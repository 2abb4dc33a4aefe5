"""Proofs that something is not there: the verified NSEC and NSEC3 records of an answer.

``read_denial`` verifies those in a message's authority section that are signed
by the zone; ``nsec`` and ``nsec3`` know what each proves. A zone has one kind or
the other, and both while it changes; what one does not prove the other may.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import dns.message
import dns.name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

from samotop.dns.dnssec.nsec import Nsecs
from samotop.dns.dnssec.nsec3 import Nsec3s, collect_nsec3s
from samotop.dns.dnssec.proof import Cut, Proof
from samotop.dns.dnssec.sections import find_signatures, iterate_rrsets
from samotop.dns.dnssec.signatures import ZoneKeys, verify_rrset
from samotop.dns.dnssec.work import Work

RECORD_LIMIT: Final = 16
"""NSEC and NSEC3 RRsets looked at in one answer. A denial has three; one for each of eight wildcard aliases, 11."""

TTL_LIMIT: Final = 10_800
"""Seconds that a denial is kept at most (RFC 2308 §5)."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Evidence. ``ttl`` is the least of its records, in seconds."""

    nsecs: Nsecs
    nsec3s: Nsec3s | None
    ttl: int

    def deny_name(self, name: dns.name.Name) -> Proof:
        """That ``name`` is not there."""
        return self._first(lambda kind: kind.deny_name(name))

    def deny_type(self, name: dns.name.Name, type: RdataType) -> Proof:
        """That ``name`` has no records of ``type``."""
        return self._first(lambda kind: kind.deny_type(name, type))

    def deny_closer(self, name: dns.name.Name, encloser: dns.name.Name) -> Proof:
        """That a wildcard's records stand for ``name``."""
        return self._first(lambda kind: kind.deny_closer(name, encloser))

    def find_cut(self, name: dns.name.Name) -> Cut:
        """What is at ``name``, which has no DS records. ``name`` is below the zone's apex."""
        cut = self.nsecs.find_cut(name)
        if cut is Cut.UNPROVEN and self.nsec3s is not None:
            return self.nsec3s.find_cut(name)
        return cut

    def _first(self, prove: Callable[[Nsecs | Nsec3s], Proof]) -> Proof:
        proof = prove(self.nsecs)
        if proof is Proof.NONE and self.nsec3s is not None:
            return prove(self.nsec3s)
        return proof


def read_denial(message: dns.message.Message, keys: ZoneKeys, now: int, work: Work) -> Denial:
    """What of the message's denial is signed by the zone. ``now`` in seconds since 1970."""
    nsecs: list[tuple[dns.name.Name, NSEC]] = []
    nsec3s: list[tuple[dns.name.Name, NSEC3]] = []
    ttl = TTL_LIMIT
    seen = 0
    for rrset in iterate_rrsets(message, message.authority):
        if rrset.rdtype not in (RdataType.NSEC, RdataType.NSEC3) or not rrset.name.is_subdomain(keys.zone):
            continue
        seen += 1
        if seen > RECORD_LIMIT:
            break
        verified = verify_rrset(rrset, find_signatures(message, message.authority, rrset), keys, now, work)
        if verified is None or verified.encloser is not None or len(rrset) != 1:
            continue  # one made from a wildcard says nothing of the name that it was made for
        ttl = min(ttl, verified.ttl)
        record = rrset[0]
        if isinstance(record, NSEC):
            nsecs.append((rrset.name, record))
        elif isinstance(record, NSEC3):
            nsec3s.append((rrset.name, record))
    return Denial(Nsecs(keys.zone, nsecs), collect_nsec3s(keys.zone, nsec3s, work), ttl)
