"""What became of one transaction, for each recipient (RFC 5321 §3.3, RFC 2033 §4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.envelope import Recipient
from samotop.reply import Reply
from samotop.smtp.client.rules import Stage

_TOO_MANY: Final = (452, 552)
"""Codes that refuse one recipient too many; 552 is the older one (RFC 5321 §4.5.3.1.10)."""


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """What became of one recipient.

    ``reply`` decided it: the refusal of MAIL, RCPT, DATA or of the content, or
    the acceptance of the content. ``None`` where the session ended before any
    reply did. ``stage`` is what that was the reply to, or what was waited for.
    ``is_accepted``: the server has taken over the responsibility.
    ``is_uncertain``: the whole content was sent and no reply came; the server
    may have it or not, and sending it again may double it.
    """

    recipient: Recipient
    reply: Reply | None
    is_accepted: bool
    stage: Stage
    is_uncertain: bool = False

    @property
    def is_permanent(self) -> bool:
        """Was it refused for good? Otherwise it is accepted, or worth another attempt."""
        return self.reply is not None and self.reply.is_permanent


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """What became of one transaction. ``recipients`` are in the order of the plan.

    ``final`` is the reply to the content (in LMTP the last of them), ``None``
    if it did not come to that.
    """

    recipients: tuple[RecipientResult, ...]
    final: Reply | None = None
    is_uncertain: bool = False

    @property
    def is_accepted(self) -> bool:
        """Has the server taken it for every recipient?"""
        return all(recipient.is_accepted for recipient in self.recipients)

    @property
    def accepted(self) -> tuple[RecipientResult, ...]:
        return tuple(recipient for recipient in self.recipients if recipient.is_accepted)

    @property
    def left_over(self) -> tuple[Recipient, ...]:
        """Recipients whom the server wants in another transaction, at once (RFC 5321 §4.5.3.1.10).

        Empty where it took none: then it did not mean their number.
        """
        if not self.accepted:
            return ()
        return tuple(one.recipient for one in self.recipients if _is_one_too_many(one))

    @property
    def decided(self) -> tuple[RecipientResult, ...]:
        """All but ``left_over``. A recipient who stands there twice may be in both."""
        if not self.left_over:
            return self.recipients
        return tuple(one for one in self.recipients if not _is_one_too_many(one))


def _is_one_too_many(one: RecipientResult) -> bool:
    reply = one.reply
    if one.stage is not Stage.RCPT or reply is None or reply.code not in _TOO_MANY:
        return False
    return reply.status is None or reply.status[1:] == (5, 3)
