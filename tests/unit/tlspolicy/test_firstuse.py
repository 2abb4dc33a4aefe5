"""What was seen once is demanded, until nobody has seen it for long."""

from __future__ import annotations

from itertools import product

import pytest

from samotop.tlspolicy.firstuse import FirstUseRules, Memory, recall_level, remember_level
from samotop.tlspolicy.levels import Level

NOW = 1.7e9
DAY = 86400.0
SEEN = (Level.ENCRYPTED, Level.VERIFIED, Level.DANE)


@pytest.mark.parametrize(("known", "reached"), list(product(SEEN, Level)))
def test_the_level_only_rises(known: Level, reached: Level) -> None:
    memory = Memory("a.example", known, NOW - 2 * DAY)
    kept = remember_level(memory, "a.example", reached, NOW) or memory
    assert kept.level.rank >= known.rank
    assert kept.level is (reached if reached in SEEN and reached.rank > known.rank else known)


@pytest.mark.parametrize("reached", [Level.NONE, Level.OPPORTUNISTIC])
def test_a_connection_in_the_clear_is_not_remembered(reached: Level) -> None:
    assert remember_level(None, "a.example", reached, NOW) is None


def test_a_pinned_key_says_nothing_of_authorities() -> None:
    assert remember_level(None, "a.example", Level.PINNED, NOW) == Memory("a.example", Level.ENCRYPTED, NOW)


def test_a_lower_level_does_not_keep_a_higher_one_alive() -> None:
    """Else an attacker who offers bad certificates would prolong it, and an honest change would never end."""
    memory = Memory("a.example", Level.VERIFIED, NOW - 29 * DAY)
    assert remember_level(memory, "a.example", Level.ENCRYPTED, NOW) is None


def test_the_same_level_renews_once_a_day() -> None:
    memory = Memory("a.example", Level.VERIFIED, NOW)
    assert remember_level(memory, "a.example", Level.VERIFIED, NOW + DAY - 1) is None
    assert remember_level(memory, "a.example", Level.VERIFIED, NOW + DAY) == Memory(
        "a.example", Level.VERIFIED, NOW + DAY
    )


def test_what_nobody_has_seen_for_a_month_is_forgotten() -> None:
    memory = Memory("a.example", Level.DANE, NOW)
    assert recall_level(memory, NOW + 30 * DAY - 1) is Level.DANE
    assert recall_level(memory, NOW + 30 * DAY) is Level.NONE
    assert recall_level(None, NOW) is Level.NONE
    late = NOW + 31 * DAY
    assert remember_level(memory, "a.example", Level.ENCRYPTED, late) == Memory("a.example", Level.ENCRYPTED, late)


def test_who_does_not_want_it_has_none() -> None:
    rules = FirstUseRules(is_used=False)
    assert remember_level(None, "a.example", Level.DANE, NOW, rules) is None
    assert recall_level(Memory("a.example", Level.DANE, NOW), NOW, rules) is Level.NONE
