"""The relay against each row of ``hostilehops``: three messages for it, one for an honest server beside it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from samotop.delivery.caller import NetworkCaller
from samotop.delivery.outgoing import Outgoing
from samotop.delivery.relay import Relay
from samotop.delivery.rules import DeliveryRules, RelayRules
from samotop.delivery.service import Delivery
from samotop.delivery.tlsplans import PolicyPlanner
from samotop.queue.entry import Entry, Pending
from samotop.queue.outcome import Notice
from samotop.queue.pace import PaceRules
from samotop.routing import Destination, Route, Router, RoutingRules, parse_via
from samotop.routing.nexthop import NextHop, find_next_hop
from samotop.testing import ZoneResolver
from samotop.tlspolicy.firstuse import Memory
from samotop.tlspolicy.levels import Level
from tests.fakes.hostilehops import Row, make_rows, serve_row
from tests.fakes.queue import FakeAccounts, FakeLog, FakeQueue, MovableClock, make_entry

MESSAGES = 3
RULES = RelayRules(sessions=6, idle=0.0, call=3.0, send=3.0, least_rate=10**9, pace=PaceRules(initial=2, most=4))
SHORT = b"Subject: s\r\n\r\n" + b"Some words.\r\n" * 20
LONG = SHORT + (b"x" * 900 + b"\r\n") * 10_000
ZONE: dict[str, Any] = {"bad.example": {"MX": ["10 mx.bad.example"]}, "mx.bad.example": {"A": ["127.0.0.1"]}}


@dataclass(frozen=True)
class Fate:
    """What became of the hostile server's mail, in the words of the page, and of the honest one's."""

    text: str
    left: int
    told: int
    kept: int
    others: int
    sent: int


class _Remembering:
    """Implements ``ports.Policies`` as far as a planner without a fetcher asks."""

    def __init__(self, row: Row) -> None:
        self._level = Level.VERIFIED if row.demands_tls else None

    def get_memory(self, domain: str) -> Memory | None:
        return None if self._level is None else Memory(domain, self._level, MovableClock().time())

    def remember(self, domain: str, level: Level, now: float) -> None:
        return


class _Telling:
    """Who is told of a failure, by the entry's id."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def may_tell(self, entry: Entry) -> bool:
        return True

    async def notify(self, entry: Entry, notices: Sequence[Notice]) -> None:
        self.told[entry.id] = str(notices[0].outcome.status)


async def evaluate_row(row: Row, honest: Row) -> Fate:
    """The first attempt at everything, over real sockets."""
    loop = asyncio.get_running_loop()
    bad, good = await serve_row(row), await serve_row(honest)
    port, good_port = (server.sockets[0].getsockname()[1] for server in (bad, good))
    queue, clock, telling = FakeQueue(), MovableClock(), _Telling()
    resolver = ZoneResolver(ZONE)
    routes = (Route("good.example", parse_via(f"smtp://127.0.0.1:{good_port}?tls=none")),)
    router = Router(RoutingRules(("example.org",), routes=routes), FakeAccounts("bob"))

    def find_hop(destination: Destination, pending: Pending) -> NextHop | None:
        return find_next_hop(destination, pending.recipient.address)

    async def beside(job: Callable[[], Any]) -> Any:
        return job()

    delivery = Delivery(
        queue, router, lambda _: None, clock, loop, FakeLog(), rules=DeliveryRules(relay=RULES), random=lambda: 0.5,
        notifier=telling, find_hop=find_hop,
    )  # fmt: skip
    policies: Any = _Remembering(row)
    planner = PolicyPlanner(resolver, clock, trust=lambda: None, policies=policies, beside=beside)
    delivery.relay = Relay(
        NetworkCaller(resolver, planner, "mx.example.org", port=port), resolver, Outgoing("mx.example.org"),
        queue.open, clock, loop, FakeLog(), room=lambda: delivery.room, beside=beside,
        ourselves=frozenset(("mx.example.org",)), random=lambda: 0.5, rules=RULES,
    )  # fmt: skip
    await delivery.start()
    entries = [make_entry(number, f"r{number}@bad.example") for number in range(MESSAGES)]
    last = make_entry(100, "bob@good.example")
    for entry in (*entries, last):
        queue.put(entry, LONG if row.is_long and entry is not last else SHORT)
    delivery.submit([*entries, last])
    try:
        await asyncio.wait_for(delivery._idle.wait(), 60)
    finally:
        bad.close()
        good.close()
        await delivery.stop()
    left = [queue.entries[one.id] for one in entries if one.id in queue.entries]
    ends = Counter(f"**bounces** {status}" for status in telling.told.values())
    ends.update(f"waits, {_status(one)}" for one in left if one.pending[0].attempts)
    if row.record.kept and not left and not telling.told:
        ends["delivered"] = row.record.kept
    text = " or ".join(sorted(ends))
    others = honest.record.kept if last.id not in queue.entries else 0
    return Fate(text, len(left), len(telling.told), row.record.kept, others, row.record.sent)


def _status(entry: Entry) -> str:
    """The status of the last attempt, which the queue shows after the server's name."""
    return next(word for word in entry.pending[0].last.split() if word[:2] in ("4.", "5."))


@cache
def evaluate_hostile() -> dict[str, Fate]:
    """Every row, all at once: each waits for its own deadlines."""

    async def evaluate() -> dict[str, Fate]:
        rows = make_rows()
        honest = [Row("honest", _honest) for _ in rows]
        fates = await asyncio.gather(*[evaluate_row(row, one) for row, one in zip(rows.values(), honest, strict=True)])
        return dict(zip(rows, fates, strict=True))

    run: Callable[..., dict[str, Fate]] = asyncio.run
    return run(evaluate())


async def _honest(talk: Any) -> None:
    await talk.until(b"")


def format_hostile() -> str:
    """The table, in Markdown."""
    lines = ["| the next hop | its mail |", "|---|---|"]
    fates = evaluate_hostile()
    lines += [f"| {row.title} | {fates[name].text} |" for name, row in make_rows().items()]
    return "\n".join(lines)
