"""The worker: every entry once, in batches, and nothing lost on the way."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures.thread import _threads_queues
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from samotop.content import Content
from samotop.delivery.rules import DeliveryRules
from samotop.delivery.service import Delivery
from samotop.ports.transport import Handover, LocalTransport, Outcome
from samotop.queue.entry import Entry, State
from samotop.routing import Destination, Local, Route, Router, RoutingRules, Via, parse_via
from samotop.status import EnhancedStatus
from samotop.transport.discard import Discard
from samotop.transport.outcomes import DELIVERED, NO_MAILBOX, NO_ROOM
from tests.fakes.queue import MESSAGE, RECEIVED_AT, FakeAccounts, FakeLog, FakeQueue, MovableClock, make_entry

DAY = 86400.0


class Recording:
    """A transport that remembers, answers as told, and waits at ``gate``."""

    def __init__(self) -> None:
        self.batches: list[list[Handover]] = []
        self.answer: Callable[[Handover], Outcome] = lambda _: DELIVERED
        self.gate = threading.Event()
        self.gate.set()

    def hand_on(self, handovers: Sequence[Handover]) -> list[Outcome]:
        self.batches.append(list(handovers))
        assert self.gate.wait(10)
        return [self.answer(handover) for handover in handovers]

    @property
    def handed(self) -> list[tuple[str, str]]:
        return [(h.entry.id, h.mailbox) for batch in self.batches for h in batch]


class Bench:
    """A delivery with everything around it."""

    def __init__(self, rules: DeliveryRules) -> None:
        self.queue = FakeQueue()
        self.clock = MovableClock()
        self.log = FakeLog()
        self.accounts = FakeAccounts("bob", "alice")
        self.mail = Recording()
        self.other = Recording()
        self.discard = Discard()
        routing = RoutingRules(
            ("example.org",),
            routes=(
                Route("discard.example", parse_via("discard")),
                Route("other.example", parse_via("maildir:x")),
                Route("hop.example", parse_via("smtp://hop.example")),
            ),
        )
        self.router = Router(routing, self.accounts)
        self.delivery = Delivery(
            self.queue,
            self.router,
            self.transport,
            self.clock,
            asyncio.get_running_loop(),
            self.log,
            rules=rules,
            random=lambda: 0.5,
        )

    def transport(self, destination: Destination) -> LocalTransport | None:
        if isinstance(destination, Local):
            return self.mail
        if isinstance(destination, Via) and not destination.route.via.is_next_hop:
            return self.discard if destination.route.via.kind == "discard" else self.other
        return None

    def submit(self, *entries: Entry) -> None:
        for entry in entries:
            self.queue.put(entry)
        self.delivery.submit(list(entries))

    async def idle(self) -> None:
        await asyncio.wait_for(self.delivery._idle.wait(), 10)

    async def until(self, claim: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not claim():
                await asyncio.sleep(0)


@asynccontextmanager
async def bench(rules: DeliveryRules = DeliveryRules()) -> AsyncIterator[Bench]:
    one = Bench(rules)
    await one.delivery.start()
    await one.idle()
    try:
        yield one
    finally:
        for transport in (one.mail, one.other):
            transport.gate.set()
        await one.delivery.stop()


async def test_what_was_deferred_is_said_to_be_delivered_in_the_end() -> None:
    """Else its last line in the log says that it was not. A line for each message would cost too much."""
    async with bench() as b:
        b.mail.answer = lambda _: NO_ROOM
        late = make_entry(1)
        b.submit(late)
        await b.idle()
        b.mail.answer = lambda _: DELIVERED
        b.submit(make_entry(2))
        await b.idle()
        assert "delivered" not in b.log.events
        b.clock.move(60)
        b.delivery.poke()
        await b.idle()
        told = [fields for event, fields in b.log.told if event == "delivered"]
        assert told == [{"id": late.id, "count": 1, "attempts": 2}]


async def test_a_fresh_entry_reaches_its_mailbox_and_leaves_the_queue() -> None:
    """The usual way: no look at the queue, and no search for an earlier copy."""
    async with bench() as b:
        looks = b.queue.looks
        b.submit(make_entry(1))
        await b.idle()
        ((handover,),) = b.mail.batches
        assert handover.mailbox == "bob"
        assert handover.is_first
        assert handover.content.to_bytes() == MESSAGE
        assert b.queue.entries == {}
        assert b.queue.looks == looks
        assert b.delivery.in_flight == 0
        assert b.delivery.counters.delivered == 1


async def test_what_waited_before_the_start_is_delivered_with_care() -> None:
    """After a crash it may have been delivered already: the transport must look."""
    one = Bench(DeliveryRules())
    for number in range(3):
        one.queue.put(make_entry(number))
    await one.delivery.start()
    await one.idle()
    assert len(one.mail.handed) == 3
    assert not any(handover.is_first for batch in one.mail.batches for handover in batch)
    await one.delivery.stop()


async def test_recipients_go_each_their_own_way() -> None:
    """One entry, three destinations, one handover each; a route sees the plain forward-path."""
    async with bench() as b:
        b.submit(make_entry(1, "bob@example.org", "alice@example.org", "x@other.example", "y@discard.example"))
        await b.idle()
        assert [mailbox for _, mailbox in b.mail.handed] == ["bob", "alice"]
        assert [mailbox for _, mailbox in b.other.handed] == ["x@other.example"]
        assert b.queue.entries == {}


async def test_while_one_batch_runs_the_next_one_fills() -> None:
    """Batches grow with the load; this is what makes the waits shared."""
    async with bench(DeliveryRules(threads=1, batch=4)) as b:
        b.mail.gate.clear()
        b.submit(make_entry(0))
        for number in range(1, 8):
            b.submit(make_entry(number))
        b.mail.gate.set()
        await b.idle()
        assert [len(batch) for batch in b.mail.batches] == [1, 4, 3]


async def test_no_entry_is_here_twice() -> None:
    """Handed in, named by the queue, poked for, and handed in again: still one delivery."""
    async with bench() as b:
        b.mail.gate.clear()
        entry = make_entry(1)
        b.submit(entry)
        b.submit(entry)
        b.delivery.poke()
        b.delivery.poke()
        await b.until(lambda: b.queue.looks >= 3)
        b.mail.gate.set()
        await b.idle()
        assert len(b.mail.handed) == 1


async def test_an_entry_that_is_settled_while_the_queue_is_read_is_not_delivered_again() -> None:
    """What was read is older than what has happened since."""
    async with bench() as b:
        entry = make_entry(1)
        read, go = threading.Event(), threading.Event()

        def after() -> None:
            read.set()
            assert go.wait(10)

        b.queue.put(entry)
        b.queue.after_due = after
        b.delivery.poke()
        await asyncio.to_thread(read.wait, 10)
        b.delivery.submit([entry])
        await b.until(lambda: not b.queue.entries and b.delivery.in_flight == 0)
        b.queue.after_due = lambda: None
        go.set()
        await b.idle()
        assert len(b.mail.handed) == 1
        assert len(b.queue.settled) == 1


async def test_an_entry_is_ours_until_its_end_is_durable() -> None:
    """Else the queue would name it again before it knows."""
    async with bench() as b:
        b.queue.holds_settled = True
        b.submit(make_entry(1))
        await b.until(lambda: bool(b.queue.untold))
        assert b.delivery.in_flight == 1
        b.queue.tell()
        await b.idle()
        assert b.delivery.in_flight == 0


async def test_what_is_too_much_is_left_to_the_queue_and_comes_later() -> None:
    """Memory is bounded, and the bound loses nothing."""
    async with bench(DeliveryRules(threads=1, batch=2, in_flight=3)) as b:
        b.mail.gate.clear()
        entries = [make_entry(number) for number in range(10)]
        b.submit(*entries)
        assert b.delivery.in_flight == 3
        b.mail.gate.set()
        await b.until(lambda: not b.queue.entries)
        await b.idle()
        assert sorted(b.mail.handed) == [(entry.id, "bob") for entry in entries]


async def test_discarded_entries_are_settled_without_their_content() -> None:
    """The fast path: no thread, no read."""
    async with bench() as b:

        def unreadable() -> Iterator[bytes]:
            raise AssertionError("nobody may read this")
            yield b""

        entry = make_entry(1, "a@discard.example", "b@discard.example")
        b.queue.put(entry, Content(10, unreadable))
        b.delivery.submit([entry])
        assert b.queue.entries == {}
        await b.idle()
        assert b.delivery.counters.discarded == 1
        assert b.delivery.counters.batches == 0


async def test_a_deferred_entry_waits_and_only_its_own_recipient_is_tried_again() -> None:
    """Who has the message must not get it twice."""
    async with bench() as b:
        b.mail.answer = lambda h: NO_ROOM if h.mailbox == "alice" else DELIVERED
        entry = make_entry(1, "bob@example.org", "alice@example.org")
        b.submit(entry)
        await b.idle()
        left = b.queue.entries[entry.id]
        assert [str(pending.recipient.address) for pending in left.pending] == ["alice@example.org"]
        assert left.pending[0].attempts == 1
        assert left.pending[0].last == "4.3.1 no room on the disk"
        assert left.due == RECEIVED_AT + 60
        b.delivery.poke()
        await b.idle()
        assert len(b.mail.batches) == 1
        b.mail.answer = lambda _: DELIVERED
        b.clock.move(60)
        b.delivery.poke()
        await b.idle()
        assert b.mail.handed[2:] == [(entry.id, "alice")]
        assert not b.mail.batches[1][0].is_first
        assert b.queue.entries == {}


async def test_the_timer_wakes_for_what_is_due_next() -> None:
    """With no poke at all: planned after the attempt itself."""
    async with bench() as b:
        b.mail.answer = lambda _: NO_ROOM
        b.submit(make_entry(1))
        await b.idle()
        assert b.delivery._watch.wakes_in == pytest.approx(60, abs=2)
        b.mail.answer = lambda _: DELIVERED
        b.clock.move(60)
        b.delivery._watch.wake()
        await b.idle()
        assert b.queue.entries == {}


@pytest.mark.parametrize(
    ("recipient", "status"),
    [("carol@example.org", "5.1.1"), ("x@hop.example", "5.4.4"), ("x@foreign.example", "5.4.4")],
)
async def test_what_cannot_be_delivered_is_held_and_not_lost(recipient: str, status: str) -> None:
    """Accepted mail of which nobody would be told otherwise: the operator finds it."""
    async with bench() as b:
        entry = make_entry(1, recipient, "bob@example.org")
        b.submit(entry)
        await b.idle()
        left = b.queue.entries[entry.id]
        assert left.state is State.HELD
        assert left.reason.startswith(status)
        assert [str(pending.recipient.address) for pending in left.pending] == [recipient]
        assert ("held", {"id": entry.id, "count": 1, "status": status}) in b.log.told
        b.delivery.poke()
        await b.idle()
        assert len(b.mail.handed) == 1


async def test_a_refused_recipient_does_not_hold_up_one_that_waits() -> None:
    """Queued while anybody may still be delivered to; held when that is over."""
    async with bench() as b:
        b.mail.answer = lambda h: NO_ROOM if h.mailbox == "alice" else NO_MAILBOX
        entry = make_entry(1, "bob@example.org", "alice@example.org")
        b.submit(entry)
        await b.idle()
        assert b.queue.entries[entry.id].state is State.QUEUED
        assert len(b.queue.entries[entry.id].pending) == 2
        b.mail.answer = lambda h: DELIVERED if h.mailbox == "alice" else NO_MAILBOX
        b.clock.move(120)
        b.delivery.poke()
        await b.idle()
        assert b.queue.entries[entry.id].state is State.HELD
        assert len(b.queue.entries[entry.id].pending) == 1


async def test_after_five_days_an_entry_is_held() -> None:
    """It has had its time; without notifications the operator must decide."""
    async with bench() as b:
        b.mail.answer = lambda _: NO_ROOM
        b.clock.move(5 * DAY)
        b.submit(make_entry(1))
        await b.idle()
        (left,) = b.queue.entries.values()
        assert left.state is State.HELD
        assert "not delivered in time" in left.reason


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (ValueError("altered"), State.DAMAGED),
        (OSError(errno.EIO, "bad"), State.DAMAGED),
        (FileNotFoundError(errno.ENOENT, "gone"), State.DAMAGED),
        (OSError(errno.EMFILE, "too many files"), State.QUEUED),
    ],
)
@pytest.mark.parametrize("when", ["opened", "read"])
async def test_damage_is_told_from_what_passes(fault: Exception, state: State, when: str) -> None:
    """What was altered stays so; a machine that is out of files has some again later. The others go on."""
    async with bench() as b:

        def broken() -> Iterator[bytes]:
            yield MESSAGE[:5]
            raise fault

        def answer(handover: Handover) -> Outcome:
            try:
                handover.content.to_bytes()
            except (OSError, ValueError):
                return NO_ROOM
            return DELIVERED

        b.mail.answer = answer
        bad, good = make_entry(1), make_entry(2)
        b.queue.put(bad, Content(bad.size, broken))
        b.queue.put(good)
        if when == "opened":
            usual = b.queue.open

            def opening(entry: Entry) -> Content:
                if entry.id == bad.id:
                    raise fault
                return usual(entry)

            b.queue.open = opening  # type: ignore[method-assign]  # this object alone breaks
        b.delivery.submit([bad, good])
        await b.idle()
        assert list(b.queue.entries) == [bad.id]
        assert b.queue.entries[bad.id].state is state


async def test_a_content_that_is_cut_short_is_damaged() -> None:
    """A store that ends early without a fault must not pass for a whole message."""
    async with bench() as b:
        entry = make_entry(1)
        b.queue.put(entry, Content(entry.size, lambda: iter((MESSAGE[:-1],))))
        b.mail.answer = lambda h: DELIVERED if _readable(h) else NO_ROOM
        b.delivery.submit([entry])
        await b.idle()
        assert b.queue.entries[entry.id].state is State.DAMAGED


def _readable(handover: Handover) -> bool:
    try:
        handover.content.to_bytes()
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("answers", [None, 0])
async def test_a_transport_with_a_bug_defers_its_own_and_nobody_elses(answers: int | None) -> None:
    """It raises, or counts wrong; the log names it and no address."""
    async with bench() as b:

        def broken(handovers: Sequence[Handover]) -> list[Outcome]:
            if answers is None:
                raise RuntimeError("bob@example.org")
            return []

        b.mail.hand_on = broken  # type: ignore[method-assign]  # this object alone breaks
        bad, good = make_entry(1), make_entry(2, "x@other.example")
        b.submit(bad, good)
        await b.idle()
        assert list(b.queue.entries) == [bad.id]
        assert b.queue.entries[bad.id].state is State.QUEUED
        assert b.queue.entries[bad.id].due > b.clock.now
        told = [fields for event, fields in b.log.told if event.startswith("transport_")]
        assert told[0]["transport"] == "Recording"
        assert "bob" not in str({key: value for key, value in told[0].items() if key != "error"})


async def test_routing_that_fails_defers() -> None:
    """The accounts cannot be read right now: neither refused nor lost."""
    async with bench() as b:

        def unreadable(name: str) -> bool:
            raise OSError(errno.EIO, "bad")

        b.router._exists = unreadable
        b.submit(make_entry(1))
        await b.idle()
        (left,) = b.queue.entries.values()
        assert left.state is State.QUEUED
        assert left.pending[0].attempts == 1
        assert "routing_failed" in b.log.events


async def test_a_queue_that_cannot_be_read_is_tried_again() -> None:
    """Delivery outlives a disk that fails for a while."""
    async with bench() as b:

        def failing() -> None:
            raise OSError(errno.EIO, "bad")

        b.queue.put(make_entry(1))
        b.queue.before_due = failing
        b.delivery.poke()
        await b.idle()
        assert "queue_unreadable" in b.log.events
        assert b.delivery._watch.wakes_in is not None
        b.queue.before_due = lambda: None
        b.delivery._watch.wake()
        await b.idle()
        assert b.queue.entries == {}


async def test_stopping_finishes_what_runs_and_leaves_the_rest() -> None:
    """Nothing is cut off, nothing new begins, nothing is lost."""
    b = Bench(DeliveryRules(threads=1, batch=1))
    await b.delivery.start()
    b.mail.gate.clear()
    b.submit(make_entry(1), make_entry(2))
    await b.until(lambda: bool(b.mail.batches))
    stopping = asyncio.ensure_future(b.delivery.stop())
    await asyncio.sleep(0)
    b.submit(make_entry(3))
    b.mail.gate.set()
    await stopping
    assert len(b.mail.handed) == 1
    assert sorted(b.queue.entries) == [make_entry(2).id, make_entry(3).id]


async def test_stopping_does_not_wait_for_ever() -> None:
    """A place that hangs is told, and the entry stays in the queue."""
    b = Bench(DeliveryRules(stop_grace=0.01))
    await b.delivery.start()
    b.mail.gate.clear()
    b.submit(make_entry(1))
    await b.until(lambda: bool(b.mail.batches))
    await b.delivery.stop()
    assert "delivery_cut_short" in b.log.events
    assert len(b.queue.entries) == 1
    b.mail.gate.set()


async def test_a_process_ends_while_a_place_hangs() -> None:
    """The interpreter joins threads that are no daemons: a file system that is away would keep it for ever."""
    async with bench() as b:
        b.mail.gate.clear()
        b.submit(make_entry(1))
        await b.until(lambda: bool(b.mail.batches))
        ours = [thread for thread in threading.enumerate() if thread.name.startswith("samotop-delivery")]
        assert ours
        assert all(thread.daemon for thread in ours)
        assert not any(thread in _threads_queues for thread in ours)


async def test_without_a_thread_mail_is_deferred(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine gives none at this moment; the worker goes on."""
    async with bench(DeliveryRules(threads=1)) as b:

        def refuse(job: object) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(b.delivery._pool, "submit", refuse)
            b.submit(make_entry(1))
            await b.idle()
        assert b.queue.entries[make_entry(1).id].state is State.QUEUED
        b.submit(make_entry(2))
        await b.idle()
        assert b.mail.handed == [(make_entry(2).id, "bob")]


async def test_a_held_entry_that_is_released_is_tried_again() -> None:
    """What the operator does is a change of the queue and a poke."""
    async with bench() as b:
        entry = make_entry(1, "carol@example.org")
        b.submit(entry)
        await b.idle()
        b.accounts.known.add("carol")
        b.queue.entries[entry.id] = replace(b.queue.entries[entry.id], state=State.QUEUED, due=0.0)
        b.delivery.poke()
        await b.idle()
        assert b.mail.handed == [(entry.id, "carol")]
        assert b.queue.entries == {}


def test_outcomes_have_their_class_from_one_source() -> None:
    """Permanence is the enhanced status's first digit and nothing else."""
    assert Outcome(EnhancedStatus(2, 1, 5)).is_delivered
    assert not Outcome(EnhancedStatus(4, 2, 0)).is_delivered
