"""Macro strings: what they become (RFC 7208 §7)."""

from __future__ import annotations

from typing import Final

import pytest

from samotop.msgauth.spf.macros import (
    EXPLANATION_LIMIT,
    SpfSyntaxError,
    expand_explanation,
    expand_target,
    is_name,
    parse_domain_spec,
    parse_explanation,
    parse_macro_string,
)

STRONG_BAD: Final = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "p": "mx.example.org",
    "v": "in-addr",
    "h": "mx.example.org",
    "c": "192.0.2.3",
    "r": "mail.receiver.example",
    "t": "1700000000",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{p2}.trusted-domains.example.net.", "example.org.trusted-domains.example.net"),
    ],
)
def test_the_examples_of_the_rfc(text: str, expected: str) -> None:
    """RFC 7208 §7.4."""
    assert expand_target(parse_domain_spec(text), STRONG_BAD) == expected


def test_the_example_of_an_ipv6_address() -> None:
    """RFC 7208 §7.4."""
    nibbles = "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1"
    values = {**STRONG_BAD, "i": nibbles, "v": "ip6"}
    expected = f"{nibbles[::-1]}.ip6._spf.example.com"
    assert expand_target(parse_domain_spec("%{ir}.%{v}._spf.%{d2}"), values) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%%_%-", "% %20"),
        ("%{DR-}", "email.example.com"),
        ("%{DR}", "com.example.email"),
        ("%{l+-}", "strong.bad"),
        ("%{l-+}", "strong.bad"),
        ("%{o2r.}", "example.email"),
        ("%{s1@}", None),
        ("%{d127}", "email.example.com"),
        ("%{d128}", "email.example.com"),
        ("%{d01}", "com"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("a b", None),
    ],
)
def test_other_strings(text: str, expected: str | None) -> None:
    """Delimiters, escapes, large numbers; ``None`` is a syntax error (RFC 7208 §7.1)."""
    if expected is None:
        with pytest.raises(SpfSyntaxError):
            parse_macro_string(text)
    else:
        assert expand_explanation(parse_macro_string(text), STRONG_BAD) == expected


def test_splitting_leaves_dots_alone_unless_they_are_delimiters() -> None:
    """RFC 7208 §7.1: parts are between the delimiters given, and rejoined with dots."""
    values = {"l": "a.b-c+d"}
    assert expand_explanation(parse_macro_string("%{l1-}"), values) == "c+d"
    assert expand_explanation(parse_macro_string("%{lr-}"), values) == "c+d.a.b"
    assert expand_explanation(parse_macro_string("%{l2-+}"), values) == "c.d"
    assert expand_explanation(parse_macro_string("%{lr-+.}"), values) == "d.c.b.a"


def test_a_letter_in_upper_case_is_url_escaped() -> None:
    """RFC 7208 §7.3: everything outside of RFC 3986's unreserved set."""
    values = {"l": "~jack&jill=up-a_b3.c d%ü\ud800"}
    expected = "~jack%26jill%3Dup-a_b3.c%20d%25%C3%BC%3F"
    assert expand_explanation(parse_explanation("%{L}"), values) == expected


def test_a_dot_at_the_end_of_a_name_goes() -> None:
    """And of an explanation it stays."""
    assert expand_target(parse_domain_spec("%{d}"), {"d": "example.org."}) == "example.org"
    assert expand_target(parse_domain_spec("x.%{d}.org."), {"d": "example"}) == "x.example.org"
    assert expand_explanation(parse_explanation("This is a test."), {}) == "This is a test."


@pytest.mark.parametrize("size", [64, 100, 249, 250, 252, 253, 254, 255, 256, 257, 300, 1000, 100_000])
def test_an_overlong_name_loses_labels_from_its_left(size: int) -> None:
    """RFC 7208 §7.3: until there are no more than 253 characters, however it is put together."""
    whole = ("abcdefghi." * (size // 10 + 1))[-size:].rstrip(".").lstrip(".")
    expected = whole
    while len(expected) > 253:
        expected = expected.partition(".")[2]
    name = f"{whole}.example.org"
    while len(name) > 253:
        name = name.partition(".")[2]
    assert expand_target(parse_domain_spec("%{d}"), {"d": whole}) == expected
    assert expand_target(parse_domain_spec("%{d}.example.org"), {"d": whole}) == name
    assert expand_target(parse_domain_spec("%{d}.example.org."), {"d": whole}) == name
    assert expand_target(parse_domain_spec(f"{whole}.example.org."), {}) == name
    assert expand_target(parse_domain_spec("%{d}.org"), {"d": "x" * size}) == ("org" if size > 249 else "")


@pytest.mark.parametrize("value", ["", "a..b", "x" * 64, "b\xfccher", "nul\0", "tab\t", "line\nend", "\x7f", ".", "a."])
def test_what_is_no_name_is_nobodys(value: str) -> None:
    """RFC 7208 §4.3, §4.8: it cannot be asked for, so that it has no records."""
    assert expand_target(parse_domain_spec("%{h}.org"), {"h": value}) == ""


def test_a_name_may_have_what_dns_allows() -> None:
    """Sender policies put local parts into labels."""
    for name in ("a b.example.org", "a@b", "_spf", "*", "x" * 63, ".".join(["x" * 63] * 3 + ["x" * 61])):
        assert is_name(name)
    assert not is_name(".".join(["x" * 63] * 3 + ["x" * 62]))


@pytest.mark.parametrize("text", ["%{x}-files", "100%", "%(d)", "b\xfccher", "bell\a", "%{d 2}"])
def test_what_is_no_explanation(text: str) -> None:
    """RFC 7208 §6.2, §12: explain-string."""
    with pytest.raises(SpfSyntaxError):
        parse_explanation(text)


def test_an_explanation_may_use_all_letters() -> None:
    """RFC 7208 §7.2: c, r and t."""
    template = parse_explanation("%{c} at %{r}, %{t}: see http://%{d}/why?s=%{S}")
    expected = "192.0.2.3 at mail.receiver.example, 1700000000: see http://email.example.com/why?s=strong-bad%40"
    assert expand_explanation(template, STRONG_BAD).startswith(expected)


def test_an_explanation_is_printable_ascii_and_short_or_none() -> None:
    """It is a stranger's text that may go into a reply."""
    template = parse_explanation("%{l}")
    assert expand_explanation(template, {"l": "x" * EXPLANATION_LIMIT}) == "x" * EXPLANATION_LIMIT
    for value in ("x" * (EXPLANATION_LIMIT + 1), "a\r\n250 ok", "\xfc", "\x7f"):
        assert expand_explanation(template, {"l": value}) == ""


class Counting(dict[str, str]):
    """Values that count how often they are asked for."""

    asked = 0

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]  # as it is called here
        self.asked += 1
        return super().get(key, default)


def test_no_more_is_expanded_than_a_name_can_be_long() -> None:
    """The worst record: macros and nothing else, on the longest sender."""
    template = parse_domain_spec("%{l}" * 4000)
    values = Counting(l="x" * 1000)
    assert expand_target(template, values) == ""
    assert values.asked == 1
    values = Counting(l="x")
    assert expand_target(template, values) == ""
    assert values.asked <= 256
    values = Counting(l="x" * 1000)
    assert expand_explanation(template, values) == ""
    assert values.asked == 1
