"""Who is asked to come back, and by what they are known again."""

from __future__ import annotations

import pytest

from samotop.address import NULL_PATH, Address
from samotop.policy.greylist import DAY, Attempt, GreylistRules, attempt_keys, has_waited

NOW = 1_800_000_000.0
RULES = GreylistRules(wait=120, within=2 * DAY, keep=36 * DAY)
ALICE = Address("alice", "example.org")


@pytest.mark.parametrize(
    ("attempt", "passes"),
    [
        (None, False),
        (Attempt(NOW), False),
        (Attempt(NOW - 119), False),
        (Attempt(NOW - 120), True),
        (Attempt(NOW - 2 * DAY), True),
        (Attempt(NOW - 2 * DAY - 1), False),
        (Attempt(NOW - 90 * DAY, NOW - 36 * DAY + 1), True),
        (Attempt(NOW - 90 * DAY, NOW - 36 * DAY), False),
        (Attempt(NOW - 1, NOW - 1), True),
    ],
)
def test_a_second_attempt_in_time_passes(attempt: Attempt | None, passes: bool) -> None:
    assert has_waited([None, attempt], NOW, RULES) is passes


def test_a_pool_of_servers_and_verp_are_known_again() -> None:
    one = attempt_keys("192.0.2.0/24", "", Address("bounce-1", "Example.net"), ALICE)
    assert one == attempt_keys("192.0.2.0/24", "", Address("bounce-2", "example.net"), Address("Alice", "example.ORG"))
    assert one != attempt_keys("192.0.2.0/24", "", Address("bounce-1", "example.com"), ALICE)
    assert one != attempt_keys("198.51.100.0/24", "", Address("bounce-1", "example.net"), ALICE)
    assert one != attempt_keys("192.0.2.0/24", "", NULL_PATH, ALICE)


def test_what_spf_proved_is_known_from_anywhere() -> None:
    path = Address("bob", "example.net")
    here = attempt_keys("192.0.2.0/24", "example.net", path, ALICE)
    there = attempt_keys("198.51.100.0/24", "example.net", path, ALICE)
    assert set(here) & set(there)
    assert not set(attempt_keys("", "", path, ALICE))
