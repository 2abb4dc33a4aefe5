"""The hosts of a next hop: found, tried one after the other, left alone for a while where they do not answer.

Awaits the resolver and the caller, whose work is bounded by themselves. Raises
nothing: without a session there is an outcome.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from samotop.delivery.calls import Caller, Host, NoVisit, Visit
from samotop.delivery.lanes import LaneKey
from samotop.delivery.protection import name_hop
from samotop.delivery.rules import RelayRules
from samotop.dns.resolver import Resolver
from samotop.msgauth.results import Result
from samotop.ports.clock import Clock
from samotop.ports.transport import Outcome
from samotop.queue.pace import Rest
from samotop.routing.nexthop import LOOP, HopKind, order_hosts
from samotop.status import EnhancedStatus, parse_status
from samotop.tlspolicy.exchanges import Exchanges, lookup_exchanges

RESTING: Final = "waits: its servers did not answer a moment ago"


class Hosts:
    """``ourselves`` are our own names: mail must not come back to us."""

    def __init__(
        self,
        caller: Caller,
        resolver: Resolver,
        clock: Clock,
        *,
        ourselves: frozenset[str],
        random: Callable[[], float],
        rules: RelayRules,
    ) -> None:
        self._caller = caller
        self._resolver = resolver
        self._clock = clock
        self._ourselves = ourselves
        self._random = random
        self._rules = rules
        self._rests: OrderedDict[str, Rest] = OrderedDict()

    async def open(self, key: LaneKey, *, is_hurried: bool) -> Visit | Outcome:
        """A session with the first host that gives one, else what to tell. ``is_hurried``: also those that rest."""
        hosts, outcome = await self._find(key)
        faults: list[Outcome] = [] if outcome is None else [outcome]
        now = self._clock.monotonic()
        ready = [one for one in hosts if is_hurried or not self._rest_of(one.key).is_resting(now)]
        for host in ready[: self._rules.hosts]:
            until = asyncio.get_running_loop().time() + self._rules.call
            found = await self._caller.visit(host, until)
            rest = self._rest_of(host.key)
            if not isinstance(found, NoVisit):
                rest.succeed()
                return found
            faults.append(found.outcome)
            if found.is_host:
                rest.fail(self._clock.monotonic(), self._random())
        if hosts and not ready:
            return self.put_off(min(self._rest_of(host.key).until for host in hosts) - now, RESTING)
        return name_hop(next((one for one in faults if one.status.is_transient), faults[-1]), key[0])

    def put_off(self, seconds: float, why: str) -> Outcome:
        """For what was not tried: again in about ``seconds``."""
        at = self._clock.time() + seconds * (1 + 0.5 * self._random())
        return Outcome(EnhancedStatus(4, 4, 5), why, retry_at=at)

    async def _find(self, key: LaneKey) -> tuple[list[Host], Outcome | None]:
        hop, wish = key
        if hop.kind is HopKind.SERVER:
            return [Host(hop, wish=wish)], None
        if hop.kind is HopKind.LITERAL:
            return [Host(hop, hop.name, wish=wish)], None
        exchanges = await lookup_exchanges(hop.name, self._resolver)
        if exchanges.result is not Result.PASS:
            return [], _refused(exchanges)
        order = order_hosts(exchanges.hosts, self._ourselves, self._random)
        if order.is_loop:
            return [], Outcome(parse_status(LOOP), "mail for this domain leads back to us, who do not know it")
        return [Host(hop, name, exchanges, wish) for name in order.hosts], None

    def _rest_of(self, key: str) -> Rest:
        rest = self._rests.get(key)
        if rest is None:
            rest = self._rests[key] = Rest(self._rules.pace)
            if len(self._rests) > self._rules.hosts_remembered:
                self._rests.popitem(last=False)
        return rest


def _refused(exchanges: Exchanges) -> Outcome:
    return Outcome(exchanges.status or EnhancedStatus(4, 4, 3), exchanges.reason)
