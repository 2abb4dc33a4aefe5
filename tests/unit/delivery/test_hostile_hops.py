"""Next hops that mean no good: nothing is lost, nothing hangs, and the honest ones are served beside them."""

from __future__ import annotations

import pytest

from tests.fakes.hostilehops import FLOOD_LIMIT, make_rows
from tests.fakes.hostileworld import MESSAGES, Fate, evaluate_hostile
from tools.relay_page import PAGE, rewrite_page

pytestmark = pytest.mark.slow  # those that hang have to reach their deadlines

ROWS = sorted(make_rows())


def fate(name: str) -> Fate:
    return evaluate_hostile()[name]


def test_the_page_says_what_becomes_of_the_mail() -> None:
    """Where this fails and the change is meant: tools/relay_page.py --write, and read the difference."""
    assert rewrite_page(PAGE.read_text("utf-8")) == PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", ROWS)
def test_no_message_is_lost(name: str) -> None:
    """Each is in the queue, or with the server that has acknowledged it, or its sender was told."""
    found = fate(name)
    assert found.left + found.told + found.kept == MESSAGES


@pytest.mark.parametrize("name", ROWS)
def test_the_honest_are_served_beside_it(name: str) -> None:
    assert fate(name).others == 1


@pytest.mark.parametrize("name", ROWS)
def test_a_flood_ends_because_we_hang_up(name: str) -> None:
    """And not because the server has had enough: what it says without end is kept nowhere."""
    assert fate(name).sent < FLOOD_LIMIT


@pytest.mark.parametrize("name", [name for name, row in make_rows().items() if row.demands_tls])
def test_no_trick_takes_tls_away_from_who_has_had_it(name: str) -> None:
    """Nothing of a message is said to a server that does not show what the domain has had."""
    found = fate(name)
    assert (found.left, found.kept, found.told) == (MESSAGES, 0, 0)
