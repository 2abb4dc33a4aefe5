"""Our validation against unbound's: the same zones from knotd, the same questions, the same verdicts.

Most zones are signed by knotd; those that must be wrong in some way, and those
that try out the signer of tests/fakes/dnssec.py, are signed by that. unbound is
asked twice over: as the judge, and as the cache that our resolver asks with CD
set, so that each verdict is ours.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from dns.rdatatype import RdataType

from samotop.dns.answer import Security, Status
from samotop.dns.dnssec.anchor import parse_anchor
from samotop.net.chain import ChainRules
from samotop.net.clock import SystemClock
from samotop.net.exchange import Exchange
from samotop.net.resolver import StubResolver
from samotop.net.validating import ValidatingResolver, ValidationRules
from tests.fakes.dnssec import DAY, Hashing, Key, Records, SignedZone, ds_of, make_key, to_name
from tests.fakes.signedworld import World, signed_world

pytestmark = pytest.mark.slow

NOW = int(time.time())
OTHER = make_key("other")

RECORDS: Records = {
    "": {"MX": ["10 mx.example."], "TXT": ['"v=spf1 -all"']},
    "a": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "_25._tcp.a": {"TLSA": ["3 1 1 " + "ab" * 32]},
    "x.empty": {"A": ["192.0.2.1"]},
    "*.wild": {"TXT": ['"wild"']},
    "own.wild": {"A": ["192.0.2.7"]},
    "*.wildalias": {"CNAME": ["a.good.org."]},
    "alias": {"CNAME": ["a.good.org."]},
    "out": {"CNAME": ["a.plain.org."]},
    "over": {"CNAME": ["a.expired.org."]},
    "dead": {"CNAME": ["nobody.good.org."]},
    "tree": {"DNAME": ["good.org."]},
}

KNOT_SIGNED = {
    "good.org": "algorithm: ecdsap256sha256",
    "hashed.org": "algorithm: ed25519\nnsec3: on\nnsec3-iterations: 5\nnsec3-salt-length: 8",
    "optedout.org": "algorithm: ecdsap256sha256\nnsec3: on\nnsec3-opt-out: on",
    "rsa.org": "algorithm: rsasha256\nksk-size: 2048\nzsk-size: 1024",
    "rsa512.org": "algorithm: rsasha512\nksk-size: 2048",
    "p384.org": "algorithm: ecdsap384sha384\nsingle-type-signing: on",
    "ed448.org": "algorithm: ed448",
    "missing.org": "algorithm: ecdsap256sha256",  # signed, and the zone above does not say so
    "wrongds.org": "algorithm: ecdsap256sha256",  # the zone above names another key
}
"""Zones that knotd signs, with the lines of their policies."""


def make_own() -> list[SignedZone]:
    """Zones that we sign, well and badly."""
    key = make_key("own")
    times: dict[str, Any] = {"inception": NOW - 30 * DAY, "expiration": NOW + 30 * DAY}
    unknown = Key(key.private, key.record, number=200)
    wrong = SignedZone("wrongkey.org", RECORDS, key=key, **times)
    for rrset in list(wrong.rrsets.values()):
        if rrset.rdtype not in (RdataType.DNSKEY, RdataType.SOA):
            wrong.sign(rrset, OTHER)
    stripped = SignedZone("stripped.org", RECORDS, key=key, **times)
    stripped.signatures.clear()
    changed = SignedZone("changed.org", RECORDS, key=key, **times)
    place = (to_name("a.changed.org"), RdataType.A)
    changed.rrsets[place] = SignedZone("changed.org", {"a": {"A": ["192.0.2.66"]}}).rrsets[place]
    return [
        SignedZone("own.org", RECORDS, key=key, **times),
        SignedZone("ownhashed.org", RECORDS, key=key, hashing=Hashing(3, b"\xab\xcd"), **times),
        SignedZone("expired.org", RECORDS, key=key, inception=NOW - 60 * DAY, expiration=NOW - 30 * DAY),
        SignedZone("early.org", RECORDS, key=key, inception=NOW + 30 * DAY, expiration=NOW + 60 * DAY),
        SignedZone("iterations.org", RECORDS, key=key, hashing=Hashing(500), **times),
        SignedZone("unknown.org", RECORDS, key=unknown, **times),
        SignedZone("partly.org", RECORDS, key=key, omits=[("a", "A")], **times),
        SignedZone("plain.org", RECORDS),
        wrong,
        stripped,
        changed,
    ]


@pytest.fixture(scope="module")
def world(needs: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    zones = {apex: {_join(name, apex): table for name, table in RECORDS.items()} for apex in KNOT_SIGNED}
    claims = {"missing.org": [], "wrongds.org": [ds_of(to_name("wrongds.org"), OTHER)]}
    folder = tmp_path_factory.mktemp("d")
    with signed_world(needs, folder, zones=zones, signed=KNOT_SIGNED, own=make_own(), claims=claims) as made:
        yield made


def _join(name: str, apex: str) -> str:
    return f"{name}.{apex}" if name else apex


@pytest.fixture
async def ours(world: World) -> AsyncIterator[ValidatingResolver]:
    """Our resolver, behind the same unbound: what it says of DNSSEC we do not look at."""
    exchange = Exchange([world.unbound.server])
    rules = ValidationRules(chain=ChainRules(mode="require"))
    anchor = parse_anchor("\n".join(world.anchor))
    resolver = ValidatingResolver(exchange, SystemClock(), anchor=anchor, rules=rules)
    yield resolver
    await resolver.close()


@pytest.fixture
async def trusting(world: World) -> AsyncIterator[StubResolver]:
    """The resolver that believes a local unbound's AD bit."""
    resolver = StubResolver(Exchange([world.unbound.server]), SystemClock(), is_trusted=True)
    yield resolver
    await resolver.close()


OK, NODATA, NXDOMAIN = Status.OK, Status.NODATA, Status.NXDOMAIN
SECURE, INSECURE = Security.SECURE, Security.INSECURE
BOGUS = (Status.SERVFAIL, Security.BOGUS)

GOOD = {
    ("", "MX"): (OK, SECURE),
    ("", "SOA"): (OK, SECURE),
    ("", "DS"): (OK, SECURE),
    ("", "DNSKEY"): (OK, SECURE),
    ("a", "A"): (OK, SECURE),
    ("_25._tcp.a", "TLSA"): (OK, SECURE),
    ("a", "MX"): (NODATA, SECURE),
    ("empty", "A"): (NODATA, SECURE),
    ("_tcp.a", "TLSA"): (NODATA, SECURE),
    ("nobody", "A"): (NXDOMAIN, SECURE),
    ("a.b.nobody", "A"): (NXDOMAIN, SECURE),
    ("x.wild", "TXT"): (OK, SECURE),
    ("x.y.wild", "TXT"): (OK, SECURE),
    ("x.wild", "MX"): (NODATA, SECURE),
    ("own.wild", "TXT"): (NODATA, SECURE),
    ("x.own.wild", "TXT"): (NXDOMAIN, SECURE),
    ("x.wildalias", "A"): (OK, SECURE),
    ("alias", "A"): (OK, SECURE),
    ("alias", "CNAME"): (OK, SECURE),
    ("dead", "A"): (NXDOMAIN, SECURE),
    ("a.tree", "A"): (OK, SECURE),
    ("nobody.tree", "A"): (NXDOMAIN, SECURE),
    ("out", "A"): (OK, INSECURE),
    ("over", "A"): BOGUS,
}
"""What every zone that is signed well has to say."""

_COVERED = [("nobody", "A"), ("a.b.nobody", "A"), ("x.wild", "TXT"), ("x.y.wild", "TXT"), ("x.wild", "MX")]
OPTED_OUT = GOOD | {question: (GOOD[question][0], INSECURE) for question in [*_COVERED, ("x.own.wild", "TXT")]}
OPTED_OUT[("x.wildalias", "A")] = (OK, INSECURE)

BAD = dict.fromkeys([("a", "A"), ("", "MX"), ("nobody", "A"), ("a", "MX"), ("x.wild", "TXT"), ("alias", "A")], BOGUS)
UNSIGNED = {
    ("a", "A"): (OK, INSECURE),
    ("a", "MX"): (NODATA, INSECURE),
    ("nobody", "A"): (NXDOMAIN, INSECURE),
    ("x.wild", "TXT"): (OK, INSECURE),
    ("alias", "A"): (OK, INSECURE),
    ("over", "A"): BOGUS,
}

CASES = {
    **dict.fromkeys(
        ["good.org", "hashed.org", "rsa.org", "rsa512.org", "p384.org", "ed448.org", "own.org", "ownhashed.org"], GOOD
    ),
    "optedout.org": OPTED_OUT,
    **dict.fromkeys(["expired.org", "early.org", "wrongkey.org", "wrongds.org", "stripped.org"], BAD),
    "plain.org": {**UNSIGNED, ("", "DS"): (NODATA, SECURE)},
    "missing.org": {**UNSIGNED, ("", "DS"): (NODATA, SECURE)},
    "unknown.org": {**UNSIGNED, ("", "DS"): (OK, SECURE)},
    "changed.org": {("a", "A"): BOGUS, ("a", "AAAA"): (OK, SECURE)},
    "partly.org": {("a", "A"): BOGUS, ("a", "AAAA"): (OK, SECURE), ("nobody", "A"): (NXDOMAIN, SECURE)},
    "iterations.org": {
        ("a", "A"): (OK, SECURE),
        ("a", "MX"): (NODATA, INSECURE),
        ("nobody", "A"): (NXDOMAIN, INSECURE),
        ("x.wild", "TXT"): (OK, INSECURE),
    },
    "nobody.org": {("", "A"): (NXDOMAIN, SECURE), ("a", "A"): (NXDOMAIN, SECURE), ("", "DS"): (NXDOMAIN, SECURE)},
    "org": {("", "NS"): (OK, SECURE), ("", "MX"): (NODATA, SECURE), ("", "DS"): (OK, SECURE)},
}


@pytest.mark.parametrize("zone", CASES)
async def test_our_verdicts_are_unbounds(
    world: World, ours: ValidatingResolver, trusting: StubResolver, zone: str
) -> None:
    """And both are what the zone was made for, so that two errors do not agree by chance."""
    wrong = []
    for (name, kind), expected in CASES[zone].items():
        asked = _join(name, zone)
        theirs = world.unbound.judge(asked, kind)
        answer, trusted = await ours.lookup(asked, kind), await trusting.lookup(asked, kind)
        found = {
            "unbound": theirs,
            "validating": (answer.status, answer.security),
            "trusting": (trusted.status, trusted.security),
        }
        if set(found.values()) != {expected}:
            wrong.append((asked, kind, expected, found))
    assert not wrong, "\n".join(map(str, wrong)) + "\n" + world.unbound.log()[-1000:]


async def test_records_are_those_that_unbound_passes_on(ours: ValidatingResolver, trusting: StubResolver) -> None:
    for name, kind in (("good.org", "MX"), ("_25._tcp.a.hashed.org", "TLSA"), ("alias.own.org", "A"), ("org", "NS")):
        one, other = await ours.lookup(name, kind), await trusting.lookup(name, kind)
        assert sorted(map(str, one.records)) == sorted(map(str, other.records))
        assert one.canonical == other.canonical


async def test_an_anchor_of_another_root_makes_everything_bogus(world: World) -> None:
    exchange = Exchange([world.unbound.server])
    resolver = ValidatingResolver(exchange, SystemClock())
    try:
        for name in ("a.good.org", "a.plain.org"):
            answer = await resolver.lookup(name, "A")
            assert (answer.status, answer.security) == BOGUS
    finally:
        await resolver.close()
