"""One batch: entries in, what attempts have left of them out. Runs in a worker thread and may block.

Every pending recipient is routed now, not when it was accepted: an owner may
have changed something since. Handovers to one transport are made together.
Recipients of other servers are not tried here: their next hops are named, for
the relay. Who is not due stays as it is.

An entry of which nothing is left is settled; all others go on to ``rounds``.
A transport that raises has a bug: its handovers are deferred, and it is told
with no addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from samotop.content import Content
from samotop.delivery.guard import Guarded, is_damage
from samotop.delivery.rules import DeliveryRules
from samotop.envelope import Notify, Recipient
from samotop.ports.queue import Queue
from samotop.ports.transport import Handover, LocalTransport, Outcome
from samotop.queue.entry import Entry, Pending, Settled
from samotop.queue.outcome import is_due, wishes
from samotop.routing.destinations import Destination, Local, Unknown
from samotop.routing.nexthop import NextHop
from samotop.routing.router import Router
from samotop.status import EnhancedStatus
from samotop.transport.discard import Discard

UNKNOWN: Final = Outcome(EnhancedStatus(5, 1, 1), "nobody has this address any more")
NO_WAY: Final = Outcome(EnhancedStatus(5, 4, 4), "there is no way to deliver there")
UNTRIED: Final = Outcome(EnhancedStatus(4, 3, 0), "something went wrong here")
UNREADABLE: Final = Outcome(EnhancedStatus(4, 3, 0), "the stored content could not be read")

Destinations = Callable[[Destination], LocalTransport | None]
"""The transport for a ``Local`` or ``Via``; ``None`` where there is none in this release. Always the same object."""


class Log(Protocol):
    """Where events are told: names and numbers, never an address."""

    def info(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Tried:
    """An entry of which something is left. ``outcomes`` stand for its pending recipients, ``None``: nobody tried.

    ``hops`` are the next hops of those who go to other servers, by their places.
    """

    entry: Entry
    outcomes: list[Outcome | None]
    hops: dict[NextHop, list[int]]
    is_damaged: bool = False


@dataclass(slots=True)
class Result:
    """What a batch has left. ``delivered`` counts recipients of the entries in ``settled``."""

    settled: list[Settled] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    delivered: int = 0


def no_hop(destination: Destination, pending: Pending) -> NextHop | None:
    """Where there is no relay, nobody has a next hop."""
    return None


def as_stored(entry: Entry, content: Content) -> Content:
    """The content unchanged."""
    return content


@dataclass(frozen=True, slots=True)
class Ways:
    """What a batch needs to deliver; the same for all.

    ``find_hop`` names the next hop of a recipient that goes to another server.
    ``complete`` gives a submitted message what it lacks (RFC 6409 §8).
    """

    queue: Queue
    router: Router
    destinations: Destinations
    log: Log
    rules: DeliveryRules
    find_hop: Callable[[Destination, Pending], NextHop | None] = no_hop
    complete: Callable[[Entry, Content], Content] = as_stored

    def rewritten(self, recipient: Recipient) -> Recipient:
        """The recipient as the next hop is asked for it."""
        address = self.router.rewrite(recipient.address)
        return recipient if address == recipient.address else replace(recipient, address=address)


def run_batch(entries: Sequence[Entry], fresh: frozenset[str], ways: Ways, now: float) -> Result:
    """Try all ``entries`` once. ``fresh`` are the ids of those that nobody has tried before."""
    outcomes: list[list[Outcome | None]] = []
    hops: list[dict[NextHop, list[int]]] = []
    guards: list[Guarded] = []
    groups: dict[LocalTransport, list[tuple[int, int, Handover]]] = {}
    for row, entry in enumerate(entries):
        guard = _open(ways, entry)
        guards.append(guard)
        due = is_due(entry, now)
        outcomes.append([UNREADABLE if is_now else None for is_now in due])
        hops.append({})
        if guard.content is None:
            continue
        for column, pending in enumerate(entry.pending):
            if not due[column]:
                continue
            address = pending.recipient.address
            try:
                destination = ways.router.resolve(address)
                hop = ways.find_hop(destination, pending)
                transport = ways.destinations(destination) if hop is None else None
            except Exception as error:  # noqa: BLE001 - one entry must not stop the others
                ways.log.error("routing_failed", id=entry.id, error=error)
                outcomes[row][column] = UNTRIED
                continue
            if hop is not None:
                outcomes[row][column] = None
                hops[row].setdefault(hop, []).append(column)
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
    for entry, found_for, hops_for, guard in zip(entries, outcomes, hops, guards, strict=True):
        if all(one is not None and one.is_delivered for one in found_for) and not _tells_success(entry):
            result.settled.append(Settled(entry.id))
            result.delivered += len(found_for)
        else:
            result.tried.append(Tried(entry, found_for, hops_for, guard.is_damaged))
    return result


@dataclass(frozen=True, slots=True)
class Sorted:
    """An entry whose recipients, as far as they are due, are all the relay's, or all lead nowhere."""

    hops: dict[NextHop, list[int]]
    is_discarded: bool


def sort_at_once(entry: Entry, ways: Ways, now: float) -> Sorted | None:
    """Where an entry goes for which no batch is needed; ``None`` where one is. Raises what routing raises."""
    hops: dict[NextHop, list[int]] = {}
    is_discarded = False
    due = is_due(entry, now)
    for number, pending in enumerate(entry.pending):
        if not due[number]:
            continue
        destination = ways.router.resolve(pending.recipient.address)
        hop = ways.find_hop(destination, pending)
        if hop is not None and not is_discarded:
            hops.setdefault(hop, []).append(number)
        elif hop is None and not hops and isinstance(ways.destinations(destination), Discard):
            is_discarded = True
        else:
            return None
    return Sorted(hops, is_discarded)


def defer_all(entries: Sequence[Entry]) -> Result:
    """What is left where a batch has broken off: all of it, for later."""
    return Result(tried=[Tried(entry, [UNTRIED] * len(entry.pending), {}) for entry in entries])


def _tells_success(entry: Entry) -> bool:
    return any(Notify.SUCCESS in wishes(one.recipient) for one in entry.pending)


def _open(ways: Ways, entry: Entry) -> Guarded:
    try:
        return Guarded(ways.complete(entry, ways.queue.open(entry)))
    except (OSError, ValueError) as fault:
        return Guarded(None, is_damaged=is_damage(fault))


def _hand_on(transport: LocalTransport, handovers: list[Handover], log: Log) -> Sequence[Outcome]:
    try:
        outcomes = transport.hand_on(handovers)
        if len(outcomes) == len(handovers):
            return outcomes
        log.error("transport_miscounted", transport=type(transport).__name__, count=len(handovers))
    except Exception as error:  # noqa: BLE001 - a bug in one transport must not stop the others
        log.error("transport_failed", transport=type(transport).__name__, count=len(handovers), error=error)
    return [UNTRIED] * len(handovers)
