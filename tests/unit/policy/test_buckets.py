"""Token buckets: how much at once, how much later, and how much is remembered."""

from __future__ import annotations

from samotop.policy.buckets import Buckets, Rate


def test_a_bucket_fills_again() -> None:
    buckets = Buckets(Rate(2, 10.0))
    assert [buckets.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert [buckets.take("a", 5.0) for _ in range(2)] == [True, False]
    assert [buckets.take("a", 1000.0) for _ in range(3)] == [True, True, False], "and no further than to the brim"


def test_being_refused_costs_nothing() -> None:
    """Who tries again and again gets in as soon as who waits."""
    buckets = Buckets(Rate(1, 10.0))
    assert [buckets.take("a", float(second)) for second in range(12)] == [True, *[False] * 9, True, False]


def test_debts_grow_to_a_bound_and_are_paid_by_waiting() -> None:
    buckets = Buckets(Rate(1, 10.0))
    assert [buckets.owe("a", 0.0, 3) for _ in range(6)] == [0, 1, 2, 3, 3, 3]
    assert buckets.owe("a", 50.0, 3) == 0


def test_memory_has_a_bound() -> None:
    """A stranger has as many networks as they like."""
    buckets = Buckets(Rate(1, 10.0), limit=100)
    for number in range(1000):
        buckets.take(str(number), 0.0)
    assert len(buckets) == 100
    assert not buckets.take("999", 0.0)
    assert buckets.take("0", 0.0), "what was not used for longest is forgotten"
