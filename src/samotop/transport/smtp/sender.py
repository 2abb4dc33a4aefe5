"""``SmtpTransport``: send messages to one server over a pool of connections.

    async with SmtpTransport.from_url("smtps://user:password@mail.example.org") as transport:
        outcome = await transport.send(message)

What the server, the network, DNS or TLS refuse is the ``Outcome``: deferred or
refused, for each recipient, with a status and a reason in plain words. A message
is given to a second connection only where the first one had been idle and its
server, having closed it meanwhile, cannot have accepted anything of it.

Raises ``SetupError`` for a URL, roots or a certificate that cannot be used,
``RuntimeError`` after ``close``, ``TypeError`` and ``ValueError`` as
``transport.sending`` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from samotop.content import Content
from samotop.dns.resolver import Resolver
from samotop.envelope import Envelope
from samotop.net.clienttls import ClientTls
from samotop.net.dial import DialRules, dial
from samotop.sasl import Credentials
from samotop.smtp.client import NO_WISHES, ClientRules, Stage, Wishes
from samotop.status import EnhancedStatus
from samotop.transport.sending import Outcome, Progress, Sendable, same_for_all, take_message
from samotop.transport.smtp.address import SmtpServer, parse_server
from samotop.transport.smtp.attempt import Attempt, try_long, try_short
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.ledger import Ledger
from samotop.transport.smtp.opening import Call, NoSession, SessionPlan, open_courier
from samotop.transport.smtp.pool import Lease, Pool, PoolRules
from samotop.transport.smtp.view import ServerView, view_session
from samotop.transport.smtp.wirelog import Tell, hear_along

SEND_SECONDS: Final = 900.0
"""For one message, all in all: the longest wait of RFC 5321 §4.5.3.2 (600 s, for the last reply), and half more."""

CLOSED: Final = NoSession(EnhancedStatus(4, 3, 2), "the transport was closed before another attempt", Stage.IDLE)
UNASKED: Final = NoSession(EnhancedStatus(4, 7, 0), "the credentials for it did not come in time", Stage.AUTH)

AskCredentials = Callable[[Credentials | None], Awaitable[Credentials]]
"""Asked for the credentials of each session, so that a token is fresh; given those that the server has just refused,
once: then it is time for new ones. What it raises, ``send`` raises."""


class SmtpTransport:
    """Sends to ``server``. Connections are opened when the first message is sent; for one event loop.

    ``timeout`` is for one message in seconds, waiting for a connection
    included. ``resolver`` looks the host up, else the system does. ``call``
    dials in place of all that the server's address says: for a stream of the
    caller's (``net.stream.Stream.adopt``). ``ask_credentials`` is asked in place
    of the server's own credentials. ``tell`` hears the dialogue, without
    secrets and content (``transport.smtp.wirelog``).
    """

    def __init__(
        self,
        server: SmtpServer,
        *,
        timeout: float = SEND_SECONDS,
        pool: PoolRules = PoolRules(),
        resolver: Resolver | None = None,
        call: Call | None = None,
        rules: ClientRules = ClientRules(),
        dialling: DialRules = DialRules(),
        ask_credentials: AskCredentials | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._server = server
        self._timeout = timeout
        self._pool_rules = pool
        self._pool: Pool | None = None
        self._is_closed = False
        dialling = replace(dialling, sources=server.sources or dialling.sources)
        self._call = call or partial(dial, server.place, resolver=resolver, proxy=server.proxy, rules=dialling)
        if tell is not None:
            self._call = hear_along(self._call, tell)
        self._ask_credentials = ask_credentials
        if server.allows_plaintext_login:
            rules = replace(rules, allows_plaintext_login=True)
        self._plan = SessionPlan(
            hello=server.hello,
            demand=server.demand,
            name=server.host,
            is_lmtp=server.is_lmtp,
            is_private=server.is_private,
            credentials=server.credentials,
            tls=ClientTls(server.tls),
            rules=rules,
        )

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        credentials: Credentials | AskCredentials | None = None,
        hello: str | None = None,
        allows_plaintext_login: bool = False,
        timeout: float = SEND_SECONDS,
        pool: PoolRules = PoolRules(),
        resolver: Resolver | None = None,
        rules: ClientRules = ClientRules(),
        tell: Tell | None = None,
    ) -> Self:
        """Make one of a URL (``transport.smtp.address``); ``credentials``, or who is asked for them, replace its own.

        Raises ``SetupError``.
        """
        ask = credentials if callable(credentials) else None
        fixed = None if callable(credentials) else credentials
        server = parse_server(url, has_login=credentials is not None)
        server = replace(
            server,
            credentials=fixed or server.credentials,
            hello=hello or server.hello,
            allows_plaintext_login=allows_plaintext_login,
        )
        return cls(server, timeout=timeout, pool=pool, resolver=resolver, rules=rules, ask_credentials=ask, tell=tell)

    @property
    def server(self) -> SmtpServer:
        return self._server

    async def send(
        self,
        message: Sendable | Envelope,
        content: Content | bytes | None = None,
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
        wishes: Wishes = NO_WISHES,
    ) -> Outcome:
        """Send one message; many may be sent at the same time. See ``transport.sending`` for what is returned."""
        if self._is_closed:
            raise RuntimeError("the transport is closed")
        envelope, body = take_message(message, content)
        until = asyncio.get_running_loop().time() + (self._timeout if timeout is None else timeout)
        pool = self._pool_in_use()
        first = await try_short(pool, envelope, body, until, progress, wishes)
        if isinstance(first, NoSession):
            return _none_sent(envelope, first)
        if len(first.outcomes) == len(envelope.recipients):
            return Outcome(first.outcomes, first.tls)
        ledger = Ledger(envelope.recipients)
        ledger.put(*first.outcomes)
        rest = replace(envelope, recipients=ledger.open)
        second: Attempt | NoSession = CLOSED
        if not self._is_closed:
            needs_fresh = first.needs_fresh
            second = await try_long(pool, rest, body, until, progress, wishes, needs_fresh=needs_fresh, is_last=True)
        if isinstance(second, NoSession):
            ledger.put(*_none_sent(rest, second).recipients)
            return Outcome(ledger.outcomes())
        ledger.put(*second.outcomes)
        return Outcome(ledger.outcomes(), second.tls)

    async def check(self, *, timeout: float = 60.0) -> NoSession | None:
        """Can a session be opened, login included? ``None``: yes; else why not. Sends nothing."""
        found = await self.examine(timeout=timeout)
        return found if isinstance(found, NoSession) else None

    async def examine(self, *, timeout: float = 60.0) -> ServerView | NoSession:
        """What the server offers, and how it is reached, login included; or why not. Sends nothing."""
        if self._is_closed:
            raise RuntimeError("the transport is closed")
        pool = self._pool_in_use()
        lease = await pool.take(asyncio.get_running_loop().time() + timeout)
        if isinstance(lease, NoSession):
            return lease
        assert isinstance(lease, Lease), "only an errand has a result"
        is_logged_in = self._plan.credentials is not None or self._ask_credentials is not None
        try:
            return view_session(lease.courier, is_logged_in=is_logged_in)
        finally:
            pool.give_back(lease)

    async def close(self) -> None:
        """End the sessions; those in use end with their message."""
        self._is_closed = True
        if self._pool is not None:
            await self._pool.close()

    def _pool_in_use(self) -> Pool:
        """Made with the first message: it belongs to the event loop that runs then."""
        if self._pool is None:
            self._pool = Pool(self._open, self._pool_rules)
        return self._pool

    async def _open(self, until: float) -> Courier | NoSession:
        ask = self._ask_credentials
        if ask is None:
            return await open_courier(self._call, self._plan, until)
        credentials = await _ask(ask, None, until)
        if isinstance(credentials, NoSession):
            return credentials
        found = await open_courier(self._call, replace(self._plan, credentials=credentials), until)
        if isinstance(found, NoSession) and found.stage is Stage.AUTH and found.reply is not None:
            renewed = await _ask(ask, credentials, until)
            if isinstance(renewed, Credentials) and renewed != credentials:
                return await open_courier(self._call, replace(self._plan, credentials=renewed), until)
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<SmtpTransport to {self._server.place}>"


def _none_sent(envelope: Envelope, why: NoSession) -> Outcome:
    return Outcome(same_for_all(envelope.recipients, why.status, why.text, stage=why.stage, reply=why.reply))


async def _ask(ask: AskCredentials, refused: Credentials | None, until: float) -> Credentials | NoSession:
    """Ask the caller, who may ask a server of its own: for no longer than the message has."""
    try:
        async with asyncio.timeout_at(until) as limit:
            return await ask(refused)
    except TimeoutError:
        if not limit.expired():
            raise
        return UNASKED
