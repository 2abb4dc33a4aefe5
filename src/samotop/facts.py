"""What is known at each stage of a session: the input of every decision.

Each stage's facts hold the stage's before it, so that a check at any stage
sees all there is and nothing else. They are values: frozen, printable, made
by reception, read by policy and by the callables that users pass in.

    ConnectionFacts -> HelloFacts -> MailFacts -> RecipientFacts
                                              \\-> ContentFacts
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from samotop.address import ReversePath
from samotop.content import Content
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.peer import Peer
from samotop.verdict import Verdict

if TYPE_CHECKING:  # who decides nothing by it does not pay for it
    from samotop.msgauth.authentication import Authentication
    from samotop.msgauth.listing import Listing


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """Somebody has connected. ``protocol`` is smtp, submission or lmtp; ``spoke_early`` before our greeting.

    ``local_address`` is our own IP address that was called; empty where there is none.
    """

    peer: Peer
    hostname: str
    protocol: str = "smtp"
    spoke_early: bool = False
    local_address: str = ""


@dataclass(frozen=True, slots=True)
class HelloFacts:
    """HELO, EHLO or LHLO named ``hello``; ``is_extended`` unless it was HELO.

    ``is_hasty``: more had come before it could have heard our answer (RFC 2920 §3.1).
    """

    connection: ConnectionFacts
    hello: str
    is_extended: bool
    is_hasty: bool = False

    @property
    def peer(self) -> Peer:
        return self.connection.peer


@dataclass(frozen=True, slots=True)
class MailFacts:
    """MAIL opened a transaction.

    ``authentication`` and ``listings`` (what DNS block lists say of the peer) are what is known when recipients are
    named, where a check had to wait for it: the peer's names and SPF. ``is_hasty`` as in ``HelloFacts``, of a client
    that may not send ahead at all.
    """

    hello: HelloFacts
    reverse_path: ReversePath
    parameters: MailParameters
    authentication: Authentication | None = None
    listings: tuple[Listing, ...] = ()
    is_hasty: bool = False

    @property
    def connection(self) -> ConnectionFacts:
        return self.hello.connection

    @property
    def peer(self) -> Peer:
        return self.hello.connection.peer


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """RCPT named a recipient; ``taken`` are those that were taken before it in this transaction."""

    mail: MailFacts
    recipient: Recipient
    taken: tuple[Recipient, ...] = ()

    @property
    def accepted(self) -> int:
        """How many were taken."""
        return len(self.taken)

    @property
    def peer(self) -> Peer:
        return self.mail.hello.connection.peer


@dataclass(frozen=True, slots=True)
class ContentFacts:
    """All of the content has arrived; nothing is acknowledged yet. ``id`` is the entry's id.

    ``authentication`` is what was found out about who writes; ``None`` where
    nobody looked: no resolver, an exempt peer, somebody who has logged in.
    ``findings`` are what checks have to say that refuse nothing by it, in a
    few words each. ``is_allowed``: the operator lets this stranger pass by name.
    """

    mail: MailFacts
    envelope: Envelope
    content: Content
    id: str
    authentication: Authentication | None = None
    findings: tuple[str, ...] = ()
    is_allowed: bool = False

    @property
    def peer(self) -> Peer:
        return self.mail.hello.connection.peer


F = TypeVar("F", contravariant=True)

Decide = Callable[[F], "Verdict | Awaitable[Verdict | None] | None"]
"""One seam for extension at each stage: facts to a verdict, at once or awaited; ``None`` abstains."""

Decision = Verdict | Sequence[Verdict]
"""One verdict for all recipients, or one for each in their order."""

DecideContent = Callable[[ContentFacts], "Decision | Awaitable[Decision | None] | None"]
"""The seam at the end of the content, where recipients may be answered differently."""
