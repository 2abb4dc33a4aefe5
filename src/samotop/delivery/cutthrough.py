"""Next hops that are asked while the sender waits: implements ``ports.nexthop`` over ``transport.smtp``.

For recipients of routes with ``cut_through``. A session is opened for each
transaction when its first recipient is asked for, with the TLS that the route's
URL demands, and verified TLS where the sender requires it (RFC 8689 §4.2.1).

What the next hop says becomes the sender's reply, cleaned and bounded. What is
wrong between us and the next hop is nobody's fault who writes: unreachable, no
TLS, no login, commands that it does not know are 451, and the operator's log
has the status. Whatever ended without an answer is 451 as well, also where the
whole content had been sent: the sender tries again, and the next hop may then
get it twice (RFC 5321 §6.1 prefers that to a loss).

Wishes about notifications, sizes and the like go as far as the next hop's
capabilities allow; without DSN they are dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

from samotop.content import Content
from samotop.delivery.calls import Host
from samotop.delivery.outgoing import Outgoing, prepend
from samotop.delivery.protection import plan_server
from samotop.dns.resolver import Resolver
from samotop.envelope import MailParameters, Recipient
from samotop.errors import SetupError
from samotop.facts import MailFacts
from samotop.net.clienttls import ClientTls
from samotop.net.dial import DialRules, dial
from samotop.net.endpoint import Tcp
from samotop.ports.nexthop import Hop
from samotop.ports.spool import NewEntry
from samotop.queue.entry import Entry, Pending
from samotop.reply import Reply
from samotop.routing.destinations import Via
from samotop.routing.nexthop import HopKind, NextHop, find_next_hop
from samotop.routing.router import Router
from samotop.smtp.client import ClientRules, DeliverBy, Stage, Wishes
from samotop.status import EnhancedStatus
from samotop.tlspolicy.requiretls import Wish
from samotop.transport.sending import RecipientOutcome
from samotop.transport.smtp.address import PRIVATE_HELLO, SmtpServer, parse_server
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.held import Held
from samotop.transport.smtp.opening import NoSession, SessionPlan, open_courier

GOODBYE_SECONDS: Final = 5.0
"""For RSET and QUIT, while nobody waits."""
CLOSE_SECONDS: Final = 1.0
"""For the goodbyes when the server stops."""
LINES_LIMIT: Final = 5
"""Lines of a next hop's reply that its sender gets."""
LINE_LIMIT: Final = 400
"""Characters of one of them."""
SESSIONS_LIMIT: Final = 200
"""Sessions open at the same time, over all next hops; who comes later is asked to come back."""

_UNREACHABLE: Final = Reply.of(451, "4.4.1", "The next hop cannot be reached right now, try again later")
_BROKEN: Final = Reply.of(451, "4.4.2", "The next hop did not answer, try again later")
_MISFIT: Final = Reply.of(451, "4.3.5", "The next hop does not take mail from us as it should, try again later")
_BUSY: Final = Reply.of(451, "4.3.2", "Too many messages on their way to the next hop, try again later")

_OUR_FAULT: Final = frozenset((500, 501, 502, 503, 504, 530, 534, 535, 538, 555))
"""Codes that speak of our commands or our login, not of the sender's message."""


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> None: ...


OpenSession = Callable[[Hop, bool, float], Awaitable[Courier | NoSession]]
"""Opens a session with a next hop, verified where that is asked for, until a moment on the loop's clock."""


class CutThrough:
    """Implements ``ports.nexthop.NextHops``. ``outgoing`` writes what the next hop gets of us."""

    def __init__(
        self,
        router: Router,
        outgoing: Outgoing,
        open_session: OpenSession,
        loop: asyncio.AbstractEventLoop,
        log: Log,
    ) -> None:
        self._router = router
        self.outgoing = outgoing
        self.open_session = open_session
        self.loop = loop
        self.log = log
        self.sessions = 0
        self._leaving: set[asyncio.Task[None]] = set()

    def find(self, recipient: Recipient) -> Hop | None:
        destination = self._router.resolve(recipient.address)
        if not isinstance(destination, Via) or not destination.route.is_cut_through:
            return None
        hop = find_next_hop(destination, recipient.address)
        return None if hop is None else Hop(hop.name, hop.is_lmtp)

    def begin(self, hop: Hop, mail: MailFacts) -> Transaction:
        return Transaction(self, hop, mail)

    def rewrite(self, recipient: Recipient) -> Recipient:
        """The recipient under the address that the next hop knows."""
        address = self._router.rewrite(recipient.address)
        return recipient if address == recipient.address else replace(recipient, address=address)

    def see_off(self, courier: Courier, held: Held | None) -> None:
        """End a session in the background: nobody waits for it."""
        task = self.loop.create_task(self._see_off(courier, held))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Wait for the goodbyes that are being said, not for long."""
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=CLOSE_SECONDS)

    async def _see_off(self, courier: Courier, held: Held | None) -> None:
        until = self.loop.time() + GOODBYE_SECONDS
        try:
            if held is not None:
                await held.drop(until)
            await courier.quit(until)
        except OSError:
            courier.abort()
        finally:
            self.sessions -= 1


class Transaction:
    """Implements ``ports.nexthop.Asked``."""

    def __init__(self, hops: CutThrough, hop: Hop, mail: MailFacts) -> None:
        self._hops = hops
        self._hop = hop
        self._mail = mail
        self._courier: Courier | None = None
        self._held: Held | None = None

    async def recipient(self, recipient: Recipient, within: float) -> Reply:
        until = self._hops.loop.time() + within
        if self._courier is None:
            refusal = await self._call(until)
            if refusal is not None:
                return refusal
        assert self._held is not None, "there is a session"
        outcome = await self._held.ask(self._hops.rewrite(recipient), until)
        if not outcome.is_accepted:
            self._tell(outcome)
            if not self._held.is_open:
                self.close()  # the next recipient begins anew
        return read_reply(outcome)

    async def content(self, id: str, entry: NewEntry, content: Content, within: float) -> Sequence[Reply]:
        until = self._hops.loop.time() + within
        recipients = tuple(map(self._hops.rewrite, entry.envelope.recipients))
        if self._held is None:
            return [_BROKEN] * len(recipients)
        pending = tuple(map(Pending, entry.envelope.recipients))
        whole = Entry(id, entry.envelope, pending, entry.trace, content.size)
        outgoing = self._hops.outgoing
        prepared = await asyncio.to_thread(outgoing.prepare, whole, content)
        if entry.trace.results:
            prepared = prepend(entry.trace.results.encode(), prepared)
        may_convert = not outgoing.needs_signature(whole)
        outcomes = await self._held.send(recipients, prepared, until, may_convert=may_convert)
        for one in outcomes:
            if not one.is_accepted:
                self._tell(one)
        return [read_reply(one) for one in outcomes]

    def close(self) -> None:
        if self._courier is not None:
            courier, self._courier = self._courier, None
            held, self._held = self._held, None
            self._hops.see_off(courier, held)

    async def _call(self, until: float) -> Reply | None:
        """Open the session; the reply that says why there is none."""
        hops = self._hops
        if hops.sessions >= SESSIONS_LIMIT:
            return _BUSY
        hops.sessions += 1
        found: Courier | NoSession | None = None
        try:
            async with asyncio.timeout_at(until):
                found = await hops.open_session(self._hop, self._mail.parameters.requires_tls, until)
        except TimeoutError:
            hops.log.info("next_hop_unreachable", status="4.4.1")
            return _UNREACHABLE
        except SetupError:
            hops.log.info("next_hop_unreachable", status="4.3.5")
            return _MISFIT
        finally:
            if not isinstance(found, Courier):
                hops.sessions -= 1
        if isinstance(found, NoSession):
            code = 0 if found.reply is None else found.reply.code
            hops.log.info("next_hop_unreachable", status=str(found.status), stage=found.stage.value, code=code)
            return _UNREACHABLE
        self._courier = found
        self._held = Held(found, self._mail.reverse_path, self._mail.parameters, wishes_of(self._mail.parameters))
        return None

    def _tell(self, outcome: RecipientOutcome) -> None:
        code = 0 if outcome.reply is None else outcome.reply.code
        self._hops.log.info("next_hop_refused", status=str(outcome.status), stage=outcome.stage.value, code=code)


def server_sessions(resolver: Resolver, hello: str, dialling: DialRules = DialRules()) -> OpenSession:
    """Opens sessions with the servers that routes name. ``hello`` is our name."""
    servers: dict[str, tuple[SmtpServer, ClientTls]] = {}

    async def open_session(hop: Hop, requires_tls: bool, until: float) -> Courier | NoSession:
        if hop.url not in servers:
            server = parse_server(hop.url)
            servers[hop.url] = server, ClientTls(server.tls)
        server, tls = servers[hop.url]
        wish = Wish.REQUIRES if requires_tls else Wish.NOTHING
        demand, _ = plan_server(Host(NextHop(HopKind.SERVER, hop.url), wish=wish), server)
        call = partial(
            dial,
            server.place,
            resolver=resolver if isinstance(server.place, Tcp) else None,
            proxy=server.proxy,
            rules=replace(dialling, sources=server.sources or dialling.sources),
        )
        plan = SessionPlan(
            hello if server.hello == PRIVATE_HELLO else server.hello,
            demand,
            server.host,
            server.is_lmtp,
            server.is_private,
            server.credentials,
            tls,
            ClientRules(allows_plaintext_login=server.allows_plaintext_login),
        )
        return await open_courier(call, plan, until)

    return open_session


def wishes_of(parameters: MailParameters) -> Wishes:
    """When the sender wants it delivered: no time has gone by since it said so."""
    by, until = parameters.deliver_by, parameters.hold_until
    return Wishes(
        parameters.hold_for,
        None if until is None else datetime.fromtimestamp(until, UTC),
        None if by is None else DeliverBy(by.seconds, by.returns, by.traces),
    )


def read_reply(outcome: RecipientOutcome) -> Reply:
    """What the sender is told: the next hop's own words where it spoke of the message, else that it comes back."""
    reply = outcome.reply
    if reply is None:
        if outcome.status.is_permanent:  # nobody was asked: this next hop cannot take it as it is
            return Reply(554, outcome.status, (clean(outcome.text),))
        return _BROKEN if outcome.stage is not Stage.IDLE else Reply(451, outcome.status, (clean(outcome.text),))
    if reply.code in _OUR_FAULT:
        return _MISFIT
    klass = reply.code // 100
    code = 250 if klass == 2 else reply.code
    if code in (421, 521):  # it hangs up on us, and we do not on the sender
        code = 451 if klass == 4 else 554
    status = reply.status if reply.status is not None and reply.status.klass == klass else EnhancedStatus(klass, 0, 0)
    return Reply(code, status, tuple(map(clean, reply.lines[:LINES_LIMIT])) or ("",))


def clean(text: str) -> str:
    """A line of somebody else's words, bounded."""
    return "".join(c if c.isprintable() else " " for c in text[:LINE_LIMIT]).strip()
