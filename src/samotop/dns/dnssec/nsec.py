"""What NSEC records prove (RFC 4034 §4, RFC 4035 §5.4, RFC 6840 §4).

A record says that between its owner and the next name in canonical order there
is nothing, and which types its owner has. The records given must be verified,
be their zone's own and not made from a wildcard; ``denial`` sees to that.

A record of a delegation speaks for the parent: of names below it and of the
child's types it proves nothing, or a parent's signature could deny a child's
names (RFC 6840 §4.1). The same goes for names below a DNAME.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dns.name
import dns.rdatatype
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC import NSEC

from samotop.dns.dnssec.proof import Cut, Proof, has_type, is_delegation


@dataclass(frozen=True, slots=True)
class Nsecs:
    """The NSEC records of ``zone`` in one answer, with their owners."""

    zone: dns.name.Name
    records: Sequence[tuple[dns.name.Name, NSEC]]

    def deny_name(self, name: dns.name.Name) -> Proof:
        """That neither ``name`` nor a wildcard for it is there."""
        covering = self._find_covering(name)
        if covering is None or covering[1].next.is_subdomain(name):  # else it is there, with nothing but names below
            return Proof.NONE
        wildcard = wildcard_of(_closest_encloser(name, covering))
        return Proof.PROVEN if wildcard and self._find_covering(wildcard) else Proof.NONE

    def deny_type(self, name: dns.name.Name, type: RdataType) -> Proof:
        """That ``name``, or the wildcard for it, is there without records of ``type``, and is no alias."""
        matching = self._find_matching(name)
        if matching is not None:
            return Proof.PROVEN if lacks_type(matching.windows, name, type) else Proof.NONE
        covering = self._find_covering(name)
        if covering is None:
            return Proof.NONE
        if covering[1].next.is_subdomain(name):
            return Proof.PROVEN  # an empty name above others (RFC 4592 §2.2.2)
        wildcard = wildcard_of(_closest_encloser(name, covering))
        at_wildcard = self._find_matching(wildcard) if wildcard else None
        if wildcard is None or at_wildcard is None:
            return Proof.NONE
        return Proof.PROVEN if lacks_type(at_wildcard.windows, wildcard, type) else Proof.NONE

    def deny_closer(self, name: dns.name.Name, encloser: dns.name.Name) -> Proof:
        """That between ``name`` and ``encloser`` there is nothing, so that the wildcard of the latter stands for it."""
        covering = self._find_covering(name)
        if covering is None or covering[1].next.is_subdomain(name):
            return Proof.NONE
        return Proof.PROVEN if _closest_encloser(name, covering) == encloser else Proof.NONE

    def find_cut(self, name: dns.name.Name) -> Cut:
        """What the denial of ``name``'s DS records says of a delegation there."""
        matching = self._find_matching(name)
        if matching is None:
            is_denied = Proof.PROVEN in (self.deny_type(name, RdataType.DS), self.deny_name(name))
            return Cut.ABSENT if is_denied else Cut.UNPROVEN
        if not lacks_type(matching.windows, name, RdataType.DS):
            return Cut.UNPROVEN
        return Cut.INSECURE if has_type(matching.windows, RdataType.NS) else Cut.ABSENT

    def _find_matching(self, name: dns.name.Name) -> NSEC | None:
        return next((record for owner, record in self.records if owner == name), None)

    def _find_covering(self, name: dns.name.Name) -> tuple[dns.name.Name, NSEC] | None:
        return next((pair for pair in self.records if self._covers(*pair, name)), None)

    def _covers(self, owner: dns.name.Name, record: NSEC, name: dns.name.Name) -> bool:
        if not name.is_subdomain(self.zone) or not owner < name:
            return False
        if record.next != self.zone and not name < record.next:
            return False  # the last one's next name is the apex
        if not record.next.is_subdomain(self.zone):
            return False
        is_above = name.is_subdomain(owner)
        return not (is_above and (is_delegation(record.windows) or has_type(record.windows, RdataType.DNAME)))


def lacks_type(windows: Sequence[tuple[int, bytes]], name: dns.name.Name, type: RdataType) -> bool:
    """Do the types at ``name`` deny ``type`` for a resolver that asks the right side of a cut?"""
    if has_type(windows, type) or has_type(windows, RdataType.CNAME):
        return False
    if type == RdataType.DS:  # the parent's to deny: a record with SOA is the child's (RFC 4035 §5.2)
        return not has_type(windows, RdataType.SOA) or name == dns.name.root
    return not is_delegation(windows)


def wildcard_of(encloser: dns.name.Name) -> dns.name.Name | None:
    """``*`` below ``encloser``; ``None`` where that would be too long for a name."""
    try:
        return dns.name.Name((b"*", *encloser.labels))
    except dns.name.NameTooLong:
        return None


def _closest_encloser(name: dns.name.Name, covering: tuple[dns.name.Name, NSEC]) -> dns.name.Name:
    """The longest name above ``name`` that is there: one that it shares with a name that is."""
    owner, record = covering
    shared = max(name.fullcompare(owner)[2], name.fullcompare(record.next)[2])
    return name.split(shared)[1]
