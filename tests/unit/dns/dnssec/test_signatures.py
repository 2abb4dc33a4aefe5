"""Signatures: the examples of the RFCs, each reason for one not to count, and the bounds."""

from __future__ import annotations

from dataclasses import replace

import dns.rrset
import pytest
from dns.rdatatype import RdataType

from samotop.dns.dnssec.public import is_signature
from samotop.dns.dnssec.signatures import (
    SIGNATURE_LIMIT,
    TAG_LIMIT,
    ZoneKeys,
    collect_keys,
    is_between,
    verify_rrset,
)
from samotop.dns.dnssec.work import Work
from tests.fakes.dnssec import DAY, NOW, SignedZone, make_key, make_rrset, to_name

EXAMPLES = {
    "RFC 6605 §6.1": (
        "example.net.",
        "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
        ("www.example.net.", "A", "192.0.2.1"),
        "A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXA"
        "yGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
    ),
    "RFC 6605 §6.2": (
        "example.net.",
        "257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8"
        "/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
        ("www.example.net.", "A", "192.0.2.1"),
        "A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP"
        "95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
    ),
    "RFC 8080 §6.1": (
        "example.com.",
        "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
        ("example.com.", "MX", "10 mail.example.com."),
        "MX 15 2 3600 1440021600 1438207200 3613 example.com. "
        "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
    ),
}

ZONE = to_name("example.org")
KEY = make_key("example.org")


def signed_zone(**changes) -> SignedZone:
    table = {
        "www": {"A": ["192.0.2.1", "192.0.2.2"]},
        "*.w": {"TXT": ['"wild"']},
        "Mixed": {"MX": ["10 MX.example.ORG."]},
    }
    return SignedZone("example.org", table, key=changes.pop("key", KEY), **changes)


def verify(zone: SignedZone, name: str = "www", type: str = "A", *, now: int = NOW, keys=None, work=None):
    place = (to_name(f"{name}.example.org"), RdataType[type])
    trusted = collect_keys(ZONE, keys or [KEY.public])
    return verify_rrset(zone.rrsets[place], list(zone.signatures[place]), trusted, now, work or Work())


@pytest.mark.parametrize("source", EXAMPLES)
def test_examples_of_the_rfcs_verify(source: str) -> None:
    zone, key_text, (owner, kind, text), signature_text = EXAMPLES[source]
    key = dns.rrset.from_text(zone, 3600, "IN", "DNSKEY", key_text)
    rrset = dns.rrset.from_text(owner, 3600, "IN", kind, text)
    signature = dns.rrset.from_text(owner, 3600, "IN", "RRSIG", signature_text)[0]
    keys = collect_keys(to_name(zone), key)
    assert verify_rrset(rrset, [signature], keys, signature.inception, Work()) is not None
    forged = dns.rrset.from_text(owner, 3600, "IN", kind, text.replace("0", "4"))
    assert verify_rrset(forged, [signature], keys, signature.inception, Work()) is None


@pytest.mark.parametrize("algorithm", [8, 10, 13, 14, 15, 16])
def test_each_supported_algorithm_verifies_and_refuses_what_was_changed(algorithm: int) -> None:
    key = make_key("each", algorithm)
    zone = signed_zone(key=key)
    assert verify(zone, keys=[key.public])
    place = (to_name("www.example.org"), RdataType.A)
    zone.rrsets[place] = make_rrset(place[0], "A", ["192.0.2.1", "192.0.2.3"])
    assert verify(zone, keys=[key.public]) is None


@pytest.mark.parametrize("algorithm", [5, 7])
def test_sha1_is_not_verified(algorithm: int) -> None:
    """RFC 9905 §2."""
    key = make_key("sha1", algorithm)
    assert not collect_keys(ZONE, [key.public]).by_tag
    assert verify(signed_zone(key=key), keys=[key.public]) is None


def test_the_ttl_is_what_the_signature_and_the_time_left_allow() -> None:
    """RFC 4035 §5.3.3: the received one, the signed one, and what is left of the signature."""
    zone = signed_zone()
    assert verify(zone).ttl == 300
    assert verify(zone, now=zone.expiration - 7).ttl == 7
    zone.rrsets[to_name("www.example.org"), RdataType.A].ttl = 20
    assert verify(zone).ttl == 20
    zone.rrsets[to_name("www.example.org"), RdataType.A].ttl = 20_000
    assert verify(zone).ttl == 300


def test_a_signature_counts_from_its_inception_to_its_expiration_and_not_a_second_longer() -> None:
    zone = signed_zone()
    assert verify(zone, now=zone.inception)
    assert verify(zone, now=zone.expiration)
    assert verify(zone, now=zone.inception - 1) is None
    assert verify(zone, now=zone.expiration + 1) is None


@pytest.mark.parametrize(
    ("inception", "now", "expiration", "expected"),
    [
        (2**32 - 100, 2**32 - 50, 50, True),
        (2**32 - 100, 2**32 + 20, 50, True),
        (2**32 - 100, 2**32 + 51, 50, False),
        (2**32 - 100, 2**32 - 101, 50, False),
        (0, 2**31 - 1, 2**31 - 1, True),
        (10, 5, 1, False),
    ],
)
def test_times_are_serial_numbers(inception: int, now: int, expiration: int, expected: bool) -> None:
    """They wrap in 2106 (RFC 4034 §3.1.5)."""
    assert is_between(inception, now, expiration) is expected


def test_the_canonical_form_does_not_mind_case_or_order() -> None:
    """RFC 4034 §6.2, §6.3: owners and names in old types in lower case, records sorted."""
    zone = signed_zone()
    place = (to_name("mixed.example.org"), RdataType.MX)
    zone.rrsets[place] = make_rrset(to_name("MIXED.example.org"), "MX", ["10 mx.EXAMPLE.org."])
    assert verify(zone, "mixed", "MX")
    place = (to_name("www.example.org"), RdataType.A)
    zone.rrsets[place] = make_rrset(place[0], "A", ["192.0.2.2", "192.0.2.1"])
    assert verify(zone)


def test_a_wildcards_records_say_whose_they_are() -> None:
    zone = signed_zone()
    signatures = list(zone.signatures[to_name("*.w.example.org"), RdataType.TXT])
    keys = collect_keys(ZONE, [KEY.public])
    expanded = make_rrset(to_name("a.b.w.example.org"), "TXT", ['"wild"'])
    found = verify_rrset(expanded, signatures, keys, NOW, Work())
    assert found is not None and found.encloser == to_name("w.example.org")
    itself = make_rrset(to_name("*.w.example.org"), "TXT", ['"wild"'])
    found = verify_rrset(itself, signatures, keys, NOW, Work())
    assert found is not None and found.encloser is None
    elsewhere = make_rrset(to_name("a.example.org"), "TXT", ['"wild"'])
    assert verify_rrset(elsewhere, signatures, keys, NOW, Work()) is None


def test_a_wildcard_above_the_zone_is_not_the_zones() -> None:
    """Else a zone could sign records of a wildcard for all of its parent's names."""
    zone = signed_zone()
    place = (to_name("www.example.org"), RdataType.A)
    template = KEY.sign(make_rrset(to_name("*.org"), "A", ["192.0.2.1"]), ZONE, zone.inception, zone.expiration)
    rrset = make_rrset(place[0], "A", ["192.0.2.1"])
    assert template.labels == 1
    assert verify_rrset(rrset, [template], collect_keys(ZONE, [KEY.public]), NOW, Work()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"signer": to_name("org")},
        {"signer": to_name("evil.org")},
        {"type_covered": RdataType.AAAA},
        {"labels": 2},
        {"labels": 4},
        {"key_tag": 1},
        {"algorithm": 13},
        {"original_ttl": 301},
        {"expiration": NOW + 365 * DAY},
        {"signature": b""},
        {"signature": bytes(64)},
    ],
)
def test_a_changed_signature_proves_nothing(change) -> None:
    zone = signed_zone()
    place = (to_name("www.example.org"), RdataType.A)
    changed = zone.signatures[place][0].replace(**change)
    assert verify_rrset(zone.rrsets[place], [changed], collect_keys(ZONE, [KEY.public]), NOW, Work()) is None


@pytest.mark.parametrize("flags", [0, 1, 257 | 0x80])
def test_keys_that_are_no_zone_keys_or_revoked_do_not_count(flags: int) -> None:
    """RFC 4034 §2.1.1, RFC 5011 §2.1."""
    key = make_key("example.org", flags=flags)
    assert not collect_keys(ZONE, [key.public]).by_tag


def test_a_key_with_another_protocol_does_not_count() -> None:
    assert not collect_keys(ZONE, [KEY.public.replace(protocol=2)]).by_tag


def test_keys_of_another_zone_do_not_count() -> None:
    zone = signed_zone()
    place = (to_name("www.example.org"), RdataType.A)
    other = collect_keys(to_name("org"), [KEY.public])
    assert verify_rrset(zone.rrsets[place], list(zone.signatures[place]), other, NOW, Work()) is None


def test_one_good_signature_among_bad_ones_is_enough() -> None:
    """RFC 6840 §5.4: any path will do."""
    zone = signed_zone()
    place = (to_name("www.example.org"), RdataType.A)
    good = zone.signatures[place][0]
    bad = [good.replace(signature=bytes([n]) * 64) for n in range(3)]
    assert verify_rrset(zone.rrsets[place], [*bad, good], collect_keys(ZONE, [KEY.public]), NOW, Work())


def test_many_signatures_are_tried_up_to_a_limit() -> None:
    """KeyTrap: every one of them names a key that is there."""
    zone = signed_zone()
    place = (to_name("www.example.org"), RdataType.A)
    good = zone.signatures[place][0]
    bombs = [good.replace(signature=n.to_bytes(64, "big")) for n in range(500)]
    work = Work()
    before = work.verifications
    assert verify_rrset(zone.rrsets[place], [*bombs, good], collect_keys(ZONE, [KEY.public]), NOW, work) is None
    assert before - work.verifications == SIGNATURE_LIMIT


def test_many_keys_with_one_tag_are_not_tried_at_all() -> None:
    """KeyTrap: a tag is a sum, and keys of any tag are made at will."""
    colliding = [swap_pairs(KEY.public, first) for first in range(TAG_LIMIT + 1)]
    assert len({key.key_id() for key in colliding}) == 1
    assert len({key.key for key in colliding}) == TAG_LIMIT + 1
    assert collect_keys(ZONE, colliding[:TAG_LIMIT]).by_tag
    work = Work()
    before = replace(work)
    assert verify(signed_zone(), keys=colliding, work=work) is None
    assert work == before


def swap_pairs(key, first: int):
    """Another key with the same tag: two of its 16-bit words have changed places."""
    words = [key.key[at : at + 2] for at in range(0, len(key.key), 2)]
    words[first], words[first + 5] = words[first + 5], words[first]
    return key.replace(key=b"".join(words))


def test_a_look_up_without_work_left_proves_nothing() -> None:
    assert verify(signed_zone(), work=Work(verifications=0)) is None
    assert verify(signed_zone(), work=Work(failures=0)) is None
    assert verify(signed_zone(), work=Work(verifications=1))


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        (8, b""),
        (8, b"\0"),
        (8, b"\0\0\0"),
        (8, b"\x03\x01\x00\x01"),
        (8, b"\x01\x03" + b"\xff" * 64),  # 512 bits
        (8, b"\x01\x03" + b"\xff" * 520),  # more than 4096
        (8, b"\x20" + b"\xff" * 32 + b"\xff" * 256),  # an exponent that costs
        (8, b"\x01\x02" + b"\xff" * 256),
        (13, b"\0" * 64),
        (13, b"\x01" * 64),
        (13, b"\x01" * 65),
        (14, b"\x01" * 64),
        (15, b"\x01" * 31),
        (16, b"\x01" * 58),
        (15, b"\x01" * 5000),
        (1, b"\x01" * 64),
        (252, b""),
    ],
)
def test_malformed_keys_verify_nothing(algorithm: int, key: bytes) -> None:
    assert not is_signature(algorithm, key, bytes(64), b"")


def test_zone_keys_are_values() -> None:
    assert ZoneKeys(ZONE) == ZoneKeys(ZONE)
