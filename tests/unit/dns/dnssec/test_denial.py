"""Denials: what NSEC and NSEC3 records prove, and what they must not."""

from __future__ import annotations

import base64
from dataclasses import replace

import dns.message
import pytest
from dns.rdatatype import RdataType

from samotop.dns.dnssec.denial import RECORD_LIMIT, read_denial
from samotop.dns.dnssec.nsec3 import ITERATION_LIMIT, hash_name
from samotop.dns.dnssec.proof import Cut, Proof, has_type
from samotop.dns.dnssec.signatures import collect_keys
from samotop.dns.dnssec.work import Work
from tests.fakes.dnssec import NOW, Hashing, SignedZone, Tree, make_key, to_name

KEY, CHILD_KEY = make_key("zone"), make_key("child")
NSEC3, OPT_OUT = Hashing(), Hashing(opts_out=True)
BOTH = pytest.mark.parametrize("hashing", [None, NSEC3, Hashing(10, b"\xaa\xbb")], ids=["nsec", "nsec3", "salted"])

RECORDS = {
    "": {"MX": ["10 mx.zone."]},
    "a": {"A": ["192.0.2.1"]},
    "alias": {"CNAME": ["a.zone."]},
    "b.empty": {"A": ["192.0.2.1"]},
    "*.w": {"TXT": ['"wild"']},
    "x.w": {"A": ["192.0.2.1"]},
    "gone": {"DNAME": ["elsewhere."]},
    "mx": {"A": ["192.0.2.1"]},
    "z": {"A": ["192.0.2.1"]},
}


def make_zone(hashing: Hashing | None = None) -> SignedZone:
    secure = SignedZone("secure.zone", {}, key=CHILD_KEY)
    insecure = SignedZone("insecure.zone", {})
    return SignedZone("zone", RECORDS, children=[secure, insecure], key=KEY, hashing=hashing)


def n(text: str):
    return to_name(f"{text}.zone" if text else "zone")


def deny(zone: SignedZone, rrsets, *, work: Work | None = None):
    """The denial that an answer with these RRsets in its authority section has."""
    message = dns.message.QueryMessage()
    for rrset in rrsets:
        message.authority.append(rrset)
        if signature := zone.signatures.get((rrset.name, rrset.rdtype)):
            message.authority.append(signature)
    return read_denial(travel(message), collect_keys(zone.name, [KEY.public]), NOW, work or Work())


def travel(message: dns.message.Message) -> dns.message.Message:
    """As it comes over the wire."""
    return dns.message.from_wire(message.to_wire(max_size=65535))


def all_of(zone: SignedZone):
    return [rrset for (_, kind), rrset in zone.rrsets.items() if kind in (RdataType.NSEC, RdataType.NSEC3)]


@BOTH
@pytest.mark.parametrize("name", ["c", "a.a", "zz", "b", "x.y.z", "0", "c.empty"])
def test_a_name_that_is_not_there_is_denied(hashing: Hashing | None, name: str) -> None:
    zone = make_zone(hashing)
    assert deny(zone, all_of(zone)).deny_name(n(name)) is Proof.PROVEN


@BOTH
@pytest.mark.parametrize("name", ["", "a", "empty", "b.empty", "w", "y.w", "x.y.w", "alias", "secure", "*.w"])
def test_a_name_that_is_there_is_never_denied(hashing: Hashing | None, name: str) -> None:
    """Whatever records of the zone an attacker puts together; wildcards and empty names are there, too."""
    zone = make_zone(hashing)
    assert deny(zone, all_of(zone)).deny_name(n(name)) is Proof.NONE


@BOTH
@pytest.mark.parametrize("name", ["www.secure", "www.insecure", "www.gone", "a.b.secure"])
def test_what_is_below_a_delegation_or_an_alias_of_trees_is_not_this_zones_to_deny(
    hashing: Hashing | None, name: str
) -> None:
    """RFC 6840 §4.1."""
    zone = make_zone(hashing)
    denial = deny(zone, all_of(zone))
    assert denial.deny_name(n(name)) is Proof.NONE
    assert denial.deny_type(n(name), RdataType.A) is Proof.NONE


@BOTH
def test_names_of_other_zones_are_not_denied(hashing: Hashing | None) -> None:
    zone = make_zone(hashing)
    denial = deny(zone, all_of(zone))
    for name in (to_name("other"), to_name("."), to_name("azone")):
        assert denial.deny_name(name) is Proof.NONE
        assert denial.deny_type(name, RdataType.A) is Proof.NONE


@BOTH
@pytest.mark.parametrize(
    ("name", "type"), [("a", "MX"), ("", "A"), ("empty", "A"), ("y.w", "A"), ("x.w", "TXT"), ("a", "DS"), ("w", "TXT")]
)
def test_a_type_that_is_not_there_is_denied(hashing: Hashing | None, name: str, type: str) -> None:
    zone = make_zone(hashing)
    assert deny(zone, all_of(zone)).deny_type(n(name), RdataType[type]) is Proof.PROVEN


@BOTH
@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("a", "A"),
        ("", "MX"),
        ("y.w", "TXT"),
        ("alias", "A"),
        ("alias", "DS"),
        ("c", "A"),  # it is not there: another code, another proof
        ("secure", "A"),  # the child's to deny
        ("secure", "DS"),
        ("insecure", "MX"),
        ("", "DS"),  # the parent's to deny
    ],
)
def test_a_type_that_is_there_or_might_be_is_never_denied(hashing: Hashing | None, name: str, type: str) -> None:
    zone = make_zone(hashing)
    assert deny(zone, all_of(zone)).deny_type(n(name), RdataType[type]) is Proof.NONE


@BOTH
def test_an_alias_is_denied_only_where_there_is_none(hashing: Hashing | None) -> None:
    zone = make_zone(hashing)
    denial = deny(zone, all_of(zone))
    assert denial.deny_type(n("a"), RdataType.CNAME) is Proof.PROVEN
    assert denial.deny_type(n("alias"), RdataType.CNAME) is Proof.NONE


@BOTH
def test_a_wildcard_stands_for_names_that_are_not_there_alone(hashing: Hashing | None) -> None:
    zone = make_zone(hashing)
    denial = deny(zone, all_of(zone))
    assert denial.deny_closer(n("y.w"), n("w")) is Proof.PROVEN
    assert denial.deny_closer(n("q.y.w"), n("w")) is Proof.PROVEN
    assert denial.deny_closer(n("x.w"), n("w")) is Proof.NONE  # it has records of its own
    assert denial.deny_closer(n("q.x.w"), n("w")) is Proof.NONE  # a closer name is there
    assert denial.deny_closer(n("a"), n("")) is Proof.NONE


@BOTH
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("insecure", Cut.INSECURE),
        ("secure", Cut.UNPROVEN),
        ("a", Cut.ABSENT),
        ("empty", Cut.ABSENT),
        ("c", Cut.ABSENT),
        ("y.w", Cut.ABSENT),
        ("alias", Cut.UNPROVEN),
        ("www.secure", Cut.UNPROVEN),
    ],
)
def test_a_delegation_without_ds_records_is_told_from_none(hashing: Hashing | None, name: str, expected: Cut) -> None:
    zone = make_zone(hashing)
    assert deny(zone, all_of(zone)).find_cut(n(name)) is expected


@BOTH
def test_each_record_of_a_proof_is_needed(hashing: Hashing | None) -> None:
    """The proof of a name's absence as servers give it, and with any one record of it taken away."""
    zone = make_zone(hashing)
    message = Tree([zone]).answer(n("a.b.c"), RdataType.A)
    proof = [rrset for rrset in message.authority if rrset.rdtype in (RdataType.NSEC, RdataType.NSEC3)]
    assert deny(zone, proof).deny_name(n("a.b.c")) is Proof.PROVEN
    assert len(proof) >= 2
    for left_out in range(len(proof)):
        rest = proof[:left_out] + proof[left_out + 1 :]
        assert deny(zone, rest).deny_name(n("a.b.c")) is Proof.NONE


@BOTH
def test_records_that_are_not_signed_prove_nothing(hashing: Hashing | None) -> None:
    zone = make_zone(hashing)
    for place in [p for p in zone.signatures if p[1] in (RdataType.NSEC, RdataType.NSEC3)]:
        del zone.signatures[place]
    denial = deny(zone, all_of(zone))
    assert denial.deny_name(n("c")) is Proof.NONE
    assert denial.find_cut(n("insecure")) is Cut.UNPROVEN


def test_a_forged_gap_proves_nothing() -> None:
    """An NSEC record with another next name, under the signature of the true one."""
    zone = make_zone()
    place = (n(""), RdataType.NSEC)
    true = zone.rrsets[place]
    forged = dns.rrset.from_rdata(true.name, true.ttl, true[0].replace(next=n("zzz")))
    message = [rrset for rrset in all_of(zone) if rrset.name != n("")]
    assert deny(zone, [*message, forged]).deny_name(n("a")) is Proof.NONE


def test_a_record_made_from_a_wildcard_is_no_evidence() -> None:
    """The NSEC of ``*.w`` under a name of the attacker's choice would make a gap that is not there."""
    zone = make_zone()
    wild = zone.rrsets[n("*.w"), RdataType.NSEC]
    signature = zone.signatures[n("*.w"), RdataType.NSEC]
    message = dns.message.QueryMessage()
    message.authority.append(dns.rrset.from_rdata(n("0.w"), 300, wild[0]))
    message.authority.append(dns.rrset.from_rdata(n("0.w"), 300, signature[0]))
    denial = read_denial(travel(message), collect_keys(zone.name, [KEY.public]), NOW, Work())
    assert not denial.nsecs.records


RFC_5155 = {
    "example": "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
    "a.example": "35mthgpgcu1qg68fab165klnsnk3dpvl",
    "ai.example": "gjeqe526plbf1g8mklp59enfd789njgi",
    "ns1.example": "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
    "ns2.example": "q04jkcevqvmu85r014c7dkba38o0ji5r",
    "w.example": "k8udemvp1j2f7eg6jebps17vp3n8i58h",
    "*.w.example": "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
    "x.w.example": "b4um86eghhds6nea196smvmlo4ors995",
    "y.w.example": "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
    "x.y.w.example": "2vptu5timamqttgl4luu9kg21e0aor3s",
    "xx.example": "t644ebqk9bibcna874givr6joj62mlhv",
}


@pytest.mark.parametrize("name", RFC_5155)
def test_the_hashes_of_rfc_5155_appendix_a(name: str) -> None:
    digest = hash_name(to_name(name.upper()), b"\xaa\xbb\xcc\xdd", 12)
    assert base64.b32hexencode(digest).decode().lower() == RFC_5155[name]


def test_what_is_opted_out_is_insecure_and_not_denied() -> None:
    """RFC 5155 §6, §9.2: an unsigned delegation may be there."""
    zone = make_zone(OPT_OUT)
    denial = deny(zone, all_of(zone))
    assert denial.find_cut(n("insecure")) is Cut.INSECURE
    assert denial.find_cut(n("nobody")) is Cut.INSECURE
    assert denial.find_cut(n("a")) is Cut.ABSENT
    assert denial.deny_name(n("c")) is Proof.INSECURE
    assert denial.deny_name(n("www.insecure")) is Proof.INSECURE
    assert denial.deny_type(n("insecure"), RdataType.DS) is Proof.INSECURE
    assert denial.deny_type(n("a"), RdataType.MX) is Proof.PROVEN
    assert denial.deny_type(n("a"), RdataType.A) is Proof.NONE
    assert denial.deny_closer(n("y.w"), n("w")) is Proof.INSECURE


def test_iterations_up_to_the_limit_are_followed_and_no_further() -> None:
    """RFC 9276 §3.2."""
    zone = make_zone(Hashing(ITERATION_LIMIT))
    assert deny(zone, all_of(zone)).deny_name(n("c")) is Proof.PROVEN
    zone = make_zone(Hashing(ITERATION_LIMIT + 1))
    work = Work()
    denial = deny(zone, all_of(zone), work=work)
    assert denial.deny_name(n("c")) is Proof.INSECURE
    assert denial.deny_type(n("a"), RdataType.MX) is Proof.INSECURE
    assert denial.deny_closer(n("y.w"), n("w")) is Proof.INSECURE
    assert denial.find_cut(n("secure")) is Cut.INSECURE
    assert work.hashes == Work().hashes


def test_iterations_that_nobody_signed_make_nothing_insecure() -> None:
    """RFC 9276 §3.2: or anyone could turn a zone's signatures off."""
    zone = make_zone(NSEC3)
    forged = [
        dns.rrset.from_rdata(rrset.name, rrset.ttl, rrset[0].replace(iterations=ITERATION_LIMIT + 1))
        for rrset in all_of(zone)
    ]
    assert deny(zone, forged).deny_name(n("c")) is Proof.NONE


def test_hashing_is_bounded_for_names_of_many_labels() -> None:
    """CVE-2023-50868: a name of 120 labels in a zone with as many iterations as are followed."""
    zone = make_zone(Hashing(ITERATION_LIMIT))
    work = Work()
    denial = deny(zone, all_of(zone), work=work)
    name = n(".".join("c" * 120))
    assert denial.deny_name(name) is Proof.NONE
    assert work.hashes == 0
    assert denial.deny_name(name) is Proof.NONE


def test_a_name_is_hashed_once() -> None:
    zone = make_zone(NSEC3)
    work = Work()
    denial = deny(zone, all_of(zone), work=work)
    denial.deny_name(n("c"))
    before = replace(work)
    denial.deny_name(n("c"))
    assert work == before


@pytest.mark.parametrize("change", [{"algorithm": 2}, {"flags": 2}, {"next": b"\x01" * 19}])
def test_records_of_another_hash_or_with_unknown_flags_are_no_evidence(change) -> None:
    """RFC 5155 §8.1, §8.2, even where they are signed."""
    zone = make_zone(NSEC3)
    for place, rrset in list(zone.rrsets.items()):
        if place[1] == RdataType.NSEC3:
            zone.rrsets[place] = dns.rrset.from_rdata(rrset.name, rrset.ttl, rrset[0].replace(**change))
            zone.sign(zone.rrsets[place])
    assert deny(zone, all_of(zone)).deny_name(n("c")) is Proof.NONE


def test_records_with_other_parameters_are_not_mixed() -> None:
    """RFC 5155 §8.2: a zone that changes its salt has two chains, and half of each proves nothing."""
    one, other = make_zone(NSEC3), make_zone(Hashing(1))
    proof = [
        rrset for rrset in Tree([one]).answer(n("a.b.c"), RdataType.A).authority if rrset.rdtype == RdataType.NSEC3
    ]
    rest = [
        rrset for rrset in Tree([other]).answer(n("a.b.c"), RdataType.A).authority if rrset.rdtype == RdataType.NSEC3
    ]
    one.signatures.update(other.signatures)
    assert deny(one, [proof[0], *rest[1:]]).deny_name(n("a.b.c")) is Proof.NONE


def test_no_more_records_are_verified_than_a_denial_can_need() -> None:
    records = {f"n{number:03d}": {"A": ["192.0.2.1"]} for number in range(100)}
    zone = SignedZone("zone", records, key=KEY)
    work = Work()
    denial = deny(zone, all_of(zone), work=work)
    assert len(denial.nsecs.records) == RECORD_LIMIT
    assert Work().verifications - work.verifications == RECORD_LIMIT


@pytest.mark.parametrize("type", [1, 2, 255, 256, 257, 1024, 65535])
def test_a_bitmap_has_the_types_it_was_made_of(type: int) -> None:
    from dns.rdtypes.util import Bitmap

    windows = Bitmap.from_rdtypes([RdataType.make(type), RdataType.make(6)]).windows
    for other in (0, 1, 2, 5, 6, 255, 256, 257, 1024, 65535):
        assert has_type(windows, RdataType.make(other)) is (other in (6, type))
