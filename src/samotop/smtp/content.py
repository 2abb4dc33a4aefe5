"""Content on its way in: DATA, BDAT, and BDAT out of order (RFC 5321 §4.1.1.4, RFC 3030).

``framing`` knows where content begins and ends, ``transaction`` what has come
of it; here is what the session says about it. No event depends on how the
octets were cut into reads; only the lengths of the chunks do.
"""

from __future__ import annotations

from typing import Final

from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.commands import parse_bdat
from samotop.smtp.dialogue import Dialogue
from samotop.smtp.events import Chunk, ChunkEnd, ContentEnd, ContentFailed, Event, Pause
from samotop.smtp.states import Phase, order_text
from samotop.smtp.transaction import Stray, Transaction

_NEED_DATA: Final = Pause.NEED_DATA

_SWALLOWED: Final = 2
"""Times the largest size that a content may have before we hang up instead of swallowing the rest."""


def next_data(dialogue: Dialogue) -> Event | Pause | None:
    """Go on with the content that follows DATA. Raises ``BareLineEnding``."""
    transaction = dialogue.transaction
    assert transaction is not None and transaction.reader is not None, "DATA was accepted"
    if transaction.is_last:  # the end was seen together with the last piece
        return _end_content(dialogue, transaction)
    piece, transaction.is_last = transaction.reader.take(dialogue.buffer)
    if piece:
        return _take_piece(dialogue, transaction, piece)
    return None if transaction.is_last else _NEED_DATA


def next_chunk(dialogue: Dialogue) -> Event | Pause | None:
    """Go on with the octets that follow BDAT. Raises ``BareLineEnding``."""
    transaction = dialogue.transaction
    if transaction is None or dialogue.stray is not None:
        return _next_stray(dialogue)
    chunks = transaction.chunks
    assert chunks is not None, "BDAT was accepted"
    if chunks.remaining:
        piece = chunks.take(dialogue.buffer)
        return _take_piece(dialogue, transaction, piece) if piece else _NEED_DATA
    if transaction.is_last:
        chunks.finish()
        return _end_content(dialogue, transaction)
    if transaction.refusal is not None:
        dialogue.out.append(transaction.refusal.wire)
        dialogue.phase = Phase.SPOILED
        return None
    dialogue.phase = Phase.CHUNKS
    return dialogue.ask(ChunkEnd(transaction.measure.size))


def _take_piece(dialogue: Dialogue, transaction: Transaction, piece: bytes) -> Event | None:
    had_failed = transaction.refusal is not None
    if transaction.add(piece):
        return Chunk(piece)
    refusal = transaction.refusal
    assert refusal is not None, "what is not wanted has its reason"
    hung_up = dialogue.break_off(refusal) if transaction.arrived > _SWALLOWED * dialogue.rules.size else None
    if had_failed:
        return hung_up
    dialogue.pending = hung_up
    return ContentFailed(refusal)


def _end_content(dialogue: Dialogue, transaction: Transaction) -> Event | None:
    if transaction.refusal is None:
        return dialogue.ask(ContentEnd(transaction.measure.size))
    dialogue.out.append(transaction.refusal.wire * replies_to_content(dialogue))
    finish_content(dialogue)
    return None


def replies_to_content(dialogue: Dialogue) -> int:
    """LMTP answers for each recipient, SMTP once (RFC 2033 §4.2)."""
    return len(dialogue.recipients) if dialogue.is_lmtp else 1


def finish_content(dialogue: Dialogue) -> None:
    """The content was answered: this transaction is over and counts."""
    dialogue.transactions += 1
    dialogue.junk = 0
    dialogue.end_transaction()


def begin_chunk(dialogue: Dialogue, argument: bytes) -> Event | None:
    """BDAT where it may stand."""
    size_and_last = parse_bdat(argument)
    if size_and_last is None:
        return dialogue.break_off(replies.BDAT_SYNTAX)
    assert dialogue.transaction is not None, "the table of states allows BDAT within a transaction only"
    dialogue.transaction.begin_chunk(size_and_last[0], is_last=size_and_last[1])
    dialogue.phase = Phase.CHUNK
    return None


def begin_stray(dialogue: Dialogue, argument: bytes) -> Event | None:
    """BDAT out of order: its octets are no commands, so they are swallowed (RFC 3030 §2)."""
    size_and_last = parse_bdat(argument)
    dialogue.errors += 1
    if size_and_last is None or size_and_last[0] > dialogue.rules.size:
        return dialogue.break_off(replies.BDAT_SYNTAX)
    if dialogue.errors >= dialogue.rules.errors:
        return dialogue.break_off(replies.TOO_MANY_ERRORS)
    reply = Reply.of(503, "5.5.1", order_text(dialogue.phase, b"BDAT"))
    dialogue.stray = Stray(size_and_last[0], dialogue.phase, reply)
    dialogue.phase = Phase.CHUNK
    return None


def _next_stray(dialogue: Dialogue) -> Pause | None:
    stray = dialogue.stray
    assert stray is not None, "BDAT within a transaction has its transaction"
    if not stray.swallow(dialogue.buffer):
        return _NEED_DATA
    dialogue.stray = None
    dialogue.phase = stray.phase
    dialogue.out.append(stray.reply.wire)
    return None
