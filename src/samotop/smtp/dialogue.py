"""What is known of one session, and the few things that every part of the engine does with it.

``server`` is the face that a caller sees, ``verbs``, ``login`` and ``content``
say what each command does; all of them work on the state that is kept here.
A caller reads ``phase``, ``hello``, ``transaction`` and what was passed in;
the rest belongs to this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from samotop.envelope import Recipient
from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.events import Event, HungUp
from samotop.smtp.rules import Rules
from samotop.smtp.states import Phase
from samotop.smtp.transaction import Stray, Transaction

GREETING: Final = "greeting"
"""Stands for the event before all events: the caller owes the greeting."""

_GREETING: Final = Phase.GREETING
_READY: Final = Phase.READY

NO_EXTENSIONS: Final = frozenset[str]()


class Dialogue:
    """The state of one session."""

    __slots__ = (
        "asked",
        "auth_failures",
        "buffer",
        "commands",
        "errors",
        "extensions",
        "hello",
        "hostname",
        "is_authenticated",
        "is_encrypted",
        "is_extended",
        "is_lmtp",
        "junk",
        "mechanisms",
        "now",
        "offers_starttls",
        "out",
        "pending",
        "phase",
        "refused_recipients",
        "requires_auth",
        "requires_tls",
        "rules",
        "skipped",
        "stray",
        "too_long",
        "transaction",
        "transactions",
        "verbs",
    )

    def __init__(
        self,
        hostname: str,
        rules: Rules = Rules(),
        *,
        is_lmtp: bool = False,
        offers_starttls: bool = False,
        is_encrypted: bool = False,
        requires_tls: bool = False,
        requires_auth: bool = False,
        mechanisms: Callable[[bool], Sequence[str]] | None = None,
        verbs: Mapping[str, str] | None = None,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Begin a session; the greeting is awaited as the first ``send``.

        ``mechanisms(is_encrypted)`` names what AUTH offers. ``verbs`` maps
        verbs added from outside, in capitals, to the line that EHLO shows for
        them, which may be empty. ``now`` tells the time, in seconds since 1970,
        for whose rules offer FUTURERELEASE.
        """
        self.hostname = hostname
        self.rules = rules
        self.is_lmtp = is_lmtp
        self.offers_starttls = offers_starttls
        self.is_encrypted = is_encrypted
        self.requires_tls = requires_tls
        self.requires_auth = requires_auth
        self.mechanisms = mechanisms
        self.verbs = verbs
        self.now = now
        self.phase = _GREETING
        self.hello = ""
        self.is_extended = self.is_authenticated = False
        self.transaction: Transaction | None = None
        self.extensions = NO_EXTENSIONS
        """Keywords that were advertised: what parameters may rely on."""
        self.buffer = bytearray()
        """Received and not looked at yet."""
        self.out: list[bytes] = []
        """Replies to be written."""
        self.asked: type[Event] | str | None = GREETING
        """The kind of event that waits for its answer."""
        self.pending: Event | None = None
        """An event that comes before anything else is read."""
        self.stray: Stray | None = None
        """A BDAT out of order is being swallowed."""
        self.skipped = 0
        """Octets of an over-long line that went so far."""
        self.too_long = replies.LINE_TOO_LONG
        """What that line will be answered with."""
        self.errors = self.junk = self.commands = self.transactions = 0
        self.auth_failures = self.refused_recipients = 0

    @property
    def recipients(self) -> Sequence[Recipient]:
        """The recipients of the transaction that is open."""
        return self.transaction.recipients if self.transaction is not None else ()

    def ask(self, event: Event) -> Event:
        """Let this event wait for its answer."""
        self.asked = type(event)
        return event

    def refuse(self, reply: Reply) -> HungUp | None:
        """Answer a command that was wrong, and count it."""
        self.errors += 1
        if self.errors >= self.rules.errors:
            return self.break_off(replies.TOO_MANY_ERRORS)
        self.out.append(reply.wire)
        return None

    def break_off(self, reply: Reply) -> HungUp:
        """End the session with ``reply`` as the last word."""
        self.out.append(reply.wire)
        self.close()
        return HungUp(reply)

    def close(self) -> None:
        """Nothing more is read, asked or told."""
        self.phase = Phase.CLOSED
        self.asked = self.pending = None
        self.buffer.clear()

    def end_transaction(self) -> None:
        self.transaction = None
        self.phase = _READY

    def forget_hello(self, phase: Phase) -> None:
        """Know nothing of the client any more, as after a fresh connection."""
        self.hello = ""
        self.is_extended = self.is_authenticated = False
        self.extensions = NO_EXTENSIONS
        self.phase = phase

    def offered_mechanisms(self) -> Sequence[str]:
        """The SASL mechanisms that may be used now."""
        if self.mechanisms is None or self.is_authenticated:
            return ()
        return self.mechanisms(self.is_encrypted)
