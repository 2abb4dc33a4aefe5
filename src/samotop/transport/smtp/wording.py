"""From what the engine reports to what a sender is told: a status, and a text in plain words.

Texts of ours name no address, host or subject. A server's text is the
server's: show it to the sender, and do not log it.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.reply import Reply
from samotop.smtp.client import Impossible, RecipientResult, Stage, TransactionResult
from samotop.status import EnhancedStatus
from samotop.transport.sending import RecipientOutcome

LOST: Final = EnhancedStatus(4, 4, 2)
"""Bad connection (RFC 3463 §3.5): it was lost, or the answer did not come in time."""
NONSENSE: Final = EnhancedStatus(4, 5, 0)
"""Other protocol status: the server said what no server may say."""
UNREADABLE: Final = EnhancedStatus(4, 3, 0)

ID_LIMIT: Final = 100
"""Characters of a queue id; honest ones have up to 40."""

_WAITING: Final = {
    Stage.GREETING: "for its greeting",
    Stage.HELLO: "for its answer to the hello",
    Stage.STARTTLS: "for TLS to begin",
    Stage.AUTH: "for its answer to the login",
    Stage.MAIL: "for its answer to the sender",
    Stage.RCPT: "for its answer to a recipient",
    Stage.DATA: "to be allowed to send the content",
    Stage.CONTENT: "for it to take the content",
    Stage.FINAL: "for its answer to the content",
}

# "queued as 4XyZ", "Ok: queued as ...", "id=1tAbCd-...", "OK id ...", "<id> Queued mail for delivery"
_QUEUE_ID: Final = re.compile(
    r"(?:queued as|queued with id|accepted as|\bid[ =:]|accepted for delivery:|stored as)[ :]{0,3}<?([!-;=?-~]{4,100})",
    re.IGNORECASE,
)
_FIRST_WORD: Final = re.compile(r"([0-9A-Za-z][0-9A-Za-z._-]{5,99}) (?:message )?(?:accepted|queued)", re.IGNORECASE)


def status_of(reply: Reply) -> EnhancedStatus:
    """The reply's enhanced status, or what its code alone says."""
    if reply.status is not None:
        return reply.status
    klass = reply.code // 100
    return EnhancedStatus(klass if klass in (2, 4, 5) else 4, 0, 0)


def find_queue_id(text: str) -> str:
    """What the server seems to call the message: for people who compare logs, nothing to rely on."""
    short = text[:500]
    found = _QUEUE_ID.search(short) or _FIRST_WORD.match(short)
    return found[1].rstrip(".,;)>")[:ID_LIMIT] if found else ""


def describe_loss(why: str, stage: Stage) -> str:
    """``"the server did not answer in time, while we waited for its greeting"``."""
    waiting = _WAITING.get(stage)
    return f"{why}, while we waited {waiting}" if waiting else why


def read_result(one: RecipientResult, why: str, lost: EnhancedStatus) -> RecipientOutcome:
    """What became of one recipient; ``why`` and ``lost`` tell of the session's end where no reply decided."""
    reply = one.reply
    if one.is_accepted and reply is not None:
        text = reply.text
        return RecipientOutcome(one.recipient, status_of(reply), text, one.stage, reply, find_queue_id(text))
    if reply is None or reply.is_positive:
        text = describe_loss(why or "the server closed the connection", one.stage)
        if one.is_uncertain:
            text += "; it may have accepted the message"
        return RecipientOutcome(one.recipient, lost, text, one.stage, None, "", one.is_uncertain)
    return RecipientOutcome(one.recipient, status_of(reply), reply.text, one.stage, reply)


def read_results(result: TransactionResult, end: tuple[str, EnhancedStatus]) -> tuple[RecipientOutcome, ...]:
    """What became of all recipients of a transaction; ``end`` tells of the session's."""
    return tuple([read_result(one, *end) for one in result.recipients])


def read_impossible(one: Impossible) -> RecipientOutcome:
    """What this server cannot be asked for at all."""
    return RecipientOutcome(one.recipient, one.status, one.reason, Stage.IDLE)
