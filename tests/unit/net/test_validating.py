"""The validating resolver over a tree of zones in memory: each way a zone can be right, wrong or unsigned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.rdatatype import RdataType

from samotop.dns.answer import Answer, Security, Status
from samotop.dns.dnssec import public, signatures
from samotop.dns.dnssec.work import FAILURE_LIMIT, VERIFICATION_LIMIT
from samotop.net.chain import ChainRules
from samotop.net.validating import ValidatingResolver, ValidationRules
from samotop.testing.clock import MovableClock
from tests.fakes.dnssec import DAY, NOW, Hashing, Key, SignedZone, Tree, ds_of, make_key, make_rrset, to_name

ROOT_KEY, ORG_KEY, KEY, OTHER = make_key("."), make_key("org", 13), make_key("example.org"), make_key("other")

RECORDS = {
    "": {"MX": ["10 mx.example.org."], "TXT": ['"v=spf1 mx -all"']},
    "mx": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "_25._tcp.mx": {"TLSA": ["3 1 1 " + "ab" * 32]},
    "*.wild": {"TXT": ['"wild"']},
    "*.wildalias": {"CNAME": ["mx.example.org."]},
    "own.wild": {"A": ["192.0.2.7"]},
    "alias": {"CNAME": ["mx.example.org."]},
    "out": {"CNAME": ["www.plain.org."]},
    "back": {"CNAME": ["alias.plain.org."]},
    "over": {"CNAME": ["www.bogus.org."]},
    "dead": {"CNAME": ["nobody.example.org."]},
    "loop": {"CNAME": ["loop2.example.org."]},
    "loop2": {"CNAME": ["loop.example.org."]},
    "tree": {"DNAME": ["example.org."]},
    "b.empty": {"A": ["192.0.2.1"]},
}
PLAIN = {
    "": {"MX": ["10 mx.plain.org."]},
    "www": {"A": ["192.0.2.80"]},
    "alias": {"CNAME": ["mx.example.org."]},
    "deep.er": {"A": ["192.0.2.81"]},
}


class World:
    """A tree of zones, and a resolver that looks at it."""

    def __init__(
        self,
        *zones: SignedZone,
        rules: ValidationRules = ValidationRules(),
        org: dict | None = None,
        **changes,
    ) -> None:
        example = SignedZone("example.org", changes.pop("records", RECORDS), **{"key": KEY, **changes})
        plain = SignedZone("plain.org", PLAIN)
        bogus = SignedZone("bogus.org", {"www": {"A": ["192.0.2.9"]}}, key=KEY, ds=[ds_of(to_name("bogus.org"), OTHER)])
        below = [example, plain, bogus, *zones]
        top = SignedZone("org", {}, children=below, **{"key": ORG_KEY, **(org or {})})
        root = SignedZone("", {}, children=[top], key=ROOT_KEY)
        self.zones = {zone.apex: zone for zone in [root, top, *below]}
        self.tree = Tree([root, top, *below])
        self.clock = MovableClock()
        self.blind = 0
        self.resolver = ValidatingResolver(
            self.tree, self.clock, anchor=self.tree.anchor(), rules=rules, on_blind=self._count
        )

    def _count(self) -> None:
        self.blind += 1

    async def look(self, name: str, type: str = "A") -> tuple[Status, Security]:
        answer = await self.lookup(name, type)
        return answer.status, answer.security

    async def lookup(self, name: str, type: str = "A") -> Answer:
        return await self.resolver.lookup(name, type)


SECURE = (Status.OK, Security.SECURE)
INSECURE = (Status.OK, Security.INSECURE)
BOGUS = (Status.SERVFAIL, Security.BOGUS)

BOTH = pytest.mark.parametrize("hashing", [None, Hashing(1, b"\xaa")], ids=["nsec", "nsec3"])


@BOTH
async def test_what_is_signed_from_the_root_on_is_secure(hashing: Hashing | None) -> None:
    world = World(hashing=hashing)
    answer = await world.lookup("Example.org", "MX")
    assert (answer.status, answer.security, answer.ttl) == (*SECURE, 300)
    assert [exchange.host for exchange in answer.exchanges] == ["mx.example.org"]
    assert await world.look("_25._tcp.mx.example.org", "TLSA") == SECURE
    assert await world.look("example.org", "DS") == SECURE
    assert await world.look("example.org", "DNSKEY") == SECURE
    assert await world.look("org", "DS") == SECURE
    assert await world.look("", "NS") == SECURE


@BOTH
@pytest.mark.parametrize(
    ("name", "type", "status"),
    [
        ("example.org", "A", Status.NODATA),
        ("empty.example.org", "A", Status.NODATA),
        ("x.wild.example.org", "MX", Status.NODATA),
        ("nobody.example.org", "A", Status.NXDOMAIN),
        ("a.b.nobody.example.org", "A", Status.NXDOMAIN),
        ("nobody.org", "A", Status.NXDOMAIN),
        ("nothing", "A", Status.NXDOMAIN),
        ("mx.example.org", "DS", Status.NODATA),
        ("plain.org", "DS", Status.NODATA),
        (".", "DS", Status.NODATA),
    ],
)
async def test_what_is_denied_with_proof_is_secure(
    hashing: Hashing | None, name: str, type: str, status: Status
) -> None:
    world = World(hashing=hashing, org={"hashing": hashing})
    assert await world.look(name, type) == (status, Security.SECURE)


@BOTH
async def test_wildcards_are_secure_with_the_proof_that_they_stand_for_the_name(hashing: Hashing | None) -> None:
    world = World(hashing=hashing)
    assert await world.look("x.wild.example.org", "TXT") == SECURE
    assert await world.look("x.y.wild.example.org", "TXT") == SECURE
    assert await world.look("*.wild.example.org", "TXT") == SECURE
    assert await world.look("x.wildalias.example.org", "A") == SECURE


@BOTH
async def test_a_wildcard_without_that_proof_is_bogus(hashing: Hashing | None) -> None:
    """RFC 4035 §5.3.4: or the wildcard's records could be put in place of a name's own."""
    world = World(hashing=hashing)
    world.tree.tampers.append(lambda message: message.authority.clear())
    assert await world.look("x.wild.example.org", "TXT") == BOGUS
    assert await world.look("x.wildalias.example.org", "A") == BOGUS


async def test_a_wildcard_in_place_of_a_names_own_records_is_bogus() -> None:
    world = World()
    wild = world.zones["example.org"]
    own = to_name("own.wild.example.org")
    place = (to_name("*.wild.example.org"), RdataType.TXT)

    def replace_answer(message: dns.message.Message) -> None:
        if message.question[0].name == own and message.question[0].rdtype == RdataType.TXT:
            message.answer = [
                dns.rrset.from_rdata_list(own, 300, list(found))
                for found in (wild.rrsets[place], wild.signatures[place])
            ]

    world.tree.tampers.append(replace_answer)
    assert await world.look("own.wild.example.org", "TXT") == BOGUS


async def test_below_a_delegation_without_ds_records_everything_is_insecure() -> None:
    world = World()
    assert await world.look("www.plain.org") == INSECURE
    assert await world.look("deep.er.plain.org") == INSECURE
    assert await world.look("plain.org", "TXT") == (Status.NODATA, Security.INSECURE)
    assert await world.look("nobody.plain.org") == (Status.NXDOMAIN, Security.INSECURE)


@pytest.mark.parametrize("hashing", [Hashing(), Hashing(opts_out=True)], ids=["nsec3", "opt-out"])
async def test_a_delegation_may_be_proven_insecure_by_hashes_or_opted_out(hashing: Hashing) -> None:
    world = World(org={"hashing": hashing})
    assert await world.look("www.plain.org") == INSECURE
    assert await world.look("mx.example.org") == SECURE
    expected = Security.INSECURE if hashing.opts_out else Security.SECURE
    assert await world.look("nobody.org") == (Status.NXDOMAIN, expected)


async def test_a_delegation_that_is_not_denied_with_proof_is_bogus() -> None:
    """Or anyone could take the signatures off a zone by taking its DS records away."""
    for name in ("www.plain.org", "mx.example.org"):
        world = World()
        world.tree.tampers.append(drop_from_ds(message_types={RdataType.DS, RdataType.NSEC}))
        assert await world.look(name) == BOGUS


def drop_from_ds(message_types: set[RdataType]) -> Callable[[dns.message.Message], None]:
    """Take RRsets and their signatures out of answers about DS records below org."""

    def tamper(message: dns.message.Message) -> None:
        question = message.question[0]
        if question.rdtype != RdataType.DS or len(question.name.labels) < 3:
            return
        for section in (message.answer, message.authority):
            section[:] = [r for r in section if r.rdtype not in message_types and r.covers not in message_types]

    return tamper


async def test_a_denial_of_ds_records_by_another_names_record_is_bogus() -> None:
    """The NSEC record of the unsigned neighbour, with its good signature."""
    world = World()
    org = world.zones["org"]
    place = (to_name("plain.org"), RdataType.NSEC)

    def tamper(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.DS and message.question[0].name == to_name("example.org"):
            message.answer.clear()
            message.authority = [org.rrsets[place], org.signatures[place]]

    world.tree.tampers.append(tamper)
    world.tree.tampers.append(strip_signatures_of("example.org"))
    assert await world.look("mx.example.org") == BOGUS


def strip_signatures_of(zone: str) -> Callable[[dns.message.Message], None]:
    apex = to_name(zone)

    def tamper(message: dns.message.Message) -> None:
        for section in (message.answer, message.authority):
            section[:] = [r for r in section if r.rdtype != RdataType.RRSIG or r[0].signer != apex]

    return tamper


@BOTH
async def test_stripped_signatures_are_bogus(hashing: Hashing | None) -> None:
    for name, kind in (("mx.example.org", "A"), ("nobody.example.org", "A"), ("mx.example.org", "TXT")):
        world = World(hashing=hashing)
        world.tree.tampers.append(strip_signatures_of("example.org"))
        assert await world.look(name, kind) == BOGUS


async def test_one_rrset_without_its_signature_is_bogus() -> None:
    world = World(omits=[("mx", "A")])
    assert await world.look("mx.example.org", "A") == BOGUS
    assert await world.look("mx.example.org", "AAAA") == SECURE


async def test_a_signature_past_its_time_is_bogus() -> None:
    world = World(inception=NOW - 30 * DAY, expiration=NOW - 1)
    assert await world.look("mx.example.org") == BOGUS
    assert await world.look("nobody.example.org") == BOGUS
    assert await world.look("plain.org", "DS") == (Status.NODATA, Security.SECURE)


async def test_a_signature_before_its_time_is_bogus() -> None:
    world = World(inception=NOW + 60, expiration=NOW + 30 * DAY)
    assert await world.look("mx.example.org") == BOGUS
    world.clock.move(60)
    assert await world.look("mx.example.org") == SECURE


async def test_nothing_is_believed_longer_than_its_signature() -> None:
    world = World(expiration=NOW + 20)
    assert (await world.lookup("mx.example.org")).ttl == 20
    world.clock.move(21)
    assert await world.look("mx.example.org") == BOGUS


async def test_a_zone_signed_by_another_key_than_the_parent_says_is_bogus() -> None:
    world = World()
    assert await world.look("www.bogus.org") == BOGUS
    assert await world.look("nobody.bogus.org") == BOGUS
    world = World(key=OTHER, ds=[ds_of(to_name("example.org"), KEY)])
    assert await world.look("mx.example.org") == BOGUS


async def test_a_zone_that_is_not_signed_though_the_parent_says_so_is_bogus() -> None:
    world = World(key=None, ds=[ds_of(to_name("example.org"), KEY)])
    assert await world.look("mx.example.org") == BOGUS
    assert await world.look("nobody.example.org") == BOGUS


async def test_records_signed_by_a_key_that_is_not_the_zones_are_bogus() -> None:
    world = World()
    zone = world.zones["example.org"]
    zone.sign(zone.rrsets[to_name("mx.example.org"), RdataType.A], OTHER)
    assert await world.look("mx.example.org") == BOGUS


async def test_changed_records_are_bogus() -> None:
    world = World()
    zone = world.zones["example.org"]
    place = (to_name("mx.example.org"), RdataType.A)
    zone.rrsets[place] = make_rrset(place[0], "A", ["192.0.2.66"])
    assert await world.look("mx.example.org") == BOGUS


async def test_a_parent_does_not_sign_for_a_zone_below_it() -> None:
    """A forged signature of the zone above is looked at with that zone's keys, and fails."""
    world = World()
    org = world.zones["org"]
    rrset = make_rrset(to_name("mx.example.org"), "A", ["192.0.2.1"])
    forged = OTHER.sign(rrset, org.name, NOW - DAY, NOW + DAY)

    def tamper(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.A:
            message.answer = [rrset, dns.rrset.from_rdata(rrset.name, 300, forged)]

    world.tree.tampers.append(tamper)
    assert await world.look("mx.example.org") == BOGUS


async def test_a_signer_that_is_no_zone_makes_nothing_insecure() -> None:
    """A forged signature may name any zone; that there is none is proven."""
    world = World()
    rrset = make_rrset(to_name("mx.example.org"), "A", ["192.0.2.66"])
    forged = OTHER.sign(rrset, to_name("mx.example.org"), NOW - DAY, NOW + DAY)

    def tamper(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.A:
            message.answer = [rrset, dns.rrset.from_rdata(rrset.name, 300, forged)]

    world.tree.tampers.append(tamper)
    assert await world.look("mx.example.org") == BOGUS


@pytest.mark.parametrize("number", [5, 7, 12, 200, 253])
async def test_algorithms_that_we_cannot_verify_are_insecure(number: int) -> None:
    """RFC 4035 §5.2, RFC 9905 §2, RFC 9906."""
    unknown = Key(KEY.private, KEY.record, number=number)
    world = World(key=unknown)
    assert await world.look("mx.example.org") == INSECURE
    assert await world.look("nobody.example.org") == (Status.NXDOMAIN, Security.INSECURE)


async def test_an_unknown_algorithm_beside_a_known_one_does_not_help_a_forger() -> None:
    """RFC 6840 §5.11: one DS record that we support is enough to expect signatures that verify."""
    unknown = Key(OTHER.private, OTHER.record, number=200)
    both = [ds_of(to_name("example.org"), key) for key in (KEY, unknown)]
    assert await World(ds=both, extra_keys=[unknown]).look("mx.example.org") == SECURE
    assert await World(ds=both, key=unknown, extra_keys=[KEY]).look("mx.example.org") == BOGUS


async def test_digests_that_we_cannot_verify_are_insecure() -> None:
    apex = to_name("example.org")
    assert await World(ds=[ds_of(apex, KEY, "SHA1")]).look("mx.example.org") == INSECURE
    assert await World(ds=[ds_of(apex, KEY, "SHA384")]).look("mx.example.org") == SECURE
    assert await World(ds=[ds_of(apex, KEY, "SHA1"), ds_of(apex, OTHER)]).look("mx.example.org") == BOGUS


async def test_more_iterations_than_we_follow_make_denials_insecure_and_nothing_else() -> None:
    """RFC 9276 §3.2."""
    world = World(hashing=Hashing(101))
    assert await world.look("nobody.example.org") == (Status.NXDOMAIN, Security.INSECURE)
    assert await world.look("mx.example.org", "TXT") == (Status.NODATA, Security.INSECURE)
    assert await world.look("x.wild.example.org", "TXT") == INSECURE
    assert await world.look("mx.example.org") == SECURE


@pytest.mark.parametrize("code", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
async def test_the_code_is_believed_only_as_far_as_it_is_proven(code: dns.rcode.Rcode) -> None:
    """It is not signed: who changes it must not make a name vanish, or appear."""
    world = World()

    def tamper(message: dns.message.Message) -> None:
        if message.question[0].name.is_subdomain(to_name("example.org")) and not message.answer:
            message.set_rcode(code)

    world.tree.tampers.append(tamper)
    is_right = code == dns.rcode.NXDOMAIN
    assert await world.look("nobody.example.org") == ((Status.NXDOMAIN, Security.SECURE) if is_right else BOGUS)
    assert await world.look("mx.example.org", "TXT") == (BOGUS if is_right else (Status.NODATA, Security.SECURE))


async def test_an_answer_that_is_emptied_is_bogus() -> None:
    """Somebody takes the records out of an answer, and has no proof to put in their place."""
    world = World()

    def tamper(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.TLSA:
            message.answer.clear()

    world.tree.tampers.append(tamper)
    assert await world.look("_25._tcp.mx.example.org", "TLSA") == BOGUS


async def test_aliases_are_as_secure_as_the_weakest_of_them() -> None:
    world = World()
    answer = await world.lookup("alias.example.org")
    assert (answer.status, answer.security, answer.canonical) == (*SECURE, "mx.example.org")
    answer = await world.lookup("out.example.org")
    assert (answer.status, answer.security, answer.canonical) == (*INSECURE, "www.plain.org")
    assert await world.look("back.example.org") == INSECURE
    assert await world.look("alias.plain.org") == INSECURE
    assert await world.look("over.example.org") == BOGUS
    assert await world.look("dead.example.org") == (Status.NXDOMAIN, Security.SECURE)
    assert await world.look("alias.example.org", "CNAME") == SECURE


async def test_an_alias_of_a_tree_is_followed_by_its_own_signature() -> None:
    """RFC 6672 §5.3.1: the CNAME that comes with a DNAME is not signed; it must be the one that follows from it."""
    world = World()
    answer = await world.lookup("mx.tree.example.org")
    assert (answer.status, answer.security, answer.canonical) == (*SECURE, "mx.example.org")
    assert await world.look("nobody.tree.example.org") == (Status.NXDOMAIN, Security.SECURE)

    def tamper(message: dns.message.Message) -> None:
        for at, rrset in enumerate(message.answer):
            if rrset.rdtype == RdataType.CNAME:
                message.answer[at] = make_rrset(rrset.name, "CNAME", ["own.wild.example.org."])

    world = World()
    world.tree.tampers.append(tamper)
    assert await world.look("mx.tree.example.org") == BOGUS


async def test_aliases_in_a_circle_end() -> None:
    world = World()
    assert await world.look("loop.example.org") == (Status.SERVFAIL, Security.INDETERMINATE)


async def test_an_alias_whose_end_the_server_left_out_is_asked_for() -> None:
    world = World()

    def tamper(message: dns.message.Message) -> None:
        if message.question[0].name == to_name("alias.example.org"):
            del message.answer[2:]

    world.tree.tampers.append(tamper)
    assert await world.look("alias.example.org") == SECURE
    assert world.tree.asked["mx.example.org", "A"] == 1


async def test_a_wrong_anchor_makes_everything_bogus() -> None:
    world = World()
    other = World().tree
    other.zones[to_name(".")] = SignedZone("", {}, key=OTHER)
    resolver = ValidatingResolver(world.tree, world.clock, anchor=other.anchor())
    for name in ("mx.example.org", "www.plain.org"):
        answer = await resolver.lookup(name, "A")
        assert (answer.status, answer.security) == BOGUS


async def test_behind_servers_that_pass_no_signatures_on_nothing_is_judged() -> None:
    world = World()
    world.tree.passes_signatures = False
    assert await world.look("mx.example.org") == (Status.OK, Security.INDETERMINATE)
    assert await world.look("www.plain.org") == (Status.OK, Security.INDETERMINATE)
    assert await world.look("nobody.example.org") == (Status.NXDOMAIN, Security.INDETERMINATE)
    assert world.blind == 1


async def test_such_servers_are_tried_again_after_a_while() -> None:
    world = World()
    world.tree.passes_signatures = False
    assert await world.look("mx.example.org") == (Status.OK, Security.INDETERMINATE)
    world.tree.passes_signatures = True
    world.clock.move(599)
    assert await world.look("mx.example.org") == (Status.OK, Security.INDETERMINATE)
    assert world.tree.asked["", "DNSKEY"] == 1
    world.clock.move(301)
    assert await world.look("mx.example.org") == SECURE
    assert world.blind == 1
    world.tree.passes_signatures = False
    world.clock.move(DAY)
    assert await world.look("mx.example.org") == (Status.OK, Security.INDETERMINATE)
    assert world.blind == 2


async def test_servers_that_know_no_edns_pass_no_signatures_on() -> None:
    """They refuse the question for the root's keys, and answer others."""
    world = World()
    world.tree.failures["", "DNSKEY"] = Status.SERVFAIL
    assert await world.look("mx.example.org") == (Status.OK, Security.INDETERMINATE)
    assert world.blind == 1


async def test_servers_that_are_silent_are_not_taken_for_blind_ones() -> None:
    """Else whoever can keep one answer back turns validation off."""
    world = World()
    world.tree.failures["", "DNSKEY"] = Status.TIMEOUT
    assert await world.look("mx.example.org") == (Status.TIMEOUT, Security.INDETERMINATE)
    assert world.blind == 0


async def test_a_server_of_some_zones_alone_is_asked_for_them() -> None:
    """It refuses whatever is asked about the root, so that nothing can be validated; soon it is tried again."""
    world = World()
    refusals = dict.fromkeys([("", "DNSKEY"), ("", "NS")], Status.SERVFAIL)
    world.tree.failures.update(refusals)
    assert await world.look("mx.example.org") == (Status.OK, Security.INDETERMINATE)
    assert world.blind == 1
    world.tree.failures.clear()
    world.clock.move(301)
    assert await world.look("mx.example.org") == SECURE
    strict = World(rules=ValidationRules(chain=ChainRules(mode="require")))
    strict.tree.failures.update(refusals)
    assert await strict.look("mx.example.org") == (Status.SERVFAIL, Security.INDETERMINATE)


async def test_who_requires_signatures_gets_none_from_such_servers() -> None:
    world = World(rules=ValidationRules(chain=ChainRules(mode="require")))
    world.tree.passes_signatures = False
    assert await world.look("mx.example.org") == BOGUS
    assert await world.look("www.plain.org") == BOGUS
    assert world.blind == 1
    world.tree.passes_signatures = True
    world.clock.move(61)
    assert await world.look("mx.example.org") == SECURE


@pytest.mark.parametrize("status", [Status.TIMEOUT, Status.SERVFAIL])
@pytest.mark.parametrize(
    "place",
    [("mx.example.org", "A"), ("example.org", "DS"), ("example.org", "DNSKEY"), ("org", "DS"), ("org", "DNSKEY")],
)
async def test_a_failure_on_the_way_is_no_verdict(place: tuple[str, str], status: Status) -> None:
    """Nobody knows then: never insecure, and asked again soon."""
    world = World()
    world.tree.failures[place] = status
    assert await world.look("mx.example.org") == (status, Security.INDETERMINATE)
    world.tree.failures.clear()
    assert await world.look("mx.example.org") == (status, Security.INDETERMINATE)
    world.clock.move(6)
    assert await world.look("mx.example.org") == SECURE


async def test_a_verdict_of_bogus_is_kept_for_a_minute() -> None:
    world = World()
    world.tree.tampers.append(strip_signatures_of("example.org"))
    assert await world.look("mx.example.org") == BOGUS
    world.tree.tampers.clear()
    world.clock.move(59)
    assert await world.look("mx.example.org") == BOGUS
    world.clock.move(2)
    assert await world.look("mx.example.org") == SECURE


async def test_zones_and_answers_are_kept() -> None:
    world = World()
    await world.look("mx.example.org")
    assert sum(world.tree.asked.values()) == 6  # three zones' keys, two delegations, the question
    world.tree.asked.clear()
    assert await world.look("mx.example.org") == SECURE
    assert not world.tree.asked
    assert await world.look("mx.example.org", "AAAA") == SECURE
    assert world.tree.asked == {("mx.example.org", "AAAA"): 1}
    world.clock.move(100)
    assert (await world.lookup("mx.example.org")).ttl == 200
    world.clock.move(201)
    assert await world.look("mx.example.org") == SECURE


async def test_concurrent_look_ups_are_made_once() -> None:
    world = World()
    found = await asyncio.gather(
        *(world.look("mx.example.org") for _ in range(20)), *(world.look("mx.example.org", "AAAA") for _ in range(20))
    )
    assert set(found) == {SECURE}
    assert max(world.tree.asked.values()) == 1


async def test_questions_for_one_look_up_are_bounded() -> None:
    """A signer of many labels: each would be asked for."""
    world = World(rules=ValidationRules(chain=ChainRules(questions=12)))
    assert await world.look(".".join("a" * 60) + ".example.org") == (Status.NXDOMAIN, Security.SECURE)
    world = World(rules=ValidationRules(chain=ChainRules(questions=12)))
    world.tree.tampers.append(strip_signatures_of("example.org"))
    found = await world.look(".".join("a" * 60) + ".example.org")
    assert found == BOGUS
    assert sum(world.tree.asked.values()) <= 13
    deep = {".".join("a" * 60): {"A": ["192.0.2.1"]}}
    world = World(records=deep, omits=[(next(iter(deep)), "A")], rules=ValidationRules(chain=ChainRules(questions=12)))
    assert await world.look(f"{next(iter(deep))}.example.org") == (Status.SERVFAIL, Security.INDETERMINATE)
    assert sum(world.tree.asked.values()) <= 13


async def test_time_for_one_look_up_is_bounded() -> None:
    class Hanging(Tree):
        async def ask(self, name: str, type: str, *, wants_signatures: bool = False) -> dns.message.Message:
            if type == "A":
                await asyncio.Event().wait()
            return await super().ask(name, type, wants_signatures=wants_signatures)

    world = World()
    tree = Hanging(world.zones.values())
    resolver = ValidatingResolver(tree, world.clock, anchor=tree.anchor(), rules=ValidationRules(deadline=0.01))
    answer = await resolver.lookup("mx.example.org", "A")
    assert (answer.status, answer.security) == (Status.TIMEOUT, Security.INDETERMINATE)


class Counted:
    """Counts what is verified, in place of ``public.is_signature``."""

    def __init__(self, true: Callable[..., bool]) -> None:
        self.true, self.calls = true, 0

    def __call__(self, *arguments) -> bool:
        self.calls += 1
        return self.true(*arguments)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counter = Counted(public.is_signature)
    monkeypatch.setattr(signatures, "is_signature", counter)
    return counter


async def test_keys_with_one_tag_and_many_signatures_cost_little(counted: Counted) -> None:
    """KeyTrap, CVE-2023-50387: 80 keys of one tag, and as many signatures for each RRset."""
    bombs = collide(KEY, 80)
    world = World(extra_keys=bombs)
    zone = world.zones["example.org"]
    for place, rrset in list(zone.signatures.items()):
        many = [rrset[0].replace(signature=n.to_bytes(64, "big")) for n in range(80)]
        zone.signatures[place] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, many)
    assert await world.look("mx.example.org") == BOGUS
    assert counted.calls <= 10


def collide(key: Key, number: int) -> list[Key]:
    """Other keys with the same tag: pairs of octets change places."""
    words = [key.record.key[at : at + 2] for at in range(0, 32, 2)]
    made: dict[bytes, None] = {}
    for first in range(16):
        for second in range(first + 1, 16):
            changed = list(words)
            changed[first], changed[second] = words[second], words[first]
            made[b"".join(changed)] = None
    return [replace(key, record=key.record.replace(key=octets)) for octets in list(made)[:number]]


async def test_many_signatures_with_one_good_key_cost_little(counted: Counted) -> None:
    """SigJam: one key, and scores of signatures that name it."""
    world = World()
    zone = world.zones["example.org"]
    for place, rrset in list(zone.signatures.items()):
        if place[1] != RdataType.DNSKEY:
            many = [rrset[0].replace(signature=n.to_bytes(64, "big")) for n in range(60)]
            zone.signatures[place] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, many)
    for name, kind in (("nobody.example.org", "A"), ("mx.example.org", "TXT"), ("x.wild.example.org", "TXT")):
        counted.calls = 0
        assert await world.look(name, kind) == BOGUS
        assert counted.calls <= FAILURE_LIMIT + 10


async def test_long_chains_of_aliases_with_denials_stay_within_the_bound(counted: Counted) -> None:
    records = {f"*.w{n}": {"CNAME": [f"x.w{n + 1}.example.org."]} for n in range(7)} | {"*.w7": {"A": ["192.0.2.1"]}}
    world = World(records=records, hashing=Hashing())
    assert await world.look("x.w0.example.org") == SECURE
    assert counted.calls <= VERIFICATION_LIMIT


async def test_names_of_many_labels_cost_few_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2023-50868."""
    from samotop.dns.dnssec import nsec3, work

    counter = Counted(nsec3.hash_name)  # type: ignore[arg-type]  # as it is called
    monkeypatch.setattr(nsec3, "hash_name", counter)
    world = World(hashing=Hashing(nsec3.ITERATION_LIMIT))
    assert await world.look(".".join("a" * 110) + ".example.org") == BOGUS
    assert counter.calls <= work.HASH_LIMIT


async def test_large_answers_are_judged_in_a_thread() -> None:
    world = World(hashing=Hashing())
    names = [f"{name}.example.org" for name in ("nobody", "x.y.nobody", "a.b.c")]
    zone = world.zones["example.org"]
    for place, rrset in list(zone.signatures.items()):
        many = [rrset[0].replace(key_tag=n) for n in range(3)]
        zone.signatures[place] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, [*many, rrset[0]])
    assert await asyncio.gather(*map(world.look, names)) == [(Status.NXDOMAIN, Security.SECURE)] * 3
    await world.resolver.close()
    assert world.tree.is_closed
    assert await world.look("more.nobody.example.org") == (Status.SERVFAIL, Security.INDETERMINATE)


@pytest.mark.parametrize("name", ["a" * 64 + ".org", "a..org", "x." * 200 + "org", "back\\slash.org"])
async def test_names_that_cannot_be_do_not_exist(name: str) -> None:
    assert (await World().lookup(name)).status is Status.NXDOMAIN


async def test_a_type_that_cannot_be_asked_for_has_no_records() -> None:
    for kind in ("ANY", "NOSUCHTYPE", "AXFR"):
        answer = await World().lookup("example.org", kind)
        assert (answer.status, answer.is_secure) == (Status.NODATA, False)


async def test_aliases_may_lead_to_names_of_any_octets() -> None:
    records = {"odd": {"CNAME": ["a\\.b\\032\\255.example.org."]}, "a\\.b\\032\\255": {"A": ["192.0.2.3"]}}
    world = World(records=records)
    assert await world.look("odd.example.org") == SECURE
