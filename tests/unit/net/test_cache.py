"""The cache: never past its time, never above its bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from samotop.net.cache import Cache, CacheRules
from samotop.testing import MovableClock

KEYS = st.sampled_from("abcdef")


def test_what_was_put_is_there_with_what_is_left_of_its_time() -> None:
    clock = MovableClock()
    cache = Cache[str, str](clock)
    cache.put("a", "value", 10, 1)
    assert cache.get("a") == ("value", 10)
    clock.move(3.5)
    assert cache.get("a") == ("value", 6)


def test_nothing_is_there_when_its_time_is_over() -> None:
    clock = MovableClock()
    cache = Cache[str, str](clock)
    cache.put("a", "value", 10, 1)
    clock.move(10)
    assert cache.get("a") is None
    assert (len(cache), cache.octets) == (0, 0)


def test_no_time_to_live_is_not_kept() -> None:
    """RFC 1035 §3.2.1: a TTL of zero is for the transaction in progress alone."""
    cache = Cache[str, str](MovableClock())
    cache.put("a", "value", 0, 1)
    assert cache.get("a") is None


def test_what_no_longer_holds_leaves_when_it_is_replaced_by_what_is_not_kept() -> None:
    cache = Cache[str, str](MovableClock())
    cache.put("a", "old", 100, 1)
    cache.put("a", "new", 0, 1)
    assert cache.get("a") is None


def test_a_mistyped_time_of_years_is_a_day() -> None:
    clock = MovableClock()
    cache = Cache[str, str](clock)
    cache.put("a", "value", 10**9, 1)
    clock.move(24 * 3600)
    assert cache.get("a") is None


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = Cache[str, int](MovableClock(), CacheRules(entries=2))
    cache.put("a", 1, 10, 1)
    cache.put("b", 2, 10, 1)
    assert cache.get("a")
    cache.put("c", 3, 10, 1)
    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]


def test_many_octets_make_room_for_themselves() -> None:
    cache = Cache[str, int](MovableClock(), CacheRules(octets=100))
    for number, key in enumerate("abcd"):
        cache.put(key, number, 10, 40)
    assert [key for key in "abcd" if cache.get(key)] == ["c", "d"]
    cache.put("large", 5, 10, 101)
    assert cache.get("large") is None
    assert cache.get("c")


@given(
    st.lists(
        st.tuples(st.just("put"), KEYS, st.integers(0, 50), st.integers(0, 60))
        | st.tuples(st.just("get"), KEYS, st.just(0), st.just(0))
        | st.tuples(st.just("move"), st.just(""), st.integers(0, 30), st.just(0)),
        max_size=60,
    )
)
def test_it_never_answers_past_a_time_nor_grows_past_its_bounds(steps: list[tuple[str, str, int, int]]) -> None:
    """Compared with a dictionary that forgets nothing."""
    clock = MovableClock()
    cache = Cache[str, int](clock, CacheRules(entries=4, octets=100, longest=40))
    model: dict[str, tuple[float, int, int]] = {}
    for number, (step, key, amount, octets) in enumerate(steps):
        if step == "put":
            cache.put(key, number, amount, octets)
            model[key] = (clock.monotonic() + min(amount, 40), octets, number)
        elif step == "move":
            clock.move(amount)
        else:
            found = cache.get(key)
            if found is not None:
                ends_at, _, value = model[key]
                assert found == (value, ends_at - clock.monotonic())
                assert clock.monotonic() < ends_at
        assert len(cache) <= 4
        assert cache.octets <= 100
        assert cache.octets == sum(model[key][1] for key in cache._held)
