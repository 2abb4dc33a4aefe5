"""What evaluating a record comes to, and what it may cost (RFC 7208 §2, §4 to §7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any, Final

import pytest

from samotop.dns import Answer, Security, Status
from samotop.msgauth import spf
from samotop.msgauth.results import Result
from samotop.msgauth.spf import SpfResult, SpfRules
from samotop.testing import ZoneResolver
from samotop.testing.zones import Table

IP: Final = "192.0.2.1"
HELLO: Final = "mail.example.net"


def publish(records: Mapping[str, Any]) -> dict[str, Table | str]:
    """Zones of names with an SPF record, or with a table of records."""
    return {
        name: {"TXT": [f'"{value}"']} if isinstance(value, str) and value.startswith("v=") else value
        for name, value in records.items()
    }


async def evaluate(
    record: str = "v=spf1 -all",
    others: Mapping[str, Any] | None = None,
    *,
    ip: str = IP,
    hello: str = HELLO,
    sender: str = "alice@example.org",
    secure: bool = False,
    **options: Any,
) -> SpfResult:
    resolver = ZoneResolver(publish({"example.org": record, **(others or {})}), secure=secure)
    return await spf.evaluate(ip, hello, sender, resolver, **options)


# Who is evaluated (§2.3, §2.4, §4.1, §4.3).


async def test_the_reverse_path_is_evaluated() -> None:
    found = await evaluate("v=spf1 ip4:192.0.2.1 -all")
    assert found == SpfResult(
        Result.PASS, "example.org", "mailfrom", "alice@example.org", "ip4:192.0.2.1", "", "", 0, 0, False
    )


@pytest.mark.parametrize("path", ["alice@example.org", ""])
async def test_angle_brackets_are_none_of_the_address(path: str) -> None:
    """A reverse-path may be given as SMTP and Return-Path write it; ``<>`` is the null one."""
    resolver = ZoneResolver({"example.org": {"TXT": ['"v=spf1 +all"']}})
    plain = await spf.evaluate("192.0.2.1", "example.org", path, resolver)
    assert plain.result == "pass"
    assert await spf.evaluate("192.0.2.1", "example.org", f"<{path}>", resolver) == plain


async def test_a_null_reverse_path_stands_for_postmaster_at_the_hello_name() -> None:
    """RFC 7208 §2.4."""
    found = await evaluate(
        "v=spf1 exists:%{l}.%{o}.users.example.org -all",
        {"postmaster.example.org.users.example.org": {"A": ["127.0.0.2"]}},
        hello="example.org",
        sender="",
    )
    assert (found.result, found.scope, found.sender) == (Result.PASS, "helo", "postmaster@example.org")
    assert found.domain == "example.org"


@pytest.mark.parametrize("sender", ["@example.org", "example.org"])
async def test_a_sender_without_a_local_part_is_postmaster(sender: str) -> None:
    """RFC 7208 §4.3."""
    found = await evaluate(
        "v=spf1 exists:%{l}.users.example.org -all",
        {"postmaster.users.example.org": {"A": ["127.0.0.2"]}},
        sender=sender,
    )
    assert (found.result, found.scope, found.sender) == (Result.PASS, "mailfrom", "postmaster@example.org")


@pytest.mark.parametrize(
    "domain",
    ["", ".", "org", "example..org", ".example.org", "x" * 64 + ".org", "[192.0.2.1]", "[IPv6:2001:db8::1]", "a b.org",
     "x." * 127 + "org", "\ud800.org", "-\u00fc.\u0338", "exa\0mple.org", "exa\\mple.org", "o" * 5000],
)  # fmt: skip
async def test_what_is_no_domain_name_has_no_policy(domain: str) -> None:
    """RFC 7208 §4.3: none, and nothing is asked."""
    resolver = ZoneResolver({"example.org": {"TXT": ['"v=spf1 -all"']}})
    for hello, sender in ((domain, ""), (HELLO, f"alice@{domain}")):
        found = await spf.evaluate(IP, hello, sender, resolver)
        assert found.result is Result.NONE
        assert found.reason
        assert not found.domain
        assert not found.is_secure
    assert not resolver.questions


async def test_an_overlong_local_part_has_no_policy() -> None:
    """No server lets one through; whoever calls us without one is bounded too."""
    assert (await evaluate("v=spf1 -all", sender="x" * 5000 + "@example.org")).result is Result.NONE


async def test_u_labels_are_asked_for_as_a_labels() -> None:
    """RFC 8616 §4, RFC 7208 §4.3; and macros stand for A-labels."""
    record = "v=spf1 exists:%{o}.users.example.org exists:%{h}.hello.example.org -all"
    others = {"xn--bcher-kva.example": record, "xn--bcher-kva.example.users.example.org": {"A": ["127.0.0.2"]}}
    found = await evaluate(others=others, sender="alice@b\xfccher.example")
    assert (found.result, found.domain) == (Result.PASS, "xn--bcher-kva.example")
    others = {"xn--bcher-kva.example.hello.example.org": {"A": ["127.0.0.2"]}}
    assert (await evaluate(record, others, hello="b\xfccher.example")).mechanism.startswith("exists:%{h}")
    assert (await evaluate(record, others, hello="\ud800")).result is Result.FAIL


@pytest.mark.parametrize("letter", ["l", "s", "L", "S"])
async def test_a_local_part_beyond_ascii_never_matches(letter: str) -> None:
    """RFC 8616 §4: "terms that include %{s} or %{l} do not match anything"; include and escapes are no exception."""
    name = f"%{{{letter}}}.example.net"
    others = {"*.example.net": {"A": ["127.0.0.2"], "TXT": ['"v=spf1 +all"']}}
    for term in (f"exists:{name}", f"a:{name}/0", f"include:{name}"):
        assert (await evaluate(f"v=spf1 {term} -all", others, sender="j\xf6@example.org")).result is Result.FAIL
        assert (await evaluate(f"v=spf1 {term} ?all", others)).mechanism in (term, "?all")
    assert (await evaluate(f"v=spf1 redirect={name}", others, sender="j\xf6@example.org")).result is Result.PERMERROR


async def test_the_last_at_sign_ends_the_local_part() -> None:
    """A quoted local part may have one."""
    assert (await evaluate("v=spf1 +all", sender='"a@b"@example.org')).result is Result.PASS


async def test_case_and_a_dot_at_the_end_do_not_matter() -> None:
    found = await evaluate("v=spf1 +all", sender="alice@Example.ORG.")
    assert (found.result, found.domain) == (Result.PASS, "example.org")


@pytest.mark.parametrize("ip", ["", "192.0.2", "192.0.2.256", "192.0.2.01", "::g", "example.org", "1.2.3.4.5", "[::1]"])
async def test_what_is_no_address_is_the_callers_bug(ip: str) -> None:
    with pytest.raises(ValueError):
        await evaluate(ip=ip)


@pytest.mark.parametrize("ip", ["::ffff:192.0.2.1", "::FFFF:C000:201"])
async def test_a_mapped_address_is_the_ipv4_address_in_it(ip: str) -> None:
    """RFC 7208 §5: for the mechanisms and for the macros."""
    assert (await evaluate("v=spf1 -ip6:::ffff:0:0/96 ip4:192.0.2.1", ip=ip)).result is Result.PASS
    others = {"1.2.0.192.in-addr.example.org": {"A": ["127.0.0.2"]}}
    assert (await evaluate("v=spf1 exists:%{ir}.%{v}.%{d} -all", others, ip=ip)).result is Result.PASS


# Finding the record (§4.4, §4.5).


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"A": ["192.0.2.1"]}, "none"),
        ({"TXT": ['"something else"', '"v=spf10 -all"', '"v=spf1-all"']}, "none"),
        ({"TXT": ['"something else"', '"v=spf1 -all"']}, "fail"),
        ({"TXT": ['"v=sp" "f1 -" "all"']}, "fail"),
        ({"TXT": ['"v=spf1" "-all"']}, "none"),
        ({"TXT": ['"v=spf1 -all"', '"V=SPF1 +all"']}, "permerror"),
        ({"TXT": ['"v=spf1 -all"', '"v=spf1"']}, "permerror"),
        ({"TXT": ['"\\255\\254"', '"v=spf1 -all"']}, "fail"),
        ({"TXT": ['"v=spf1 a:\\195\\188.example.org -all"']}, "permerror"),
        ({"TXT": ['"v=spf1"']}, "neutral"),
        ({"CNAME": ["alias.example.org."]}, "softfail"),
        ({"TXT": "TIMEOUT"}, "temperror"),
        ({"TXT": "SERVFAIL"}, "temperror"),
        ("TIMEOUT", "temperror"),
    ],
)
async def test_the_record_is_the_one_text_of_its_version(table: Any, expected: str) -> None:
    """RFC 7208 §3.2, §3.3, §4.4, §4.5."""
    found = await evaluate(others={"example.org": table, "alias.example.org": "v=spf1 ~all"})
    assert found.result == expected
    assert bool(found.reason) is (expected in ("none", "permerror", "temperror"))


async def test_a_domain_that_does_not_exist_has_no_policy() -> None:
    """RFC 7208 §4.3."""
    found = await evaluate(sender="alice@example.net")
    assert (found.result, found.domain, found.mechanism) == (Result.NONE, "example.net", "")


# Mechanisms (§4.6, §4.7, §5).


@pytest.mark.parametrize(
    ("record", "expected", "mechanism"),
    [
        ("v=spf1", "neutral", "default"),
        ("v=spf1 ip4:198.51.100.1", "neutral", "default"),
        ("v=spf1 all", "pass", "all"),
        ("v=spf1 ?ALL", "neutral", "?ALL"),
        ("v=spf1 ~all", "softfail", "~all"),
        ("v=spf1 -ip4:192.0.2.0/24 +all", "fail", "-ip4:192.0.2.0/24"),
        ("v=spf1 ip4:192.0.2.2 -all", "fail", "-all"),
        ("v=spf1 ip4:192.0.2.255/0 -all", "pass", "ip4:192.0.2.255/0"),
        ("v=spf1 ip6:2001:db8::/0 -all", "fail", "-all"),
        ("v=spf1 +all moo", "permerror", ""),
        ("v=spf1 +all foo=%{x}", "permerror", ""),
    ],
)
async def test_the_first_match_decides_and_without_one_it_is_neutral(
    record: str, expected: str, mechanism: str
) -> None:
    """RFC 7208 §4.6.2, §4.7; errors anywhere come first (§4.6)."""
    found = await evaluate(record)
    assert (found.result, found.mechanism) == (expected, mechanism)


HOSTS: Final = {
    "four.example.org": {"A": ["192.0.2.1", "192.0.2.77"]},
    "six.example.org": {"AAAA": ["2001:db8::1"]},
    "both.example.org": {"A": ["192.0.2.2"], "AAAA": ["2001:db8::2"]},
    "mx.example.org": {"MX": ["10 both.example.org.", "20 six.example.org.", "30 four.example.org."]},
    "null.example.org": {"MX": ["0 ."], "A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "slow.example.org": "TIMEOUT",
    "broken.example.org": {"A": "SERVFAIL", "AAAA": "SERVFAIL", "MX": ["10 slow.example.org."]},
}


@pytest.mark.parametrize(
    ("term", "ip4", "ip6"),
    [
        ("a:four.example.org", "pass", "fail"),
        ("a:six.example.org", "fail", "pass"),
        ("a:both.example.org", "fail", "fail"),
        ("a:both.example.org/24", "pass", "fail"),
        ("a:both.example.org//64", "fail", "pass"),
        ("a:both.example.org/30//126", "pass", "pass"),
        ("a:six.example.org/0", "fail", "pass"),
        ("a:gone.example.org/0//0", "fail", "fail"),
        ("mx:mx.example.org", "pass", "pass"),
        ("mx:four.example.org", "fail", "fail"),
        ("mx:null.example.org/0//0", "fail", "fail"),
        ("exists:four.example.org", "pass", "pass"),
        ("exists:six.example.org", "fail", "fail"),
        ("exists:gone.example.org", "fail", "fail"),
        ("a:slow.example.org", "temperror", "temperror"),
        ("mx:slow.example.org", "temperror", "temperror"),
        ("mx:broken.example.org", "temperror", "temperror"),
        ("exists:broken.example.org", "temperror", "temperror"),
        ("include:slow.example.org", "temperror", "temperror"),
        ("redirect=slow.example.org", "temperror", "temperror"),
    ],
)
async def test_mechanisms_that_look_for_addresses(term: str, ip4: str, ip6: str) -> None:
    """RFC 7208 §5.3, §5.4, §5.7; an error of DNS is temporary (§5)."""
    record = f"v=spf1 {term}" + ("" if term.startswith("redirect") else " -all")
    assert (await evaluate(record, HOSTS)).result == ip4
    assert (await evaluate(record, HOSTS, ip="2001:db8::1")).result == ip6


async def test_an_exchanger_is_never_made_up() -> None:
    """RFC 7208 §5.4: no MX, no match, though the name itself has the address."""
    assert (await evaluate("v=spf1 mx:four.example.org ?all", HOSTS)).result is Result.NEUTRAL


@pytest.mark.parametrize(
    ("included", "expected", "mechanism"),
    [
        ("v=spf1 +all", "softfail", "~include:b.example"),
        ("v=spf1 -all", "pass", "+all"),
        ("v=spf1 ~all", "pass", "+all"),
        ("v=spf1 ?all", "pass", "+all"),
        ("v=spf1", "pass", "+all"),
        ("v=spf1 moo", "permerror", ""),
        ("v=spf1 redirect=c.example", "permerror", ""),
        ({"TXT": ['"nothing"']}, "permerror", ""),
        ("TIMEOUT", "temperror", ""),
    ],
)
async def test_an_included_policy_matches_if_it_passes(included: Any, expected: str, mechanism: str) -> None:
    """RFC 7208 §5.2: the table of results."""
    found = await evaluate("v=spf1 ~include:b.example +all", {"b.example": included})
    assert (found.result, found.mechanism) == (expected, mechanism)


@pytest.mark.parametrize("target", ["gone.example", "%{h}", "a..b.example", "x" * 64 + ".example"])
async def test_what_leads_to_no_policy_is_an_error(target: str) -> None:
    """RFC 7208 §5.2, §6.1: a record relies on it; a name that cannot be is as good as none (§4.3)."""
    for term in (f"include:{target}", f"redirect={target}"):
        found = await evaluate(f"v=spf1 {term}", hello="org")
        assert found.result is Result.PERMERROR
        assert found.reason


async def test_macros_stand_for_the_domain_at_work() -> None:
    """RFC 7208 §7.2: %{d} is the included domain, %{o} the sender's."""
    others = {
        "b.example": "v=spf1 exists:%{d}.%{o}.x.example -all",
        "b.example.example.org.x.example": {"A": ["127.0.0.2"]},
    }
    assert (await evaluate("v=spf1 include:b.example -all", others)).result is Result.PASS
    assert (await evaluate("v=spf1 redirect=b.example", others)).result is Result.PASS


async def test_a_redirection_is_for_those_whom_nothing_matches() -> None:
    """RFC 7208 §6.1: wherever it stands; never beside all; the mechanism is the target's."""
    others = {"b.example": "v=spf1 a -all", "c.example": "v=spf1 +all"}
    found = await evaluate("v=spf1 redirect=b.example ip4:198.51.100.1", others)
    assert (found.result, found.mechanism, found.domain) == (Result.FAIL, "-all", "example.org")
    found = await evaluate("v=spf1 redirect=c.example ?all", others)
    assert (found.result, found.mechanism, found.lookups) == (Result.NEUTRAL, "?all", 0)
    chain = {"b.example": "v=spf1 redirect=c.example", "c.example": "v=spf1 ~all"}
    found = await evaluate("v=spf1 redirect=b.example", chain)
    assert (found.result, found.lookups) == (Result.SOFTFAIL, 2)


# Names of the peer (§5.5, §7.3).

NAMED: Final = {
    "1.2.0.192.in-addr.arpa": {"PTR": ["liar.example.org.", "Mail.Example.org.", "www.example.net.", "slow.example."]},
    "liar.example.org": {"A": ["192.0.2.2"]},
    "mail.example.org": {"A": ["192.0.2.1"]},
    "www.example.net": {"A": ["192.0.2.1"]},
    "slow.example": "TIMEOUT",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["six.example.org."]},
    "six.example.org": {"AAAA": ["2001:db8::1"]},
}


@pytest.mark.parametrize(
    ("term", "ip", "expected"),
    [
        ("ptr", IP, "pass"),
        ("ptr:mail.example.org", IP, "pass"),
        ("ptr:EXAMPLE.net", IP, "pass"),
        ("ptr:liar.example.org", IP, "fail"),
        ("ptr:ample.org", IP, "fail"),
        ("ptr:slow.example", IP, "fail"),
        ("ptr", "192.0.2.9", "fail"),
        ("ptr", "2001:db8::1", "pass"),
    ],
)
async def test_a_name_at_or_below_the_domain_that_leads_back_matches(term: str, ip: str, expected: str) -> None:
    """RFC 7208 §5.5; an error of DNS is no error of the record."""
    assert (await evaluate(f"v=spf1 {term} -all", NAMED, ip=ip)).result == expected


async def test_reverse_dns_that_does_not_answer_matches_nothing() -> None:
    """RFC 7208 §5.5: "this mechanism fails to match"."""
    others = {"1.2.0.192.in-addr.arpa": "SERVFAIL", "unknown.x.example": {"A": ["127.0.0.2"]}}
    found = await evaluate("v=spf1 ptr ~exists:%{p}.x.example -all", others)
    assert (found.result, found.void_lookups) == (Result.SOFTFAIL, 0)


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("a@example.org", "mail.example.org"),
        ("a@www.example.net", "www.example.net"),
        ("a@other.example", "mail.example.org"),
    ],
)
async def test_the_validated_name_is_one_of_the_domain_if_there_is_one(sender: str, name: str) -> None:
    """RFC 7208 §7.3: the domain, else one below it, else any."""
    record = "v=spf1 exists:%{p}.x.example -all"
    others = {**NAMED, "other.example": record, f"{name}.x.example": {"A": ["127.0.0.2"]}}
    others["www.example.net"] = {"A": ["192.0.2.1"], "TXT": [f'"{record}"']}
    assert (await evaluate(record, others, sender=sender)).result is Result.PASS


async def test_ten_names_are_looked_at_and_each_once() -> None:
    """RFC 7208 §4.6.4: the others are ignored; whoever owns the address chooses them."""
    names = [f"h{number}.example.org" for number in range(30)]
    zones: dict[str, Any] = {"1.2.0.192.in-addr.arpa": {"PTR": [f"{name}." for name in names]}}
    zones |= {name: {"A": ["192.0.2.1" if number == 10 else "192.0.2.2"]} for number, name in enumerate(names)}
    zones["example.org"] = "v=spf1 ptr ptr:example.org exists:%{p}.gone.example -all"
    resolver = ZoneResolver(publish(zones))
    found = await spf.evaluate(IP, HELLO, "a@example.org", resolver)
    assert (found.result, found.lookups, found.void_lookups) == (Result.FAIL, 3, 1)
    assert sum(count for question, count in resolver.questions.items() if question[0] in names) == 10
    assert resolver.questions["1.2.0.192.in-addr.arpa", "PTR"] == 1


# Limits (§4.6.4).


@pytest.mark.parametrize("term", ["a", "mx", "ptr", "exists:gone..example", "include:b.example", "a:gone..example"])
async def test_ten_terms_ask_and_no_more(term: str) -> None:
    """RFC 7208 §4.6.4, and ip4, ip6 and all are free."""
    others = {
        "example.org": {"MX": ["1 example.org."], "A": ["192.0.2.9"]},
        "1.2.0.192.in-addr.arpa": {"PTR": ["x.example."]},
        "b.example": "v=spf1 -all",
    }
    for count, expected in ((10, "pass"), (11, "permerror")):
        record = "v=spf1 " + f"ip4:198.51.100.1 {term} " * count + "all"
        table = {**others["example.org"], "TXT": [f'"{record}"']}  # type: ignore[dict-item]  # the table of a case
        found = await evaluate(others={**others, "example.org": table})
        assert (found.result, found.lookups) == (expected, 10)


async def test_terms_of_all_records_count_together() -> None:
    """RFC 7208 §4.6.4: the includes themselves too, and the redirection."""
    others = {
        "b.example": "v=spf1" + " a:x.example" * 4,
        "x.example": {"A": ["192.0.2.9"]},
    }
    assert (await evaluate("v=spf1 include:b.example include:b.example -all", others)).lookups == 10
    found = await evaluate("v=spf1 include:b.example include:b.example a:x.example -all", others)
    assert (found.result, found.lookups) == (Result.PERMERROR, 10)
    others["b.example"] = "v=spf1" + " a:x.example" * 9
    assert (await evaluate("v=spf1 redirect=b.example", others)).result is Result.NEUTRAL
    assert (await evaluate("v=spf1 a:x.example redirect=b.example", others)).result is Result.PERMERROR


@pytest.mark.parametrize("record", ["v=spf1 include:example.org", "v=spf1 redirect=example.org", "v=spf1 include:%{d}"])
async def test_a_record_that_leads_to_itself_ends(record: str) -> None:
    """RFC 7208 §4.6.4: by the limit of terms."""
    resolver = ZoneResolver(publish({"example.org": record}))
    found = await spf.evaluate(IP, HELLO, "a@example.org", resolver)
    assert (found.result, found.lookups) == (Result.PERMERROR, 10)
    assert resolver.questions.total() == 11


async def test_two_terms_may_ask_for_what_is_not_there() -> None:
    """RFC 7208 §4.6.4: no such name, and no such records, alike."""
    others = {"empty.example": {"TXT": ['"x"']}}
    found = await evaluate("v=spf1 a:gone.example exists:empty.example -all", others)
    assert (found.result, found.void_lookups) == (Result.FAIL, 2)
    found = await evaluate("v=spf1 a:gone.example exists:empty.example mx:gone.example +all", others)
    assert (found.result, found.void_lookups) == (Result.PERMERROR, 3)
    assert "more than 2" in found.reason
    found = await evaluate("v=spf1 a:gone.example a:gone.example a:gone.example +all", rules=SpfRules(void_lookups=3))
    assert (found.result, found.void_lookups) == (Result.PASS, 3)


async def test_a_term_is_void_once_however_many_hosts_it_stands_for() -> None:
    """RFC 7208 §4.6.4 counts "terms": exchangers without IPv6 must not be the end of a record for IPv6 peers."""
    others: dict[str, Any] = {f"h{number}.example": {"A": ["192.0.2.9"]} for number in range(10)}
    others["b.example"] = {"MX": [f"{number} h{number}.example." for number in range(10)]}
    found = await evaluate("v=spf1 mx:b.example -all", others, ip="2001:db8::1")
    assert (found.result, found.void_lookups) == (Result.FAIL, 1)


async def test_what_the_peers_owner_published_is_not_held_against_the_record() -> None:
    """RFC 7208 §5.5 skips such names; counted, they would turn a fail into a permerror for whoever wants that."""
    others = {"1.2.0.192.in-addr.arpa": {"PTR": [f"h{number}.example.org." for number in range(10)]}}
    found = await evaluate("v=spf1 ptr ptr ptr -all", others)
    assert (found.result, found.void_lookups) == (Result.FAIL, 0)


async def test_an_address_without_a_name_is_void() -> None:
    """RFC 7208 §4.6.4: the reverse question is the term's own."""
    assert (await evaluate("v=spf1 ptr ptr -all")).void_lookups == 2
    assert (await evaluate("v=spf1 ptr ptr ptr -all")).result is Result.PERMERROR


async def test_ten_exchangers_are_looked_at_and_eleven_are_an_error() -> None:
    """RFC 7208 §4.6.4: "MUST produce a permerror", since the record's owner published them."""
    for count, expected in ((10, Result.FAIL), (11, Result.PERMERROR)):
        others: dict[str, Any] = {f"h{number}.example": {"A": ["192.0.2.9"]} for number in range(count)}
        others["b.example"] = {"MX": [f"1 {name}." for name in others]}
        assert (await evaluate("v=spf1 mx:b.example -all", others)).result is expected


async def test_addresses_have_no_limit() -> None:
    """RFC 7208 §4.6.4 limits questions, not answers."""
    others = {"b.example": {"A": [f"192.0.2.{number}" for number in range(255, 0, -1)]}}
    assert (await evaluate("v=spf1 a:b.example -all", others)).result is Result.PASS


async def test_the_worst_record_asks_a_bounded_number_of_questions() -> None:
    """Ten terms of ten exchangers, ten names of the peer, and an explanation that wants them."""
    zones: dict[str, Any] = {f"h{number}.example.org": {"A": ["192.0.2.9"]} for number in range(10)}
    zones["1.2.0.192.in-addr.arpa"] = {"PTR": [f"{name}." for name in zones]}
    zones["b.example"] = {"MX": [f"1 h{number}.example.org." for number in range(10)]}
    zones["example.org"] = "v=spf1" + " mx:b.example" * 10 + " exp=%{p}.x.example -all"
    zones["unknown.x.example"] = {"TXT": ['"%{p}"']}
    resolver = ZoneResolver(publish(zones))
    found = await spf.evaluate(IP, HELLO, "a@example.org", resolver)
    assert (found.result, found.explanation) == (Result.FAIL, "unknown")
    assert resolver.questions.total() == 1 + 10 * 11 + 11 + 1


# The explanation (§6.2).


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            {"TXT": ['"See http://%{d}/why?s=%{S}&ip=%{C}"']},
            "See http://example.org/why?s=alice%40example.org&ip=192.0.2.1",
        ),
        ({"TXT": ['"Two" " strings, 100%%."']}, "Two strings, 100%."),
        ({"TXT": ['"%{r} at %{t}"']}, "mx.example.net at 1700000000"),
        ({"TXT": ['"%{h} %{i} %{v} %{o} %{p}"']}, "mail.example.net 192.0.2.1 in-addr example.org unknown"),
        ({"TXT": ['"one"', '"two"']}, ""),
        ({"TXT": ['"%{x}"']}, ""),
        ({"TXT": ['"\\195\\188"']}, ""),
        ({"TXT": ['"a\\013\\010b"']}, ""),
        ({"TXT": ['"' + "x" * 451 + '"']}, ""),
        ({"TXT": ['""']}, ""),
        ({"A": ["192.0.2.1"]}, ""),
        ("TIMEOUT", ""),
    ],
)
async def test_the_owner_explains_a_fail(table: Any, expected: str) -> None:
    """RFC 7208 §6.2: any trouble is as if there were no exp=."""
    found = await evaluate("v=spf1 exp=why.example -all", {"why.example": table}, receiver="mx.example.net", now=1.7e9)
    assert (found.result, found.explanation) == (Result.FAIL, expected)


async def test_the_time_may_be_given_as_a_date_or_left_to_the_clock() -> None:
    others = {"why.example": {"TXT": ['"%{t}"']}}
    found = await evaluate("v=spf1 exp=why.example -all", others, now=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))
    assert found.explanation == "1700000000"
    assert (await evaluate("v=spf1 exp=why.example -all", others)).explanation.isdigit()


@pytest.mark.parametrize("qualifier", ["+", "~", "?"])
async def test_only_a_fail_is_explained(qualifier: str) -> None:
    """RFC 7208 §6.2; nothing is asked either."""
    resolver = ZoneResolver(publish({"example.org": f"v=spf1 exp=why.example {qualifier}all"}))
    assert not (await spf.evaluate(IP, HELLO, "a@example.org", resolver)).explanation
    assert ("why.example", "TXT") not in resolver.questions


async def test_an_explanation_is_the_redirections_own_and_never_an_includes() -> None:
    """RFC 7208 §6.2."""
    others = {
        "b.example": "v=spf1 exp=b-why.example -all",
        "c.example": "v=spf1 -all",
        "b-why.example": {"TXT": ['"b"']},
        "why.example": {"TXT": ['"ours"']},
    }
    assert (await evaluate("v=spf1 exp=why.example redirect=b.example", others)).explanation == "b"
    assert (await evaluate("v=spf1 exp=why.example redirect=c.example", others)).explanation == ""
    assert (await evaluate("v=spf1 include:b.example exp=why.example -all", others)).explanation == "ours"
    assert (await evaluate("v=spf1 include:b.example -all", others)).explanation == ""


async def test_an_explanation_costs_nothing_and_can_be_left_out() -> None:
    """RFC 7208 §4.6.4: it counts neither as a term nor as void."""
    record = "v=spf1 a:gone.example a:gone.example exp=gone.%{p} -all"
    found = await evaluate(record)
    assert (found.result, found.lookups, found.void_lookups) == (Result.FAIL, 2, 2)
    resolver = ZoneResolver(publish({"example.org": record}))
    await spf.evaluate(IP, HELLO, "a@example.org", resolver, rules=SpfRules(explains=False))
    assert resolver.questions.total() == 3


async def test_a_local_part_beyond_ascii_explains_nothing_raw() -> None:
    """RFC 7208 §6.2: the explanation is ASCII; escaped it may be."""
    others = {"why.example": {"TXT": ['"%{L}"']}, "raw.example": {"TXT": ['"%{l}"']}}
    sender = "j\xf6@example.org"
    assert (await evaluate("v=spf1 exp=why.example -all", others, sender=sender)).explanation == "j%C3%B6"
    assert (await evaluate("v=spf1 exp=raw.example -all", others, sender=sender)).explanation == ""
    assert (await evaluate("v=spf1 exp=%{L}.why.example -all", others, sender=sender)).explanation == ""


# What else a result says.


async def test_a_result_is_secure_if_every_answer_was() -> None:
    """Denials too; and the explanation is no part of the result."""
    zones = publish({"example.org": "v=spf1 a:gone.example.org include:b.example ptr exp=why.example -all"})
    zones |= publish({"b.example": "v=spf1 -all", "why.example": {"TXT": ['"x"']}})
    signed = ["example.org", "b.example", "gone.example.org", IPv4Address(IP).reverse_pointer]
    for secure, expected in ((True, True), (False, False), (signed, True), (signed[:2], False), (signed[1:], False)):
        found = await spf.evaluate(IP, HELLO, "a@example.org", ZoneResolver(zones, secure=secure))
        assert (found.result, found.is_secure) == (Result.FAIL, expected)


class Bogus:
    """A resolver whose answers do not verify."""

    async def lookup(self, name: str, type: str) -> Answer:
        return Answer(name, type, Status.SERVFAIL, security=Security.BOGUS)


async def test_a_forged_answer_is_a_temporary_error_that_says_so() -> None:
    """Bogus is never insecure: it is no answer."""
    found = await spf.evaluate(IP, HELLO, "a@example.org", Bogus())
    assert (found.result, found.is_secure) == (Result.TEMPERROR, False)
    assert "DNSSEC" in found.reason


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("v=spf1 include:%{l}.example.org", "include"),
        ("v=spf1 a:%{l}.%{i}.slow.example", "a:%{l}.%{i}.slow.example"),
        ("v=spf1 ip4:192.0.2", "ip4:192.0.2"),
        ("v=spf1 " + "a:x..example " * 11, "10"),
    ],
)
async def test_a_reason_is_a_sentence_without_the_sender_and_the_peer(record: str, said: str) -> None:
    """It may be logged; what is quoted is the record as published."""
    found = await evaluate(record, {"*.slow.example": "TIMEOUT", "*.192.0.2.1.slow.example": {"A": "TIMEOUT"}})
    assert said in found.reason
    for private in ("alice", "192.0.2.1"):
        assert private not in found.reason


async def test_evaluating_leaves_nothing_behind_for_the_next() -> None:
    """Values of one sender in the macros of another would be the worst of bugs."""
    record = "v=spf1 exists:%{l}.%{p}.x.example -all"
    others = {**NAMED, "bob.mail.example.org.x.example": {"A": ["127.0.0.2"]}}
    for sender, expected in (("alice", "fail"), ("bob", "pass"), ("alice", "fail")):
        assert (await evaluate(record, others, sender=f"{sender}@example.org")).result == expected
