"""Opening a session: dial, greeting, TLS as demanded, hello, login; then there is a ``Courier``.

    found = await open_courier(call, SessionPlan(hello="client.example.org", demand=demand), until)
    if isinstance(found, NoSession):
        ...                                     # found.status, found.text, found.stage, found.tls_failure

``call`` dials: it is called once, and once more where opportunistic TLS fails and
there is no login to protect; the second connection is in the clear, as one
without STARTTLS would have been (RFC 7435 §4.2). Nothing else falls back.

A login happens on a private way alone: TLS, a UNIX socket, a child. A password
itself is given only to a server that was verified, or where TLS without
verification was demanded in so many words (``Level.ENCRYPTED``), or where
``allows_plaintext_login`` says that it may be in the clear.

Raises nothing for what happens on the way; ``SetupError`` for roots or
certificates of ours that cannot be used.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from samotop.net.clienttls import ClientTls, Secured, TlsDemand, TlsRefused, secure
from samotop.net.dialfault import DialFault
from samotop.net.stream import Stream
from samotop.reply import Reply
from samotop.sasl import ClientMechanism, Credentials, choose_mechanism
from samotop.smtp.client import (
    Authenticated,
    ClientConnection,
    ClientRules,
    HungUp,
    Pause,
    Ready,
    Refused,
    Stage,
    TlsAccepted,
)
from samotop.status import EnhancedStatus
from samotop.tlspolicy.levels import Failure, Level
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.wording import describe_loss, status_of

Call = Callable[[float], Awaitable[Stream]]
"""Dials, before the given moment on the loop's clock. Raises ``DialFault``."""

TLS_FAILED: Final = EnhancedStatus(4, 7, 5)
"""Cryptographic failure (RFC 3463 §3.8): another attempt may find the server mended."""
NO_MECHANISM: Final = EnhancedStatus(5, 7, 4)
"""Security features not supported: nothing that the server offers may be used for this login."""
BAD_CREDENTIALS: Final = EnhancedStatus(5, 7, 8)
NONCE_OCTETS: Final = 18
"""Random octets in a nonce of ours: 24 characters, as many as others use (RFC 5802 §5.1)."""


GOODBYE_SECONDS: Final = 2.0
"""For QUIT after a session that did not come about: nothing depends on it."""


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """How a session is to be opened.

    ``name`` is the host that ``call`` dials: whom its certificate must name
    where the demand names nobody. ``is_private``: nobody else can read or write
    on this way, also without TLS.
    """

    hello: str
    demand: TlsDemand = TlsDemand()
    name: str = ""
    is_lmtp: bool = False
    is_private: bool = False
    credentials: Credentials | None = field(default=None, repr=False)
    tls: ClientTls = field(default_factory=ClientTls, repr=False)
    rules: ClientRules = ClientRules()


@dataclass(frozen=True, slots=True)
class NoSession:
    """Why there is no session. ``status`` is for every recipient that it was for; ``stage`` is how far it came.

    ``text`` is the server's where there is a ``reply``. ``tls_failure`` where it was TLS that failed.
    """

    status: EnhancedStatus
    text: str
    stage: Stage = Stage.GREETING
    reply: Reply | None = None
    tls_failure: Failure | None = None
    dial_fault: DialFault | None = field(default=None, repr=False)


async def open_courier(call: Call, plan: SessionPlan, until: float) -> Courier | NoSession:
    """Dial and open a session, all before ``until`` on the loop's clock."""
    found = await _open_once(call, plan, until)
    if isinstance(found, Courier) or found.tls_failure is None:
        return found
    if plan.demand.level is not Level.OPPORTUNISTIC or plan.demand.is_implicit or plan.credentials is not None:
        return found
    return await _open_once(call, replace(plan, demand=replace(plan.demand, level=Level.NONE)), until)


async def _open_once(call: Call, plan: SessionPlan, until: float) -> Courier | NoSession:
    try:
        stream = await call(until)
    except DialFault as fault:
        return NoSession(fault.status, str(fault), dial_fault=fault)
    try:
        secured: Secured | None = None
        if plan.demand.is_implicit:
            secured = await secure(stream, plan.tls, plan.demand, until, dialled_name=plan.name)
        engine = ClientConnection(
            plan.hello, plan.rules, is_lmtp=plan.is_lmtp, is_encrypted=secured is not None or plan.is_private
        )
        opening = _Opening(plan, stream, engine, Courier(engine, stream, secured), until)
        found = await opening.run()
        if isinstance(found, NoSession):
            await opening.courier.quit(min(until, asyncio.get_running_loop().time() + GOODBYE_SECONDS))
        return found
    except TlsRefused as refused:
        stream.abort()
        return NoSession(TLS_FAILED, str(refused), Stage.STARTTLS, tls_failure=refused.failure)
    except BaseException:
        stream.abort()
        raise


class _Opening:
    """From the greeting to a session that can take a message."""

    def __init__(
        self, plan: SessionPlan, stream: Stream, engine: ClientConnection, courier: Courier, until: float
    ) -> None:
        self._plan = plan
        self._stream = stream
        self._engine = engine
        self.courier = courier
        self._until = until

    async def run(self) -> Courier | NoSession:
        """Raises ``TlsRefused``."""
        while True:
            event = await self.courier.next_event(self._until)
            match event:
                case Ready():
                    found = self._begin()
                    if found is not None:
                        return found
                case TlsAccepted():
                    self.courier.secured = await secure(
                        self._stream, self._plan.tls, self._plan.demand, self._until, dialled_name=self._plan.name
                    )
                    self._engine.tls_started()
                case Authenticated():
                    return self.courier
                case Refused(stage, reply, reason):
                    return self._refused(stage, reply, reason)
                case HungUp(stage, reply) if reply is not None:
                    return NoSession(_negative(reply, EnhancedStatus(4, 3, 2)), reply.text, stage, reply)
                case HungUp(stage, _):
                    return self._lost(stage)
                case Pause():
                    return self._lost(self._engine.stage)
                case _:
                    pass

    def _begin(self) -> Courier | NoSession | None:
        """What comes after a hello; ``None`` where something is to be waited for."""
        demand, engine = self._plan.demand, self._engine
        if self.courier.secured is None and demand.level is not Level.NONE:
            wants_tls = demand.is_mandatory or not self._plan.is_private
            if wants_tls and engine.capabilities.can_start_tls:
                engine.start_tls()
                return None
            if demand.is_mandatory:
                text = "the server does not offer TLS, which is required"
                return NoSession(TLS_FAILED, text, Stage.STARTTLS, tls_failure=Failure.STARTTLS)
        if self._plan.credentials is None or engine.is_authenticated:
            return self.courier
        return self._log_in(self._plan.credentials)

    def _log_in(self, credentials: Credentials) -> NoSession | None:
        is_open = self._plan.rules.allows_plaintext_login
        if not self._engine.is_encrypted and not is_open:
            text = "there is no TLS, and a login in the clear is not allowed"
            return NoSession(EnhancedStatus(5, 7, 11), text, Stage.AUTH)
        try:
            mechanism = self._choose(credentials, is_open or self._may_reveal())
        except ValueError:
            return NoSession(BAD_CREDENTIALS, "the login has characters that no login may have", Stage.AUTH)
        if mechanism is None:
            text = "the server offers no way of logging in that may be used with these credentials"
            return NoSession(NO_MECHANISM, text, Stage.AUTH)
        self._engine.authenticate(mechanism)
        return None

    def _may_reveal(self) -> bool:
        secured = self.courier.secured
        if secured is None:
            return self._plan.is_private
        return secured.level.rank >= Level.VERIFIED.rank or self._plan.demand.level is Level.ENCRYPTED

    def _choose(self, credentials: Credentials, may_reveal: bool) -> ClientMechanism | None:
        return choose_mechanism(
            self._engine.capabilities.mechanisms,
            credentials,
            secrets.token_urlsafe(NONCE_OCTETS),
            self._binding(),
            allow_plaintext=may_reveal,
        )

    def _binding(self) -> bytes | None:
        """The channel binding of this connection, where a mechanism could use one."""
        secured = self.courier.secured
        if secured is None or not secured.chain:
            return None
        from samotop.net.peercert import end_point_of  # loads cryptography: TLS has done so already

        return end_point_of(secured.chain[0])

    def _refused(self, stage: Stage, reply: Reply, reason: str) -> NoSession:
        if stage is Stage.STARTTLS:
            text = f"the server refused to begin TLS: {reply.text}"
            return NoSession(TLS_FAILED, text, stage, reply, Failure.STARTTLS)
        if reason:
            return NoSession(EnhancedStatus(4, 7, 0), reason, stage, reply)
        return NoSession(_negative(reply, EnhancedStatus(4, 5, 0)), reply.text, stage, reply)

    def _lost(self, stage: Stage) -> NoSession:
        why, status = self.courier.end
        failure = Failure.STARTTLS if stage is Stage.STARTTLS else None
        return NoSession(status, describe_loss(why or "the server closed the connection", stage), stage, None, failure)


def _negative(reply: Reply, otherwise: EnhancedStatus) -> EnhancedStatus:
    """The reply's status where it refuses; ``otherwise`` for one that should not have been positive."""
    return status_of(reply) if not reply.is_positive else otherwise
