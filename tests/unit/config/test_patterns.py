"""Claims on addresses: their form, and whether two of them meet."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.config.fault import BadValue
from samotop.config.patterns import overlap, parse_address, parse_match, parse_smart


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("alice+*@example.org", "alice+*@example.org", True),
        ("alice+*@example.org", "bob+*@example.org", False),
        ("a*@example.org", "*b@example.org", True),
        ("a*@example.org", "*b@example.net", False),
        ("*@alice.example.org", "*@*.example.org", True),
        ("*@alice.example.org", "*@bob.example.org", False),
        ("*a@x.org", "a@*x.org", True),
        ("ab*@x.org", "a*@x.org", True),
    ],
)
def test_two_patterns_meet_where_one_address_matches_both(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is meet
    assert overlap(other, one) is meet


def test_a_star_does_not_cross_the_at() -> None:
    """Otherwise ``a*@x`` would claim ``a@y.x`` too, and domains would not be told apart."""
    assert not overlap("a*@x.org", "a@b.x.org")


pieces = st.text("ab*", min_size=1, max_size=5)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


ALL = ["".join(letters) for n in range(1, 9) for letters in __import__("itertools").product("ab", repeat=n)]


@given(pieces, pieces)
def test_overlap_agrees_with_trying_every_text(one: str, other: str) -> None:
    """Two patterns of at most five characters meet in a text of at most eight, or not at all."""
    expected = any(_matches(one, text) and _matches(other, text) for text in ALL)
    assert overlap(f"{one}@x", f"{other}@x") is expected


def test_addresses_compare_in_any_case() -> None:
    assert parse_address("Alice@EXAMPLE.org") == "alice@example.org"


def test_an_international_domain_compares_as_its_a_label() -> None:
    assert parse_address("post@Bücher.example") == parse_address("post@xn--bcher-kva.example")


@pytest.mark.parametrize(
    "raw", ["alice", "@example.org", "alice@", "a b@example.org", "a*@example.org", "a@[127.0.0.1]", 7]
)
def test_what_is_no_address_is_refused(raw: object) -> None:
    with pytest.raises(BadValue):
        parse_address(raw)


@pytest.mark.parametrize("raw", ["alice@example.org", "*", "*@*", "*@*.*", "example.org", "*" * 20 + "@example.org"])
def test_what_is_no_pattern_of_addresses_is_refused(raw: object) -> None:
    """A pattern for everybody's addresses would be an open door, many stars a slow one."""
    with pytest.raises(BadValue):
        parse_smart(raw)


@pytest.mark.parametrize("raw", ["*", "example.org", "*.example.org", "list-*@example.org", "bob@example.org", "*@*"])
def test_a_route_matches_domains_addresses_and_patterns(raw: str) -> None:
    assert parse_match(raw) == raw
