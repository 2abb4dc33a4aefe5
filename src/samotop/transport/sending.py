"""What every transport that sends has in common: one call, and what became of it for each recipient.

    outcome = await transport.send(message)                    # anything with an envelope and a content
    outcome = await transport.send(envelope, content)
    for one in outcome.deferred:
        print(one.recipient.address, one.status, one.text)

A failing server, network or disk is no exception: it is an outcome. One
recipient's refusal does not keep the others from getting the message.
``Outcome.check`` is for programs that would rather have an exception.

Raises ``TypeError`` and ``ValueError`` for a call that says nothing sensible:
no recipients, an envelope without a content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from samotop.content import Content
from samotop.envelope import Envelope, Recipient
from samotop.errors import PeerError
from samotop.peer import Tls
from samotop.reply import Reply
from samotop.smtp.client import Stage
from samotop.status import EnhancedStatus

Progress = Callable[[int, int], None]
"""Called with the octets of the content that were handed to the connection, and with how many there are."""

SENT: Final = EnhancedStatus(2, 0, 0)


class Sendable(Protocol):
    """What can be sent as it is; ``samotop.Message`` is one."""

    @property
    def envelope(self) -> Envelope: ...
    @property
    def content(self) -> Content: ...


@dataclass(frozen=True, slots=True)
class RecipientOutcome:
    """What became of one message for one recipient.

    ``status`` decides: 2.y.z accepted, 4.y.z deferred, 5.y.z refused (RFC 3463).
    ``text`` is the server's where there is a ``reply``, else ours, in plain
    words. ``stage`` is how far it came. ``queue_id`` is what the server calls the message,
    if its reply seems to say. ``is_uncertain``: all was sent and no answer
    came, so that the server may have it; sending again may double it.
    """

    recipient: Recipient
    status: EnhancedStatus
    text: str = ""
    stage: Stage = Stage.FINAL
    reply: Reply | None = None
    queue_id: str = ""
    is_uncertain: bool = False

    @property
    def is_accepted(self) -> bool:
        return self.status.is_success

    @property
    def is_deferred(self) -> bool:
        return self.status.is_transient

    @property
    def is_refused(self) -> bool:
        return self.status.is_permanent

    @property
    def is_undecided(self) -> bool:
        """Has no server said anything about it, and none can have it: may another connection try at once?"""
        return self.reply is None and not self.is_uncertain and self.is_deferred


class NotAccepted(PeerError):
    """Raised by ``Outcome.check``, for whatever went wrong. The text counts and names nobody; ``outcome`` has it all.

    ``status`` is the first refused recipient's, else the first deferred one's;
    ``code`` that of the server's reply, 0 where no server said anything.
    """

    def __init__(self, outcome: Outcome) -> None:
        deferred, refused = len(outcome.deferred), len(outcome.refused)
        super().__init__(f"not accepted: {refused} refused, {deferred} deferred of {len(outcome.recipients)}")
        self.outcome = outcome
        first = (*outcome.refused, *outcome.deferred)[0]
        self.status = first.status
        self.code = first.reply.code if first.reply is not None else 0

    @property
    def is_transient(self) -> bool:
        """Is another attempt worth making, for somebody at least?"""
        return bool(self.outcome.deferred)

    @property
    def is_permanent(self) -> bool:
        """Will another attempt change nothing?"""
        return not self.outcome.deferred


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message, for each recipient in the order of its envelope. ``tls``: how it travelled."""

    recipients: tuple[RecipientOutcome, ...]
    tls: Tls | None = None

    @property
    def is_accepted(self) -> bool:
        """Was it accepted for every recipient?"""
        return all(one.is_accepted for one in self.recipients)

    @property
    def accepted(self) -> tuple[RecipientOutcome, ...]:
        return tuple(one for one in self.recipients if one.is_accepted)

    @property
    def deferred(self) -> tuple[RecipientOutcome, ...]:
        """Worth another attempt, later."""
        return tuple(one for one in self.recipients if one.is_deferred)

    @property
    def refused(self) -> tuple[RecipientOutcome, ...]:
        """Never."""
        return tuple(one for one in self.recipients if one.is_refused)

    @property
    def is_uncertain(self) -> bool:
        """May a server have it for somebody without having said so?"""
        return any(one.is_uncertain for one in self.recipients)

    def check(self) -> None:
        """Raise ``NotAccepted`` unless every recipient was accepted."""
        if not self.is_accepted:
            raise NotAccepted(self)


class Transport(Protocol):
    """A way to hand on messages, for use with ``async with``."""

    async def send(self, message: Sendable | Envelope, content: Content | bytes | None = None) -> Outcome:
        """Hand on one message. Raises nothing for what fails on the way: that is the outcome."""
        ...

    async def close(self) -> None:
        """Let go of what is open. Nothing can be sent afterwards."""
        ...


def take_message(message: Sendable | Envelope, content: Content | bytes | None) -> tuple[Envelope, Content]:
    """Envelope and content of what was given to ``send``. Raises ``TypeError``, ``ValueError``."""
    if isinstance(message, Envelope):
        if content is None:
            raise TypeError("an envelope is sent with its content: send(envelope, content)")
        envelope, body = message, Content.from_bytes(content) if isinstance(content, bytes) else content
    elif content is not None:
        raise TypeError("a message brings its content along: send(message), or send(envelope, content)")
    else:
        envelope, body = message.envelope, message.content
    if not envelope.recipients:
        raise ValueError("the envelope has no recipient")
    return envelope, body


def same_for_all(
    recipients: Iterable[Recipient],
    status: EnhancedStatus,
    text: str,
    *,
    stage: Stage = Stage.IDLE,
    reply: Reply | None = None,
) -> tuple[RecipientOutcome, ...]:
    """One outcome that is the same for each."""
    return tuple(RecipientOutcome(one, status, text, stage, reply) for one in recipients)
