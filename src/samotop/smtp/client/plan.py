"""What to say of a message to this server: the whole transaction planned before a word of it is sent.

``plan_transaction`` is pure: envelope, shape of the content and capabilities
in, commands out. It says

* which parameters MAIL and RCPT get: SIZE (RFC 1870), BODY (RFC 6152,
  RFC 3030), SMTPUTF8 (RFC 6531), RET, ENVID, NOTIFY, ORCPT (RFC 3461),
  REQUIRETLS (RFC 8689), AUTH (RFC 4954 §5), HOLDFOR, HOLDUNTIL (RFC 4865),
  BY (RFC 2852);
* whether the content must be converted first, which is the caller's work:
  then there are no transactions yet, convert and plan again;
* which recipients this server cannot be asked for, and with which status;
* into how many transactions LIMITS parts the recipients (RFC 9422).

It raises nothing: an address that cannot be written is a recipient that
cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from samotop.address import Address, NullPath
from samotop.envelope import Body, Envelope, MailParameters, Recipient
from samotop.smtp.client.capabilities import Capabilities
from samotop.smtp.client.commands import format_mail, format_rcpt
from samotop.smtp.client.rules import ClientRules, LineEnds
from samotop.smtp.client.shape import ContentShape
from samotop.smtp.client.wishes import NO_WISHES, Wishes
from samotop.smtp.paths import BadPath
from samotop.status import EnhancedStatus

NEEDS_CONVERSION: Final = EnhancedStatus(5, 6, 3)
"""Conversion required but not supported (RFC 3463 §3.7)."""
BAD_LINE_ENDS: Final = EnhancedStatus(5, 6, 0)
NEEDS_SMTPUTF8: Final = EnhancedStatus(5, 6, 7)
"""Non-ASCII addresses not permitted for that sender or recipient (RFC 6531 §4.2)."""
TOO_LARGE: Final = EnhancedStatus(5, 3, 4)
NEEDS_REQUIRETLS: Final = EnhancedStatus(5, 7, 30)
"""REQUIRETLS support required (RFC 8689 §5)."""
NO_FEATURE: Final = EnhancedStatus(5, 3, 3)
"""System not capable of selected features (RFC 3463 §3.4)."""
BAD_SENDER: Final = EnhancedStatus(5, 1, 7)
BAD_RECIPIENT: Final = EnhancedStatus(5, 1, 3)


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


def plan_transaction(
    envelope: Envelope,
    shape: ContentShape,
    capabilities: Capabilities,
    rules: ClientRules = ClientRules(),
    *,
    wishes: Wishes = NO_WISHES,
    is_lmtp: bool = False,
    is_authenticated: bool = False,
    can_convert: bool = True,
) -> Plan:
    """Plan how to send a content of this ``shape`` to the envelope's recipients.

    ``can_convert`` is false for a caller that cannot convert a content, or
    must not because it is signed: what would need it is then impossible.
    """
    raise NotImplementedError
