"""Which TLS each host must have: asks DNS, the policies' web servers and our memory, and has ``tlspolicy`` decide.

The plan is made before a host is called, the judgement when its TLS stands and
before anything is said of a message. What a host has reached is remembered for
the domain. Where the store does not say what a domain demands, nothing is sent
until it does: less than that would be a silent downgrade.

An ``Observer`` hears of every judgement, and of each policy that could not be
fetched: reports are made of that (RFC 8460).
Raises nothing: what cannot be found out is a plan that refuses, or one without
what could not be found.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from samotop.delivery.calls import Host
from samotop.dns.resolver import Resolver
from samotop.errors import TryAgainLater
from samotop.msgauth.results import Result
from samotop.ports.clock import Clock
from samotop.ports.policies import Policies
from samotop.routing.nexthop import HopKind
from samotop.status import EnhancedStatus
from samotop.tlspolicy.dane import lookup_dane
from samotop.tlspolicy.judge import Judgement, Session, judge_tls
from samotop.tlspolicy.levels import Level
from samotop.tlspolicy.mtasts import Fetcher, StsFound, StsPolicy, StsRules, lookup_sts
from samotop.tlspolicy.plan import Refusal, TlsPlan, plan_tls
from samotop.tlspolicy.requiretls import Wish

T = TypeVar("T")

STS_RULES: Final = StsRules()

RENEWED_AT_ONCE: Final = 1000
"""Policies that one look renews: more than most servers know, few enough to be over before the next look."""

UNKNOWN: Final = Refusal(EnhancedStatus(4, 3, 0), "what TLS the domain demands could not be read from the store")


class Observer(Protocol):
    """Told of what TLS comes to, on the loop."""

    def note_session(self, plan: TlsPlan, judged: Judgement) -> None:
        """A session was judged, or a host passed over."""
        ...

    def note_policy(self, found: StsFound) -> None:
        """An MTA-STS policy was asked for; ``found.failure`` says why it could not be fetched, if so."""
        ...


class Trusted(Protocol):
    """The public authorities; ``tlspolicy.chain.Trust`` is one."""

    def check(self, chain: Any, names: Any, now: float) -> None: ...


class TlsPlanner(Protocol):
    async def plan(self, host: Host, port: int, *, must_refresh: bool = False) -> TlsPlan:
        """What a session with ``host``, one of a domain's, must reach.

        ``must_refresh``: it has not, for a policy's sake; make sure that the policy still stands (RFC 8461 §5.1).
        """
        ...

    async def judge(self, plan: TlsPlan, session: Session) -> Judgement:
        """Whether it has; and remember it."""
        ...


class PolicyPlanner:
    """``beside`` runs a job that may wait for the disk. Without a ``fetcher`` there is no MTA-STS, without
    ``policies`` nothing is remembered."""

    def __init__(
        self,
        resolver: Resolver,
        clock: Clock,
        *,
        trust: Callable[[], Trusted | None],
        fetcher: Fetcher | None = None,
        policies: Policies | None = None,
        beside: Callable[[Callable[[], T]], Awaitable[T]],
        observer: Observer | None = None,
    ) -> None:
        self._resolver = resolver
        self._clock = clock
        self._trust = trust
        self._fetcher = fetcher
        self._policies = policies
        self._beside: Callable[[Callable[[], Any]], Awaitable[Any]] = beside
        self._observer = observer

    async def plan(self, host: Host, port: int, *, must_refresh: bool = False) -> TlsPlan:
        domain = host.hop.name
        is_domain = host.hop.kind is HopKind.DOMAIN
        dane = await lookup_dane(host.name, self._resolver, exchanges=host.exchanges, port=port) if is_domain else None
        sts, memory, is_known = None, None, True
        if self._policies is not None and is_domain and host.wish is not Wish.WAIVES:  # who waives asks for no policy
            try:
                sts = await self._policy(domain, self._policies, must_refresh=must_refresh)
                memory = await self._beside(partial(self._policies.get_memory, domain))
            except TryAgainLater:
                is_known = False
        plan = plan_tls(
            domain,
            host.name,
            now=self._clock.time(),
            mx=host.exchanges,
            dane=dane,
            sts=sts,
            memory=memory,
            wish=host.wish,
        )
        return plan if is_known or plan.refusal is not None else replace(plan, refusal=UNKNOWN, reason=UNKNOWN.reason)

    async def _policy(self, domain: str, policies: Policies, *, must_refresh: bool) -> StsPolicy | None:
        if self._fetcher is None:
            return None
        entry = await self._beside(partial(policies.get_sts, domain))
        now = self._clock.time()
        if must_refresh and (entry is None or now - entry.fetched_at < STS_RULES.retry):
            must_refresh = False  # what was fetched a moment ago is what there is; many messages may fail at once
        found = await lookup_sts(domain, entry, self._resolver, self._fetcher, now=now, must_refresh=must_refresh)
        await self._keep(found, policies)
        return found.policy

    async def _keep(self, found: StsFound, policies: Policies) -> None:
        if self._observer is not None and found.failure is not None:
            self._observer.note_policy(found)
        if found.is_new and found.entry is not None:
            await self._beside(partial(policies.put_sts, found.entry))

    async def renew(self, limit: int = RENEWED_AT_ONCE) -> int:
        """Fetch again the policies that are a day old, so that none ends while its web server is away (RFC 8461 §3.3);
        drop what has ended. Returns how many were fetched. Raises ``TryAgainLater``."""
        if self._policies is None or self._fetcher is None:
            return 0
        await self._beside(partial(self._policies.expire, self._clock.time()))
        renewed = 0
        for entry in await self._beside(partial(self._policies.due_sts, self._clock.time(), limit)):
            now = self._clock.time()
            found = await lookup_sts(entry.domain, entry, self._resolver, self._fetcher, now=now)
            await self._keep(found, self._policies)
            renewed += found.is_new and found.failure is None
        return renewed

    async def judge(self, plan: TlsPlan, session: Session) -> Judgement:
        judged = judge_tls(plan, session, self._trust(), self._clock.time())  # type: ignore[arg-type]  # a Trust by its shape
        if self._observer is not None:
            self._observer.note_session(plan, judged)
        is_good = judged.result is Result.PASS and judged.reached.rank >= Level.ENCRYPTED.rank
        if self._policies is not None and is_good:
            try:
                await self._beside(partial(self._policies.remember, plan.domain, judged.reached, self._clock.time()))
            except TryAgainLater:
                return judged
        return judged
