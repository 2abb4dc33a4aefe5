"""The envelope: what the SMTP commands said, never the message header.

Reverse-path, forward-paths and their parameters (RFC 5321 §3.3, RFC 3461,
RFC 1870, RFC 6152, RFC 6531, RFC 3030, RFC 8689, RFC 2852, RFC 4865).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag

from samotop.address import Address, ReversePath


class Body(Enum):
    """The BODY parameter: what the client declares of the content (RFC 6152, RFC 3030)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Notify(Flag):
    """The NOTIFY parameter: when the sender wants a notification (RFC 3461 §4.1)."""

    NEVER = 0
    SUCCESS = 1
    FAILURE = 2
    DELAY = 4


class Ret(Enum):
    """The RET parameter: how much of the message a notification returns (RFC 3461 §4.3)."""

    FULL = "FULL"
    HEADERS = "HDRS"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the copy for one of those goes whom a recipient stands for; the words are as a recipient's own."""

    address: Address
    folder: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One forward-path with its wishes about notifications.

    ``notify`` is ``None`` where the client said nothing, which means "on
    failure". ``original`` is the ORCPT value with its xtext undone,
    ``type;address``. ``folder`` is where in the mailbox it goes, empty for the
    inbox; ``verdict`` why it goes there, in words for the mailbox's owner.
    ``copies`` say the same of those whom an alias or list stands for, until it
    is expanded.
    """

    address: Address
    notify: Notify | None = None
    original: str | None = None
    folder: str = ""
    verdict: str = ""
    copies: tuple[Placement, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliverBy:
    """The BY parameter (RFC 2852 §4): how many ``seconds`` after its arrival a message must be delivered.

    Where that is not possible it comes back if ``returns`` (by-mode R), else
    its sender is told of the delay and we go on trying (N). ``traces`` asks
    for a notification from each relay (T).
    """

    seconds: int
    returns: bool = True
    traces: bool = False


@dataclass(frozen=True, slots=True)
class MailParameters:
    """The parameters of MAIL, with the defaults that silence means.

    ``size`` in octets as declared, 0 for undeclared. ``submitter`` is the
    AUTH= parameter (RFC 4954 §5), which is a claim and no evidence.
    ``hold_for`` (seconds after arrival) and ``hold_until`` (seconds since
    1970) keep the message from delivery until then (RFC 4865 §5); at most one
    of them is given.
    """

    size: int = 0
    body: Body = Body.SEVEN_BIT
    is_utf8: bool = False
    ret: Ret | None = None
    envelope_id: str | None = None
    requires_tls: bool = False
    submitter: str | None = None
    deliver_by: DeliverBy | None = None
    hold_for: int | None = None
    hold_until: float | None = None


NO_PARAMETERS = MailParameters()


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent a message to whom, and how it is to be treated on the way."""

    reverse_path: ReversePath
    recipients: tuple[Recipient, ...]
    parameters: MailParameters = NO_PARAMETERS
