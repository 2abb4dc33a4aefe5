"""Getting to know the peer: hello, STARTTLS, AUTH, and what a trusted proxy says of it; verbs from outside, too.

Each of them may turn the peer into somebody else. Facts that are made
afterwards say so, and what was begun before is forgotten (RFC 3207 §4.2).
It decides nothing by itself: names are judged by the stage of hello, passwords
by ``login``.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Sequence
from dataclasses import replace

from samotop.facts import HelloFacts
from samotop.peer import Peer
from samotop.reception import answers
from samotop.reception.context import Context
from samotop.reception.conversation import Conversation
from samotop.reception.listener import Listener, VerbFacts
from samotop.reception.login import LoginChallenge, LoginDone, LoginExchange, LoginStep, mechanisms_for
from samotop.reception.xclient import XCLIENT, replace_peer
from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.events import Auth, AuthCancelled, AuthResponse, Hello, StartTls, Verb
from samotop.smtp.states import Phase
from samotop.verdict import ABSTAIN, Verdict


class Acquaintance(Conversation):
    """A conversation whose peer introduces itself."""

    __slots__ = ("_exchange", "_hello")

    def __init__(self, context: Context, listener: Listener) -> None:
        super().__init__(context, listener)
        self._hello: HelloFacts | None = None
        self._exchange: LoginExchange | None = None

    @abstractmethod
    def _drop_transaction(self) -> None:
        """The transaction will bring no message: forget it."""

    @property
    def _is_logging_in(self) -> bool:
        return self._exchange is not None

    # --- hello ----------------------------------------------------------------------------------

    def _on_hello(self, event: Hello) -> None:
        assert self._connection is not None, "greeted before"
        is_hasty = self._served().buffered > 0
        self._hello = HelloFacts(self._connection, event.name, event.is_extended, is_hasty)
        self._decide(self._context.stages.hello, self._hello, self._answer_hello)

    def _answer_hello(self, verdict: Verdict) -> None:
        engine = self._served()
        usual = engine.hello_reply()
        if verdict.said and not verdict.is_refusal:  # the first line is free text, the others are the extensions
            usual = Reply(usual.code, usual.status, (f"{self._context.hostname} {verdict.said}", *usual.lines[1:]))
            verdict = ABSTAIN
        self._say(verdict, answers.answer(verdict, usual))

    # --- TLS ------------------------------------------------------------------------------------

    def _on_starttls(self, event: StartTls) -> None:
        engine = self._served()
        engine.send(replies.START_TLS)
        if self._transport is not None:
            self._write(engine.data_to_send())
            self._spawn(self._upgrade(self._handshake(b"")))

    async def _upgrade(self, handshake: Awaitable[asyncio.Transport]) -> None:
        if await self._is_encrypted_after(handshake):
            self._set_peer(self._peer)
            self._hello = None
            self._drop_transaction()
            self._served().tls_started()

    # --- AUTH -----------------------------------------------------------------------------------

    def _mechanisms(self, is_encrypted: bool) -> Sequence[str]:
        return mechanisms_for(is_encrypted, bool(self._channel_binding()), self._listener.allows_plaintext_login)

    def _on_auth(self, event: Auth) -> None:
        logins = self._context.logins
        assert logins is not None, "AUTH is offered only where somebody can log in"
        self._exchange = LoginExchange(
            event.mechanism,
            logins.accounts,
            logins.checker,
            logins.rules,
            advertised=self._mechanisms(self._peer.is_encrypted),
            channel_binding=self._channel_binding() or None,
        )
        self._spawn(self._advance_login(self._exchange.begin(event.initial)))

    def _on_auth_response(self, event: AuthResponse) -> None:
        assert self._exchange is not None, "a response follows a challenge"
        self._spawn(self._advance_login(self._exchange.respond(event.octets)))

    def _on_auth_cancelled(self, event: AuthCancelled) -> None:
        self._exchange = None

    async def _advance_login(self, step: Awaitable[LoginStep]) -> None:
        found = await step
        engine = self._served()
        if self._transport is None or engine.phase is Phase.CLOSED:
            return
        if isinstance(found, LoginChallenge):
            engine.challenge(found.octets)
            return
        self._exchange = None
        if isinstance(found, LoginDone):
            self._set_peer(replace(self._peer, login=found.account_name))
            engine.send(replies.AUTHENTICATED)
        else:
            self._context.log.info("login_refused", code=found.reply.code, listener=self._listener.name)
            engine.send(found.reply)

    def _set_peer(self, peer: Peer) -> None:
        """The peer turned out to be somebody else: facts from here on say so."""
        self._peer = peer
        if self._connection is not None:
            self._connection = replace(self._connection, peer=peer)
        if self._hello is not None and self._connection is not None:
            self._hello = replace(self._hello, connection=self._connection)

    # --- verbs from outside ---------------------------------------------------------------------

    def _on_verb(self, event: Verb) -> None:
        if event.verb == XCLIENT:
            self._on_xclient(event.argument)
            return
        facts = VerbFacts(self._peer, self._served().hello, event.verb, event.argument)
        self._decide(self._listener.verbs[event.verb], facts, self._answer_verb)

    def _answer_verb(self, found: Reply | Verdict) -> None:
        self._served().send(found if isinstance(found, Reply) else answers.answer(found, replies.OK))

    def _on_xclient(self, argument: bytes) -> None:
        """Postfix' command of a trusted proxy: somebody else is the peer; begin anew with them."""
        engine = self._served()
        if engine.transaction is not None:
            engine.send(Reply.of(503, "5.5.1", "Not within a transaction"))
            return
        found = replace_peer(self._peer, argument)
        if isinstance(found, Reply):
            engine.send(found)
            return
        refusal = self._change_peer(found)
        self._hello = None
        if refusal is not None:
            engine.send(refusal)
            return
        engine.restart()
        engine.is_authenticated = found.login is not None
        self._greet()
