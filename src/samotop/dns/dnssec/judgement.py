"""What a whole answer proves, given the keys of the zone that ought to have signed it.

    find_link         the records asked for, or the alias in their place
    judge_rrset       are they as their zone signed them, and may a wildcard stand for the name
    judge_denial      is what the answer lacks really not there
    judge_delegation  the answer to a question for DS: where the chain of trust goes on, ends or does not pass
    judge_keys        the answer to a question for DNSKEY

Finding out which zone that is, and its keys, is the caller's part. All of it is
cryptography at most as ``Work`` allows, and may run in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import dns.message
import dns.name
import dns.rcode
import dns.rrset
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG

from samotop.dns.answer import Security
from samotop.dns.dnssec.delegation import TrustedKeys, choose_supported, verify_keys
from samotop.dns.dnssec.denial import TTL_LIMIT, read_denial
from samotop.dns.dnssec.proof import Cut, Proof
from samotop.dns.dnssec.sections import claimed_signer, find_rrset, find_signatures, iterate_rrsets
from samotop.dns.dnssec.signatures import Verified, ZoneKeys, verify_rrset
from samotop.dns.dnssec.work import Work

_SECURITY: Final = {
    Proof.PROVEN: Security.SECURE,
    Proof.INSECURE: Security.INSECURE,
    Proof.NONE: Security.BOGUS,
}


@dataclass(frozen=True, slots=True)
class Link:
    """What an answer has for a name: records, or with a ``target`` the alias that leads there.

    ``rrset`` is what must be signed. For the CNAME that a DNAME brings along,
    which is not, that is the DNAME (RFC 6672 §5.3.1).
    """

    rrset: dns.rrset.RRset
    signatures: Sequence[RRSIG]
    target: dns.name.Name | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far something is to be trusted, and for how many seconds it may be kept."""

    security: Security
    ttl: int


@dataclass(frozen=True, slots=True)
class Delegation:
    """What is at a name below a signed zone. ``records`` are DS records that we support, if ``cut`` is SIGNED."""

    cut: Cut
    records: tuple[DS, ...] = ()
    ttl: int = 0


def find_link(message: dns.message.Message, name: dns.name.Name, type: RdataType) -> Link | None:
    """What the answer section has for ``name``."""
    rrset = find_rrset(message, message.answer, name, type)
    if rrset is not None:
        return Link(rrset, find_signatures(message, message.answer, rrset))
    alias = find_rrset(message, message.answer, name, RdataType.CNAME)
    if alias is None:
        return None
    signatures = find_signatures(message, message.answer, alias)
    target = alias[0].target
    if not signatures:
        return _find_dname(message, name, target) or Link(alias, signatures, target)
    return Link(alias, signatures, target)


def _find_dname(message: dns.message.Message, name: dns.name.Name, target: dns.name.Name) -> Link | None:
    """The DNAME from which the alias of ``name`` follows (RFC 6672 §2.2)."""
    if not any(rrset.rdtype == RdataType.DNAME for rrset in message.answer):
        return None
    above = name
    while above != dns.name.root:
        above = above.parent()
        rrset = find_rrset(message, message.answer, above, RdataType.DNAME)
        if rrset is None:
            continue
        try:
            substituted = name.relativize(above).concatenate(rrset[0].target)
        except dns.name.NameTooLong:
            return None
        if substituted == target:
            return Link(rrset, find_signatures(message, message.answer, rrset), target)
    return None


def find_denier(message: dns.message.Message, name: dns.name.Name, type: RdataType) -> dns.name.Name | None:
    """The zone that claims to have signed the denial in an answer; ``None``: no claim."""
    signatures = [
        signature
        for rrset in iterate_rrsets(message, message.authority)
        if rrset.rdtype in (RdataType.NSEC, RdataType.NSEC3)
        for signature in find_signatures(message, message.authority, rrset)
    ]
    return claimed_signer(signatures, name, is_parents=type == RdataType.DS)


def judge_rrset(message: dns.message.Message, link: Link, keys: ZoneKeys, now: int, work: Work) -> Judgement:
    """Whether the records of ``link`` are as the zone signed them."""
    verified = verify_rrset(link.rrset, link.signatures, keys, now, work)
    if verified is None:
        return Judgement(Security.BOGUS, 0)
    if verified.encloser is None:
        return Judgement(Security.SECURE, verified.ttl)
    return _judge_wildcard(message, link.rrset, verified, verified.encloser, keys, now, work)


def _judge_wildcard(
    message: dns.message.Message,
    rrset: dns.rrset.RRset,
    verified: Verified,
    encloser: dns.name.Name,
    keys: ZoneKeys,
    now: int,
    work: Work,
) -> Judgement:
    """A wildcard's records are what the name has only if it has none of its own (RFC 4035 §5.3.4)."""
    if rrset.rdtype == RdataType.DNAME:
        return Judgement(Security.BOGUS, 0)  # which names it is for nobody can say (RFC 6672 §3.3)
    denial = read_denial(message, keys, now, work)
    proof = denial.deny_closer(rrset.name, encloser)
    return Judgement(_SECURITY[proof], min(verified.ttl, denial.ttl))


def judge_denial(
    message: dns.message.Message, name: dns.name.Name, type: RdataType, keys: ZoneKeys, now: int, work: Work
) -> Judgement:
    """Whether what the answer says is proven: no such name by its code, else no such records."""
    denial = read_denial(message, keys, now, work)
    if message.rcode() == dns.rcode.NXDOMAIN:
        proof = denial.deny_name(name)
    else:
        proof = denial.deny_type(name, type)
    return Judgement(_SECURITY[proof], min(denial.ttl, denial_ttl(message, name, default=TTL_LIMIT)))


def judge_delegation(
    message: dns.message.Message, name: dns.name.Name, parent: ZoneKeys, now: int, work: Work
) -> Delegation:
    """What an answer to the question for ``name``'s DS records proves by the keys of the signed zone above it."""
    link = find_link(message, name, RdataType.DS)
    if link is None:
        denial = read_denial(message, parent, now, work)
        return Delegation(denial.find_cut(name), (), denial.ttl)
    verified = verify_rrset(link.rrset, link.signatures, parent, now, work)
    if verified is None:
        return Delegation(Cut.UNPROVEN)
    if link.target is not None:
        return Delegation(Cut.ABSENT, (), verified.ttl)  # an alias has no delegation beside it (RFC 2181 §10.1)
    if verified.encloser is not None:
        return Delegation(Cut.UNPROVEN)  # a wildcard delegates nothing (RFC 4592 §4.2)
    supported = choose_supported(record for record in link.rrset if isinstance(record, DS))
    return Delegation(Cut.SIGNED if supported else Cut.INSECURE, supported, verified.ttl)


def judge_keys(
    message: dns.message.Message, zone: dns.name.Name, trusted: Sequence[DS], now: int, work: Work
) -> TrustedKeys | None:
    """The zone's keys from an answer to the question for them; ``None``: bogus."""
    rrset = find_rrset(message, message.answer, zone, RdataType.DNSKEY)
    if rrset is None:
        return None
    return verify_keys(rrset, find_signatures(message, message.answer, rrset), trusted, now, work)


def denial_ttl(message: dns.message.Message, name: dns.name.Name, *, default: int) -> int:
    """For how many seconds a denial holds by its SOA record (RFC 2308 §5); ``default`` without one."""
    for rrset in iterate_rrsets(message, message.authority):
        if rrset.rdtype == RdataType.SOA and name.is_subdomain(rrset.name):
            return min(int(rrset.ttl), int(rrset[0].minimum), TTL_LIMIT)
    return default
