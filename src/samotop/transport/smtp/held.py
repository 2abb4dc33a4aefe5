"""One transaction said in steps: recipients first, the content when somebody else has decided.

    held = Held(courier, reverse_path, parameters)
    outcome = await held.ask(recipient, until)           # MAIL before the first one
    outcomes = await held.send(recipients, content, until)
    await held.drop(until)                               # instead of ``send``: nothing of it was said

What MAIL declares is said before the content is known: eight bits where the
server takes them, the size that the sender named. Where the content then turns
out to need more (SMTPUTF8, BINARYMIME), or some of the recipients are not
wanted any more, the transaction is begun anew; nobody has seen any content then.

Raises nothing for what a server or the network does: that is an outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from samotop.address import ReversePath
from samotop.content import Content
from samotop.envelope import Body, Envelope, MailParameters, Recipient
from samotop.smtp.client import (
    NO_WISHES,
    Answered,
    ContentShape,
    Pause,
    RecipientAnswered,
    Refused,
    Stage,
    TransactionEnded,
    TransactionPlan,
    Wishes,
)
from samotop.smtp.paths import BadPath, NeedsUtf8
from samotop.status import EnhancedStatus
from samotop.transport.sending import RecipientOutcome, same_for_all
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.reading import Unreadable
from samotop.transport.smtp.wording import LOST, UNREADABLE, describe_loss, read_impossible, read_result

TRACE_ROOM: Final = 4096
"""Octets that our trace fields add to what the sender has declared, at most."""

_TOO_MANY: Final = EnhancedStatus(4, 5, 3)
_BAD_ADDRESS: Final = EnhancedStatus(5, 1, 3)
_NEEDS_UTF8: Final = EnhancedStatus(5, 6, 7)


class Held:
    """For one task at a time. A session that breaks ends the transaction, not the object."""

    def __init__(
        self, courier: Courier, reverse_path: ReversePath, parameters: MailParameters, wishes: Wishes = NO_WISHES
    ) -> None:
        self._courier = courier
        self._reverse_path = reverse_path
        self._parameters = parameters
        self._wishes = wishes
        self._plan: TransactionPlan | None = None
        self._accepted: list[Recipient] = []
        self._said = 0
        self._is_busy = False

    @property
    def is_open(self) -> bool:
        """Has the server a transaction of ours that is not at its end?"""
        return self._plan is not None

    async def ask(self, recipient: Recipient, until: float) -> RecipientOutcome:
        """Say RCPT, before it MAIL where nothing is open; the server's word on this recipient."""
        engine = self._courier.engine
        limit = engine.capabilities.recipients
        if limit is not None and self._plan is not None and self._said >= limit:
            return RecipientOutcome(recipient, _TOO_MANY, "one recipient too many for the next hop", Stage.IDLE)
        self._is_busy = True
        try:
            if self._plan is None:
                found = self._first_plan(recipient)
                if isinstance(found, RecipientOutcome):
                    return found
                if not engine.can_begin:
                    return self._lost(recipient)
                self._begin(found)
            else:
                engine.add_recipient(recipient)
            self._said += 1
            outcome = await self._hear(recipient, until)
        except NeedsUtf8 as fault:
            return RecipientOutcome(recipient, _NEEDS_UTF8, str(fault), Stage.IDLE)
        except BadPath as fault:
            return RecipientOutcome(recipient, _BAD_ADDRESS, str(fault), Stage.IDLE)
        except BaseException:  # cancelled: what was asked has no answer
            self._courier.abort()
            raise
        finally:
            self._is_busy = False
        if outcome.is_accepted:
            self._accepted.append(recipient)
        return outcome

    async def send(
        self, recipients: Sequence[Recipient], content: Content, until: float, *, may_convert: bool = True
    ) -> tuple[RecipientOutcome, ...]:
        """Send the content to ``recipients``, all of them accepted before; one outcome each, in order."""
        self._is_busy = True
        try:
            return await self._send(tuple(recipients), content, until, may_convert)
        except Unreadable:
            self._courier.abort()
            return same_for_all(recipients, UNREADABLE, "the content could not be read")
        except BaseException:  # cancelled: the content is not complete, and must not look as if it were
            self._courier.abort()
            raise
        finally:
            self._plan, self._is_busy = None, False

    async def drop(self, until: float) -> None:
        """End the transaction unsent; the session is usable afterwards, or has ended."""
        if self._is_busy:  # what is under way has no end that anybody would hear of
            self._courier.abort()
        elif self.is_open:
            await self._end_unsent(until)

    async def _end_unsent(self, until: float) -> None:
        self._plan = None
        try:
            if not await self._reset(until):
                self._courier.abort()
        except BaseException:
            self._courier.abort()
            raise

    # -- steps --------------------------------------------------------------------------------------

    def _first_plan(self, recipient: Recipient) -> TransactionPlan | RecipientOutcome:
        """What to say before the content is known."""
        engine, given = self._courier.engine, self._parameters
        keywords = engine.capabilities.keywords
        is_binary = given.body is Body.BINARY and {"BINARYMIME", "CHUNKING"} <= keywords
        shape = ContentShape(
            size=given.size + TRACE_ROOM if given.size else 0,
            has_eight_bit="8BITMIME" in keywords,
            is_binary=is_binary,
        )
        envelope = Envelope(self._reverse_path, (recipient,), given)
        plan = engine.plan(envelope, shape, wishes=self._wishes, can_convert=False)
        if plan.impossible:
            return read_impossible(plan.impossible[0])
        return plan.transactions[0]

    def _begin(self, plan: TransactionPlan) -> None:
        self._plan = plan
        self._accepted, self._said = [], 0
        self._courier.engine.begin(plan, holds_content=True)

    async def _hear(self, recipient: Recipient, until: float) -> RecipientOutcome:
        """The reply to the last RCPT, or what ended the transaction instead."""
        while True:
            event = await self._courier.next_event(until)
            if isinstance(event, RecipientAnswered):
                return read_result(event.result, *self._courier.end)
            if isinstance(event, TransactionEnded):
                self._plan = None
                return read_result(event.result.recipients[-1], *self._courier.end)
            if isinstance(event, Pause):
                return self._lost(recipient)

    async def _send(
        self, recipients: tuple[Recipient, ...], content: Content, until: float, may_convert: bool
    ) -> tuple[RecipientOutcome, ...]:
        courier = self._courier
        envelope = Envelope(self._reverse_path, recipients, self._parameters)
        plan, content = await courier.plan(envelope, content, self._wishes, may_convert)
        if plan.impossible or len(plan.transactions) != 1:
            await self._end_unsent(until)
            status, text = (
                (plan.impossible[0].status, plan.impossible[0].reason)
                if plan.impossible
                else (_TOO_MANY, "too many recipients for the next hop")
            )
            return same_for_all(recipients, status, text)
        if not self._covers(plan.transactions[0], recipients):
            refused = await self._begin_anew(plan.transactions[0], recipients, until)
            if refused is not None:
                return same_for_all(recipients, refused.status, refused.text, stage=refused.stage, reply=refused.reply)
        if self._plan is None or courier.engine.transaction is None:
            return tuple(map(self._lost, recipients))
        courier.engine.proceed()
        result = await courier.finish(content, until)
        wanted = [one for one in result.recipients if one.is_accepted or one.stage is not Stage.RCPT]
        return tuple(read_result(one, *courier.end) for one in wanted)

    def _covers(self, needed: TransactionPlan, recipients: tuple[Recipient, ...]) -> bool:
        """Does what was said cover what the content turned out to need?"""
        plan = self._plan
        return (
            plan is not None
            and tuple(self._accepted) == recipients
            and needed.is_binary == plan.is_binary
            and _needs(needed.mail) <= _needs(plan.mail)
        )

    async def _begin_anew(
        self, plan: TransactionPlan, recipients: tuple[Recipient, ...], until: float
    ) -> RecipientOutcome | None:
        """Say it all again, with what the content needs; the first outcome that is no yes, ``None`` for none."""
        if self.is_open and not await self._reset(until):
            return self._lost(recipients[0])
        if not self._courier.engine.can_begin:
            return self._lost(recipients[0])
        self._begin(plan)
        self._said = len(recipients)
        for recipient in recipients:
            outcome = await self._hear(recipient, until)
            if not outcome.is_accepted:
                await self._end_unsent(until)
                return outcome
        self._accepted = list(recipients)
        return None

    async def _reset(self, until: float) -> bool:
        engine = self._courier.engine
        if engine.is_closed or engine.expected:
            return False
        engine.reset()
        while True:
            event = await self._courier.next_event(until)
            if isinstance(event, Answered):
                return True
            if isinstance(event, Pause | Refused):
                return False

    def _lost(self, recipient: Recipient) -> RecipientOutcome:
        why, status = self._courier.end
        text = describe_loss(why or "the server closed the connection", Stage.RCPT)
        return RecipientOutcome(recipient, status if why else LOST, text, Stage.RCPT)


def _needs(mail: bytes) -> set[bytes]:
    """The parameters of a MAIL command without the size, which is an estimate (RFC 1870 §5)."""
    return {word for word in mail.split()[2:] if not word.startswith(b"SIZE=")}
