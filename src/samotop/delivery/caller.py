"""Calls other servers for the relay: over the network, with the TLS that the plan demands.

A host of a domain is dialled at port 25, its addresses raced; TLS is begun
without the library's verification, and then judged by the plan (DANE, MTA-STS,
what was seen before: ``tlsplans``). A server that the operator named by URL
gets what its URL says (``serversessions``).

What a peer or the network does is an outcome. Raises ``SetupError`` for a URL
that cannot be read, when the server is first called.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from samotop.address import NullPath
from samotop.content import Content
from samotop.delivery.calls import Host, NoVisit, Visit
from samotop.delivery.protection import describe_plan
from samotop.delivery.serversessions import ServerSessions
from samotop.delivery.tlsplans import TlsPlanner
from samotop.dns.resolver import Resolver
from samotop.envelope import Envelope
from samotop.errors import SetupError
from samotop.msgauth.results import Result
from samotop.net.clienttls import ClientTls, TlsDemand
from samotop.net.dial import DialRules, dial
from samotop.net.dialfault import DialFailure
from samotop.net.endpoint import Tcp
from samotop.ports.transport import Outcome
from samotop.queue.entry import Protection
from samotop.routing.nexthop import HopKind
from samotop.smtp.client import NO_WISHES, ClientRules, DeliverBy, Stage, Wishes
from samotop.status import EnhancedStatus
from samotop.tlspolicy.judge import Session
from samotop.tlspolicy.levels import Level, Source
from samotop.tlspolicy.plan import TlsPlan
from samotop.transport.sending import RecipientOutcome
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.opening import NoSession, SessionPlan, open_courier

GOODBYE_SECONDS: Final = 5.0
"""For QUIT: nothing depends on the answer."""
REPLY_LIMIT: Final = 500
"""Characters of a reply that a notification repeats."""

SECURITY: Final = 7
"""The subject of a status that speaks of security or policy (RFC 3463 §3.8)."""

_OURS: Final = (DialFailure.LOCAL, DialFailure.DNS)
"""Failures to connect that say nothing of the host."""


class CourierVisit:
    """A session with one server, as the relay sees it."""

    __slots__ = ("_courier", "_is_stale", "_loop", "protection", "server")

    def __init__(self, courier: Courier, server: str, protection: Protection) -> None:
        self._courier = courier
        self._is_stale = False
        self._loop = asyncio.get_running_loop()
        self.server = server
        self.protection = protection

    @property
    def tls(self) -> str:
        return f"{self.protection.reached}: {self.protection.why}"

    @property
    def is_usable(self) -> bool:
        return self._courier.is_usable

    @property
    def is_stale(self) -> bool:
        return self._is_stale

    async def deliver(
        self, envelope: Envelope, content: Content, until: float, *, seconds_left: int | None, may_convert: bool
    ) -> list[Outcome]:
        wishes = NO_WISHES
        is_promised = "REQUIRETLS" in self._courier.capabilities.keywords
        if isinstance(envelope.reverse_path, NullPath) and not is_promised:
            # A notification is not lost for a server that promises nothing (RFC 8689 §5).
            envelope = replace(envelope, parameters=replace(envelope.parameters, requires_tls=False))
        by = envelope.parameters.deliver_by
        if by is not None and seconds_left is not None:
            wishes = Wishes(deliver_by=DeliverBy(seconds_left, by.returns, by.traces))
        found = await self._courier.deliver(envelope, content, until, wishes=wishes, may_convert=may_convert)
        self._is_stale = not self.is_usable and all(_is_undecided(one) for one in found)
        return [self._outcome(one) for one in found]

    def _outcome(self, one: RecipientOutcome) -> Outcome:
        reply = "" if one.reply is None else str(one.reply)[:REPLY_LIMIT]
        server = self.server if one.reply is not None else ""
        if one.is_accepted:
            keywords = self._courier.capabilities.keywords
            return Outcome(
                one.status,
                one.text,
                server,
                reply,
                is_relayed=True,
                takes_wishes="DSN" in keywords,
                keeps_time="DELIVERBY" in keywords,
            )
        return Outcome(one.status, one.text, server, reply, protection=self.protection)

    async def close(self) -> None:
        try:
            await self._courier.quit(self._loop.time() + GOODBYE_SECONDS)
        except OSError:
            self._courier.abort()


def _is_undecided(one: RecipientOutcome) -> bool:
    """Has the server neither said anything of it nor been sent it? 421 before the content is its way of hanging up."""
    if one.reply is not None:
        return one.reply.code == 421 and one.stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)
    return one.is_undecided


class NetworkCaller:
    """Implements ``calls.Caller``. ``hello`` is our name; ``port`` that of other domains' hosts.

    ``roots`` are the authorities to believe of a server whose URL names none; for domains' hosts the planner has them.
    """

    def __init__(
        self,
        resolver: Resolver,
        planner: TlsPlanner,
        hello: str,
        *,
        port: int = 25,
        tls: ClientTls | None = None,
        dialling: DialRules = DialRules(),
        rules: ClientRules = ClientRules(),
        roots: Path | None = None,
    ) -> None:
        self._resolver = resolver
        self._planner = planner
        self._hello = hello
        self._port = port
        self._tls = tls or ClientTls()
        self._dialling = dialling
        self._rules = rules
        self._server_sessions = ServerSessions(resolver, hello, dialling, rules, roots=roots)

    async def visit(self, host: Host, until: float) -> Visit | NoVisit:
        try:
            async with asyncio.timeout_at(until):
                if host.hop.kind is HopKind.SERVER:
                    return await self._visit_server(host, until)
                return await self._visit_host(host, until)
        except TimeoutError:
            protection = Protection(str(host.hop), host.name)
            outcome = Outcome(EnhancedStatus(4, 4, 1), "the server took too long", host.name, protection=protection)
            return NoVisit(outcome)
        except SetupError:
            return NoVisit(Outcome(EnhancedStatus(4, 3, 5), "the route to it cannot be used as it is written"), False)

    async def _visit_host(self, host: Host, until: float) -> Visit | NoVisit:
        plan = await self._planner.plan(host, self._port)
        found = await self._try(host, plan, until)
        if isinstance(found, NoVisit) and plan.source is Source.STS and found.outcome.status.subject == SECURITY:
            # No message waits or comes back for a policy that its domain has replaced (RFC 8461 §5.1).
            renewed = await self._planner.plan(host, self._port, must_refresh=True)
            if renewed.sts != plan.sts:
                return await self._try(host, renewed, until)
        return found

    async def _try(self, host: Host, plan: TlsPlan, until: float) -> Visit | NoVisit:
        if plan.refusal is not None:
            await self._planner.judge(plan, Session(False))
            return _refused(host, plan, plan.refusal.status, plan.refusal.reason, None)
        call = partial(dial, Tcp(host.name, self._port), resolver=self._resolver, rules=self._dialling)
        demand = TlsDemand(_asked(plan), server_name=plan.server_name)
        opened = await open_courier(
            call, SessionPlan(self._hello, demand, host.name, tls=self._tls, rules=self._rules), until
        )
        if isinstance(opened, NoSession):
            if opened.tls_failure is not None:
                judged = await self._planner.judge(plan, Session(False, fault=_fault_of(opened)))
                return _refused(host, plan, judged.status or opened.status, judged.reason or opened.text, Level.NONE)
            return _no_visit(opened, host.name, describe_plan(host, plan))
        secured = opened.secured
        offers = "REQUIRETLS" in opened.capabilities.keywords
        session = Session(secured is not None, () if secured is None else secured.chain, offers)
        judged = await self._planner.judge(plan, session)
        protection = describe_plan(host, plan, judged.reached)
        visit = CourierVisit(opened, host.name, protection)
        if judged.result is not Result.PASS:
            await visit.close()
            status = judged.status or EnhancedStatus(4, 7, 5)
            return _refused(host, plan, status, judged.reason or plan.reason, judged.reached)
        return visit

    async def _visit_server(self, host: Host, until: float) -> Visit | NoVisit:
        opened, protection = await self._server_sessions.open(host, until)
        if isinstance(opened, NoSession):
            reached = "" if opened.tls_failure is None else str(Level.NONE)
            return _no_visit(opened, protection.host, replace(protection, reached=reached), is_chosen=True)
        level = Level.NONE if opened.secured is None else opened.secured.level
        return CourierVisit(opened, protection.host, replace(protection, reached=str(level)))


def _asked(plan: TlsPlan) -> Level:
    """What is asked of the TLS library: encryption; who the server is, is judged afterwards."""
    if not plan.tries_tls:
        return Level.NONE
    return Level.OPPORTUNISTIC if plan.may_be_plain else Level.ENCRYPTED


def _fault_of(opened: NoSession) -> str:
    """In a word, where a handshake was tried and failed; nothing where TLS was not offered."""
    return "" if opened.reply is not None or "does not offer" in opened.text else "handshake"


def _refused(host: Host, plan: TlsPlan, status: EnhancedStatus, reason: str, reached: Level | None) -> NoVisit:
    """The host does not come up to the plan, which is no fault of the host as a mail server."""
    return NoVisit(Outcome(status, reason, host.name, protection=describe_plan(host, plan, reached)), False)


def _no_visit(opened: NoSession, name: str, protection: Protection, *, is_chosen: bool = False) -> NoVisit:
    """``is_chosen``: the operator named it, so that what is wrong with it is never the message's fault."""
    fault = opened.dial_fault
    is_host = fault is None or fault.failure not in _OURS
    reply = "" if opened.reply is None else str(opened.reply)[:REPLY_LIMIT]
    status = opened.status
    if status.is_permanent and (fault is None or is_chosen):
        # A host that sends everybody away may be repaired; another one may take it meanwhile (RFC 5321 §5.1).
        status = EnhancedStatus(4, status.subject, status.detail)
    server = name if opened.reply is not None else ""
    return NoVisit(Outcome(status, opened.text, server, reply, protection=protection), is_host)
