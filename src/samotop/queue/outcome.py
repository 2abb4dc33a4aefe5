"""What a finished attempt means: who has the message, who gets it later, whom the sender must hear of.

``plan_outcome`` is pure and decides for each recipient by itself:

* 2.y.z: done. A notification where the sender asked for one, and nobody else
  has taken that over (RFC 3461 §5.2), or to trace the message, or set a time
  that the next hop does not promise to keep (RFC 2852 §4.1.4).
* 4.y.z: again later, at a time of its own. Once it has taken long enough, the
  sender hears of the delay, once.
* 5.y.z, or 4.y.z when the time is up: done, and the sender hears that it failed.

Whether a notification can be sent at all (never for a null reverse-path, RFC
5321 §6.1) is for the caller; what the recipient's NOTIFY forbids is not planned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from samotop.envelope import DeliverBy, Notify, Recipient
from samotop.ports.transport import Outcome
from samotop.queue.deadlines import give_up_time, warning_time
from samotop.queue.entry import Entry, Pending, Settled, State
from samotop.queue.schedule import RULES, ScheduleRules, plan_attempt
from samotop.status import EnhancedStatus

EXPIRED: Final = EnhancedStatus(5, 4, 7)
"""Delivery time expired (RFC 3463 §3.5)."""

REASON_LIMIT: Final = 500
"""Characters of a peer's words that the queue keeps: a reply may have 100 lines."""


class Action(Enum):
    """What a notification tells of a recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Notice:
    """What the sender is to hear of one recipient. ``gives_up`` is when a delayed one would fail."""

    recipient: Recipient
    action: Action
    outcome: Outcome
    gives_up: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write down, what to tell; the counts are of recipients."""

    settled: Settled
    notices: tuple[Notice, ...] = ()
    delivered: int = 0
    deferred: int = 0
    failed: int = 0


def wishes(recipient: Recipient) -> Notify:
    """What its sender wants to hear; silence means failures and delays (RFC 3461 §4.1)."""
    return Notify.FAILURE | Notify.DELAY if recipient.notify is None else recipient.notify


def due_of(pending: Pending, entry: Entry) -> float:
    """When this recipient's next attempt may begin."""
    return pending.due or entry.due


def is_hurried(entry: Entry) -> bool:
    """Does the operator want it tried now, whatever was planned? Then its own time is before all its recipients'."""
    return bool(entry.pending) and entry.due < min(due_of(one, entry) for one in entry.pending)


def is_due(entry: Entry, now: float) -> list[bool]:
    """For each pending recipient: may it be tried now? Of a hurried entry all may."""
    hurries = is_hurried(entry)
    return [hurries or due_of(one, entry) <= now for one in entry.pending]


def describe(outcome: Outcome) -> str:
    """An outcome in the words that the queue shows."""
    who = f"{outcome.server}: " if outcome.server else ""
    return f"{who}{outcome.status} {outcome.text}"[:REASON_LIMIT]


def plan_outcome(
    entry: Entry,
    outcomes: Sequence[Outcome | None],
    now: float,
    random: Callable[[], float],
    rules: ScheduleRules = RULES,
) -> Plan:
    """Plan what follows from an attempt; ``outcomes`` stand for ``entry.pending``, ``None`` where nobody tried."""
    parameters, received_at = entry.envelope.parameters, entry.trace.received_at
    gives_up = give_up_time(parameters, received_at, rules)
    left: list[Pending] = []
    notices: list[Notice] = []
    delivered = deferred = failed = 0
    reason = ""
    for pending, outcome in zip(entry.pending, outcomes, strict=True):
        if outcome is None:
            left.append(replace(pending, due=due_of(pending, entry)))
            continue
        wanted = wishes(pending.recipient)
        if outcome.is_delivered:
            delivered += 1
            if (action := _find_success(wanted, outcome, parameters.deliver_by)) is not None:
                notices.append(Notice(pending.recipient, action, outcome))
            continue
        later = _plan_later(pending, outcome, now, received_at, gives_up, random, rules)
        if later is None:
            failed += 1
            if Notify.FAILURE in wanted:
                notices.append(Notice(pending.recipient, Action.FAILED, _expire(outcome)))
            continue
        deferred += 1
        if not later.is_warned and now >= warning_time(parameters, received_at, rules):
            later = replace(later, is_warned=True)
            if Notify.DELAY in wanted:
                notices.append(Notice(pending.recipient, Action.DELAYED, outcome, gives_up))
        left.append(later)
        reason = reason or describe(outcome)
    settled = Settled(entry.id)
    if left:
        settled = Settled(
            entry.id, tuple(left), State.QUEUED, min(one.due for one in left), reason or entry.reason or left[0].last
        )
    return Plan(settled, tuple(notices), delivered, deferred, failed)


def _find_success(wanted: Notify, outcome: Outcome, by: DeliverBy | None) -> Action | None:
    """What is told of a recipient who is done with; ``None``: nothing."""
    if Notify.SUCCESS in wanted and not outcome.takes_wishes:
        return Action.RELAYED if outcome.is_relayed else Action.DELIVERED
    if by is None or not outcome.is_relayed or wanted is Notify.NEVER:
        return None
    is_notice_lost = not by.returns and not outcome.keeps_time  # nobody will tell of the delay (RFC 2852 §4.1.4.2)
    return Action.RELAYED if by.traces or is_notice_lost else None


def _plan_later(
    pending: Pending,
    outcome: Outcome,
    now: float,
    received_at: float,
    gives_up: float,
    random: Callable[[], float],
    rules: ScheduleRules,
) -> Pending | None:
    """The recipient with its next attempt; ``None`` where there is none."""
    if not outcome.status.is_transient:
        return None
    if outcome.retry_at is not None and now < gives_up:  # nobody was asked: what was said before is still the last
        due = max(now, min(outcome.retry_at, gives_up))
        return replace(pending, due=due, last=pending.last or describe(outcome))
    attempts = pending.attempts + (outcome.retry_at is None)
    due_at = plan_attempt(attempts, now, received_at, random(), rules, gives_up=gives_up)
    if due_at is None:
        return None
    protection = outcome.protection or pending.protection
    return replace(pending, attempts=attempts, last=describe(outcome), due=due_at, protection=protection)


def _expire(outcome: Outcome) -> Outcome:
    """A failure says 5.y.z: what was a delay until now has become one because the time is up."""
    if not outcome.status.is_transient:
        return outcome
    return replace(outcome, status=EXPIRED, text=f"not delivered in time; last: {outcome.status} {outcome.text}")
