"""The relay: lanes, sessions and hosts, and what becomes of entries that go to other servers."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.content import Content
from samotop.delivery.batch import no_hop
from samotop.delivery.calls import Host, NoVisit, Visit
from samotop.delivery.outgoing import Outgoing
from samotop.delivery.relay import Relay
from samotop.delivery.rules import DeliveryRules, RelayRules
from samotop.delivery.service import Delivery
from samotop.delivery.wishes import AT_ONCE_LIMIT
from samotop.envelope import Envelope, MailParameters, Notify, Recipient
from samotop.errors import TryAgainLater
from samotop.ports.transport import Handover, LocalTransport, Outcome
from samotop.queue.entry import Entry, Pending, State
from samotop.queue.outcome import Action, Notice
from samotop.queue.pace import PaceRules
from samotop.routing import Destination, Local, Route, Router, RoutingRules, parse_via
from samotop.routing.nexthop import NextHop, find_next_hop
from samotop.status import EnhancedStatus, parse_status
from samotop.testing import ZoneResolver
from samotop.tlspolicy.requiretls import Wish
from samotop.transport.outcomes import DELIVERED
from tests.fakes.queue import RECEIVED_AT, FakeAccounts, FakeLog, FakeQueue, MovableClock, make_entry

RULES = RelayRules(sessions=6, idle=0.0, pace=PaceRules(initial=2, most=4))
LATER = Outcome(EnhancedStatus(4, 2, 2), "full", "mx", "450 4.2.2 full")
NEVER = Outcome(EnhancedStatus(5, 1, 1), "nobody", "mx", "550 5.1.1 nobody")
TAKEN = Outcome(EnhancedStatus(2, 0, 0), "ok", "mx", "250 2.0.0 ok", is_relayed=True)
DOWN = NoVisit(Outcome(EnhancedStatus(4, 4, 1), "no answer"))

ZONES = {
    **{f"{name}.example": {"MX": [f"10 mx.{name}.example"]} for name in ("one", "two", "three", "hung")},
    "pair.example": {"MX": ["10 first.pair.example", "20 second.pair.example"]},
    "null.example": {"MX": ["0 ."]},
    "loop.example": {"MX": ["10 mx.example.org"]},
}


@dataclass
class FakeVisit:
    """A session that answers by its caller's rules."""

    caller: FakeCaller
    server: str
    tls: str = "none"
    is_usable: bool = True
    is_stale: bool = False
    carried: int = 0

    async def deliver(
        self, envelope: Envelope, content: Content, until: float, *, seconds_left: int | None, may_convert: bool
    ) -> list[Outcome]:
        caller = self.caller
        self.carried += 1
        caller.contents.append(content.to_bytes())
        if self.server in caller.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if caller.goes_stale and self.carried > 1:
            self.is_usable, self.is_stale = False, True
            return [replace(LATER, server="", reply="")] * len(envelope.recipients)
        found = [caller.answer(str(one.address)) for one in envelope.recipients]
        for one, outcome in zip(envelope.recipients, found, strict=True):
            if outcome.is_delivered:
                caller.taken[str(one.address)] += 1
        if caller.breaks():
            self.is_usable = False
        return found

    async def close(self) -> None:
        self.caller.open[self.server] -= 1


@dataclass
class FakeCaller:
    """``refuses`` are hosts that cannot be had, ``hangs`` those that never answer a message."""

    answer: Callable[[str], Outcome] = lambda _: TAKEN
    breaks: Callable[[], bool] = lambda: False
    refuses: dict[str, NoVisit] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    goes_stale: bool = False
    called: list[str] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    open: Counter[str] = field(default_factory=Counter)
    most_open: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    contents: list[bytes] = field(default_factory=list)

    async def visit(self, host: Host, until: float) -> Visit | NoVisit:
        self.called.append(host.key)
        self.wishes.append(host.wish)
        await asyncio.sleep(0)
        if host.key in self.refuses:
            return self.refuses[host.key]
        self.open[host.key] += 1
        self.most_open[host.key] = max(self.most_open[host.key], self.open[host.key])
        return FakeVisit(self, host.key)


class FakeNotifier:
    """Remembers what was told; ``fails`` as a full disk does. What is told before it is settled is noted."""

    def __init__(self, queue: FakeQueue) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.fails = False
        self.fault: Exception = TryAgainLater("no room")
        self.is_known = True
        self._queue = queue

    def may_tell(self, entry: Entry) -> bool:
        return self.is_known

    async def notify(self, entry: Entry, notices: Sequence[Notice]) -> None:
        await asyncio.sleep(0)
        if self.fails:
            raise self.fault
        assert entry.id in self._queue.entries, "told before it is settled, never after"
        self.told += [(entry.id, str(one.recipient.address), one.action.value) for one in notices]


class Accepting:
    """A mailbox."""

    def __init__(self) -> None:
        self.handed: list[str] = []

    def hand_on(self, handovers: Sequence[Handover]) -> list[Outcome]:
        self.handed += [str(one.recipient.address) for one in handovers]
        return [DELIVERED] * len(handovers)


class Bench:
    def __init__(self, rules: DeliveryRules, caller: FakeCaller) -> None:
        loop = asyncio.get_running_loop()
        self.queue, self.clock, self.log, self.caller = FakeQueue(), MovableClock(), FakeLog(), caller
        self.notifier = FakeNotifier(self.queue)
        self.local = Accepting()
        routing = RoutingRules(("example.org",), routes=(Route("route.example", parse_via("smtp://hub.example")),))
        router = Router(routing, FakeAccounts("bob"))

        def transport(destination: Destination) -> LocalTransport | None:
            return self.local if isinstance(destination, Local) else None

        def find_hop(destination: Destination, pending: Pending) -> NextHop | None:
            return find_next_hop(destination, pending.recipient.address)

        self.delivery = Delivery(
            self.queue, router, transport, self.clock, loop, self.log, rules=rules, random=lambda: 0.5,
            notifier=self.notifier, find_hop=find_hop,
        )  # fmt: skip

        async def beside(job: Callable[[], Any]) -> Any:
            return job()

        self.delivery.relay = self.relay = Relay(
            caller, ZoneResolver(ZONES), Outgoing("mx.example.org"), self.queue.open, self.clock, loop, self.log,
            room=lambda: self.delivery.room, beside=beside, ourselves=frozenset(("mx.example.org",)),
            random=lambda: 0.5, rules=rules.relay,
        )  # fmt: skip

    def submit(self, *entries: Entry) -> None:
        for entry in entries:
            self.queue.put(entry)
        self.delivery.submit(list(entries))

    async def idle(self) -> None:
        await asyncio.wait_for(self.delivery._idle.wait(), 10)

    async def pass_time(self, seconds: float) -> None:
        self.clock.move(seconds)
        self.delivery.poke()
        await asyncio.sleep(0)
        await self.idle()


@asynccontextmanager
async def bench(
    caller: FakeCaller | None = None, rules: DeliveryRules = DeliveryRules(relay=RULES)
) -> AsyncIterator[Bench]:
    one = Bench(rules, caller or FakeCaller())
    await one.delivery.start()
    await one.idle()
    try:
        yield one
    finally:
        one.caller.hangs.clear()
        await one.relay.stop(0.0)
        await one.delivery.stop()


async def test_recipients_of_one_domain_share_a_transaction_and_all_leave() -> None:
    """One message, two domains: two transactions; nothing stays in the queue."""
    async with bench() as b:
        b.submit(make_entry(1, "a@one.example", "b@one.example", "c@two.example"))
        await b.idle()
        assert b.caller.taken == Counter(["a@one.example", "b@one.example", "c@two.example"])
        assert len(b.caller.contents) == 2
        assert b.queue.entries == {}
        assert all(content.startswith(b"Received: ") for content in b.caller.contents)


async def test_local_and_remote_each_once() -> None:
    """And who has it already is written down before others are asked."""
    async with bench() as b:
        b.submit(make_entry(1, "bob@example.org", "a@one.example"))
        await b.idle()
        assert b.local.handed == ["bob@example.org"] and b.caller.taken == Counter(["a@one.example"])
        assert [len(one.pending) for one in b.queue.settled] == [1, 0]


async def test_a_failure_is_told_and_a_delay_waits() -> None:
    """Three recipients, three ends."""
    answers = {"a@one.example": TAKEN, "b@one.example": NEVER, "c@one.example": LATER}
    async with bench(FakeCaller(answer=answers.__getitem__)) as b:
        entry = make_entry(1, *answers)
        b.submit(entry)
        await b.idle()
        assert b.notifier.told == [(entry.id, "b@one.example", "failed")]
        left = b.queue.entries[entry.id]
        assert [str(one.recipient.address) for one in left.pending] == ["c@one.example"]
        assert left.due == RECEIVED_AT + 60 and left.reason == "mx: 4.2.2 full"
        answers["c@one.example"] = TAKEN
        await b.pass_time(61)
        assert b.queue.entries == {}
        assert b.caller.taken == Counter(["a@one.example", "c@one.example"])


async def test_nobody_is_told_of_a_notifications_failure() -> None:
    """RFC 5321 §6.1: one of our own is dropped, counted, and logged without an address."""
    async with bench(FakeCaller(answer=lambda _: NEVER)) as b:
        entry = make_entry(1, "a@one.example", sender=None)
        b.submit(replace(entry, trace=replace(entry.trace, protocol="")))
        await b.idle()
        assert b.notifier.told == [] and b.queue.entries == {}
        assert b.delivery.counters.unnotified == 1
        assert "undeliverable_notification" in b.log.events


async def test_what_nobody_may_be_told_of_is_held() -> None:
    """Somebody else's notification was acknowledged by us, and must not be lost."""
    async with bench(FakeCaller(answer=lambda _: NEVER)) as b:
        entry = make_entry(1, "a@one.example", sender=None)
        b.submit(entry)
        await b.idle()
        assert b.notifier.told == []
        assert b.queue.entries[entry.id].state is State.HELD


async def test_nobody_is_told_whom_nothing_proves_to_be_the_sender() -> None:
    """Backscatter: the owner of a forged address knows nothing of the message. It is held, with the reason."""
    answers = {"a@one.example": NEVER, "b@one.example": LATER, "c@one.example": TAKEN}
    async with bench(FakeCaller(answer=answers.__getitem__)) as b:
        b.notifier.is_known = False
        entry = make_entry(1, *answers)
        wants_all = Notify.SUCCESS | Notify.FAILURE | Notify.DELAY
        pending = tuple([Pending(replace(one.recipient, notify=wants_all)) for one in entry.pending])
        b.submit(replace(entry, pending=pending))
        await b.idle()
        left = b.queue.entries[entry.id]
        assert left.state is State.QUEUED and len(left.pending) == 2, "what waits is still tried"
        await b.pass_time(5 * 3600)
        assert b.notifier.told == [], "not of the delay either, nor of who has it"
        answers["b@one.example"] = TAKEN
        await b.pass_time(5 * 3600)
        left = b.queue.entries[entry.id]
        assert (left.state, left.reason) == (
            State.HELD,
            "nobody was told: nothing proves its sender; mx: 5.1.1 nobody",
        )
        assert [str(one.recipient.address) for one in left.pending] == ["a@one.example"]
        assert b.notifier.told == [] and "unproven_sender" in b.log.events
        assert b.log.told[-1][1]["status"] == "5.1.1", "the log still tells the status, and nothing else of it"


async def test_the_unproven_whose_mail_arrives_are_not_held() -> None:
    """Nothing is to be told of them."""
    async with bench() as b:
        b.notifier.is_known = False
        b.submit(make_entry(1, "a@one.example"))
        await b.idle()
        assert b.queue.entries == {} and b.delivery.counters.unnotified == 0


async def test_the_unproven_whose_time_is_up_are_held() -> None:
    """As what fails at once."""
    async with bench(FakeCaller(answer=lambda _: LATER)) as b:
        b.notifier.is_known = False
        entry = make_entry(1, "a@one.example")
        b.submit(entry)
        await b.idle()
        await b.pass_time(6 * 86400)
        left = b.queue.entries[entry.id]
        assert left.state is State.HELD and b.notifier.told == []
        assert left.reason.endswith("not delivered in time; last: mx: 4.2.2 full")


@pytest.mark.parametrize("fault", [TryAgainLater("no room"), LookupError("a bug")])
async def test_what_cannot_be_told_is_not_dropped(fault: Exception) -> None:
    """A full disk, or a bug: the recipient stays until its sender can be told, and takes no room in memory."""
    async with bench(FakeCaller(answer=lambda _: NEVER)) as b:
        b.notifier.fails, b.notifier.fault = True, fault
        b.submit(make_entry(1, "a@one.example"))
        await b.idle()
        assert len(b.queue.entries) == 1
        b.notifier.fails = False
        await b.pass_time(20)
        assert b.queue.entries == {} and len(b.notifier.told) == 1


@pytest.mark.parametrize(
    ("domain", "status"), [("null.example", "5.1.10"), ("loop.example", "5.4.6"), ("nowhere.example", "5.1.2")]
)
async def test_domains_that_take_no_mail_fail_at_once(domain: str, status: str) -> None:
    """Nobody is called for them."""
    async with bench() as b:
        seen: list[Outcome] = []
        b.notifier.notify = lambda entry, notices: _keep(seen, notices)  # type: ignore[method-assign]  # looks on
        b.submit(make_entry(1, f"a@{domain}"))
        await b.idle()
        assert [str(one.status) for one in seen] == [status]
        assert b.caller.called == [] and b.queue.entries == {}


async def _keep(seen: list[Outcome], notices: Sequence[Notice]) -> None:
    seen += [one.outcome for one in notices]


async def test_the_next_host_is_tried_and_the_first_left_alone() -> None:
    """RFC 5321 §5.1; a host that did not answer is not asked again for every message."""
    async with bench(FakeCaller(refuses={"first.pair.example": DOWN})) as b:
        b.submit(make_entry(1, "a@pair.example"))
        await b.idle()
        b.submit(make_entry(2, "b@pair.example"))
        await b.idle()
        assert b.caller.called == ["first.pair.example", "second.pair.example", "second.pair.example"]
        assert b.caller.taken == Counter(["a@pair.example", "b@pair.example"])


async def test_a_dead_next_hop_is_tried_once_and_the_rest_put_off() -> None:
    """A hundred messages for it cost one call; put off is no attempt, and later all arrive."""
    caller = FakeCaller(refuses={"mx.one.example": DOWN})
    async with bench(caller) as b:
        b.submit(*[make_entry(number, f"r{number}@one.example") for number in range(100)])
        await b.idle()
        assert len(caller.called) <= RULES.pace.initial
        attempts = Counter(one.pending[0].attempts for one in b.queue.entries.values())
        assert attempts[0] >= 98
        caller.refuses.clear()
        await b.pass_time(200)
        assert sum(caller.taken.values()) == 100 and b.queue.entries == {}


async def test_the_operator_has_it_tried_now_whoever_rests() -> None:
    """`samotop queue retry` sets the entry's time, and so before that of all its recipients."""
    caller = FakeCaller(refuses={"mx.one.example": DOWN})
    async with bench(caller) as b:
        b.submit(make_entry(1, "a@one.example"))
        await b.idle()
        (entry,) = b.queue.entries.values()
        b.queue.entries[entry.id] = replace(entry, due=RECEIVED_AT)
        await b.pass_time(1)
        assert len(caller.called) == 2
        assert b.queue.entries[entry.id].pending[0].attempts == 2


async def test_a_hung_next_hop_keeps_nobody_waiting() -> None:
    """Its sessions are few, and what waits for it fills a part of the room."""
    caller = FakeCaller(hangs={"mx.hung.example"})
    rules = DeliveryRules(relay=RULES, in_flight=64)
    async with bench(caller, rules) as b:
        b.submit(*[make_entry(number, f"r{number}@hung.example") for number in range(200)])
        for _ in range(200):
            await asyncio.sleep(0)
        assert b.delivery.room > 8, "room is left for others"
        b.submit(*[make_entry(500 + number, f"r{number}@one.example") for number in range(20)])
        for _ in range(10):
            for _ in range(100):
                await asyncio.sleep(0.0001)
            b.clock.move(30)
            b.delivery.poke()
        assert len(caller.taken) == 20, "all of them, some after a short while"
        assert caller.most_open["mx.hung.example"] <= RULES.pace.initial


async def test_sessions_are_used_again_and_there_are_not_too_many() -> None:
    async with bench() as b:
        b.submit(*[make_entry(number, f"r{number}@one.example") for number in range(100)])
        await b.idle()
        assert len(b.caller.called) <= RULES.pace.most
        assert b.caller.most_open["mx.one.example"] <= RULES.pace.most
        assert sum(b.caller.taken.values()) == 100


async def test_many_next_hops_share_few_sessions_and_none_is_forgotten() -> None:
    """More lanes than sessions: each has its turn, whoever was first."""
    rules = DeliveryRules(relay=replace(RULES, sessions=2))
    async with bench(rules=rules) as b:
        names = [f"r{number}@{name}.example" for number in range(6) for name in ("one", "two", "three", "pair", "hung")]
        b.submit(*[make_entry(number, name) for number, name in enumerate(names)])
        await b.idle()
        assert b.caller.taken == Counter(names)
        assert sum(b.caller.most_open.values()) >= 5 and b.relay.sessions == 0


async def test_a_session_that_had_ended_costs_no_attempt() -> None:
    """Servers close idle connections; nobody has seen the message, so another session takes it at once."""
    caller = FakeCaller(goes_stale=True)
    async with bench(caller) as b:
        b.submit(*[make_entry(number, f"r{number}@one.example") for number in range(6)])
        await b.idle()
        assert caller.taken == Counter([f"r{number}@one.example" for number in range(6)])
        assert b.queue.entries == {}


async def test_a_message_for_later_waits() -> None:
    """FUTURERELEASE (RFC 4865)."""
    async with bench() as b:
        entry = make_entry(1, "a@one.example")
        entry = replace(entry, envelope=replace(entry.envelope, parameters=MailParameters(hold_for=600)))
        b.submit(entry)
        await b.idle()
        assert b.caller.called == [] and b.queue.entries[entry.id].due == RECEIVED_AT + 600
        await b.pass_time(601)
        assert b.caller.taken == Counter(["a@one.example"])


WAIVER = b"TLS-Required: No\r\nSubject: s\r\n\r\nText\r\n"


def requiring(entry: Entry) -> Entry:
    return replace(entry, envelope=replace(entry.envelope, parameters=MailParameters(requires_tls=True)))


async def test_those_who_wish_the_same_of_tls_share_sessions_and_others_do_not() -> None:
    """A session that may be in the clear for one sender must not carry the next one's mail (RFC 8689)."""
    async with bench() as b:
        plain, waiving = make_entry(1, "a@one.example"), make_entry(2, "b@one.example")
        both, notice = make_entry(3, "c@one.example"), make_entry(4, "d@one.example", sender=None)
        b.queue.put(plain)
        for entry in (waiving, requiring(both)):
            b.queue.put(entry, WAIVER)
        b.queue.put(requiring(notice))
        b.delivery.submit([plain, waiving, requiring(both), requiring(notice)])
        await b.idle()
        assert b.queue.entries == {} and len(b.caller.taken) == 4
        expected = {Wish.NOTHING: 1, Wish.WAIVES: 1, Wish.REQUIRES: 1, Wish.NOTIFIES: 1}
        assert Counter(b.caller.wishes) == Counter(expected), "REQUIRETLS wins over the header"


async def test_a_burst_fills_half_of_the_room_that_is_left() -> None:
    """Also while the headers of its messages are still being read: not all of it, and not next to nothing."""
    async with bench(rules=DeliveryRules(relay=RULES, in_flight=400)) as b:
        b.submit(*[make_entry(number, f"r{number}@one.example") for number in range(390)])
        await b.idle()
        assert 190 <= len(b.caller.taken) <= 210
        assert len(b.caller.taken) + len(b.queue.entries) == 390
        await b.pass_time(60)
        assert b.queue.entries == {} and len(b.caller.taken) == 390 and not b.relay._arriving


async def test_a_header_is_read_once_for_all_next_hops() -> None:
    """It may lie on a disk."""
    async with bench() as b:
        entry = make_entry(1, *[f"a@{name}.example" for name in ("one", "two", "three")])
        passes = 0

        def chunks() -> Iterator[bytes]:
            nonlocal passes
            passes += 1
            return iter((WAIVER,))

        b.queue.put(entry, Content(len(WAIVER), chunks, None))
        jobs = 0
        honest = b.relay._beside

        async def counting(job: Callable[[], Any]) -> Any:
            nonlocal jobs
            jobs += 1
            return await honest(job)

        b.relay._beside = counting
        b.delivery.submit([entry])
        await b.idle()
        assert b.caller.wishes == [Wish.WAIVES] * 3
        assert jobs == 1 and passes


@pytest.mark.parametrize("filler", [0, AT_ONCE_LIMIT])
async def test_the_header_of_a_content_in_memory_needs_no_thread(filler: int) -> None:
    """Unless it is so long that going through it would keep the loop; what it says counts all the same."""
    async with bench() as b:
        content = b"X: " + b"y" * filler + b"\r\n" + WAIVER
        entry = b.queue.put(make_entry(1, "a@one.example"), Content.from_bytes(content))
        jobs = 0
        honest = b.relay._beside

        async def counting(job: Callable[[], Any]) -> Any:
            nonlocal jobs
            jobs += 1
            return await honest(job)

        b.relay._beside = counting
        b.delivery.submit([entry])
        await b.idle()
        assert b.caller.wishes == [Wish.WAIVES] and jobs == bool(filler)


async def test_what_is_being_sorted_when_we_stop_is_put_off() -> None:
    """Reading headers may take as long as a disk does."""
    async with bench() as b:
        begun = asyncio.Event()

        async def hanging(job: Callable[[], Any]) -> Any:
            begun.set()
            await asyncio.Event().wait()

        b.relay._beside = hanging
        b.submit(make_entry(1, "a@one.example"), make_entry(2, "a@two.example"))
        await begun.wait()
        await b.relay.stop(0.01)
        await b.delivery.stop()
        assert len(b.queue.entries) == 2 and b.caller.called == []
        assert all(one.pending[0].attempts == 0 for one in b.queue.entries.values())


async def test_a_bug_in_one_message_does_not_lose_it() -> None:
    """What is not answered would stay in memory for ever."""

    def broken(_: str) -> Outcome:
        raise RuntimeError("a bug")

    async with bench(FakeCaller(answer=broken)) as b:
        b.submit(make_entry(1, "a@one.example"))
        await b.idle()
        assert b.queue.entries and "relay_failed" in b.log.events


@pytest.mark.parametrize("broken", ["_place", "_staff"])
async def test_a_bug_where_mail_is_sorted_keeps_nobody_waiting(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those behind it in the batch would be unanswered until a restart, and so would it."""
    async with bench() as b:
        honest = getattr(b.relay, broken)
        calls = 0

        def breaking(*given: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise RuntimeError("a bug")
            return honest(*given)

        monkeypatch.setattr(b.relay, broken, breaking)
        entries = [make_entry(number, f"a@{name}.example") for number, name in enumerate(("one", "two", "three"))]
        b.submit(*entries)
        await b.idle()
        assert list(b.queue.entries) == [entries[1].id] and "relay_failed" in b.log.events
        await b.pass_time(61)
        assert b.queue.entries == {} and len(b.caller.taken) == 3


async def test_a_damaged_content_is_kept_for_the_operator() -> None:
    async with bench() as b:
        entry = make_entry(1, "a@one.example")

        def unreadable() -> object:
            raise ValueError("altered")

        b.queue.put(entry, Content(10, unreadable))  # type: ignore[arg-type]  # raises instead
        b.delivery.submit([entry])
        await b.idle()
        assert b.queue.entries[entry.id].state is State.DAMAGED


async def test_stopping_puts_off_what_waits() -> None:
    """Nothing is lost, and nothing counts as an attempt."""
    async with bench(FakeCaller(hangs={"mx.hung.example"})) as b:
        b.submit(*[make_entry(number, f"r{number}@hung.example") for number in range(10)])
        await asyncio.sleep(0)
        await b.relay.stop(0.01)
        await b.delivery.stop()
        assert len(b.queue.entries) == 10
        assert all(one.pending[0].attempts == 0 for one in b.queue.entries.values())


_STATUSES = ["2.0.0", "4.2.2", "4.4.2", "5.1.1"]
_PLAN = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["bob@example.org", "one", "two", "three", "pair", "null"]), min_size=1, max_size=5),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(_PLAN, st.integers(0, 10**6), st.booleans())
def test_nobody_gets_it_twice_and_nobody_is_forgotten(
    plan: list[tuple[list[str], bool]], seed: int, dies: bool
) -> None:
    """Whatever servers answer, and wherever they break off: each recipient has it once, or its sender was told."""
    asyncio.run(_live(plan, random.Random(seed), dies))


async def _live(plan: list[tuple[list[str], bool]], chance: random.Random, dies: bool) -> None:
    def answer(_: str) -> Outcome:
        status = parse_status(chance.choice(_STATUSES))
        return Outcome(status, "x", "mx", is_relayed=status.klass == 2)

    caller = FakeCaller(answer=answer, breaks=lambda: chance.random() < 0.2)
    async with bench(caller) as b:
        wanted: set[tuple[str, str]] = set()
        for number, (places, asks) in enumerate(plan):
            names = [place if "@" in place else f"r{number}-{at}@{place}.example" for at, place in enumerate(places)]
            names = list(dict.fromkeys(names))
            entry = make_entry(number, *names)
            if asks:
                pending = tuple(
                    Pending(Recipient(one.recipient.address, Notify.SUCCESS | Notify.FAILURE)) for one in entry.pending
                )
                entry = replace(entry, pending=pending)
            wanted |= {(entry.id, name) for name in names}
            b.submit(entry)
        if dies:
            caller.refuses["mx.one.example"] = DOWN
        await b.idle()
        for _ in range(80):
            if not b.queue.entries:
                break
            await b.pass_time(4000)
            caller.refuses.clear()
        await b.pass_time(6 * 86400)
        assert b.queue.entries == {}
        failed = {(name, address) for name, address, action in b.notifier.told if action == Action.FAILED.value}
        for name, address in wanted:
            if address.endswith("@example.org"):
                continue
            assert (caller.taken[address] == 1) != ((name, address) in failed), (address, caller.taken[address])
        assert Counter(b.local.handed) == Counter(address for _, address in wanted if address.endswith("@example.org"))
        assert max(Counter(b.notifier.told).values(), default=1) == 1


def test_without_a_relay_nobody_has_a_next_hop() -> None:
    assert no_hop(Local("bob"), make_entry(1).pending[0]) is None
