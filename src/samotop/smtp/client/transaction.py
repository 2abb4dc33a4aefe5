"""One transaction under way: what was said, what was answered, how far the content has come.

It holds no dialogue: ``exchange`` says and hears, this adds up. ``result`` can
be asked for at any moment, for a session may end at any.
"""

from __future__ import annotations

from samotop.envelope import Recipient
from samotop.reply import Reply
from samotop.smtp.client.planned import TransactionPlan
from samotop.smtp.client.result import RecipientResult, TransactionResult
from samotop.smtp.client.rules import Stage
from samotop.smtp.client.sending import ChunkSending
from samotop.smtp.client.stuffing import DotStuffer


class OpenTransaction:
    """The state of one transaction."""

    __slots__ = (
        "accepted",
        "answers",
        "finals",
        "has_ended_content",
        "holds_content",
        "is_lmtp",
        "is_sent",
        "is_whole",
        "plan",
        "rcpts",
        "recipients",
        "refusal",
        "refused_at",
        "said",
        "sending",
    )

    def __init__(self, plan: TransactionPlan, *, is_lmtp: bool, holds_content: bool) -> None:
        self.plan = plan
        self.is_lmtp = is_lmtp
        self.holds_content = holds_content
        """The caller may still add recipients: DATA waits for its word."""
        self.recipients: list[Recipient] = list(plan.recipients)
        self.rcpts: list[bytes] = list(plan.rcpts)
        self.said = 0
        """RCPTs said so far."""
        self.answers: list[Reply] = []
        """The replies to them, in order."""
        self.accepted = 0
        self.refusal: Reply | None = None
        """The reply that ended it for everybody: to MAIL, DATA, or while content was sent."""
        self.refused_at = Stage.MAIL
        self.sending: DotStuffer | ChunkSending | None = None
        """How content is sent, once it may be."""
        self.has_ended_content = False
        """The caller has said that the content is complete."""
        self.is_whole = False
        """All of it is queued, up to its last octet."""
        self.is_sent = False
        """... and was given out to be written."""
        self.finals: list[Reply] = []
        """Replies to the content: one in SMTP, one for each accepted recipient in LMTP."""

    @property
    def finals_wanted(self) -> int:
        """Replies that the content gets (RFC 2033 §4.2)."""
        return self.accepted if self.is_lmtp else 1

    @property
    def takes_content(self) -> bool:
        """Has the content begun, and is there no word against the rest of it?"""
        return self.sending is not None and not self.has_ended_content and self.refusal is None

    def refuse(self, reply: Reply, stage: Stage) -> None:
        """It is over for everybody who was not refused before. The first such reply counts."""
        if self.refusal is None:
            self.refusal, self.refused_at = reply, stage

    def result(self, last: Reply | None, stage: Stage) -> TransactionResult:
        """What is known now. ``last`` is the word with which the server ended the session, at ``stage``."""
        finals = iter(self.finals if self.is_lmtp else self.finals * self.accepted)
        answers = self.answers
        found: list[RecipientResult] = []
        is_uncertain = False
        for number, recipient in enumerate(self.recipients):
            answer = answers[number] if number < len(answers) else None
            if self.refusal is not None and self.refused_at is Stage.MAIL:
                one = RecipientResult(recipient, self.refusal, False, Stage.MAIL)
            elif answer is None:
                one = RecipientResult(recipient, last, False, stage)
            elif not answer.is_positive:
                one = RecipientResult(recipient, answer, False, Stage.RCPT)
            elif self.refusal is not None:
                one = RecipientResult(recipient, self.refusal, False, self.refused_at)
            elif (final := next(finals, None)) is not None:
                one = RecipientResult(recipient, final, final.is_positive, Stage.FINAL)
            elif self.is_sent:
                is_uncertain = True
                one = RecipientResult(recipient, None, False, Stage.FINAL, is_uncertain=True)
            else:
                one = RecipientResult(recipient, last, False, stage)
            found.append(one)
        return TransactionResult(tuple(found), self.finals[-1] if self.finals else None, is_uncertain)
