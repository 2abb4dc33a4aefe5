"""Where things stand in a message of dnspython's. Only class IN; nothing here has been proven yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dns.message
import dns.name
import dns.rdataclass
import dns.rrset
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.RRSIG import RRSIG

Section = list[dns.rrset.RRset]


def find_rrset(
    message: dns.message.Message, section: Section, name: dns.name.Name, type: RdataType
) -> dns.rrset.RRset | None:
    """The records of ``name`` and ``type`` in a section."""
    rrset = message.get_rrset(section, name, RdataClass.IN, type)
    return rrset if rrset else None


def find_signatures(message: dns.message.Message, section: Section, rrset: dns.rrset.RRset) -> list[RRSIG]:
    """The signatures that say that they cover ``rrset``."""
    found = message.get_rrset(section, rrset.name, RdataClass.IN, RdataType.RRSIG, rrset.rdtype)
    return [record for record in found or () if isinstance(record, RRSIG)]


def iterate_rrsets(message: dns.message.Message, section: Section) -> Iterator[dns.rrset.RRset]:
    """The RRsets of a section that have records."""
    return (rrset for rrset in section if rrset.rdclass == RdataClass.IN and len(rrset) > 0)


def count_signatures(message: dns.message.Message) -> int:
    """The RRSIG records in a message: how much work it may be."""
    return sum(
        len(rrset)
        for section in (message.answer, message.authority)
        for rrset in section
        if rrset.rdtype == RdataType.RRSIG
    )


def claimed_signer(
    signatures: Iterable[RRSIG], name: dns.name.Name, *, is_parents: bool = False
) -> dns.name.Name | None:
    """The zone that claims to have signed ``name``'s records: the deepest that could have; ``None``: no claim.

    ``is_parents``: they stand in the zone above (DS).
    """
    best: dns.name.Name | None = None
    for signature in signatures:
        signer = signature.signer
        if not name.is_subdomain(signer) or (is_parents and signer == name):
            continue
        if best is None or len(signer.labels) > len(best.labels):
            best = signer
    return best
