"""One round: an attempt at all of an entry's recipients that are due, and what is written down of it when.

Local recipients are done first, by a batch; those of other servers come back
one group after the other. Who has the message is taken out of the queue as
soon as that is known, so that a crash sends nobody a second copy whom another
next hop's slowness kept waiting; what failed or waits is written down when
all have answered.

A notification is in the queue before the recipient it tells of is out of it: a
crash in between may double a notification, and never loses one. Where it
cannot be written, nothing is settled, and the round is repeated later.

A message with the null reverse-path is a notification itself: nobody is told
of its failure (RFC 5321 §6.1), it is counted and logged. Nobody is told either
where nothing proves that the reverse-path is the sender's (``proof``). What
nobody is told of must not be lost: it is held, and so it is without a notifier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from samotop.address import NullPath
from samotop.delivery.rules import DeliveryRules
from samotop.ports.clock import Clock
from samotop.ports.queue import Queue
from samotop.ports.transport import Outcome
from samotop.queue.entry import Entry, Pending, Settled, State
from samotop.queue.outcome import Action, Notice, Plan, describe, plan_outcome


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


UNPROVEN: Final = "nobody was told: nothing proves its sender; "
"""Before the reason of what is held because its sender may be somebody who knows nothing of it."""


class Notifier(Protocol):
    def may_tell(self, entry: Entry) -> bool:
        """Is it known who has sent it (``proof``)?"""
        ...

    async def notify(self, entry: Entry, notices: Sequence[Notice]) -> None:
        """Make a notification to the entry's sender durable. Raises ``TryAgainLater``, ``OSError``, ``ValueError``."""
        ...


@dataclass(slots=True)
class Counters:
    """Since the start. Recipients delivered, deferred, failed; notifications; entries discarded; batches run.

    ``unnotified`` are failed recipients of whom nobody was told: of messages with the null reverse-path, or one that
    nothing proves.
    """

    delivered: int = 0
    deferred: int = 0
    failed: int = 0
    notified: int = 0
    unnotified: int = 0
    discarded: int = 0
    batches: int = 0


class Round:
    """One entry's. ``waiting`` counts recipients that have yet to be answered."""

    __slots__ = ("_outcomes", "entry", "is_damaged", "is_stepping", "waiting")

    def __init__(self, entry: Entry, outcomes: Sequence[Outcome | None], waiting: int, *, is_damaged: bool) -> None:
        self.entry = entry
        self.waiting = waiting
        self.is_damaged = is_damaged
        self.is_stepping = False
        self._outcomes: dict[int, Outcome] = {}  # by the identity of what is in ``entry.pending``, which never changes
        for pending, outcome in zip(entry.pending, outcomes, strict=True):
            if outcome is not None:
                self._outcomes[id(pending)] = outcome

    def note(self, pending: Sequence[Pending], outcomes: Sequence[Outcome], *, is_damaged: bool) -> None:
        """``pending`` are those that the entry had when the round began, or some of them."""
        self._outcomes.update(zip(map(id, pending), outcomes, strict=True))
        self.waiting -= len(outcomes)
        self.is_damaged = self.is_damaged or is_damaged

    def take_out(self, outcomes: Sequence[Outcome | None]) -> None:
        """What ``outcomes`` told of is written down: only the others are still of this round, as they were."""
        pairs = zip(self.entry.pending, outcomes, strict=True)
        self.entry = replace(self.entry, pending=tuple(pending for pending, outcome in pairs if outcome is None))

    @property
    def is_complete(self) -> bool:
        return self.waiting <= 0

    @property
    def has_news(self) -> bool:
        """Has anybody been answered?"""
        return bool(self._outcomes)

    def outcomes(self) -> list[Outcome | None]:
        """For each pending recipient; while others are waited for, only who has the message."""
        found = [self._outcomes.get(id(one)) for one in self.entry.pending]
        if self.is_complete:
            return found
        return [one if one is not None and one.is_delivered else None for one in found]


class Rounds:
    """Settles rounds. Lives on the loop; ``released`` is called with what is durable, ``finished`` when it is over."""

    def __init__(
        self,
        queue: Queue,
        notifier: Notifier | None,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        rules: DeliveryRules,
        random: Callable[[], float],
        counters: Counters,
        settle: Callable[[list[Settled]], None],
    ) -> None:
        self._queue = queue
        self._notifier = notifier
        self._clock = clock
        self._loop = loop
        self._log = log
        self._rules = rules
        self._random = random
        self._counters = counters
        self._settle = settle
        self._tasks: set[asyncio.Task[None]] = set()

    def advance(self, round: Round) -> None:
        """Something was noted: write down what can be."""
        if round.is_stepping:
            return  # it looks again when it has done its step
        is_last = round.is_complete
        if not is_last and not round.has_news:
            return
        outcomes = round.outcomes()
        if not is_last and not any(outcomes):
            return
        plan = self._plan(round, outcomes)
        if not is_last:
            round.take_out(outcomes)
        has_sender = not isinstance(round.entry.envelope.reverse_path, NullPath)
        if plan.notices and self._notifier is not None and has_sender:
            round.is_stepping = True
            task = self._loop.create_task(self._notify(round, plan, is_last, self._notifier))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        if plan.notices and plan.failed:
            self._counters.unnotified += plan.failed
            self._log.info("undeliverable_notification", id=round.entry.id, count=plan.failed)
        self._write_down(round, plan, is_last)

    def _plan(self, round: Round, outcomes: list[Outcome | None]) -> Plan:
        entry, now = round.entry, self._clock.time()
        is_null = isinstance(entry.envelope.reverse_path, NullPath)
        if self._notifier is None or (is_null and not is_ours(entry)):
            plan = plan_holding(entry, outcomes, now, self._random, self._rules)
        else:
            plan = plan_outcome(entry, outcomes, now, self._random, self._rules.schedule)
            if plan.notices and not is_null and not self._notifier.may_tell(entry):
                plan = self._hold_unproven(entry, outcomes, now)
        if round.is_damaged and plan.settled.pending:
            settled = replace(plan.settled, state=State.DAMAGED, reason="the stored content cannot be read")
            return replace(plan, settled=settled, deferred=0, failed=plan.failed + plan.deferred)
        return plan

    def _hold_unproven(self, entry: Entry, outcomes: list[Outcome | None], now: float) -> Plan:
        plan = plan_holding(entry, outcomes, now, self._random, self._rules, UNPROVEN)
        if plan.failed:
            self._counters.unnotified += plan.failed
            self._log.info("unproven_sender", id=entry.id, count=plan.failed)
        return plan

    async def _notify(self, round: Round, plan: Plan, is_last: bool, notifier: Notifier) -> None:
        try:
            await notifier.notify(round.entry, plan.notices)
            self._counters.notified += 1
        except Exception as error:  # noqa: BLE001 - whatever it was, the entry must not stay in memory for ever
            self._log.error("notification_put_off", id=round.entry.id, error=error)
            plan = self._repeat(round, plan)
        finally:
            round.is_stepping = False
        self._write_down(round, plan, is_last)
        if not is_last:
            self.advance(round)  # there may be more answers by now

    def _repeat(self, round: Round, plan: Plan) -> Plan:
        """Nobody could be told: who has failed stays, to fail again when it can be told.

        Who has the message does not: no notification of success is worth a second copy.
        """
        at = self._clock.time() + self._rules.pause
        failed = {one.recipient for one in plan.notices if one.action is Action.FAILED}
        kept = [replace(one, due=at) for one in round.entry.pending if one.recipient in failed]
        pending = (*plan.settled.pending, *kept)
        if not pending:
            return replace(plan, notices=())
        due = min(one.due for one in pending)
        settled = Settled(round.entry.id, pending, State.QUEUED, due, "the notification could not be written")
        return replace(
            plan, settled=settled, notices=(), deferred=plan.deferred + len(kept), failed=plan.failed - len(kept)
        )

    def _write_down(self, round: Round, plan: Plan, is_last: bool) -> None:
        counters = self._counters
        counters.delivered += plan.delivered
        counters.deferred += plan.deferred
        counters.failed += plan.failed
        if is_last:
            if plan.deferred or plan.failed:
                self._tell(plan)
            elif plan.delivered:
                self.tell_delivered(round.entry, plan.delivered)
            self._settle([plan.settled])
            return
        self._queue.settle([replace(plan.settled, due=round.entry.due, reason=round.entry.reason)], _nothing)

    def tell_delivered(self, entry: Entry, count: int) -> None:
        """Only of what was deferred before: that is what somebody looks for, and each line costs 11 to 17 µs."""
        attempts = max((one.attempts for one in entry.pending), default=0)
        if attempts:
            self._log.info("delivered", id=entry.id, count=count, attempts=attempts + 1)

    def _tell(self, plan: Plan) -> None:
        settled = plan.settled
        if not settled.pending:
            self._log.info("failed", id=settled.id, count=plan.failed)
            return
        event = "deferred" if settled.state is State.QUEUED else settled.state.value
        status = settled.pending[0].last.rpartition(": ")[2].partition(" ")[0] if settled.pending[0].last else ""
        self._log.info(event, id=settled.id, count=len(settled.pending), status=_status_of(settled.reason) or status)


def is_ours(entry: Entry) -> bool:
    """Have we written this message ourselves? Then nobody else loses anything when it fails."""
    return not entry.trace.protocol


def plan_holding(
    entry: Entry,
    outcomes: Sequence[Outcome | None],
    now: float,
    random: Callable[[], float],
    rules: DeliveryRules,
    why: str = "",
) -> Plan:
    """As ``plan_outcome``, but what fails stays: held once nothing else is to be tried, for ``why`` and its reason."""
    plan = plan_outcome(entry, outcomes, now, random, rules.schedule)
    if not plan.failed:
        return replace(plan, notices=())
    left = {one.recipient: one for one in plan.settled.pending}
    kept: list[Pending] = []
    words = ""
    for pending, outcome in zip(entry.pending, outcomes, strict=True):
        if pending.recipient in left:
            kept.append(left[pending.recipient])
        elif outcome is not None and not outcome.is_delivered:
            protection = outcome.protection or pending.protection
            tried = Pending(
                pending.recipient, pending.attempts + 1, describe(outcome), plan.settled.due, protection=protection
            )
            kept.append(tried)
            late = "not delivered in time; last: " if outcome.status.is_transient else ""
            words = words or late + describe(outcome)
    if plan.settled.pending:
        return replace(plan, settled=replace(plan.settled, pending=tuple(kept)), notices=())
    return replace(plan, settled=Settled(entry.id, tuple(kept), State.HELD, entry.due, why + words), notices=())


WORDS: Final = 16
"""Of a reason in which its status is looked for: more than we ever write before it."""


def _status_of(reason: str) -> str:
    """The enhanced status in a reason: a log must not tell the rest, which is a peer's."""
    for word in reason.split(" ")[:WORDS]:
        head, dot, rest = word.partition(".")
        if dot and head in ("2", "4", "5") and rest.replace(".", "").isdigit() and len(rest) <= 7:
            return word
    return ""


def _nothing() -> None:
    return
