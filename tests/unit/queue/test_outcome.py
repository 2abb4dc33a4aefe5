"""What an attempt leaves, and what its sender hears of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.envelope import DeliverBy, MailParameters, Notify, Recipient
from samotop.ports.transport import Outcome
from samotop.queue.entry import Entry, Pending
from samotop.queue.outcome import Action, Plan, describe, plan_outcome
from samotop.queue.schedule import ScheduleRules
from samotop.status import EnhancedStatus, parse_status
from tests.fakes.queue import RECEIVED_AT, make_entry

HOUR, DAY = 3600.0, 86400.0
RULES = ScheduleRules()
DONE = Outcome(EnhancedStatus(2, 0, 0))
RELAYED = Outcome(EnhancedStatus(2, 0, 0), is_relayed=True)
LATER = Outcome(EnhancedStatus(4, 2, 2), "full", "mx.example.net")
NEVER = Outcome(EnhancedStatus(5, 1, 1), "nobody", "mx.example.net")


def entry_of(*notify: Notify | None, **parameters: object) -> Entry:
    entry = make_entry(1, *[f"r{number}@example.net" for number in range(len(notify))], due=RECEIVED_AT)
    pending = tuple(
        Pending(Recipient(one.recipient.address, wish)) for one, wish in zip(entry.pending, notify, strict=True)
    )
    envelope = replace(entry.envelope, parameters=MailParameters(**parameters))  # type: ignore[arg-type]  # the table of a case
    return replace(entry, pending=pending, envelope=envelope)


def plan(entry: Entry, *outcomes: Outcome | None, after: float = 0.0) -> Plan:
    return plan_outcome(entry, outcomes, RECEIVED_AT + after, lambda: 0.5, RULES)


def test_each_recipient_has_its_own_outcome_and_its_own_time() -> None:
    """Who has the message must not get it again, and who is slow must not slow the others."""
    entry = entry_of(None, None, None)
    found = plan(entry, DONE, replace(LATER, retry_at=RECEIVED_AT + 500), LATER)
    assert [one.recipient.address.local for one in found.settled.pending] == ["r1", "r2"]
    assert [one.due - RECEIVED_AT for one in found.settled.pending] == [500, 60]
    assert [one.attempts for one in found.settled.pending] == [0, 1]
    assert found.settled.due == RECEIVED_AT + 60
    assert (found.delivered, found.deferred, found.failed) == (1, 2, 0)
    assert found.settled.reason == "mx.example.net: 4.2.2 full"


def test_who_was_not_tried_stays_as_it_was() -> None:
    """Its time has not come; another recipient's attempt says nothing of it."""
    entry = entry_of(None, None)
    waiting = replace(entry.pending[0], attempts=3, last="4.0.0 busy", due=RECEIVED_AT + 900)
    entry = replace(entry, pending=(waiting, entry.pending[1]))
    found = plan(entry, None, DONE, after=60)
    assert found.settled.pending == (waiting,)
    assert found.settled.due == RECEIVED_AT + 900


def test_all_done_leaves_nothing() -> None:
    """No pending recipient: the row goes, and the key with it."""
    found = plan(entry_of(None, None), DONE, NEVER)
    assert found.settled.pending == ()
    assert [notice.action for notice in found.notices] == [Action.FAILED]


@pytest.mark.parametrize(
    ("notify", "outcome", "action"),
    [
        (None, DONE, None),
        (None, NEVER, Action.FAILED),
        (Notify.NEVER, NEVER, None),
        (Notify.SUCCESS, NEVER, None),
        (Notify.SUCCESS, DONE, Action.DELIVERED),
        (Notify.SUCCESS, RELAYED, Action.RELAYED),
        (Notify.SUCCESS, replace(RELAYED, takes_wishes=True), None),
        (Notify.FAILURE, DONE, None),
    ],
)
def test_notify_is_honoured(notify: Notify | None, outcome: Outcome, action: Action | None) -> None:
    """RFC 3461 §4.1 and §5.2; silence means that failures are told."""
    found = plan(entry_of(notify), outcome)
    assert [notice.action for notice in found.notices] == ([action] if action else [])
    assert found.settled.pending == ()


KEEPS = replace(RELAYED, takes_wishes=True, keeps_time=True)


@pytest.mark.parametrize(
    ("by", "notify", "outcome", "action"),
    [
        (DeliverBy(600, returns=False), None, RELAYED, Action.RELAYED),
        (DeliverBy(600, returns=False), None, replace(RELAYED, takes_wishes=True), Action.RELAYED),
        (DeliverBy(600, returns=False), Notify.FAILURE, RELAYED, Action.RELAYED),
        (DeliverBy(600, returns=False), Notify.NEVER, RELAYED, None),
        (DeliverBy(600, returns=False), None, KEEPS, None),
        (DeliverBy(600, returns=False, traces=True), None, KEEPS, Action.RELAYED),
        (DeliverBy(600, returns=False, traces=True), Notify.NEVER, KEEPS, None),
        (DeliverBy(600, returns=True, traces=True), None, KEEPS, Action.RELAYED),
        (DeliverBy(600, returns=True), None, KEEPS, None),
        (DeliverBy(600, returns=False, traces=True), None, DONE, None),
        (DeliverBy(600, returns=False, traces=True), Notify.SUCCESS, DONE, Action.DELIVERED),
        (None, None, RELAYED, None),
    ],
)
def test_a_time_or_a_trace_is_told_of(
    by: DeliverBy | None, notify: Notify | None, outcome: Outcome, action: Action | None
) -> None:
    """RFC 2852 §4.1.4: T asks every relay to speak; with N somebody must, where the next hop will not."""
    found = plan(entry_of(notify, deliver_by=by), outcome)
    assert [notice.action for notice in found.notices] == ([action] if action else [])


@pytest.mark.parametrize(("notify", "told"), [(None, 1), (Notify.DELAY, 1), (Notify.FAILURE, 0), (Notify.NEVER, 0)])
def test_a_delay_is_told_once(notify: Notify | None, told: int) -> None:
    """After four hours, and not again at every attempt."""
    entry = entry_of(notify)
    assert plan(entry, LATER, after=3 * HOUR).notices == ()
    found = plan(entry, LATER, after=4 * HOUR)
    assert [notice.action for notice in found.notices] == [Action.DELAYED] * told
    if told:
        assert found.notices[0].gives_up == RECEIVED_AT + RULES.max_age
    again = plan(replace(entry, pending=found.settled.pending), LATER, after=5 * HOUR)
    assert again.notices == ()


@pytest.mark.parametrize("outcome", [LATER, replace(LATER, retry_at=RECEIVED_AT + 9 * DAY)])
def test_what_takes_too_long_fails_and_says_so(outcome: Outcome) -> None:
    """RFC 5321 §4.5.4.1; the status becomes a permanent one, because what the sender hears of is a failure."""
    found = plan(entry_of(None), outcome, after=5 * DAY)
    (notice,) = found.notices
    assert notice.action is Action.FAILED
    assert str(notice.outcome.status) == "5.4.7"
    assert "4.2.2 full" in notice.outcome.text


def test_deliver_by_returns_in_time() -> None:
    """By-mode R: late is as bad as never (RFC 2852 §4.1.2). The last attempt comes just at the end."""
    entry = entry_of(None, deliver_by=DeliverBy(90))
    first = plan(entry, LATER, after=40)
    assert first.settled.due <= RECEIVED_AT + 90 + 1
    assert plan(entry, LATER, after=91).notices[0].action is Action.FAILED


def test_deliver_by_notifies_in_time_and_goes_on() -> None:
    """By-mode N: the sender hears of the delay at the moment it named."""
    entry = entry_of(None, deliver_by=DeliverBy(90, returns=False))
    assert plan(entry, LATER, after=80).notices == ()
    found = plan(entry, LATER, after=91)
    assert found.notices[0].action is Action.DELAYED
    assert found.settled.pending


def test_a_message_for_later_has_its_time_from_then_on() -> None:
    """RFC 4865: what was held for a week has not been late for a week."""
    entry = entry_of(None, hold_for=int(7 * DAY))
    found = plan(entry, LATER, after=7 * DAY + HOUR)
    assert found.settled.pending and not found.notices
    assert plan(entry, LATER, after=12 * DAY).settled.pending == ()


def test_a_peers_words_are_kept_within_bounds() -> None:
    """A reply may have a hundred lines; the queue is not where they belong."""
    assert len(describe(replace(LATER, text="x" * 100_000))) <= 500


_OUTCOMES = st.none() | st.builds(
    Outcome,
    st.sampled_from(["2.0.0", "4.0.0", "4.4.1", "5.0.0", "5.7.1"]).map(parse_status),
    retry_at=st.none() | st.floats(0, 2e9),
    is_relayed=st.booleans(),
    takes_wishes=st.booleans(),
)
_WISHES = st.none() | st.integers(0, 7).map(Notify)


@given(st.lists(st.tuples(_WISHES, _OUTCOMES), min_size=1, max_size=6), st.floats(0, 10 * DAY), st.floats(0, 0.99))
def test_nobody_is_forgotten(
    recipients: list[tuple[Notify | None, Outcome | None]], after: float, chance: float
) -> None:
    """Each recipient is delivered, waits for a later time, or has failed: and then its sender hears of it if it may."""
    entry = entry_of(*[wish for wish, _ in recipients])
    now = RECEIVED_AT + after
    found = plan_outcome(entry, [outcome for _, outcome in recipients], now, lambda: chance, RULES)
    left = {one.recipient.address for one in found.settled.pending}
    told = {one.recipient.address for one in found.notices if one.action is Action.FAILED}
    for pending, (wish, outcome) in zip(entry.pending, recipients, strict=True):
        address = pending.recipient.address
        if outcome is None:
            assert address in left
        elif outcome.is_delivered:
            assert address not in left and address not in told
        else:
            wants = wish is None or Notify.FAILURE in wish
            assert (address in left) != (address in told) or (address not in left and not wants)
    for one in found.settled.pending:
        assert one.due >= min(now, RECEIVED_AT)
    assert not found.settled.pending or found.settled.due == min(one.due for one in found.settled.pending)
    tried = sum(outcome is not None for _, outcome in recipients)
    assert found.delivered + found.deferred + found.failed == tried
