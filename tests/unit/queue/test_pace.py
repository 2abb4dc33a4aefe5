"""Sessions grow while it goes well and shrink when it does not; dead hosts are left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from samotop.queue.pace import PaceRules, Rest, Window

RULES = PaceRules(initial=4, most=20)


def test_a_window_grows_by_one_for_each_full_round() -> None:
    """Slowly, because what the other side bears is unknown."""
    window = Window(RULES)
    for _ in range(5):
        window.succeed()
    assert window.limit == 5
    for _ in range(1000):
        window.succeed()
    assert window.limit == RULES.most


def test_a_failure_halves_it() -> None:
    """Fast, because every further session is refused too; one always remains, to find out whether it is over."""
    window = Window(RULES)
    window.fail()
    assert window.limit == 2
    for _ in range(100):
        window.fail()
    assert window.limit == 1
    window.succeed()
    assert window.limit == 2


@given(st.lists(st.booleans(), max_size=300))
def test_a_window_stays_within_its_bounds(events: list[bool]) -> None:
    """Whatever happens: at least one session, never more than the most."""
    window = Window(RULES)
    for is_good in events:
        before = window.limit
        if is_good:
            window.succeed()
            assert before <= window.limit <= before + 1
        else:
            window.fail()
            assert window.limit <= before
        assert 1 <= window.limit <= RULES.most


def test_a_host_that_does_not_answer_rests_longer_each_time() -> None:
    """Half a minute, one, two... half an hour; an answer ends it."""
    rest, now = Rest(RULES), 100.0
    spans = []
    for _ in range(12):
        rest.fail(now, 0.5)
        spans.append(rest.until - now)
        now = rest.until
    assert spans[:4] == [30, 60, 120, 240]
    assert spans[-1] == RULES.rest_longest
    rest.succeed()
    assert not rest.is_resting(now) and rest.failures == 0


def test_failures_at_the_same_time_count_once() -> None:
    """Twenty sessions break off with one host; that is one failure, not twenty."""
    rest = Rest(RULES)
    for _ in range(20):
        rest.fail(100.0, 0.5)
    assert rest.failures == 1 and rest.until == 130.0


@given(st.floats(0, 0.999))
def test_hosts_that_failed_together_do_not_come_back_together(chance: float) -> None:
    """A fifth more or less."""
    rest = Rest(RULES)
    rest.fail(0.0, chance)
    assert 24 <= rest.until <= 36
