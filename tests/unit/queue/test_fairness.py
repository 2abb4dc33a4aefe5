"""Senders take turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from samotop.queue.fairness import Turns


def test_a_letter_does_not_wait_behind_a_newsletter() -> None:
    """It is second, not ten-thousandth."""
    turns: Turns[str] = Turns()
    for number in range(10_000):
        turns.put("newsletter", f"n{number}")
    turns.put("friend", "letter")
    assert [turns.take(), turns.take(), turns.take()] == ["n0", "letter", "n1"]


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=200))
def test_nothing_is_lost_or_doubled_and_each_sender_keeps_its_order(steps: list[tuple[int, bool]]) -> None:
    """Under any mix of putting and taking; between two turns of one sender everybody who waits has one."""
    turns: Turns[tuple[int, int]] = Turns()
    put: list[tuple[int, int]] = []
    taken: list[tuple[int, int]] = []
    for number, (sender, takes) in enumerate(steps):
        if takes:
            item = turns.take()
            if item is not None:
                taken.append(item)
        else:
            turns.put(sender, (sender, number))
            put.append((sender, number))
    assert len(turns) == len(put) - len(taken)
    rest = turns.drain()
    first_round = [sender for sender, _ in rest[: len({sender for sender, _ in rest})]]
    assert len(set(first_round)) == len(first_round), "somebody had two turns before another had one"
    taken += rest
    assert sorted(taken) == sorted(put)
    for sender in range(5):
        assert [item for item in taken if item[0] == sender] == [item for item in put if item[0] == sender]
    assert len(turns) == 0 and turns.take() is None
