"""The measure tells quadratic work from linear, on a clock of its own; one that cannot would be worth nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes import effort
from tests.fakes.effort import ATTEMPTS, RUNS, check_bounded, check_linear


class Work:
    """Costs what it is told to; each of the first measurements of the large size is disturbed."""

    def __init__(self, price: Callable[[int], float], disturbed: int = 0) -> None:
        self.price = price
        self.disturbed = disturbed
        self.now = 0.0

    def run(self, size: int) -> None:
        self.now += self.price(size)
        if size > 100 and self.disturbed:
            self.disturbed -= 1
            self.now += 100 * self.price(size)


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[[Work], None]:
    def check(work: Work) -> None:
        monkeypatch.setattr(effort, "thread_time", lambda: work.now)
        check_linear(work.run, 100)

    return check


@pytest.mark.parametrize("unit", [1e-7, 1e-5, 1.0])
def test_linear_work_passes_and_quadratic_work_does_not(check: Callable[[Work], None], unit: float) -> None:
    """Whether one run takes far less than can be measured, or minutes."""
    check(Work(lambda n: unit * n))
    check(Work(lambda n: unit))
    with pytest.raises(AssertionError, match=r"4 times the input costs 16\.0 times as much"):
        check(Work(lambda n: unit * n * n / 100))


def test_a_quarter_of_the_cost_that_does_not_grow_hides_nothing(check: Callable[[Work], None]) -> None:
    with pytest.raises(AssertionError):
        check(Work(lambda n: 0.25 + 0.75 * (n / 100) ** 2))


def test_one_quiet_attempt_is_enough(check: Callable[[Work], None]) -> None:
    check(Work(lambda n: float(n), disturbed=ATTEMPTS * RUNS - 1))
    with pytest.raises(AssertionError):
        check(Work(lambda n: float(n), disturbed=ATTEMPTS * RUNS))


def test_what_is_bounded_is_run_once() -> None:
    calls: list[int] = []

    def run() -> int:
        calls.append(1)
        return 7

    assert check_bounded(run) == 7
    assert calls == [1]
