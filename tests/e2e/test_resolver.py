"""Our resolver and the one of dictionaries, compared on zones that a real name server serves.

What tests elsewhere take from ``ZoneResolver`` holds in the world only if it
answers as ``StubResolver`` does when it asks knotd for the same zones.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from samotop.dns import Answer, Status
from samotop.net.exchange import Exchange
from samotop.net.resolver import StubResolver
from samotop.testing import MovableClock, ZoneResolver
from tests.fakes.knot import Knot, start_knot

__all__ = ["start_knot"]

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

APEX = {"SOA": ["ns.example.org. hostmaster.example.org. 1 3600 600 86400 300"], "NS": ["ns.example.org."]}
KEY = "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 20

EXAMPLE: dict[str, Any] = {
    "example.org": {
        **APEX,
        "A": ["192.0.2.1", "192.0.2.2"],
        "AAAA": ["2001:db8::1", "2001:DB8:0:0::2"],
        "MX": ["10 mx.example.org.", "20 MX2.Example.org."],
        "TXT": ['"v=spf1 mx -all"', '"second"', '"a" "b" "c"', '""', '"\\195\\164 \\"quoted\\" \\\\"'],
        "CAA": ['0 issue "ca.example.net; account=1"', '128 iodef "mailto:a@example.org"'],
    },
    "ns.example.org": {"A": ["192.0.2.53"]},
    "mx.example.org": {
        "A": ["192.0.2.25"],
    },
    "_25._tcp.mx.example.org": {"TLSA": ["3 1 1 " + "ab" * 32, "2 0 2 " + "CD" * 64]},
    "_submissions._tcp.example.org": {"SRV": ["0 1 465 mx.example.org.", "10 0 0 ."]},
    "null.example.org": {"MX": ["0 ."]},
    "key._domainkey.example.org": {"TXT": [f'"{KEY}"']},
    "long.example.org": {"TXT": [f'"{"x" * 255}" "{"y" * 255}" "{"z" * 200}"']},
    "same.example.org": {"TXT": ['"ab" "c"', '"a" "bc"']},
    # Aliases.
    "alias.example.org": {"CNAME": ["mx.example.org."]},
    "alias2.example.org": {"CNAME": ["ALIAS.example.org."]},
    "out.example.org": {"CNAME": ["www.example.net."]},
    "back.example.org": {"CNAME": ["return.example.net."]},
    "gone.example.org": {"CNAME": ["absent.example.org."]},
    "gone2.example.org": {"CNAME": ["absent.example.net."]},
    "empty.example.org": {"CNAME": ["deep.example.org."]},
    "circle1.example.org": {"CNAME": ["circle2.example.org."]},
    "circle2.example.org": {"CNAME": ["circle1.example.org."]},
    "self.example.org": {"CNAME": ["self.example.org."]},
    **{f"c{n}.example.org": {"CNAME": [f"c{n - 1}.example.org."]} for n in range(1, 11)},
    "c0.example.org": {"A": ["192.0.2.80"]},
    # Empty non-terminals, wildcards.
    "a.very.deep.example.org": {"A": ["192.0.2.7"]},
    "*.wild.example.org": {"A": ["192.0.2.8"], "TXT": ['"wild"'], "MX": ["5 mx.example.org."]},
    "tame.wild.example.org": {"TXT": ['"tame"']},
    "x.y.wild.example.org": {"A": ["192.0.2.9"]},
    "*.walias.example.org": {"CNAME": ["mx.example.org."]},
    "*.wcircle.example.org": {"CNAME": ["x.wcircle.example.org."]},
    "below.*.star.example.org": {"A": ["192.0.2.10"]},
    "_dmarc.example.org": {"TXT": ['"v=DMARC1; p=reject"']},
    "under_score.example.org": {"A": ["192.0.2.11"]},
    "xn--bcher-kva.example.org": {"A": ["192.0.2.12"]},
}
OTHER: dict[str, Any] = {
    "example.net": {"SOA": ["ns.example.net. hostmaster.example.net. 1 3600 600 86400 300"], "NS": ["ns.example.net."]},
    "www.example.net": {"A": ["198.51.100.1"], "TXT": ['"net"']},
    "return.example.net": {"CNAME": ["www.example.org."]},
}
REVERSE: dict[str, Any] = {
    "2.0.192.in-addr.arpa": {"SOA": ["ns.example.org. hostmaster.example.org. 1 1 1 1 1"], "NS": ["ns.example.org."]},
    "25.2.0.192.in-addr.arpa": {"PTR": ["mx.example.org.", "Other.example.org."]},
    "26.2.0.192.in-addr.arpa": {"CNAME": ["26.sub.2.0.192.in-addr.arpa."]},
    "26.sub.2.0.192.in-addr.arpa": {"PTR": ["classless.example.org."]},
}
ZONES = {"example.org": EXAMPLE, "example.net": OTHER, "2.0.192.in-addr.arpa": REVERSE}

TYPES = ("A", "AAAA", "MX", "TXT", "PTR", "CNAME", "NS", "SRV", "TLSA", "CAA")

ABSENT = [
    "absent.example.org",
    "a.absent.example.org",
    "deep.example.org",
    "very.deep.example.org",
    "b.very.deep.example.org",
    "_tcp.mx.example.org",
    "_domainkey.example.org",
    "any.wild.example.org",
    "any.any.wild.example.org",
    "below.tame.wild.example.org",
    "y.wild.example.org",
    "z.y.wild.example.org",
    "wild.example.org",
    "any.walias.example.org",
    "any.wcircle.example.org",
    "*.star.example.org",
    "x.star.example.org",
    "star.example.org",
    "1.2.0.192.in-addr.arpa",
    "sub.2.0.192.in-addr.arpa",
    "ABSENT.Example.NET.",
    "bücher.example.org",
    "a..example.org",
    "a" * 64 + ".example.org",
]


@asynccontextmanager
async def asking(knot: Knot) -> AsyncIterator[StubResolver]:
    resolver = StubResolver(Exchange([knot.server]), MovableClock())
    try:
        yield resolver
    finally:
        await resolver.close()


def plain(answer: Answer) -> Any:
    """What both must agree on: all but the time to live, in an order."""
    return answer.name, answer.type, answer.status, sorted(answer.records, key=repr), answer.canonical


async def differences(
    knot: Knot, zones: Mapping[str, Mapping[str, Any]], questions: list[tuple[str, str]]
) -> list[tuple[Any, Any]]:
    """Pairs of answers, the server's first."""
    tables = {name: table for zone in zones.values() for name, table in zone.items()}
    dictionary = ZoneResolver(tables)
    found = []
    async with asking(knot) as resolver:
        answers = await asyncio.gather(*(resolver.lookup(name, kind) for name, kind in questions))
        for (name, kind), answer in zip(questions, answers, strict=True):
            other = await dictionary.lookup(name, kind)
            if plain(answer) != plain(other):
                found.append((plain(answer), plain(other)))
    return found


async def test_both_give_the_same_answers(start_knot: Callable[..., Knot]) -> None:
    knot = start_knot(ZONES)
    names = [name for zone in ZONES.values() for name in zone] + ABSENT
    assert await differences(knot, ZONES, [(name, kind) for name in names for kind in TYPES]) == []


async def test_what_is_asked_comes_as_it_was_written(start_knot: Callable[..., Knot]) -> None:
    """Both could be wrong in the same way."""
    knot = start_knot(ZONES)
    async with asking(knot) as resolver:
        assert (await resolver.lookup("key._domainkey.example.org", "TXT")).texts == (KEY.encode(),)
        assert (await resolver.lookup("long.example.org", "TXT")).texts == (b"x" * 255 + b"y" * 255 + b"z" * 200,)
        assert (await resolver.lookup("null.example.org", "MX")).exchanges == ((0, ""),)
        assert set((await resolver.lookup("example.org", "TXT")).texts) == {
            b"v=spf1 mx -all",
            b"second",
            b"abc",
            b"",
            'ä "quoted" \\'.encode(),
        }
        assert (await resolver.lookup("25.2.0.192.in-addr.arpa", "PTR")).status is Status.OK
        wild = await resolver.lookup("any.wild.example.org", "MX")
        assert (wild.name, wild.canonical, wild.ttl) == ("any.wild.example.org", "any.wild.example.org", 300)


def generated(seed: int) -> dict[str, dict[str, list[str]]]:
    """A zone of few labels, so that they meet: names above, below, beside, wildcards and aliases among them."""
    choose = random.Random(seed)
    zone: dict[str, dict[str, list[str]]] = {"example.org": dict(APEX)}
    labels = ["a", "b", "*", "c"]
    for _ in range(40):
        name = ".".join(choose.choice(labels) for _ in range(choose.randint(1, 4))) + ".example.org"
        if name in zone:
            continue
        if choose.random() < 0.3:
            target = ".".join(choose.choice(labels[:2]) for _ in range(choose.randint(1, 3))) + ".example.org."
            zone[name] = {"CNAME": [target]}
        else:
            zone[name] = {kind: [text] for kind, text in GENERATED.items() if choose.random() < 0.5} or {
                "A": ["192.0.2.1"]
            }
    return zone


GENERATED = {"A": "192.0.2.1", "TXT": '"text"', "MX": "10 mx.example.org."}


def names_to(depth: int) -> Iterator[str]:
    """All names of a few labels below the apex."""
    level = ["example.org"]
    for _ in range(depth):
        level = [f"{label}.{name}" for name in level for label in ("a", "b", "c", "*")]
        yield from level


@pytest.mark.parametrize("seed", range(8))
async def test_both_agree_on_generated_zones(seed: int, start_knot: Callable[..., Knot]) -> None:
    zone = generated(seed)
    knot = start_knot({"example.org": zone})
    questions = [(name, kind) for name in names_to(4) for kind in ("A", "TXT", "CNAME")]
    assert await differences(knot, {"example.org": zone}, questions) == []


async def test_an_answer_too_large_for_a_datagram_comes_whole(start_knot: Callable[..., Knot]) -> None:
    """Truncated by a real server, and asked for over TCP."""
    texts = [f'"{number:03}{"x" * 250}"' for number in range(60)]
    knot = start_knot({"example.org": {"large.example.org": {"TXT": texts}}})
    async with asking(knot) as resolver:
        assert len((await resolver.lookup("large.example.org", "TXT")).texts) == 60


async def test_signatures_come_when_they_are_wanted(start_knot: Callable[..., Knot], tmp_path: Path) -> None:
    """What ``net.validating`` builds on; and the fixture signs."""
    zone = {"a.example.org": {"A": ["192.0.2.1"]}}
    knot = start_knot({"example.org": zone}, signed={"example.org"}, policies={"example.org": "nsec3: on"})
    exchange = Exchange([knot.server])
    found = [rrset.rdtype.name for rrset in (await exchange.ask("a.example.org", "A", wants_signatures=True)).answer]
    denied = (await exchange.ask("b.example.org", "A", wants_signatures=True)).authority
    plainly = (await exchange.ask("a.example.org", "A")).answer
    await exchange.close()
    assert sorted(found) == ["A", "RRSIG"]
    assert "NSEC3" in {rrset.rdtype.name for rrset in denied}
    assert [rrset.rdtype.name for rrset in plainly] == ["A"]
    assert len(knot.ds_of("example.org")) == 1
