"""What a message says to the question: the chain of aliases, records or why there are none, how long it holds.

Only what belongs to the question is read: records of the name asked, and of
the names that aliases lead to; anything else in the message is passed over
(RFC 2181 §5.4.1). The code NXDOMAIN is about the last name of the chain (RFC
6604 §3). A denial holds for the time that its SOA record says (RFC 2308 §5);
one without such a record does not hold at all.

Pure. Raises ``BadAnswer`` for a chain that has too many links (a circle has)
and for a denial that comes with what it denies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from samotop.dns.answer import Status
from samotop.dns.rdata import format_name, read_record
from samotop.dns.records import Record
from samotop.net.messages import BadAnswer
from samotop.net.questions import read_name, type_number

ALIAS_LIMIT: Final = 8
"""Aliases in a row that are followed; real ones have two or three, and resolvers stop at about a dozen."""

LONGEST: Final = 0x7FFFFFFF
"""The longest time to live there is (RFC 2181 §8)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``status`` ``None`` means that the message ends within the chain: ask for ``canonical``.

    ``ttl`` is in seconds, the least of what was read; ``aliases`` were followed.
    """

    status: Status | None
    canonical: str
    aliases: int
    ttl: int
    records: tuple[Record, ...] = ()


def read_answer(message: dns.message.Message, name: str, type: str, *, alias_limit: int = ALIAS_LIMIT) -> Reading:
    """What ``message`` says to the question for ``name`` and ``type``. Raises ``BadAnswer``."""
    found = {
        (rrset.name, int(rrset.rdtype)): rrset
        for rrset in message.answer
        if rrset.rdclass == dns.rdataclass.IN and rrset
    }
    number, at, aliases, ttl = type_number(type), read_name(name), 0, LONGEST
    while (records := found.get((at, number))) is None:
        alias = found.get((at, int(dns.rdatatype.CNAME)))
        if alias is None:
            break
        if aliases >= alias_limit:
            raise BadAnswer("an alias leads to too many others")
        at, aliases, ttl = alias[0].target, aliases + 1, min(ttl, alias.ttl)
    canonical = format_name(at) if aliases else name
    is_denied = message.rcode() == dns.rcode.NXDOMAIN
    if records is not None:
        if is_denied:
            raise BadAnswer("a name is said not to exist, and has records")
        values = tuple(read_record(type, rdata) for rdata in records)
        return Reading(Status.OK, canonical, aliases, min(ttl, records.ttl), values)
    holds = _negative_ttl(message, at)
    if is_denied:
        return Reading(Status.NXDOMAIN, canonical, aliases, min(ttl, holds or 0))
    if holds is None and aliases:
        return Reading(None, canonical, aliases, ttl)
    return Reading(Status.NODATA, canonical, aliases, min(ttl, holds or 0))


def _negative_ttl(message: dns.message.Message, name: dns.name.Name) -> int | None:
    """For how long one may believe that there is nothing (RFC 2308 §5); ``None`` if no zone of the name says so."""
    for rrset in message.authority:
        if rrset.rdtype == dns.rdatatype.SOA and rrset.rdclass == dns.rdataclass.IN and name.is_subdomain(rrset.name):
            for soa in rrset:
                return min(int(rrset.ttl), int(soa.minimum))
    return None
