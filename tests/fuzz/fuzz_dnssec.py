"""Fuzz target: DNSSEC, over answers that somebody has changed on their way or put together.

Invariant. The keys and the question are fixed; for any octets in the answer:

* nothing raises;
* records are SECURE only if they are octet for octet those that the zone has
  signed for this name, or for the wildcard that stands for it;
* a denial is SECURE only if the zone really lacks what is denied: no type is
  denied where there is one, no name that is there, not by another's code;
* a delegation that is signed is never ABSENT or INSECURE, one that is not never
  SIGNED with other records;
* no more is computed than ``Work`` has.

An input's first octet chooses the question and the way: an answer whose octets
are changed, or one that is put together from everything that the zone has ever
signed.

    python tests/fuzz/fuzz_dnssec.py -max_total_time=60
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rrset
from dns.rdatatype import RdataType

from samotop.dns.answer import Security
from samotop.dns.dnssec.judgement import find_denier, find_link, judge_delegation, judge_denial, judge_keys, judge_rrset
from samotop.dns.dnssec.proof import Cut
from samotop.dns.dnssec.signatures import ZoneKeys, collect_keys
from samotop.dns.dnssec.work import Work
from tests.fakes.dnssec import NOW, Hashing, SignedZone, Tree, make_key, to_name

KEY: Final = make_key("fuzz")
RECORDS: Final = {
    "": {"MX": ["10 a.fuzz."]},
    "a": {"A": ["192.0.2.1", "192.0.2.2"], "TXT": ['"a"']},
    "alias": {"CNAME": ["a.fuzz."]},
    "tree": {"DNAME": ["w.fuzz."]},
    "b.empty": {"A": ["192.0.2.1"]},
    "*.w": {"TXT": ['"wild"']},
    "own.w": {"A": ["192.0.2.7"]},
}


def make_zone(hashing: Hashing | None) -> SignedZone:
    secure = SignedZone("secure.fuzz", {"a": {"A": ["192.0.2.9"]}}, key=make_key("below"))
    return SignedZone("fuzz", RECORDS, children=[secure, SignedZone("plain.fuzz", {})], key=KEY, hashing=hashing)


ZONES: Final = [make_zone(None), make_zone(Hashing(1, b"\xab"))]
QUESTIONS: Final = [
    (to_name(f"{name}.fuzz" if name else "fuzz"), RdataType[kind])
    for name, kind in (
        ("a", "A"),
        ("a", "MX"),
        ("", "MX"),
        ("", "DNSKEY"),
        ("alias", "A"),
        ("x.tree", "A"),
        ("nobody", "A"),
        ("x.y.nobody", "A"),
        ("empty", "A"),
        ("x.w", "TXT"),
        ("own.w", "TXT"),
        ("x.w", "MX"),
        ("secure", "DS"),
        ("plain", "DS"),
        ("a.secure", "A"),
        ("a", "DS"),
    )
]
"""Two zones, sixteen questions, two ways: the values of six bits."""

Rdatas = frozenset[bytes]


@dataclass(frozen=True)
class Question:
    zone: SignedZone
    name: dns.name.Name
    type: RdataType
    keys: ZoneKeys
    octets: bytes
    truth: dict[RdataType, Rdatas]
    """What the zone has for the name, or its wildcard, by type. Empty for a name that is there without records."""
    exists: bool
    """Whether the name is there, or a wildcard stands for it."""
    is_below: bool
    """Whether another zone, or another part of the tree, answers for it."""


def prepare(zone: SignedZone, name: dns.name.Name, type: RdataType) -> Question:
    message = Tree([zone]).answer(name, type)
    source = name
    exists = zone.exists(name)
    if not exists:
        encloser, _ = zone.encloser(name)
        source = dns.name.Name((b"*", *encloser.labels))
        exists = zone.exists(source)
    truth = {kind: read(rrset) for (owner, kind), rrset in zone.rrsets.items() if owner == source}
    is_below = any(name.is_subdomain(cut) and (name != cut or type != RdataType.DS) for cut in cuts(zone))
    is_below = is_below or name.is_subdomain(to_name("tree.fuzz"))
    keys = collect_keys(zone.name, [KEY.public])
    return Question(zone, name, type, keys, message.to_wire(max_size=65535), truth, exists, is_below)


def cuts(zone: SignedZone) -> list[dns.name.Name]:
    return [owner for owner, kind in zone.rrsets if kind == RdataType.NS and owner != zone.name]


def read(rrset: dns.rrset.RRset) -> Rdatas:
    return frozenset(rdata.to_digestable() for rdata in rrset)


PREPARED: Final = [prepare(zone, name, kind) for zone in ZONES for name, kind in QUESTIONS]
POOLS: Final = [[(rrset, zone.signatures.get(place)) for place, rrset in zone.rrsets.items()] for zone in ZONES]


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    choice = octets[0] if octets else 0
    question = PREPARED[choice & 31]
    try:
        changed = change(question.octets, octets[1:]) if choice & 32 else assemble(question, octets[1:])
        message = dns.message.from_wire(changed)
    except (dns.exception.DNSException, ValueError):
        return  # it is not read at all
    check_records(question, message)
    check_denial(question, message)
    check_delegation(question, message)
    check_keys(question, message)


def change(answer: bytes, octets: bytes) -> bytes:
    """Three octets say where another octet is put; what is left is put behind."""
    changed = bytearray(answer)
    for at in range(0, min(len(octets) - 2, 30), 3):
        changed[int.from_bytes(octets[at : at + 2], "big") % len(changed)] = octets[at + 2]
    return bytes(changed)


def assemble(question: Question, octets: bytes) -> bytes:
    """Each two octets choose an RRset of the zone, its place, whether signed, and whose name it gets."""
    pool = POOLS[ZONES.index(question.zone)]
    message = dns.message.make_response(dns.message.make_query(question.name, question.type))
    if octets[:1] > b"\x7f":
        message.set_rcode(dns.rcode.NXDOMAIN)
    for at in range(1, min(len(octets) - 1, 40), 2):
        rrset, signature = pool[octets[at] % len(pool)]
        way = octets[at + 1]
        section = message.answer if way & 1 else message.authority
        for found in (rrset, signature):
            if found is None or (found is signature and way & 2):
                continue
            owner = question.name if way & 4 else found.name
            section.append(dns.rrset.from_rdata_list(owner, 300, list(found)))
    return message.to_wire(max_size=65535)


def check_records(question: Question, message: dns.message.Message) -> None:
    link = find_link(message, question.name, question.type)
    if link is None:
        return
    work = Work()
    judged = judge_rrset(message, link, question.keys, NOW, work)
    check_work(work)
    if judged.security is not Security.SECURE:
        return
    if link.rrset.name == question.name:
        assert question.truth[link.rrset.rdtype] == read(link.rrset)
    else:  # a DNAME above
        assert read(link.rrset) == read(question.zone.rrsets[link.rrset.name, RdataType.DNAME])
    assert judged.ttl <= 300


def check_denial(question: Question, message: dns.message.Message) -> None:
    find_denier(message, question.name, question.type)
    work = Work()
    judged = judge_denial(message, question.name, question.type, question.keys, NOW, work)
    check_work(work)
    if judged.security is not Security.SECURE:
        return
    assert not question.is_below
    if message.rcode() == dns.rcode.NXDOMAIN:
        assert not question.exists
    else:
        assert question.exists
        assert question.type not in question.truth
        assert RdataType.CNAME not in question.truth


def check_delegation(question: Question, message: dns.message.Message) -> None:
    if question.type != RdataType.DS:
        return
    work = Work()
    found = judge_delegation(message, question.name, question.keys, NOW, work)
    check_work(work)
    is_cut = RdataType.NS in question.truth
    match found.cut:
        case Cut.SIGNED:
            assert {record.to_digestable() for record in found.records} == question.truth[RdataType.DS]
        case Cut.INSECURE:
            assert is_cut
            assert RdataType.DS not in question.truth
        case Cut.ABSENT:
            assert not is_cut


def check_keys(question: Question, message: dns.message.Message) -> None:
    work = Work()
    found = judge_keys(message, question.zone.name, ANCHOR, NOW, work)
    check_work(work)
    if found is not None:
        keys = [key for same in found.keys.by_tag.values() for key in same]
        assert [key.key for key in keys] == [KEY.public.key]


ANCHOR: Final = list(dns.rrset.from_text_list(to_name("fuzz"), 300, "IN", "DS", ZONES[0].delegation))


def check_work(work: Work) -> None:
    assert work.verifications >= 0
    assert work.hashes >= 0
    assert work.failures >= -1


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
