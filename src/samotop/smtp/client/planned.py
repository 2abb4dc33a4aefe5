"""What a plan says of one message: commands ready to be sent, who cannot be asked for, what must be converted first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from samotop.envelope import Recipient
from samotop.status import EnhancedStatus


class Conversion(Enum):
    """What must be done to a content before this server can take it."""

    NONE = "none"
    SEVEN_BIT = "7bit"
    """Encode what is not ASCII, or binary, in quoted-printable or base64."""
    EIGHT_BIT = "8bit"
    """Encode binary parts in base64; text may keep its eight bits."""


@dataclass(frozen=True, slots=True)
class Impossible:
    """A recipient whom this server cannot be asked for, why, and with which status."""

    recipient: Recipient
    status: EnhancedStatus
    reason: str


@dataclass(frozen=True, slots=True)
class TransactionPlan:
    """One transaction, ready to be sent. ``mail`` and ``rcpts`` are whole command lines."""

    mail: bytes
    recipients: tuple[Recipient, ...]
    rcpts: tuple[bytes, ...]
    uses_chunking: bool = False
    is_binary: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about one message.

    ``transactions``: usually one. Empty where ``conversion`` must come first,
    or where nobody can be asked for. ``passes_dsn``: the server will keep the
    wishes about notifications; where it is false, who relays owes a "relayed"
    notification to those who wish one of success (RFC 3461 §5.2.2).
    ``passes_deliver_by`` says the same of DELIVERBY (RFC 2852 §4).
    """

    transactions: tuple[TransactionPlan, ...] = ()
    impossible: tuple[Impossible, ...] = ()
    conversion: Conversion = Conversion.NONE
    passes_dsn: bool = False
    passes_deliver_by: bool = False
