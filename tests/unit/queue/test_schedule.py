"""When to try again."""

from __future__ import annotations

import pytest

from samotop.queue.schedule import RULES, plan_attempt

DAY = 86400.0


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (500, 60)])
def test_intervals_double_up_to_an_hour(attempts: int, minutes: int) -> None:
    """Quick while it may be a hiccup, then patient."""
    assert plan_attempt(attempts, 1000.0, 0.0, 0.5) == pytest.approx(1000.0 + 60 * minutes)


def test_jitter_moves_it_a_fifth_to_either_side() -> None:
    """What failed together must not come back together."""
    assert plan_attempt(1, 0.0, 0.0, 0.0) == pytest.approx(48.0)
    assert plan_attempt(1, 0.0, 0.0, 0.999999) == pytest.approx(72.0, abs=0.01)


def test_the_last_attempt_is_when_the_time_is_up() -> None:
    """Five days are five days; after that nothing is planned any more."""
    assert plan_attempt(50, 5 * DAY - 600, 0.0, 0.5) == 5 * DAY
    assert plan_attempt(50, 5 * DAY, 0.0, 0.5) is None
    assert plan_attempt(1, 0.0, -RULES.max_age, 0.5) is None


def test_the_next_attempt_is_never_at_once() -> None:
    """Close to the end the plan must not become a busy loop."""
    due = plan_attempt(9, 5 * DAY - 0.001, 0.0, 0.5)
    assert due is not None
    assert due >= 5 * DAY + 40
