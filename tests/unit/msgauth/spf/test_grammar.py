"""What is an SPF record and what is none (RFC 7208 §4.5, §4.6.1, §5, §6, §12)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from samotop.msgauth.results import Result
from samotop.msgauth.spf import Mechanism, SpfSyntaxError, is_record, parse_record
from samotop.msgauth.spf.grammar import RECORD_LIMIT


def refuse(terms: str) -> str:
    with pytest.raises(SpfSyntaxError) as caught:
        parse_record(f"v=spf1 {terms}".encode("latin-1"))
    return str(caught.value)


@pytest.mark.parametrize("text", [b"v=spf1", b"v=spf1 ", b"V=SpF1 -all", b"v=spf1  a  -all "])
def test_a_record_begins_with_its_version_and_a_space(text: bytes) -> None:
    """RFC 7208 §4.5: terminated by a space or the end, in any case."""
    assert is_record(text)
    parse_record(text)


@pytest.mark.parametrize("text", [b"", b"v=spf", b"v=spf10", b"v=spf1\t-all", b" v=spf1 -all", b"spf2.0/pra a"])
def test_other_texts_are_no_records(text: bytes) -> None:
    assert not is_record(text)
    with pytest.raises(SpfSyntaxError):
        parse_record(text)


@pytest.mark.parametrize(
    ("term", "result", "mechanism"),
    [
        ("all", Result.PASS, Mechanism.ALL),
        ("+all", Result.PASS, Mechanism.ALL),
        ("-ALL", Result.FAIL, Mechanism.ALL),
        ("~all", Result.SOFTFAIL, Mechanism.ALL),
        ("?all", Result.NEUTRAL, Mechanism.ALL),
        ("a", Result.PASS, Mechanism.A),
        ("A:example.org", Result.PASS, Mechanism.A),
        ("-mx", Result.FAIL, Mechanism.MX),
        ("ptr", Result.PASS, Mechanism.PTR),
        ("ptr:example.org", Result.PASS, Mechanism.PTR),
        ("include:_spf.example.org.", Result.PASS, Mechanism.INCLUDE),
        ("?exists:%{ir}.%{v}._spf.%{d2}", Result.NEUTRAL, Mechanism.EXISTS),
        ("ip4:192.0.2.1", Result.PASS, Mechanism.IP4),
        ("ip6:2001:db8::1", Result.PASS, Mechanism.IP6),
    ],
)
def test_a_directive_has_a_qualifier_and_a_mechanism(term: str, result: Result, mechanism: Mechanism) -> None:
    """RFC 7208 §4.6.1, §4.6.2; keeps what was written, for people to read."""
    (directive,) = parse_record(f"v=spf1 {term}".encode()).directives
    assert (directive.text, directive.result, directive.mechanism) == (term, result, mechanism)


@pytest.mark.parametrize(
    ("term", "mask4", "mask6", "target"),
    [
        ("a", 32, 128, None),
        ("a/24", 24, 128, None),
        ("a//64", 32, 64, None),
        ("mx/0//0", 0, 0, None),
        ("mx:example.org/24//64", 24, 64, "example.org"),
        ("a:foo:bar/baz.example.org", 32, 128, "foo:bar/baz.example.org"),
        ("a:foo/24.example.org/9", 9, 128, "foo/24.example.org"),
        ("a:example.org//128", 32, 128, "example.org"),
    ],
)
def test_hosts_have_two_prefix_lengths(term: str, mask4: int, mask6: int, target: str | None) -> None:
    """RFC 7208 §5.3: a slash is also a character of names, so that lengths are read from the end."""
    (directive,) = parse_record(f"v=spf1 {term}".encode()).directives
    assert directive.mask4.bit_count() == mask4
    assert directive.mask6.bit_count() == mask6
    assert (directive.target.target if directive.target else None) == target


def test_a_network_is_kept_without_the_bits_that_its_prefix_leaves_out() -> None:
    """RFC 7208 §5.6: the octets beyond the length are ignored, whatever they are."""
    four, six = parse_record(b"v=spf1 ip4:192.0.2.77/26 ip6:2001:DB8:8000::7/33").directives
    assert four.network == int(IPv4Address("192.0.2.64"))
    assert six.network == int(IPv6Address("2001:db8:8000::"))


@pytest.mark.parametrize(
    "term",
    [
        "all.", "all:x", "all/8", "include", "include:", "include:example.org/24", "exists", "exists:", "ptr:", "ptr/0",
        "a:", "a/", "a//", "a/33", "a//129", "a/024", "a/24/64", "a:/24", "a.example.org", "a:example.org/33",
        "a:example.org/", "mx:", "mx/-1", "mx:example.org//129", "ip4", "ip4:", "ip4:1.2.3", "ip4:1.2.3.4.5",
        "ip4:1.2.3.256", "ip4:1.2.3.04", "ip4:1.2.3.4/33", "ip4:1.2.3.4/032", "ip4:1.2.3.4//32", "ip4:1.2.3.4:25",
        "ip4:1.2.3.4/", "ip4:example.org", "ip6", "ip6:", "ip6::cafe::babe", "ip6:2001:db8::/129", "ip6:::1//64",
        "ip6:fe80::1%eth0", "ip6:fe80::1%{d}", "ip4:::1", "ip6:12345::", "foo", "foo:bar", "redirect:example.org",
        "+redirect=example.org", "--all", "-", "1up=foo", "=all", "moo.cow/far=x", "moo:far=x", "a,mx", "a;", "~",
    ],
)  # fmt: skip
def test_other_terms_are_errors(term: str) -> None:
    """RFC 7208 §4.6: a syntax error anywhere in the record is one of the record."""
    assert refuse(f"-all {term}")


@pytest.mark.parametrize(
    "domain",
    ["example", "example.", "museum", "example.123", "example.-com", "example.com-", "%{d}com", "example.c_m",
     "%(d).org", "x%", "%{d", "%{}", "%{x}.org", "%{d-x}.org", "%{dr2}.org", "%{d0}.org", "%{d00}.org", "%{c}.org",
     "%{R}.org", "%{t}.org", "a\x7fb.org", "b\xfccher.org", "tab\tbed.org", "nul\0.org", "%%-"],
)  # fmt: skip
def test_what_is_no_domain_spec(domain: str) -> None:
    """RFC 7208 §7.1: ends in a macro or in a dot and a top-level label; c, r and t are for explanations."""
    assert refuse(f"a:{domain}")
    assert refuse(f"exp={domain}")
    assert refuse(f"redirect={domain}")


@pytest.mark.parametrize(
    "domain",
    ["example.org", "example.org.", "example.xn--zckzah", "example.a-1", "example.1-2", "%{d}", "%%", "x%_", "foo%-",
     "%{d}.com", "%{D2R-+,/_=.}", "%{l127}", "%{l99999999999999999999}", "a..example.org", ".org", "a;b.org",
     "\"'.org"],
)  # fmt: skip
def test_what_is_a_domain_spec(domain: str) -> None:
    """Even names that DNS cannot have: whether they are found is another question."""
    assert parse_record(f"v=spf1 a:{domain}".encode()).directives[0].target is not None
    assert parse_record(f"v=spf1 exp={domain}".encode()).explanation is not None


def test_modifiers_may_be_anywhere_and_are_no_directives() -> None:
    """RFC 7208 §6: only redirect and exp mean something, and names are in any case."""
    record = parse_record(
        b"v=spf1 Redirect=example.org a moo.cow-far_out=man:dog/cat EXP=x.example.org moo.cow-far_out="
    )
    assert [directive.text for directive in record.directives] == ["a"]
    assert record.redirect is not None
    assert record.redirect.target == "example.org"
    assert record.explanation is not None
    assert record.explanation.target == "x.example.org"


@pytest.mark.parametrize("name", ["redirect", "exp"])
def test_a_known_modifier_is_there_once(name: str) -> None:
    """RFC 7208 §6: "MUST NOT appear in a record more than once each"."""
    assert "twice" in refuse(f"{name}=example.org {name.upper()}=example.org")


@pytest.mark.parametrize("value", ["%abc", "%{x}", "%{c}", "a%"])
def test_an_unknown_modifier_is_a_macro_string(value: str) -> None:
    """RFC 7208 §12: unknown-modifier = name "=" macro-string; and c, r, t are for exp alone (§7.2)."""
    assert refuse(f"foo={value}")


@pytest.mark.parametrize("octet", [*range(0x20), *range(0x7F, 0x100)])
def test_a_record_is_printable_ascii(octet: int) -> None:
    """RFC 7208 §3.1; a control character is no space either."""
    with pytest.raises(SpfSyntaxError):
        parse_record(b"v=spf1 a" + bytes([octet]) + b"mx -all")


def test_an_overlong_record_is_an_error() -> None:
    """RFC 7208 §3.4: records are small; ours is a bound on what is read at all."""
    fits = b"v=spf1" + b" a" * ((RECORD_LIMIT - 6) // 2)
    assert len(parse_record(fits).directives) == (RECORD_LIMIT - 6) // 2
    with pytest.raises(SpfSyntaxError, match="longer"):
        parse_record(fits + b" a")


def test_an_error_quotes_little_of_what_it_found_and_nothing_unprintable() -> None:
    """It goes into logs and header fields."""
    for term in ("x" * 5000, "\x1b[2J" * 1000, "a:%{" + "l" * 5000):
        said = refuse(term)
        assert len(said) < 200
        assert said.isprintable()


def test_a_record_read_twice_is_read_once() -> None:
    """The records of the large senders are in most evaluations."""
    text = b"v=spf1 include:_spf.example.org ~all"
    assert parse_record(text) is parse_record(bytes(bytearray(text)))
