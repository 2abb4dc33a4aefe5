"""What is known of one session from the client's side, and what every part of the engine does with it.

``connection`` is the face that a caller sees; ``opening``, ``login`` and
``exchange`` say what is said and what each reply means; all of them work on
the state that is kept here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from samotop.reply import Reply
from samotop.sasl.mechanism import ClientMechanism
from samotop.smtp.client.capabilities import NO_CAPABILITIES, Capabilities
from samotop.smtp.client.events import Event, HungUp, TransactionEnded
from samotop.smtp.client.replies import BadReply, ReplyReader, UnexpectedReply
from samotop.smtp.client.rules import ClientRules, Stage
from samotop.smtp.client.transaction import OpenTransaction
from samotop.smtp.commands import CommandRefused, parse_hello

CLOSING: Final = 421
"""The server ends the session, at any moment and whatever was asked (RFC 5321 §3.8)."""


class Step(NamedTuple):
    """What was asked last: the stage that it stands for, and what to do with its reply."""

    stage: Stage
    react: Callable[[ClientDialogue, Reply], None]


class ClientDialogue:
    """The state of one session."""

    __slots__ = (
        "buffer",
        "capabilities",
        "challenges",
        "events",
        "expected",
        "failure",
        "finishing",
        "greeting",
        "has_wanted_content",
        "heard_at",
        "hello",
        "initial",
        "is_authenticated",
        "is_closed",
        "is_encrypted",
        "is_handshaking",
        "is_lmtp",
        "is_over",
        "is_ready",
        "mechanism",
        "needs_reset",
        "out",
        "reader",
        "replies",
        "rules",
        "transaction",
        "transactions",
        "unsent",
    )

    def __init__(
        self, hello: str, rules: ClientRules = ClientRules(), *, is_lmtp: bool = False, is_encrypted: bool = False
    ) -> None:
        """Begin a session; the server's greeting comes first.

        ``hello`` is what we call ourselves; raises ``ValueError`` if it cannot
        be said. ``is_encrypted``: TLS from the start, or a way on which nobody
        else listens: a UNIX socket, a child process.
        """
        try:
            self.hello = parse_hello(hello.encode()).encode()
        except CommandRefused as refused:
            raise ValueError("a client calls itself by visible ASCII characters, 255 at most") from refused
        self.rules = rules
        self.is_lmtp = is_lmtp
        self.is_encrypted = is_encrypted
        self.is_authenticated = False
        self.greeting: Reply | None = None
        """The server's first words, once they have come."""
        self.capabilities: Capabilities = NO_CAPABILITIES
        self.transactions = 0
        """Transactions begun since the last hello."""
        self.is_ready = False
        """Hello was answered well."""
        self.is_handshaking = False
        """STARTTLS was accepted, TLS is not there yet."""
        self.is_closed = False
        self.is_over = False
        """Nothing more will come from the server."""
        self.needs_reset = False
        """The server still has a transaction that nobody will end: RSET goes before the next MAIL."""
        self.transaction: OpenTransaction | None = None
        self.finishing: OpenTransaction | None = None
        """The one before it, where that has the reply to its content still to come."""
        self.has_wanted_content = False
        """Was content asked for in the last transaction?"""
        self.mechanism: ClientMechanism | None = None
        self.initial: bytes | None = None
        """An initial response that did not fit into the AUTH command."""
        self.challenges = 0
        self.buffer = bytearray()
        """Received and not looked at yet."""
        self.reader = ReplyReader()
        self.replies = 0
        """Replies heard so far: with each of them a deadline begins anew."""
        self.out: list[bytes] = []
        """To be written."""
        self.expected: deque[Step] = deque()
        """What was asked and not answered, in order."""
        self.heard_at = Stage.GREETING
        """The stage that the last reply belongs to."""
        self.unsent = 0
        """How many of them, the last ones, have not been given out to be written."""
        self.events: deque[Event] = deque()
        self.failure: BadReply | None = None
        """To be raised once all events have been told."""

    @property
    def stage(self) -> Stage:
        """What is waited for."""
        if self.is_closed:
            return Stage.CLOSED
        if self.expected:
            return self.expected[0].stage
        if self.is_handshaking:
            return Stage.STARTTLS
        transaction = self.transaction
        return Stage.CONTENT if transaction is not None and transaction.takes_content else Stage.IDLE

    @property
    def is_idle(self) -> bool:
        """Is nothing asked or under way, in a session that has not ended?"""
        return not (self.is_closed or self.expected or self.is_handshaking or self.transaction is not None)

    def say(self, line: bytes, step: Step) -> None:
        """Queue one command and what to do with its reply."""
        self.out.append(line)
        self.expected.append(step)
        self.unsent += 1

    def hear(self, reply: Reply) -> None:
        """Take one reply."""
        self.replies += 1
        expected = self.expected
        if len(expected) <= self.unsent:
            self.hear_unasked(reply)
            return
        step = expected.popleft()
        self.heard_at = step.stage
        if reply.code == CLOSING and not (self.is_lmtp and step.stage is Stage.FINAL):
            self.hang_up(step.stage, reply)
        else:
            step.react(self, reply)

    def hear_unasked(self, reply: Reply) -> None:
        """A reply before its command: goodbye, or a refusal of the content that is being sent, or worse."""
        transaction = self.transaction
        stage = Stage.CONTENT if transaction is not None and transaction.sending is not None else self.stage
        if reply.code == CLOSING or (stage is Stage.CONTENT and reply.code >= 400):
            self.hang_up(stage, reply)  # what is left of the content cannot be taken back
        else:
            self.fail(UnexpectedReply("a reply that nobody asked for"))

    def check_turn(self) -> None:
        """Nothing is asked, and something will be. What the server has said before that answers nothing."""
        if not self.buffer and not self.reader.is_within:
            return
        try:
            reply = self.reader.take(self.buffer)
        except BadReply as error:
            self.fail(error)
        else:
            if reply is None:
                self.fail(UnexpectedReply("a reply that nobody asked for"))
            else:
                self.hear_unasked(reply)

    def end_transaction(self, last: Reply | None = None, stage: Stage = Stage.FINAL) -> None:
        """The transaction is over: tell what became of it."""
        transaction = self.transaction
        if transaction is not None:
            self.transaction = None
            self.events.append(TransactionEnded(transaction.result(last, stage)))

    def end_finishing(self) -> None:
        """The transaction before this one is over."""
        finishing = self.finishing
        if finishing is not None:
            self.finishing = None
            self.events.append(TransactionEnded(finishing.result(None, Stage.FINAL)))

    def hang_up(self, stage: Stage, reply: Reply | None) -> None:
        """The server has ended the session, with a last word or without."""
        if self.finishing is not None:
            if reply is not None:
                self.finishing.finals.append(reply)
            self.end_finishing()
            stage = Stage.MAIL  # nothing of the next one was answered: another session may take it
        transaction = self.transaction
        if transaction is not None and transaction.is_whole and reply is not None and stage is Stage.FINAL:
            transaction.finals.append(reply)
        self.end_transaction(reply, stage)
        self.events.append(HungUp(stage, reply))
        self.close()

    def fail(self, error: BadReply, stage: Stage | None = None) -> None:
        """Nothing that the server says can be trusted any more."""
        if self.finishing is not None:
            self.end_finishing()
            stage = Stage.MAIL
        self.end_transaction(None, stage or self.stage)
        self.failure = error
        self.close()

    def refuse_code(self, reply: Reply) -> None:
        """A reply that this command cannot have."""
        self.fail(UnexpectedReply(f"a reply {reply.code} to this command makes no sense"), self.heard_at)

    def close(self) -> None:
        self.is_closed = True
        self.is_ready = self.is_handshaking = False
        self.expected.clear()
        self.out.clear()
        self.buffer.clear()
        self.unsent = 0
        self.mechanism = self.initial = None
