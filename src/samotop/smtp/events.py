"""What the engine tells of a session, in order.

Events marked *asks* wait for an answer: until ``send`` was called, no later
command is looked at. The others only tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from samotop.address import Address, NullPath
from samotop.envelope import MailParameters, Recipient
from samotop.reply import Reply


class Pause(Enum):
    """Why there is no event now."""

    NEED_DATA = "feed me more octets"
    WAITING = "an event waits for its answer"
    CLOSED = "the session is over: send what is left and close"


@dataclass(frozen=True, slots=True)
class Hello:
    """HELO, EHLO or LHLO (*asks*). ``name`` is what the client calls itself."""

    name: str
    is_extended: bool


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM (*asks*)."""

    reverse_path: Address | NullPath
    parameters: MailParameters


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT TO (*asks*)."""

    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Data:
    """DATA (*asks*: 354 lets the content come)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of content."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """A BDAT chunk that is not the last one has arrived whole (*asks*)."""

    size: int


@dataclass(frozen=True, slots=True)
class ContentEnd:
    """The content is complete (*asks*; with LMTP one reply per recipient). ``size`` in octets."""

    size: int


@dataclass(frozen=True, slots=True)
class ContentFailed:
    """The content that had begun will not be completed; the client was or will be told ``reply``."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class StartTls:
    """STARTTLS (*asks*: 220 begins the handshake; call ``tls_started`` after it)."""


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH (*asks*: a 334 challenge, 235, or a refusal). ``initial`` is decoded, ``None`` if not given."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The client's answer to a challenge, decoded (*asks*)."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class AuthCancelled:
    """The client gave the exchange up, or sent what cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb that the engine was told of from outside (*asks*). ``argument`` is what follows it, undecoded."""

    verb: str
    argument: bytes


@dataclass(frozen=True, slots=True)
class Reset:
    """The transaction is over without a message: RSET, EHLO, STARTTLS, or a new beginning by a verb."""


@dataclass(frozen=True, slots=True)
class Quit:
    """QUIT was said and answered."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """We ended the session for a reason; ``reply`` was the last word."""

    reply: Reply


Event = (
    Hello
    | Mail
    | Rcpt
    | Data
    | Chunk
    | ChunkEnd
    | ContentEnd
    | ContentFailed
    | StartTls
    | Auth
    | AuthResponse
    | AuthCancelled
    | Verb
    | Reset
    | Quit
    | HungUp
)
