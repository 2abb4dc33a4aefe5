"""Which TLSA records count: only where every answer on the way verified, and never less than before when one fails."""

from __future__ import annotations

import pytest

from samotop.dns.answer import Answer, Security, Status
from samotop.dns.records import Tlsa
from samotop.msgauth.results import Result
from samotop.testing.zones import ZoneResolver
from samotop.tlspolicy import DaneStatus, Exchanges, Failure, lookup_dane, lookup_exchanges, verify_chain
from samotop.tlspolicy.tlsa import select_usable
from tests.fakes.certificates import DAY, NOW, make_certificate

DOMAIN, HOST = "example.org", "mx.example.org"
RECORD = "3 1 1 " + "ab" * 32
TLSA = Tlsa(3, 1, 1, b"\xab" * 32)
PLACE = f"_25._tcp.{HOST}"
SIGNED: dict = {
    DOMAIN: {"MX": [f"10 {HOST}."]},
    HOST: {"A": ["192.0.2.1"]},
    PLACE: {"TLSA": [RECORD]},
}


async def look(zones: dict, secure: list[str] | None = None, host: str = HOST):
    """``secure`` are the zones that are signed, by default all."""
    names = [name for name in zones for zone in secure or () if name == zone or name.endswith(f".{zone}")]
    resolver = ZoneResolver(zones, secure=True if secure is None else names)
    mx = await lookup_exchanges(DOMAIN, resolver)
    return await lookup_dane(host, resolver, exchanges=mx), resolver


async def test_records_of_a_signed_zone_count() -> None:
    found, _ = await look(SIGNED)
    assert (found.status, found.records, found.base) == (DaneStatus.USABLE, (TLSA,), HOST)
    assert found.names == (HOST, DOMAIN), "the host first, then the domain that named it (RFC 7672 §3.2.2)"


async def test_unsigned_mx_records_mean_no_dane() -> None:
    """Whoever can forge the MX record would name a host of his own, with records of his own."""
    zones = {DOMAIN: {"MX": ["10 mx.signed.example."]}, "mx.signed.example": {"A": ["192.0.2.1"]},
             "_25._tcp.mx.signed.example": {"TLSA": [RECORD]}}  # fmt: skip
    found, resolver = await look(zones, ["signed.example"], "mx.signed.example")
    assert found.status is DaneStatus.INSECURE and found.result is Result.NONE
    assert ("_25._tcp.mx.signed.example", "TLSA") not in resolver.questions


async def test_unsigned_addresses_mean_that_tlsa_is_not_even_asked_for() -> None:
    """Name servers without DNSSEC may fail at types they do not know, and would hold up mail (RFC 7672 §2.1)."""
    zones = {DOMAIN: {"MX": ["10 mx.plain.example."]}, "mx.plain.example": {"A": ["192.0.2.1"]},
             "_25._tcp.mx.plain.example": {"TLSA": "SERVFAIL"}}  # fmt: skip
    found, resolver = await look(zones, [DOMAIN], "mx.plain.example")
    assert found.status is DaneStatus.INSECURE
    assert ("_25._tcp.mx.plain.example", "TLSA") not in resolver.questions


async def test_a_proven_absence_is_told_apart() -> None:
    found, _ = await look({name: table for name, table in SIGNED.items() if name != PLACE})
    assert found.status is DaneStatus.ABSENT


@pytest.mark.parametrize("failure", ["TIMEOUT", "SERVFAIL"])
@pytest.mark.parametrize("place", [(HOST, "A"), (PLACE, "TLSA")])
async def test_what_does_not_answer_is_no_absence(failure: str, place: tuple[str, str]) -> None:
    """Else whoever drops the answer has turned DANE off (RFC 7672 §2.1)."""
    name, kind = place
    zones = {**SIGNED, name: {kind: failure, **({"AAAA": failure} if kind == "A" else {})}}
    found, _ = await look(zones)
    assert found.status is DaneStatus.FAILED and found.result is Result.TEMPERROR and found.reason


async def test_one_family_of_addresses_that_does_not_answer_is_not_all() -> None:
    found, _ = await look({**SIGNED, HOST: {"A": "TIMEOUT", "AAAA": ["2001:db8::1"]}})
    assert found.status is DaneStatus.USABLE


async def test_a_bogus_answer_is_told() -> None:
    class Bogus(ZoneResolver):
        async def lookup(self, name: str, type: str) -> Answer:
            if type == "TLSA":
                return Answer(name, type, Status.SERVFAIL, (), Security.BOGUS)
            return await super().lookup(name, type)

    resolver = Bogus(SIGNED, secure=True)
    found = await lookup_dane(HOST, resolver, exchanges=await lookup_exchanges(DOMAIN, resolver))
    assert found.status is DaneStatus.FAILED and found.is_bogus and "DNSSEC" in found.reason


ALIAS: dict = {
    DOMAIN: {"MX": [f"10 {HOST}."]},
    HOST: {"CNAME": ["mx.example.net."]},
    "mx.example.net": {"A": ["192.0.2.1"]},
    PLACE: {"TLSA": ["3 1 1 " + "01" * 32]},
    "_25._tcp.mx.example.net": {"TLSA": [RECORD]},
}


async def test_records_at_the_end_of_an_alias_come_first() -> None:
    found, _ = await look(ALIAS)
    assert found.base == "mx.example.net" and found.records == (TLSA,)
    assert found.names == ("mx.example.net", DOMAIN)


async def test_records_at_the_alias_itself_come_next() -> None:
    found, _ = await look({name: table for name, table in ALIAS.items() if name != "_25._tcp.mx.example.net"})
    assert found.base == HOST


async def test_an_alias_that_leads_out_of_what_is_signed_counts_itself() -> None:
    """Its own zone is signed and may speak for it (RFC 7672 §2.2.2)."""
    found, resolver = await look(ALIAS, [DOMAIN])
    assert found.status is DaneStatus.USABLE and found.base == HOST
    assert ("_25._tcp.mx.example.net", "TLSA") not in resolver.questions


async def test_an_unsigned_alias_counts_for_nothing() -> None:
    zones = {**ALIAS, DOMAIN: {"MX": ["10 mx.plain.example."]}, "mx.plain.example": {"CNAME": ["mx.example.net."]}}
    found, _ = await look(zones, [DOMAIN, "example.net"], "mx.plain.example")
    assert found.status is DaneStatus.INSECURE


async def test_an_alias_of_the_records_is_followed() -> None:
    found, _ = await look({**SIGNED, PLACE: {"CNAME": ["tlsa.example.org."]}, "tlsa.example.org": {"TLSA": [RECORD]}})
    assert found.records == (TLSA,) and found.base == HOST


async def test_an_alias_of_the_records_must_be_signed_to_its_end() -> None:
    zones = {**SIGNED, PLACE: {"CNAME": ["tlsa.plain.example."]}, "tlsa.plain.example": {"TLSA": [RECORD]}}
    found, _ = await look(zones, [DOMAIN])
    assert found.status is DaneStatus.INSECURE


async def test_a_domain_without_mx_speaks_for_itself() -> None:
    zones = {DOMAIN: {"A": ["192.0.2.1"]}, f"_25._tcp.{DOMAIN}": {"TLSA": [RECORD]}}
    found, _ = await look(zones, host=DOMAIN)
    assert found.status is DaneStatus.USABLE and found.names == (DOMAIN,)


async def test_a_host_that_the_operator_named_needs_no_mx() -> None:
    zones = {"relay.example": {"A": ["192.0.2.1"]}, "_587._tcp.relay.example": {"TLSA": [RECORD]}}
    found = await lookup_dane("relay.example", ZoneResolver(zones, secure=True), port=587)
    assert found.status is DaneStatus.USABLE and found.names == ("relay.example",)


async def test_the_end_of_the_domains_own_alias_is_a_name_too() -> None:
    zones = {**SIGNED, "example.com": {"CNAME": [f"{DOMAIN}."]}}
    resolver = ZoneResolver(zones, secure=True)
    found = await lookup_dane(HOST, resolver, exchanges=await lookup_exchanges("example.com", resolver))
    assert found.names == (HOST, "example.com", DOMAIN)


@pytest.mark.parametrize(
    "record",
    ["0 1 1 " + "ab" * 32, "1 0 2 " + "ab" * 64,  "3 1 3 " + "ab" * 32, "3 2 1 " + "ab" * 32,
     "4 1 1 " + "ab" * 32, "3 0 0 abcd", "255 255 255 ab"],
)  # fmt: skip
async def test_records_of_no_use_still_demand_tls(record: str) -> None:
    """They show that there is TLS (RFC 7672 §2.2); PKIX usages are of no use for mail (§3.1.3)."""
    found, _ = await look({**SIGNED, PLACE: {"TLSA": [record]}})
    assert found.status is DaneStatus.UNUSABLE and not found.records


async def test_records_of_use_count_beside_those_of_none() -> None:
    found, _ = await look({**SIGNED, PLACE: {"TLSA": ["1 1 1 " + "cd" * 32, RECORD]}})
    assert found.records == (TLSA,)


@pytest.mark.parametrize("host", ["", ".", "a..b", "x" * 64])
async def test_what_is_no_name_has_no_records(host: str) -> None:
    found = await lookup_dane(host, ZoneResolver({}, secure=True), exchanges=Exchanges(DOMAIN, Result.PASS))
    assert found.status is DaneStatus.INSECURE


def records(*texts: str) -> list[Tlsa]:
    made = []
    for text in texts:
        usage, selector, matching, octets = text.split()
        made.append(Tlsa(int(usage), int(selector), int(matching), bytes.fromhex(octets)))
    return made


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_every_selector_and_matching_type_names_the_server(selector: int, matching: int) -> None:
    own, other = make_certificate("a.example"), make_certificate("a.example")
    record = records(own.tlsa(3, selector, matching))
    assert verify_chain([own.der], record, [], NOW).result is Result.PASS
    assert verify_chain([other.der], record, [], NOW).failure is Failure.UNTRUSTED


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("is_shown", [True, False])
def test_every_selector_and_matching_type_names_an_authority(selector: int, matching: int, is_shown: bool) -> None:
    """A digest alone cannot be verified by: then the server has to send the authority along (RFC 7672 §3.1.2)."""
    root = make_certificate("Root", is_authority=True)
    middle = make_certificate("Middle", is_authority=True, issuer=root)
    leaf = make_certificate("a.example", issuer=middle)
    chain = [leaf.der, middle.der, *([root.der] if is_shown else [])]
    verdict = verify_chain(chain, records(root.tlsa(2, selector, matching)), ["a.example"], NOW)
    assert (verdict.result is Result.PASS) == (is_shown or matching == 0), verdict
    again = verify_chain(chain, records(middle.tlsa(2, selector, matching)), ["a.example"], NOW)
    assert again.result is Result.PASS


def test_neither_name_nor_end_matters_to_the_servers_own_record() -> None:
    """The zone says that this key is the host's, and says so again each day (RFC 7672 §3.1.1)."""
    late = make_certificate("other.example", end=NOW - DAY)
    assert verify_chain([late.der], records(late.tlsa(3, 1, 1)), ["a.example"], NOW).result is Result.PASS


def test_name_and_end_matter_below_an_authority() -> None:
    root = make_certificate("Root", is_authority=True)
    record = records(root.tlsa(2, 0, 1))
    late = make_certificate("a.example", issuer=root, end=NOW - DAY)
    early = make_certificate("a.example", issuer=root, begin=NOW + DAY)
    other = make_certificate("b.example", issuer=root)
    assert verify_chain([late.der, root.der], record, ["a.example"], NOW).failure is Failure.EXPIRED
    assert verify_chain([early.der, root.der], record, ["a.example"], NOW).failure is Failure.UNTRUSTED
    assert verify_chain([other.der, root.der], record, ["a.example"], NOW).failure is Failure.NAME
    assert verify_chain([other.der, root.der], record, ["a.example", "b.example"], NOW).result is Result.PASS


def test_an_authority_is_not_the_server() -> None:
    """A record of an authority that matches the server's own certificate proves nothing (RFC 7671 §5.2)."""
    own = make_certificate("a.example", is_authority=True)
    assert verify_chain([own.der], records(own.tlsa(2, 1, 1)), ["a.example"], NOW).result is Result.FAIL
    assert verify_chain([own.der, own.der], records(own.tlsa(3, 1, 1)), ["a.example"], NOW).result is Result.PASS


def test_one_record_of_several_is_enough() -> None:
    old, new, root = (
        make_certificate("a.example"),
        make_certificate("a.example"),
        make_certificate("R", is_authority=True),
    )
    both = records(old.tlsa(3, 1, 1), new.tlsa(3, 1, 1), root.tlsa(2, 0, 1))
    assert verify_chain([old.der], both, [], NOW).matched == both[0]
    assert verify_chain([new.der], both, [], NOW).matched == both[1]


def test_only_the_strongest_digest_counts() -> None:
    """Whoever can forge SHA-256 must not be let past SHA-512 (RFC 7671 §9); for each usage and selector by itself."""
    own, other = make_certificate("a.example"), make_certificate("a.example")
    weak, strong = own.tlsa(3, 1, 1), other.tlsa(3, 1, 2)
    assert verify_chain([own.der], records(weak, strong), [], NOW).result is Result.FAIL
    assert verify_chain([other.der], records(weak, strong), [], NOW).result is Result.PASS
    assert verify_chain([own.der], records(weak, other.tlsa(3, 0, 2)), [], NOW).result is Result.PASS
    assert verify_chain([own.der], records(own.tlsa(3, 1, 0), strong), [], NOW).result is Result.PASS


@pytest.mark.parametrize("chain", [[], [b""], [b"\x30\x03\x02\x01\x05"], [b"\xff" * 100]])
def test_what_is_no_certificate_fails(chain: list[bytes]) -> None:
    root = make_certificate("Root", is_authority=True)
    for record in (root.tlsa(3, 1, 1), root.tlsa(2, 0, 1), root.tlsa(2, 1, 0)):
        verdict = verify_chain(chain, records(record), ["a.example"], NOW)
        assert verdict.result is Result.FAIL and verdict.failure is Failure.VALIDATION


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_digest_of_another_length_is_none(size: int) -> None:
    assert not select_usable([Tlsa(3, 1, 1, b"x" * size)])


def test_without_a_record_of_use_nothing_is_verified() -> None:
    own = make_certificate("a.example")
    assert verify_chain([own.der], records(own.tlsa(1, 1, 1)), [], NOW).failure is Failure.TLSA


async def test_a_look_asks_few_questions() -> None:
    """Each costs a round trip before the first message: two for a plain host, at most five for the longest way."""
    _, resolver = await look(SIGNED)
    assert sum(resolver.questions.values()) == 3, "MX, A, TLSA"
    _, resolver = await look({**ALIAS, PLACE: {"A": ["192.0.2.1"]}, "_25._tcp.mx.example.net": {"A": ["192.0.2.1"]}})
    assert sum(resolver.questions.values()) == 4, "and TLSA at the alias"
    _, resolver = await look({**ALIAS, HOST: {"CNAME": ["mx.example.net."]}, "mx.example.net": {"A": "TIMEOUT"}})
    assert sum(resolver.questions.values()) <= 5
