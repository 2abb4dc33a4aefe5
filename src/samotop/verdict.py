"""What is decided about a session, a recipient or a message.

A check returns a ``Verdict``; the names ``Accept``, ``Defer``, ``Reject`` and
``Hold`` make one in a word, for people who plug their own callables into
``Server``. A verdict says who decided (``check``), why (``reason``: for the
owner and the operator) and what the client is told (``said``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from samotop.envelope import Placement
from samotop.reply import Reply
from samotop.status import EnhancedStatus, parse_status


class Action(Enum):
    """What happens now. DISCARD exists only as the owner's own rule."""

    ACCEPT = "accept"
    DEFER = "defer"
    REJECT = "reject"
    HOLD = "hold"
    DISCARD = "discard"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision with its reason.

    ``said`` is the text of the reply; where it is empty, ``reason`` is told.
    ``closes`` ends the session after the reply. ``folder`` is where in the
    recipient's mailbox a held message waits; empty: in the queue. ``copies``
    say where those go whom the recipient stands for.
    """

    action: Action
    check: str
    reason: str
    status: EnhancedStatus | None = None
    said: str = ""
    closes: bool = False
    folder: str = ""
    copies: tuple[Placement, ...] = ()

    @classmethod
    def accept(cls, check: str, reason: str = "", *, status: str = "2.0.0", said: str = "") -> Verdict:
        return cls(Action.ACCEPT, check, reason, _of_class(status, 2), said)

    @classmethod
    def defer(cls, check: str, reason: str, *, status: str = "4.7.1", said: str = "", closes: bool = False) -> Verdict:
        return cls(Action.DEFER, check, reason, _of_class(status, 4), said, closes)

    @classmethod
    def reject(cls, check: str, reason: str, *, status: str = "5.7.1", said: str = "", closes: bool = False) -> Verdict:
        return cls(Action.REJECT, check, reason, _of_class(status, 5), said, closes)

    @classmethod
    def hold(cls, check: str, reason: str, *, folder: str = "") -> Verdict:
        """Take the message and keep it until somebody releases it: in the queue, or in a ``folder`` of the mailbox."""
        return cls(Action.HOLD, check, reason, folder=folder)

    @classmethod
    def discard(cls, check: str, reason: str) -> Verdict:
        return cls(Action.DISCARD, check, reason)

    @classmethod
    def abstain(cls, check: str, reason: str = "") -> Verdict:
        return cls(Action.ABSTAIN, check, reason)

    @property
    def is_refusal(self) -> bool:
        return self.action is Action.DEFER or self.action is Action.REJECT


def _of_class(text: str, klass: int) -> EnhancedStatus:
    status = parse_status(text)
    if status.klass != klass:
        raise ValueError(f"status {text} cannot stand here: its class must be {klass}")
    return status


def Accept(said: str = "") -> Verdict:  # noqa: N802 - reads as a word in users' code
    """Take it. ``said`` replaces the usual text of the reply."""
    return Verdict.accept("caller", said=said)


def Defer(said: str = "Try again later", *, status: str = "4.7.1", closes: bool = False) -> Verdict:  # noqa: N802 - as Accept
    """Not now: a 4yz reply."""
    return Verdict.defer("caller", said, status=status, closes=closes)


def Reject(said: str = "Refused", *, status: str = "5.7.1", closes: bool = False) -> Verdict:  # noqa: N802 - as Accept
    """Never: a 5yz reply."""
    return Verdict.reject("caller", said, status=status, closes=closes)


def Hold(reason: str = "held by policy") -> Verdict:  # noqa: N802 - as Accept
    """Take it, keep it from delivery until somebody releases it."""
    return Verdict.hold("caller", reason)


ABSTAIN: Final = Verdict.abstain("default")

# The three-digit code that goes with a status: by the whole status, then by subject, then by class.
_CODES: Final[dict[str, int]] = {
    "4.3.1": 452,
    "4.3.2": 421,
    "4.5.3": 452,
    "4.2.2": 452,
    "4.3.0": 451,
    "4.3.5": 451,
    "4.4.5": 421,
    "4.7.24": 451,
    "5.2.2": 552,
    "5.2.3": 552,
    "5.3.4": 552,
    "5.1.6": 551,
    "5.1.3": 501,
    "5.1.7": 501,
    "5.5.1": 503,
    "5.5.2": 500,
    "5.5.4": 501,
    "5.6.0": 554,
    "5.6.7": 553,
    "5.7.8": 535,
    "5.7.0": 530,
}


def refusal_reply(verdict: Verdict) -> Reply:
    """The reply for a refusing verdict; 421 where the session ends with it (RFC 5321 §3.8)."""
    assert verdict.status is not None, "a refusal carries a status"
    code = _CODES.get(str(verdict.status), 450 if verdict.status.is_transient else 550)
    if verdict.closes and verdict.status.is_transient:
        code = 421
    return Reply(code, verdict.status, (verdict.said or verdict.reason or "Refused",))
