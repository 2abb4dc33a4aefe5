"""Addresses by convention: what stands in them holds, and nobody else can make a keyed one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.consent.tags import (
    INVITATION_DAYS,
    find_end,
    format_invitation,
    format_tag,
    is_invitation,
    is_keyed,
    parse_tag,
    split_local,
)

SECRET = bytes(32)
OTHER = bytes([1]) * 32


def at(day: date) -> float:
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("local", "parts"),
    [
        ("alice", ("alice", "")),
        ("alice+shop", ("alice", "shop")),
        ("alice+a+b", ("alice", "a+b")),
        ("alice+", ("alice", "")),
        ("+shop", ("+shop", "")),
    ],
)
def test_the_first_plus_parts_owner_and_tag(local: str, parts: tuple[str, str]) -> None:
    assert split_local(local) == parts


@pytest.mark.parametrize("text", ["until-20270101", "shop-until-20270101", "shop.until-20270101", "until-20270101.x"])
def test_a_date_in_it_is_its_last_day(text: str) -> None:
    tag = parse_tag(text)
    assert tag.until == date(2027, 1, 1)
    assert find_end(tag, at(date(2027, 1, 1)), None) == ""
    assert find_end(tag, at(date(2027, 1, 2)), None) == "was for mail until 2027-01-01"


@pytest.mark.parametrize("text", ["shop", "until-2027", "until-20271301", "grantuntil-20270101", "until-202701011"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_tag(text).until is None


def test_a_keyed_one_is_the_owners_alone() -> None:
    text = format_tag("Shop", SECRET, date(2027, 1, 1))
    tag = parse_tag(text.upper())
    assert is_keyed(tag, SECRET)
    assert not is_keyed(tag, OTHER)
    assert find_end(tag, at(date(2026, 1, 1)), SECRET) == ""
    assert find_end(parse_tag(text.replace("2027", "2028")), 0.0, SECRET) == "was not made by its owner"
    assert find_end(tag, 0.0, None) == "was not made by its owner"


def test_an_invitation_counts_for_its_days() -> None:
    today = date(2026, 11, 22)
    tag = parse_tag(format_invitation(SECRET, today))
    last = date.fromordinal(today.toordinal() + INVITATION_DAYS)
    assert is_invitation(tag, SECRET, at(today))
    assert is_invitation(tag, SECRET, at(last))
    assert not is_invitation(tag, SECRET, at(date.fromordinal(last.toordinal() + 1)))
    assert not is_invitation(tag, OTHER, at(today))
    assert not is_invitation(parse_tag("join-aa"), SECRET, at(today))


@pytest.mark.parametrize("name", ["", ".", "a b", "ä", "a..b", "x" * 65, "join-me"])
def test_what_cannot_be_a_tag_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        format_tag(name)


@given(st.text(max_size=80))
def test_any_text_is_a_tag_and_none_is_keyed_by_chance(text: str) -> None:
    tag = parse_tag(text)
    assert not is_keyed(tag, SECRET)
    assert not is_invitation(tag, SECRET, 0.0)
    assert isinstance(find_end(tag, 0.0, SECRET), str)
