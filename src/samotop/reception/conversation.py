"""The session around what is said in it: the loop, the greeting, the end.

Octets go to the engine, its events become facts, facts become verdicts,
verdicts become replies. On the usual path all of that happens within
``data_received``: no task, no future, one write for all that came in one
read.

Who the peer is, ``acquaintance`` finds out; what is said of mail is ``session``'s
part. It raises nothing to the event loop for what a peer does.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final

from samotop.facts import ConnectionFacts
from samotop.net.networks import in_networks
from samotop.reception import answers
from samotop.reception.context import Context
from samotop.reception.deciding import Deciding
from samotop.reception.listener import Listener
from samotop.reception.xclient import XCLIENT, XCLIENT_KEYWORD
from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.events import Event, HungUp, Pause, Quit
from samotop.smtp.server import ServerConnection
from samotop.smtp.states import Phase
from samotop.verdict import Verdict

UNREAD_LIMIT: Final = 64 * 1024
"""Octets that may wait in the engine while an answer is awaited; then we stop reading."""

# Looked up for every read: a member of an enum costs ten times a module's name.
_CLOSED: Final = Pause.CLOSED
_WAITING: Final = Pause.WAITING
_START: Final = Phase.START
_CONTENT: Final = (Phase.DATA, Phase.CHUNK)


class Conversation(Deciding):
    """What is said over a connection, whatever it is about."""

    __slots__ = (
        "_connection",
        "_content_deadline",
        "_has_eof",
        "_is_committing",
        "_is_congested",
        "_is_lingering",
        "_is_pumping",
        "_page",
    )

    def __init__(self, context: Context, listener: Listener) -> None:
        super().__init__(context, listener)
        self._connection: ConnectionFacts | None = None
        self._has_eof = False
        self._is_committing = self._is_congested = self._is_lingering = self._is_pumping = False
        self._content_deadline = math.inf
        self._page = context.transcript.open() if context.transcript is not None else None

    @abstractmethod
    def _react(self, event: Event) -> None:
        """Something has happened."""

    @abstractmethod
    def _drop_content(self) -> None:
        """The content that is arriving will not be complete: forget what came of it."""

    @property
    @abstractmethod
    def _is_logging_in(self) -> bool:
        """Is an AUTH exchange under way? What is said in it is secret."""

    @abstractmethod
    def _mechanisms(self, is_encrypted: bool) -> Sequence[str]:
        """What AUTH offers."""

    def data_received(self, data: bytes) -> None:
        if self._is_lingering or self._transport is None:
            return
        engine = self._engine
        if engine is None:
            if self._prelude is not None:
                self._prelude.receive_data(data)
            return
        if self._page is not None:
            self._page.received(engine.phase, data, is_login=self._is_logging_in)
        engine.receive_data(data)
        if self._task is None and not self._is_writing_paused:
            self._pump()
        elif engine.buffered > UNREAD_LIMIT:
            self._pause_reading()

    def _resume_reading(self) -> None:
        if not self._is_congested:
            super()._resume_reading()

    def eof_received(self) -> bool:
        """The peer says nothing more. It may still read: what it is owed is said before the session ends."""
        engine = self._engine
        is_owed = engine is not None and engine.is_waiting and self._peer.tls is None  # TLS ends both ways at once
        self._has_eof = self._has_eof or is_owed
        return is_owed

    # --- beginning ------------------------------------------------------------------------------

    def _begin(self, octets: bytes) -> None:
        """TLS, if any, is there: make the engine, and greet."""
        listener = self._listener
        tls = self._peer.tls
        verbs = dict(listener.keywords) if listener.verbs else {}
        if listener.proxy and in_networks(self._peer.address, listener.proxy):
            verbs[XCLIENT] = XCLIENT_KEYWORD
        self._engine = ServerConnection(
            self._context.hostname,
            listener.smtp,
            is_lmtp=listener.is_lmtp,
            offers_starttls=self._may_start_tls(),
            is_encrypted=tls is not None,
            requires_tls=listener.tls == "required",
            requires_auth=listener.requires_login,
            mechanisms=self._mechanisms if self._context.logins is not None else None,
            verbs=verbs or None,
            now=self._context.clock.time,
        )
        self._engine.receive_data(octets)
        wait = self._context.rules.banner_wait
        if wait > 0 and not in_networks(self._peer.address, self._context.exempt):
            self._context.loop.call_later(wait, self._greet, True)
            self.deadline += wait
        else:
            self._greet()

    def _greet(self, has_waited: bool = False) -> None:
        engine = self._engine
        if engine is None or self._transport is None or not engine.is_waiting:
            return
        # Only who was made to wait can have spoken early: a proxy hands its client's first words over with the header.
        spoke_early = has_waited and engine.buffered > 0
        facts = ConnectionFacts(
            self._peer, self._context.hostname, self._listener.protocol, spoke_early, self._local_address()
        )
        self._connection = facts
        if facts.spoke_early:
            self._answer_connection(answers.SPOKE_EARLY)
        else:
            self._decide(self._context.stages.connection, facts, self._answer_connection)
        if self._task is None:
            self._pump()

    def _answer_connection(self, verdict: Verdict) -> None:
        engine = self._served()
        if verdict.is_refusal:
            refusal = answers.answer(verdict, replies.OK)
            code = 421 if refusal.is_transient else 554  # the codes of RFC 5321 §4.3.2 for a greeting
            engine.send(Reply(code, refusal.status, refusal.lines))
            return
        engine.send(answers.greeting(verdict.said or self._context.hostname, self._listener.is_lmtp))

    # --- the loop -------------------------------------------------------------------------------

    def _go_on(self) -> None:
        if self._engine is not None:
            self._pump()

    def _pump(self) -> None:
        """Take all events that are there, then write what is to be said in one go."""
        engine = self._served()
        transport = self._transport
        if transport is None or self._is_pumping:
            return
        has_moved = False
        self._is_pumping = True
        while True:
            event = engine.next_event()
            if isinstance(event, Pause):
                break
            has_moved = True
            self._react(event)
        self._is_pumping = False
        octets = engine.data_to_send()
        if octets:
            has_moved = True
            self._write(octets)
        if has_moved:
            self._renew_deadline(engine)
        if event is _CLOSED:
            self._finish()
        elif event is _WAITING:
            if engine.buffered > UNREAD_LIMIT:
                self._pause_reading()
        elif self._has_eof:
            transport.close()
        elif self._context.is_stopping and engine.transaction is None:
            self.stop()
        elif self._is_reading_paused:
            self._resume_reading()

    def _write(self, octets: bytes) -> None:
        if self._page is not None:
            self._page.sent(octets)
        if self._transport is not None:
            self._transport.write(octets)

    def _renew_deadline(self, engine: ServerConnection) -> None:
        rules = self._context.rules
        now = self._context.clock.monotonic()
        phase = engine.phase
        if phase in _CONTENT:
            self.deadline = min(now + rules.data_timeout, self._content_deadline)
        elif phase is not _START:  # before the first command the greeting's deadline holds
            self.deadline = min(now + rules.command_timeout, self._ends_at)

    def _begin_content(self) -> None:
        """A content may come from now on: the time for all of it runs."""
        self._content_deadline = self._context.clock.monotonic() + self._context.rules.content_timeout

    def _say(self, verdict: Verdict, reply: Reply) -> None:
        """Answer what was asked, and end the session where the verdict wants that."""
        self._served().send(reply)
        self._end_after(verdict)

    def _end_after(self, verdict: Verdict) -> None:
        """What was said was the last word, where the verdict wants that."""
        if verdict.closes and verdict.is_refusal:
            self._served().close()
            self._is_lingering = True

    # --- ending ---------------------------------------------------------------------------------

    def _on_quit(self, event: Quit) -> None:
        self._drop_content()

    def _on_hung_up(self, event: HungUp) -> None:
        self._drop_content()
        self._is_lingering = True
        self._context.log.info(
            "hung_up", code=event.reply.code, status=str(event.reply.status), listener=self._listener.name
        )

    def _finish(self) -> None:
        """The engine is through: let the client read our last words, then close."""
        transport = self._transport
        if transport is None:
            return
        self.deadline = self._context.clock.monotonic() + self._context.rules.linger
        if self._is_lingering and transport.can_write_eof():
            # Closing with unread octets would reset the connection and take our last reply with it.
            transport.write_eof()
            self._resume_reading()
        else:
            transport.close()

    def expire(self) -> None:
        if self._transport is None:
            return
        if self._is_lingering or self._engine is None or self._engine.phase is Phase.CLOSED:
            self._transport.abort()
            return
        if self._is_committing or self._task is not None:
            return  # the client waits for us, not we for it
        self._hang_up(answers.TIMED_OUT)

    def stop(self) -> None:
        engine = self._engine
        if self._transport is None:
            return
        if engine is None or self._prelude is not None:
            self.abort()
        elif engine.transaction is None and self._task is None and engine.phase is not Phase.CLOSED:
            self._hang_up(answers.STOPPING)

    def _hang_up(self, reply: Reply) -> None:
        engine = self._served()
        engine.hang_up(reply)
        self._drop_content()
        self._is_lingering = True
        self._write(engine.data_to_send())
        self._finish()
