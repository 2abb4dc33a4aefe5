"""From DS records to a zone's keys."""

from __future__ import annotations

import dns.rrset
import pytest
from dns.rdatatype import RdataType

from samotop.dns.dnssec.delegation import choose_supported, format_digest, verify_keys
from samotop.dns.dnssec.work import Work
from tests.fakes.dnssec import NOW, Key, SignedZone, ds_of, make_key, to_name

ZONE = to_name("example.org")
KSK, ZSK, OTHER = make_key("ksk"), make_key("zsk", flags=256), make_key("other")


def read_ds(*texts: str):
    return list(dns.rrset.from_text_list(ZONE, 300, "IN", "DS", texts))


def verify(zone: SignedZone, *texts: str, work: Work | None = None):
    place = (ZONE, RdataType.DNSKEY)
    return verify_keys(zone.rrsets[place], list(zone.signatures[place]), read_ds(*texts), NOW, work or Work())


@pytest.fixture(scope="module")
def zone() -> SignedZone:
    return SignedZone("example.org", {}, key=KSK, extra_keys=[ZSK])


@pytest.mark.parametrize("digest", ["SHA256", "SHA384"])
def test_a_key_that_is_vouched_for_brings_the_others_along(zone: SignedZone, digest: str) -> None:
    trusted = verify(zone, ds_of(ZONE, KSK, digest))
    assert {key.key for keys in trusted.keys.by_tag.values() for key in keys} == {KSK.public.key, ZSK.public.key}
    assert trusted.ttl == 300


def test_the_example_of_rfc_4509() -> None:
    """Its key is one of SHA-1, which does not count any more, so that only the digest is compared."""
    owner = to_name("dskey.example.com")
    key = dns.rrset.from_text(
        owner,
        86400,
        "IN",
        "DNSKEY",
        "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvx"
        "egXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
    )[0]
    assert key.key_id() == 60485
    assert format_digest(owner, key, 2).hex() == "d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"


def test_a_key_that_nobody_vouches_for_is_bogus(zone: SignedZone) -> None:
    assert verify(zone, ds_of(ZONE, OTHER)) is None
    assert verify(zone) is None


def test_the_key_that_is_vouched_for_must_have_signed() -> None:
    """Else whoever saw the zone could add a key of theirs to it."""
    forged = SignedZone("example.org", {}, key=OTHER, extra_keys=[KSK])
    assert verify(forged, ds_of(ZONE, KSK)) is None


def test_one_of_several_records_is_enough(zone: SignedZone) -> None:
    """A key rollover has a DS record for a key that is not there yet (RFC 6840 §5.11, RFC 6781)."""
    assert verify(zone, ds_of(ZONE, OTHER), ds_of(ZONE, KSK))
    assert verify(zone, "1 8 2 " + "00" * 32, ds_of(ZONE, KSK))


def test_the_digest_is_compared_whole_and_belongs_to_its_zone(zone: SignedZone) -> None:
    right = ds_of(ZONE, KSK)
    assert verify(zone, right[:-1] + ("0" if right[-1] != "0" else "1")) is None
    assert verify(zone, ds_of(to_name("example.net"), KSK)) is None


def test_records_that_we_cannot_verify_by_are_no_records() -> None:
    sha1 = make_key("sha1", 5, bits=1024)
    unknown = Key(KSK.private, KSK.record, number=200)
    texts = [
        ds_of(ZONE, KSK, "SHA1"),
        ds_of(ZONE, sha1),
        ds_of(ZONE, unknown),
        f"{KSK.public.key_id()} 15 3 {'00' * 32}",
    ]
    assert choose_supported(read_ds(*texts)) == ()
    assert len(choose_supported(read_ds(*texts, ds_of(ZONE, KSK)))) == 1


def test_a_revoked_key_vouches_for_nothing() -> None:
    """RFC 5011 §2.1."""
    revoked = make_key("ksk", flags=257 | 0x80)
    zone = SignedZone("example.org", {}, key=revoked)
    assert verify(zone, ds_of(ZONE, revoked)) is None


def test_many_records_and_keys_cost_little(zone: SignedZone) -> None:
    """KeyTrap: each DS record names each key, all with one tag."""
    work = Work()
    before = work.verifications
    texts = [f"{KSK.public.key_id()} 15 2 {n:064x}" for n in range(400)]
    assert verify(zone, *texts, work=work) is None
    assert work.verifications == before
