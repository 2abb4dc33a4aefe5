"""What the operator does with the queue, while a server may be running."""

from __future__ import annotations

import pytest

from samotop.address import NULL_PATH
from samotop.queue.entry import State
from samotop.store.drafts import MEMORY_LIMIT


def test_a_long_queue_is_listed_whole_and_in_order(bench) -> None:
    """Page by page: the pages must neither overlap nor leave out."""
    names = []
    for _ in range(1200):
        names.append(bench.draft(b"x"))
    bench.write()
    assert bench.ids() == sorted(names)


def test_a_listing_can_be_of_one_state(bench) -> None:
    bench.store(b"x")
    held = bench.store(b"x", State.HELD)
    assert [e.id for e in bench.admin.entries(State.HELD)] == [held]
    assert bench.admin.counts() == {State.QUEUED: 1, State.HELD: 1, State.DAMAGED: 0}


def test_what_waits_for_the_operator_alone_is_counted_by_its_age(bench) -> None:
    """Held and damaged mail never moves by itself; what is queued does."""
    from samotop.queue.entry import Settled

    damaged, _, _ = bench.store(b"x"), bench.store(b"x"), bench.store(b"x", State.HELD)
    bench.settle(Settled(damaged, bench.waiting(), State.DAMAGED))
    then = bench.clock.now
    bench.clock.now += 100
    bench.store(b"x", State.HELD)
    assert [bench.admin.count_unattended(at) for at in (0, then, then + 1, then + 101)] == [0, 0, 2, 3]


def test_show_knows_what_is_there_and_what_is_not(bench) -> None:
    name = bench.store(b"content")
    assert bench.admin.show(name) == bench.fresh[0]
    assert bench.admin.show("0" * 20) is None
    assert bench.read(name) == b"content"


def test_an_entry_that_cannot_be_read_is_shown_as_damaged(bench) -> None:
    """One such row must not end the listing."""
    name, other = bench.store(b"x"), bench.store(b"x")
    bench.database.writer().execute("UPDATE entry SET record = x'00' WHERE id = ?", (name,))
    shown = {e.id: e for e in bench.admin.entries()}
    assert shown.keys() == {name, other}
    assert shown[name].state is State.DAMAGED
    assert shown[name].envelope.reverse_path is NULL_PATH
    assert bench.admin.show(name) == shown[name]


def test_retry_makes_a_deferred_entry_due_now(bench) -> None:
    from samotop.queue.entry import Settled

    name = bench.store(b"x")
    bench.settle(Settled(name, bench.waiting(), due=bench.clock.now + 9999))
    assert bench.admin.retry([name, "0" * 20]) == 1
    assert [e.id for e in bench.spool.due(bench.clock.now, 10)] == [name]


def test_retry_gives_a_damaged_entry_another_chance_and_leaves_held_ones(bench) -> None:
    from samotop.queue.entry import Settled

    damaged, held = bench.store(b"x"), bench.store(b"x", State.HELD)
    bench.settle(Settled(damaged, bench.waiting(), State.DAMAGED))
    assert bench.admin.retry([damaged, held]) == 1
    assert bench.admin.show(damaged).state is State.QUEUED
    assert bench.admin.show(held).state is State.HELD


def test_hold_and_release(bench) -> None:
    name = bench.store(b"x")
    assert bench.admin.hold([name], "looked at") == 1
    assert bench.admin.hold([name]) == 0
    assert (bench.admin.show(name).state, bench.admin.show(name).reason) == (State.HELD, "looked at")
    assert bench.spool.due(bench.clock.now, 10) == []
    bench.clock.now += 50
    assert bench.admin.release([name]) == 1
    assert bench.admin.release([name]) == 0
    assert [e.due for e in bench.spool.due(bench.clock.now, 10)] == [bench.clock.now]


@pytest.mark.parametrize("size", [1000, MEMORY_LIMIT + 1])
def test_drop_forgets_row_key_and_content(bench, size: int) -> None:
    name, other = bench.store(bytes(size)), bench.store(b"other")
    assert bench.admin.drop([name, "0" * 20]) == 1
    assert bench.ids() == [other]
    assert bench.names() == {"0-00000000.seg"}
    assert bench.read(other) == b"other"


def test_a_dropped_large_entry_does_not_trouble_the_server(bench) -> None:
    """It has counted the file, which is gone."""
    name = bench.store(bytes(MEMORY_LIMIT + 1))
    bench.admin.drop([name])
    bench.tick()
    assert bench.finish(name)
    assert bench.names() == set()


def test_nothing_changed_is_no_news(bench) -> None:
    """A running server would look through its queue for nothing."""
    bench.spool.changed()
    bench.admin.drop(["0" * 20])
    bench.admin.retry([])
    assert not bench.spool.changed()
