"""What NSEC3 records prove (RFC 5155 §8, RFC 6840 §4, RFC 9276).

As NSEC, over hashed names. There is no telling which name is the closest one
above that is there, but by hashing each (RFC 5155 §8.3): every hash is taken
from ``Work``. More than ``ITERATION_LIMIT`` iterations are not followed; the
zone's denials are insecure then, after their signatures have been verified
(RFC 9276 §3.2). So is what an opt-out record covers: unsigned delegations may be
there (RFC 5155 §6).

The records given must be verified, be their zone's own and not made from a
wildcard; ``denial`` sees to that. Those of an unknown hash or with unknown
flags are no proof (RFC 5155 §8.1, §8.2).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import dns.name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC3 import NSEC3, OPTOUT, SHA1

from samotop.dns.dnssec.nsec import lacks_type, wildcard_of
from samotop.dns.dnssec.proof import Cut, Proof, has_type, is_delegation
from samotop.dns.dnssec.work import Work

ITERATION_LIMIT: Final = 100
"""Further iterations of the hash that are followed; RFC 9276 wants none and lets validators stop here (§3.2)."""

HASH_OCTETS: Final = 20


def hash_name(name: dns.name.Name, salt: bytes, iterations: int) -> bytes:
    """The hash of a name (RFC 5155 §5)."""
    digest = hashlib.sha1(name.to_digestable() + salt).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt).digest()
    return digest


@dataclass(slots=True)
class Nsec3s:
    """The NSEC3 records of ``zone`` in one answer, by the hashes of their owners. Make it with ``collect_nsec3s``."""

    zone: dns.name.Name
    records: dict[bytes, NSEC3]
    salt: bytes
    iterations: int
    work: Work
    _hashes: dict[dns.name.Name, bytes | None] = field(default_factory=dict)

    @property
    def is_too_costly(self) -> bool:
        return self.iterations > ITERATION_LIMIT

    def deny_name(self, name: dns.name.Name) -> Proof:
        """That neither ``name`` nor a wildcard for it is there (RFC 5155 §8.4)."""
        if self.is_too_costly:
            return Proof.INSECURE
        found = self._find_encloser(name)
        if found is None:
            return Proof.NONE
        encloser, closer = found
        wildcard = wildcard_of(encloser)
        if wildcard is None or self._find_covering(wildcard) is None:
            return Proof.NONE
        return _by_flags(closer)

    def deny_type(self, name: dns.name.Name, type: RdataType) -> Proof:
        """That ``name``, or the wildcard for it, is there without records of ``type`` (RFC 5155 §8.5, §8.6, §8.7)."""
        if self.is_too_costly:
            return Proof.INSECURE
        matching = self._find_matching(name)
        if matching is not None:
            return Proof.PROVEN if lacks_type(matching.windows, name, type) else Proof.NONE
        found = self._find_encloser(name)
        if found is None:
            return Proof.NONE
        encloser, closer = found
        wildcard = wildcard_of(encloser)
        at_wildcard = self._find_matching(wildcard) if wildcard else None
        if wildcard is not None and at_wildcard is not None:
            return _by_flags(closer) if lacks_type(at_wildcard.windows, wildcard, type) else Proof.NONE
        # A delegation that was left out, or an empty name above such ones.
        return Proof.INSECURE if closer.flags & OPTOUT else Proof.NONE

    def deny_closer(self, name: dns.name.Name, encloser: dns.name.Name) -> Proof:
        """That the wildcard of ``encloser`` stands for ``name`` (RFC 5155 §8.8)."""
        if self.is_too_costly:
            return Proof.INSECURE
        closer = self._find_covering(name.split(len(encloser.labels) + 1)[1])
        return Proof.NONE if closer is None else _by_flags(closer)

    def find_cut(self, name: dns.name.Name) -> Cut:
        """What the denial of ``name``'s DS records says of a delegation there (RFC 5155 §8.6)."""
        if self.is_too_costly:
            return Cut.INSECURE
        matching = self._find_matching(name)
        if matching is not None:
            if not lacks_type(matching.windows, name, RdataType.DS):
                return Cut.UNPROVEN
            return Cut.INSECURE if has_type(matching.windows, RdataType.NS) else Cut.ABSENT
        found = self._find_encloser(name)
        if found is None:
            return Cut.UNPROVEN
        return Cut.INSECURE if found[1].flags & OPTOUT else Cut.ABSENT

    def _find_encloser(self, name: dns.name.Name) -> tuple[dns.name.Name, NSEC3] | None:
        """The closest name above that is there, and what covers the next closer one (RFC 5155 §8.3)."""
        closer = name
        while closer != self.zone and closer.is_subdomain(self.zone):
            encloser = closer.parent()
            matching = self._find_matching(encloser)
            if matching is not None:
                if is_delegation(matching.windows) or has_type(matching.windows, RdataType.DNAME):
                    return None  # it speaks for the parent alone
                covering = self._find_covering(closer)
                return None if covering is None else (encloser, covering)
            closer = encloser
        return None

    def _find_matching(self, name: dns.name.Name) -> NSEC3 | None:
        digest = self._hash(name)
        return None if digest is None else self.records.get(digest)

    def _find_covering(self, name: dns.name.Name) -> NSEC3 | None:
        digest = self._hash(name)
        if digest is None:
            return None
        for owner, record in self.records.items():
            if owner < record.next:
                if owner < digest < record.next:
                    return record
            elif digest > owner or digest < record.next:  # the last one, whose next is the first
                return record
        return None

    def _hash(self, name: dns.name.Name) -> bytes | None:
        """``None``: too much has been hashed already."""
        if name not in self._hashes:
            self._hashes[name] = hash_name(name, self.salt, self.iterations) if self.work.take_hash() else None
        return self._hashes[name]


def collect_nsec3s(zone: dns.name.Name, pairs: Iterable[tuple[dns.name.Name, NSEC3]], work: Work) -> Nsec3s | None:
    """Those of the records that may be evidence; all have the first one's parameters (RFC 5155 §8.2)."""
    found: Nsec3s | None = None
    for owner, record in pairs:
        digest = _read_owner(owner, zone)
        if digest is None or record.algorithm != SHA1 or record.flags & ~OPTOUT or len(record.next) != HASH_OCTETS:
            continue
        if found is None:
            found = Nsec3s(zone, {}, record.salt, record.iterations, work)
        if (record.salt, record.iterations) == (found.salt, found.iterations):
            found.records[digest] = record
    return found


def _read_owner(owner: dns.name.Name, zone: dns.name.Name) -> bytes | None:
    """The hash that is the first label of an owner directly below ``zone``."""
    if owner == zone or owner.parent() != zone:
        return None
    try:
        digest = base64.b32hexdecode(owner.labels[0].upper())
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == HASH_OCTETS else None


def _by_flags(closer: NSEC3) -> Proof:
    return Proof.INSECURE if closer.flags & OPTOUT else Proof.PROVEN
