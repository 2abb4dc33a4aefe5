"""MAIL, RCPT, DATA, BDAT and their replies: how one transaction runs (RFC 5321 §3.3, RFC 2920, RFC 3030, RFC 2033).

Where the server offers PIPELINING, MAIL, all RCPTs and DATA go in one flight, behind
the end of the content before it if that has no reply yet (RFC 2920 §3.1);
else each waits for the reply to the one before. BDAT waits for the replies to
RCPT in any case: its octets would be commands to a server that refused the
transaction and does not know better. ``_go_on`` is called whenever nothing is
asked any more, and says what comes next.
"""

from __future__ import annotations

from typing import Final

from samotop.reply import Reply
from samotop.smtp.client.dialogue import CLOSING, ClientDialogue, Step
from samotop.smtp.client.events import ContentWanted, RecipientAnswered
from samotop.smtp.client.planned import TransactionPlan
from samotop.smtp.client.replies import UnexpectedReply
from samotop.smtp.client.result import RecipientResult
from samotop.smtp.client.rules import Stage
from samotop.smtp.client.sending import ChunkSending
from samotop.smtp.client.shape import ContentShape
from samotop.smtp.client.stuffing import DotStuffer
from samotop.smtp.client.transaction import OpenTransaction

_CONTENT_WANTED: Final = ContentWanted()


def begin_transaction(dialogue: ClientDialogue, plan: TransactionPlan, *, holds_content: bool) -> None:
    """MAIL, and all that may follow it without waiting."""
    transaction = OpenTransaction(plan, is_lmtp=dialogue.is_lmtp, holds_content=holds_content)
    dialogue.finishing, dialogue.transaction = dialogue.transaction, transaction
    dialogue.transactions += 1
    dialogue.has_wanted_content = False
    if dialogue.finishing is None:
        dialogue.check_turn()
        if dialogue.is_closed:
            return
    can_pipeline = dialogue.capabilities.can_pipeline
    if dialogue.needs_reset and dialogue.finishing is None:  # the end of a content ends its transaction
        dialogue.say(b"RSET\r\n", _RESET)
        if not can_pipeline:
            return
    dialogue.say(plan.mail, _MAIL)
    if not can_pipeline:
        return
    count = transaction.said = len(plan.rcpts)
    dialogue.out += plan.rcpts
    dialogue.expected += [_RCPT] * count
    dialogue.unsent += count
    if not holds_content and not plan.uses_chunking:
        dialogue.say(b"DATA\r\n", _DATA)


def add_recipient(dialogue: ClientDialogue, transaction: OpenTransaction) -> None:
    """The last recipient of the list is new: say it now if nothing stands in the way."""
    if not dialogue.expected:
        dialogue.check_turn()
    if not dialogue.is_closed and (dialogue.capabilities.can_pipeline or not dialogue.expected):
        _say_rcpt(dialogue, transaction)


def _say_rcpt(dialogue: ClientDialogue, transaction: OpenTransaction) -> None:
    dialogue.say(transaction.rcpts[transaction.said], _RCPT)
    transaction.said += 1


def go_on(dialogue: ClientDialogue) -> None:
    """Nothing is asked: what comes next in this transaction?"""
    transaction = dialogue.transaction
    if transaction is None or dialogue.expected:
        return
    if transaction.refusal is not None:
        dialogue.end_transaction()
    elif transaction.said < len(transaction.rcpts):
        _say_rcpt(dialogue, transaction)
    elif transaction.holds_content:
        return
    elif not transaction.accepted:
        dialogue.end_transaction()
    elif transaction.plan.uses_chunking:
        sending = ChunkSending(
            dialogue.rules, is_binary=transaction.plan.is_binary, can_pipeline=dialogue.capabilities.can_pipeline
        )
        _want_content(dialogue, transaction, sending)
    else:
        dialogue.say(b"DATA\r\n", _DATA)


def _open(dialogue: ClientDialogue) -> OpenTransaction:
    assert dialogue.transaction is not None, "these replies come within a transaction only"
    return dialogue.transaction


def _on_reset(dialogue: ClientDialogue, reply: Reply) -> None:
    if reply.code >= 300:
        dialogue.fail(UnexpectedReply("RSET was refused"))  # what the server would do to the old transaction is unknown
        return
    dialogue.needs_reset = False
    if not dialogue.expected:
        dialogue.say(_open(dialogue).plan.mail, _MAIL)


def _on_mail(dialogue: ClientDialogue, reply: Reply) -> None:
    if reply.code < 300:
        dialogue.needs_reset = True
    elif reply.code < 400:
        dialogue.refuse_code(reply)
        return
    else:
        _open(dialogue).refuse(reply, Stage.MAIL)
    go_on(dialogue)


def _on_rcpt(dialogue: ClientDialogue, reply: Reply) -> None:
    transaction = _open(dialogue)
    is_accepted = reply.code < 300
    if 300 <= reply.code < 400 or (is_accepted and transaction.refusal is not None):
        dialogue.refuse_code(reply)  # a recipient of no transaction, among others
        return
    transaction.answers.append(reply)
    transaction.accepted += is_accepted
    if transaction.holds_content and transaction.refusal is None:
        recipient = transaction.recipients[len(transaction.answers) - 1]
        dialogue.events.append(RecipientAnswered(RecipientResult(recipient, reply, is_accepted, Stage.RCPT)))
    go_on(dialogue)


def _on_data(dialogue: ClientDialogue, reply: Reply) -> None:
    transaction = _open(dialogue)
    if reply.code >= 400:
        if transaction.accepted:
            transaction.refuse(reply, Stage.DATA)
        dialogue.end_transaction()
    elif reply.code != 354:
        dialogue.refuse_code(reply)
    elif transaction.accepted:
        _want_content(dialogue, transaction, DotStuffer(dialogue.rules.line_ends))
    elif dialogue.is_lmtp:
        dialogue.out.append(b".\r\n")  # one reply per accepted recipient: none (RFC 2033 §4.2)
        _after_content(dialogue)
    else:
        dialogue.say(b".\r\n", _NOTHING)  # it takes content for nobody: RFC 2920 §3.1


def _want_content(dialogue: ClientDialogue, transaction: OpenTransaction, sending: DotStuffer | ChunkSending) -> None:
    transaction.sending = sending
    dialogue.has_wanted_content = True
    dialogue.events.append(_CONTENT_WANTED)


def send_piece(dialogue: ClientDialogue, transaction: OpenTransaction, piece: bytes) -> None:
    """A piece of content. Raises ``BareLineEnding``."""
    sending = transaction.sending
    if isinstance(sending, ChunkSending):
        sending.feed(piece)
        _send_chunks(dialogue, transaction, sending)
    elif sending is not None:
        octets = sending.feed(piece)
        if octets:
            dialogue.out.append(octets)


def send_whole(dialogue: ClientDialogue, transaction: OpenTransaction, octets: bytes, shape: ContentShape) -> None:
    """All of the content, which has this shape. Raises ``BareLineEnding``."""
    sending = transaction.sending
    if not isinstance(sending, DotStuffer) or shape.bare_line_ends or shape.size != len(octets):
        send_piece(dialogue, transaction, octets)
        finish_content(dialogue, transaction)
        return
    dialogue.out.append(sending.whole(octets))
    transaction.has_ended_content = True
    _expect_finals(dialogue, transaction)


def finish_content(dialogue: ClientDialogue, transaction: OpenTransaction) -> None:
    """The end of the content. Raises ``BareLineEnding``."""
    sending = transaction.sending
    if isinstance(sending, ChunkSending):
        sending.finish()
        transaction.has_ended_content = True
        _send_chunks(dialogue, transaction, sending)
    elif sending is not None:
        dialogue.out.append(sending.finish())
        transaction.has_ended_content = True
        _expect_finals(dialogue, transaction)


def _send_chunks(dialogue: ClientDialogue, transaction: OpenTransaction, sending: ChunkSending) -> None:
    """Send what may go now."""
    if transaction.is_whole:
        return
    while (taken := sending.take(is_end=transaction.has_ended_content, is_alone=dialogue.is_lmtp)) is not None:
        octets, is_last = taken
        dialogue.out += (b"BDAT %d%s\r\n" % (len(octets), b" LAST" if is_last else b""), octets)
        if is_last:
            _expect_finals(dialogue, transaction)
            return
        dialogue.expected.append(_CHUNK)
        dialogue.unsent += 1


def _expect_finals(dialogue: ClientDialogue, transaction: OpenTransaction) -> None:
    transaction.is_whole = True
    count = transaction.finals_wanted
    dialogue.expected += [_FINAL] * count
    dialogue.unsent += count


def _on_chunk(dialogue: ClientDialogue, reply: Reply) -> None:
    transaction = _open(dialogue)
    sending = transaction.sending
    assert isinstance(sending, ChunkSending), "only BDAT has chunks"
    if 300 <= reply.code < 400:
        dialogue.refuse_code(reply)
        return
    sending.waiting -= 1
    if reply.code >= 400:
        transaction.refuse(reply, Stage.CONTENT)
        sending.drop()
    if transaction.refusal is not None:
        go_on(dialogue)
        return
    was_full = sending.is_full
    _send_chunks(dialogue, transaction, sending)
    if was_full and not sending.is_full and not transaction.has_ended_content:
        dialogue.events.append(_CONTENT_WANTED)


def _on_final(dialogue: ClientDialogue, reply: Reply) -> None:
    if 300 <= reply.code < 400:
        dialogue.refuse_code(reply)
        return
    if dialogue.finishing is not None:
        dialogue.finishing.finals.append(reply)
        dialogue.needs_reset = False
        dialogue.end_finishing()
        return
    transaction = _open(dialogue)
    if transaction.refusal is None:  # else a chunk was refused, and so is the last one (RFC 3030 §2)
        transaction.finals.append(reply)
    if not dialogue.expected:
        _after_content(dialogue)


def _on_nothing(dialogue: ClientDialogue, reply: Reply) -> None:
    _after_content(dialogue)


def _after_content(dialogue: ClientDialogue) -> None:
    """The content was answered: the server has nothing left of this transaction (RFC 5321 §4.1.1.4)."""
    transaction = _open(dialogue)
    dialogue.needs_reset = transaction.refusal is not None
    dialogue.end_transaction()
    for reply in transaction.finals:
        if reply.code == CLOSING:  # in LMTP, where the replies for the others still came
            dialogue.hang_up(Stage.FINAL, reply)
            break


_RESET: Final = Step(Stage.RESET, _on_reset)
_MAIL: Final = Step(Stage.MAIL, _on_mail)
_RCPT: Final = Step(Stage.RCPT, _on_rcpt)
_DATA: Final = Step(Stage.DATA, _on_data)
_CHUNK: Final = Step(Stage.CONTENT, _on_chunk)
_FINAL: Final = Step(Stage.FINAL, _on_final)
_NOTHING: Final = Step(Stage.FINAL, _on_nothing)
