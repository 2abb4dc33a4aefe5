"""One batch: entries in, what attempts have left of them out. Runs in a worker thread and may block.

Every pending recipient is routed now, not when it was accepted: an owner may
have changed something since. Handovers to one transport are made together.

What becomes of an entry:

* all delivered: finished.
* some deferred (4.y.z): queued again, with all that is not delivered, until its
  time is up.
* none deferred, but some refused for ever (5.y.z), or nobody takes them, or the
  time is up: **held**, with the reason. This release sends no notifications,
  and what nobody is told of must not be lost.
* content damaged: **damaged**.

A transport that raises has a bug: its handovers are deferred, and it is told
with no addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from samotop.delivery.guard import Guarded, is_damage
from samotop.delivery.rules import DeliveryRules
from samotop.ports.queue import Queue
from samotop.ports.transport import Handover, LocalTransport, Outcome
from samotop.queue.entry import Entry, Pending, Settled, State
from samotop.queue.schedule import plan_attempt
from samotop.routing.destinations import Destination, Local, Unknown
from samotop.routing.router import Router
from samotop.status import EnhancedStatus

UNKNOWN: Final = Outcome(EnhancedStatus(5, 1, 1), "nobody has this address any more")
NO_WAY: Final = Outcome(EnhancedStatus(5, 4, 4), "this release cannot deliver there")
UNTRIED: Final = Outcome(EnhancedStatus(4, 3, 0), "something went wrong here")
UNREADABLE: Final = Outcome(EnhancedStatus(4, 3, 0), "the stored content could not be read")

Destinations = Callable[[Destination], LocalTransport | None]
"""The transport for a ``Local`` or ``Via``; ``None`` where there is none in this release. Always the same object."""


class Log(Protocol):
    """Where events are told: names and numbers, never an address."""

    def info(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


@dataclass(slots=True)
class Result:
    """What a batch has left. Counts are of recipients."""

    settled: list[Settled] = field(default_factory=list)
    delivered: int = 0
    deferred: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Ways:
    """What a batch needs to deliver; the same for all."""

    queue: Queue
    router: Router
    destinations: Destinations
    log: Log
    rules: DeliveryRules


def run_batch(
    entries: Sequence[Entry], fresh: frozenset[str], ways: Ways, now: float, random: Callable[[], float]
) -> Result:
    """Try all ``entries`` once. ``fresh`` are the ids of those that nobody has tried before."""
    outcomes: list[list[Outcome]] = []
    guards: list[Guarded] = []
    groups: dict[LocalTransport, list[tuple[int, int, Handover]]] = {}
    for row, entry in enumerate(entries):
        guard = _open(ways.queue, entry)
        guards.append(guard)
        outcomes.append([UNREADABLE] * len(entry.pending))
        if guard.content is None:
            continue
        for column, pending in enumerate(entry.pending):
            address = pending.recipient.address
            try:
                destination = ways.router.resolve(address)
                transport = ways.destinations(destination)
            except Exception as error:  # noqa: BLE001 - one entry must not stop the others
                ways.log.error("routing_failed", id=entry.id, error=error)
                outcomes[row][column] = UNTRIED
                continue
            if transport is None:
                outcomes[row][column] = UNKNOWN if isinstance(destination, Unknown) else NO_WAY
                continue
            mailbox = destination.account if isinstance(destination, Local) else str(address)
            handover = Handover(entry, pending.recipient, mailbox, guard.content, entry.id in fresh)
            groups.setdefault(transport, []).append((row, column, handover))
    for transport, group in groups.items():
        found = _hand_on(transport, [handover for _, _, handover in group], ways.log)
        for (row, column, _), outcome in zip(group, found, strict=True):
            outcomes[row][column] = outcome
    result = Result()
    for entry, found, guard in zip(entries, outcomes, guards, strict=True):
        result.settled.append(_settle(entry, found, guard, result, now, random, ways.rules))
    return result


def defer_all(entries: Sequence[Entry], now: float, random: Callable[[], float], rules: DeliveryRules) -> Result:
    """What is left where a batch has broken off: all of it, for later."""
    result = Result()
    for entry in entries:
        outcomes = [UNTRIED] * len(entry.pending)
        result.settled.append(_settle(entry, outcomes, Guarded(None), result, now, random, rules))
    return result


def _open(queue: Queue, entry: Entry) -> Guarded:
    try:
        return Guarded(queue.open(entry))
    except (OSError, ValueError) as fault:
        return Guarded(None, is_damaged=is_damage(fault))


def _hand_on(transport: LocalTransport, handovers: list[Handover], log: Log) -> list[Outcome]:
    try:
        outcomes = transport.hand_on(handovers)
        if len(outcomes) == len(handovers):
            return outcomes
        log.error("transport_miscounted", transport=type(transport).__name__, count=len(handovers))
    except Exception as error:  # noqa: BLE001 - a bug in one transport must not stop the others
        log.error("transport_failed", transport=type(transport).__name__, count=len(handovers), error=error)
    return [UNTRIED] * len(handovers)


def _settle(
    entry: Entry,
    outcomes: list[Outcome],
    guard: Guarded,
    result: Result,
    now: float,
    random: Callable[[], float],
    rules: DeliveryRules,
) -> Settled:
    left = tuple(
        Pending(pending.recipient, pending.attempts + 1, f"{outcome.status} {outcome.text}")
        for pending, outcome in zip(entry.pending, outcomes, strict=True)
        if not outcome.is_delivered
    )
    result.delivered += len(outcomes) - len(left)
    if not left:
        return Settled(entry.id)
    if guard.is_damaged:
        result.failed += len(left)
        return Settled(entry.id, left, State.DAMAGED, entry.due, "the stored content cannot be read")
    worst = [outcome for outcome in outcomes if not outcome.is_delivered]
    transient = next((outcome for outcome in worst if outcome.status.is_transient), None)
    if transient is None:
        result.failed += len(left)
        return Settled(entry.id, left, State.HELD, entry.due, f"{worst[0].status} {worst[0].text}")
    due = plan_attempt(max(p.attempts for p in left), now, entry.trace.received_at, random(), rules.schedule)
    if due is None:
        result.failed += len(left)
        reason = f"not delivered in time; last: {transient.status} {transient.text}"
        return Settled(entry.id, left, State.HELD, entry.due, reason)
    result.deferred += len(left)
    return Settled(entry.id, left, State.QUEUED, due, f"{transient.status} {transient.text}")
