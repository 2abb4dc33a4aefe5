"""What the client's engine tells of a session, in order.

``Pause`` is the same as the server's: ``NEED_DATA`` means that a reply is
awaited, ``WAITING`` that it is the caller's turn, ``CLOSED`` that the session
is over.
"""

from __future__ import annotations

from dataclasses import dataclass

from samotop.reply import Reply
from samotop.smtp.client.capabilities import Capabilities
from samotop.smtp.client.result import RecipientResult, TransactionResult
from samotop.smtp.client.rules import Stage


@dataclass(frozen=True, slots=True)
class Ready:
    """EHLO, LHLO or HELO was answered: the caller's turn (``start_tls``, ``authenticate``, ``begin``, ``quit``)."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class TlsAccepted:
    """STARTTLS was accepted: do the handshake with the octets that follow, then call ``tls_started``."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The login is done, and the server has proven itself where the mechanism lets it."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Refused:
    """The server said no to the greeting, hello, STARTTLS, AUTH, RSET or NOOP.

    The session goes on; after a refused greeting or hello with ``quit`` alone.
    ``reason`` says why we gave an AUTH exchange up, where it was us.
    """

    stage: Stage
    reply: Reply
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """RSET or NOOP was answered with a yes: the connection is alive."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class RecipientAnswered:
    """RCPT was answered, in a transaction that was begun with ``holds_content``. ``result`` is what is known so far:
    ``is_accepted`` means no more yet than that the recipient was."""

    result: RecipientResult


@dataclass(frozen=True, slots=True)
class ContentWanted:
    """Content may be sent: ``send_content`` while ``wants_content``, then ``end_content``.

    Comes again after ``wants_content`` had become false, unless the
    transaction ended instead.
    """


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """The transaction is over."""

    result: TransactionResult


@dataclass(frozen=True, slots=True)
class HungUp:
    """The session is over: QUIT was answered, the server said 421, or it closed without a word (``reply`` is ``None``).

    ``stage`` is what was waited for.
    """

    stage: Stage
    reply: Reply | None


Event = (
    Ready
    | TlsAccepted
    | Authenticated
    | Refused
    | Answered
    | RecipientAnswered
    | ContentWanted
    | TransactionEnded
    | HungUp
)
