"""Side by side with pyspf, on generated records, zones and peers.

Both get the same answers from the same zones. Where the two differ on purpose,
the generated zones leave the difference out, or ``explain`` names it:

* pyspf counts ``redirect=`` before it knows whether it will be followed; RFC
  7208 §4.6.4 limits the terms that ask "during SPF evaluation".
* pyspf counts every question without an answer as void, the RFC terms, and the
  names that a PTR leads to are no fault of the record (§5.5): here, hosts of
  exchangers and names of peers have addresses of both kinds.
* pyspf looks up all hosts of an ``mx`` before it compares, so that the error of
  a late one wins over the match of an early one: here, they do not fail.
* pyspf makes an error of DNS in ``ptr`` a temperror; §5.5 says "fails to match".
* pyspf refuses a record that includes itself even where another term decides;
  for the RFC that is a record like any other, ended by the limit of terms.
* pyspf leaves ``%{s}`` without the local part that §4.3 puts in for a missing one.
* pyspf refuses unknown modifiers that are there twice, reads names of modifiers
  case-sensitively, and takes ``%{d0}``, which §7.1 forbids.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final
from unittest.mock import patch

import pytest
import spf as pyspf
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.msgauth import spf
from samotop.testing import ZoneResolver

pytestmark = pytest.mark.slow

Zones = dict[tuple[str, str], list[Any] | str]

DOMAINS: Final = ("d0.example.org", "d1.example.org", "d2.example.net")
PEERS: Final = ("192.0.2.1", "192.0.2.9", "198.51.100.7", "2001:db8::1", "2001:db8:1::9", "::ffff:192.0.2.1")
ADDRESSES: Final = ("192.0.2.1", "192.0.2.8", "198.51.100.7", "203.0.113.5")
ADDRESSES6: Final = ("2001:db8::1", "2001:db8::2", "2001:db8:1::9")
SENDERS: Final = ("alice@d0.example.org", "strong-bad@d0.example.org", "@d0.example.org", "", "a.b+c@d1.example.org")

hosts = st.sampled_from(["h0.example.org", "h1.example.org", "h2.example.net"])
targets = hosts | st.sampled_from(
    [
        "gone.example.org",
        "slow.example.org",
        "mx.example.org",
        "nomx.example.org",
        "%{i}.x.example.org",
        "%{ir}.%{v}.x.example.org",
        "%{l}.x.example.org",
        "%{l1r-+}.x.%{d2}",
        "%{d}",
        "%{o}.x.example.org",
        "%{H}",
        "a..example.org",
        "x" * 64 + ".example.org",
        "h0.example.org.",
    ]
)
prefixes = st.sampled_from(["", "", "/24", "/31", "/0", "//64", "//127", "/24//32", "/32//128"])
mechanisms = st.one_of(
    st.sampled_from(["all", "a", "mx", "ptr", "a/24", "mx/24", "mx//64", "ptr:example.org", "ptr:example.net", "PTR"]),
    st.builds("a:{}{}".format, targets, prefixes),
    st.builds("mx:{}{}".format, st.sampled_from(["mx.example.org", "gone.example.org", "nomx.example.org"]), prefixes),
    st.builds("exists:{}".format, targets),
    st.builds("include:{}".format, st.sampled_from(DOMAINS[1:])),
    st.builds("ip4:{}{}".format, st.sampled_from(ADDRESSES), st.sampled_from(["", "/24", "/31", "/0"])),
    st.builds("ip6:{}{}".format, st.sampled_from(ADDRESSES6), st.sampled_from(["", "/64", "/33", "/0"])),
)
directives = st.builds("{}{}".format, st.sampled_from(["", "", "+", "-", "~", "?"]), mechanisms)
errors = st.sampled_from(
    ["ip4:1.2.3", "ip4:1.2.3.04", "ip4:192.0.2.1/33", "ip4:192.0.2.1//24", "ip6:::1/129", "ip6::x", "a/33", "a//129",
     "include:", "include", "exists", "foo", "foo:bar", "a:foo-bar", "a:%{x}.org", "a:%(d).org", "a:%", "ptr/24",
     "redirect=", "exp=", "redirect:x.org", "1up=x", "=x", "moo=%{x}", "all.", "a:museum", "a:h0.example.123"]
)  # fmt: skip
modifiers = st.sampled_from(
    ["redirect=d1.example.org", "redirect=d2.example.net", "redirect=gone.example.org", "redirect=%{d2}",
     "exp=why.example.org", "exp=gone.example.org", "exp=two.example.org", "exp=slow.example.org", "moo=%{d}/cow"]
)  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> str:
    terms = draw(st.lists(directives, max_size=5))
    # Two of a kind are an error for both, but of unknown ones only for pyspf.
    terms += draw(st.lists(modifiers, max_size=2, unique=True))
    if draw(st.integers(0, 9)) == 0:
        terms.append(draw(errors))
    terms = draw(st.permutations(terms))
    if draw(st.booleans()):
        terms.append(draw(st.sampled_from(["-all", "~all", "?all"])))
    return " ".join(["v=spf1", *terms])


@st.composite
def worlds(draw: st.DrawFn) -> Zones:
    zones: Zones = {("slow.example.org", kind): "TIMEOUT" for kind in ("A", "AAAA", "TXT")}
    for number, domain in enumerate(DOMAINS):
        texts = [draw(records())]
        if number and draw(st.integers(0, 7)) == 0:
            texts = draw(st.sampled_from([[], ["nothing"], [*texts, "v=spf1 +all"], ["v=spf10", *texts]]))
        if texts:
            zones[domain, "TXT"] = texts
    for name in ("h0.example.org", "h1.example.org", "h2.example.net", "d0.example.org", "d1.example.org"):
        zones[name, "A"] = draw(st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=2, unique=True))
        zones[name, "AAAA"] = draw(st.lists(st.sampled_from(ADDRESSES6), min_size=1, max_size=2, unique=True))
    for name in ("mx.example.org", "d0.example.org"):
        exchanges = draw(st.lists(hosts, min_size=1, max_size=3, unique=True))
        zones[name, "MX"] = [(10 * number, host) for number, host in enumerate(exchanges)]
    for name in ("192.0.2.1.x", "1.2.0.192.in-addr.x", "alice.x", "strong.x", "d0.example.org.x"):
        if draw(st.booleans()):
            zones[f"{name}.example.org", "A"] = ["127.0.0.2"]
    for name in ("1.2.0.192.in-addr.arpa", "9.2.0.192.in-addr.arpa"):
        if draw(st.booleans()):
            zones[name, "PTR"] = draw(st.lists(hosts, min_size=1, max_size=3, unique=True))
    zones["why.example.org", "TXT"] = [draw(st.sampled_from(["%{c} is not %{o}'s", "%{L} %{h}", "%{x}", "plain."]))]
    zones["two.example.org", "TXT"] = ["one", "two"]
    return zones


def resolve(zones: Zones) -> ZoneResolver:
    tables: dict[str, dict[str, list[str] | str]] = {}
    for (name, kind), values in zones.items():
        texts = values if isinstance(values, str) else [format_record(kind, value) for value in values]
        tables.setdefault(name, {})[kind] = texts
    return ZoneResolver(tables)


def format_record(kind: str, value: Any) -> str:
    if kind == "TXT":
        return f'"{value}"'
    if kind == "MX":
        return f"{value[0]} {value[1]}."
    return f"{value}." if kind == "PTR" else str(value)


def ask_pyspf(zones: Zones, ip: str, hello: str, sender: str) -> tuple[str, str]:
    def lookup(name: str, kind: str, *_: object) -> list[Any]:
        values = zones.get((name.lower(), kind), [])
        if isinstance(values, str):
            raise pyspf.TempError("DNS timeout")
        return [((name, kind), (value.encode(),) if kind == "TXT" else value) for value in values]

    with patch.object(pyspf, "DNSLookup", lookup):
        result, explanation = pyspf.check2(i=ip, s=sender, h=hello)
    return str(result), str(explanation)


def explain(zones: Zones, explanation: str) -> bool:
    """Is this what pyspf says where it differs on purpose?"""
    texts = " ".join(text for domain in DOMAINS for text in zones.get((domain, "TXT"), ()))
    if "Too many DNS lookups" in explanation:
        return "redirect=" in texts
    return "trivial recursion" in explanation


@settings(max_examples=300)
@given(worlds(), st.sampled_from(PEERS), st.sampled_from(SENDERS))
def test_both_come_to_the_same_result(zones: Zones, ip: str, sender: str) -> None:
    """And to the same explanation, where there is one."""
    hello = "d0.example.org"
    ours = asyncio.run(spf.evaluate(ip, hello, sender, resolve(zones)))
    result, explanation = ask_pyspf(zones, ip, hello, sender)
    if ours.result == result:
        theirs = "" if explanation == "SPF fail - not authorized" or result != "fail" else explanation
        assert ours.explanation == theirs
    else:
        assert explain(zones, explanation), (ours, result, explanation, zones)
