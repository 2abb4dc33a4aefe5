"""Entries as rows: what of an entry goes into the ``record`` and ``pending`` columns.

The form is our own, a msgpack array that begins with its version, so that a
renamed field in a dataclass changes nothing on disk. Written on the fast path
(``encode_record`` once for each message), read only for deferred entries and
after a restart.

Raises ``ValueError`` for octets that are no such record.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.envelope import NO_PARAMETERS, Body, DeliverBy, Envelope, MailParameters, Notify, Recipient, Ret
from samotop.queue.entry import Entry, Pending, Protection, State, Trace

VERSION: Final = 1

STATES: Final = (State.QUEUED, State.HELD, State.DAMAGED)
"""The ``state`` column's numbers. Append only: they are on disk."""
STATE_NUMBERS: Final = {state: number for number, state in enumerate(STATES)}

TEXT_LIMIT: Final = 300
"""Characters of each word about the last attempt's TLS: they are ours, but for names of hosts and next hops."""

VERDICT_LIMIT: Final = 500
"""Characters of why a recipient's copy goes where it goes."""

ENTRY_SELECT: Final = "SELECT id, record, pending, size, state, due, reason FROM entry "
"""What ``decode_entry`` reads; the caller adds WHERE."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Any]).decode


def encode_record(envelope: Envelope, trace: Trace) -> bytes:
    """The part of an entry that never changes."""
    path = envelope.reverse_path
    return _encode(
        (
            VERSION,
            (path.local, path.domain) if isinstance(path, Address) else None,
            [_recipient(recipient) for recipient in envelope.recipients],
            None if envelope.parameters == NO_PARAMETERS else _parameters(envelope.parameters),
            _trace(trace),
        )
    )


def encode_pending(pending: tuple[Pending, ...]) -> bytes:
    """The recipients that are still owed an outcome."""
    return _encode((VERSION, [_pending(one) for one in pending]))


def decode_entry(row: tuple[Any, ...]) -> Entry:
    """An entry from a row of ``ENTRY_SELECT``."""
    name, record, pending, size, state, due, reason = row
    try:
        version, path, recipients, parameters, trace = _decode(record)
        if version != VERSION:
            raise ValueError
        envelope = Envelope(
            _decode_path(path),
            tuple(map(_decode_recipient, recipients)),
            NO_PARAMETERS if parameters is None else _decode_parameters(parameters),
        )
        if pending is None:
            waiting = fresh_pending(envelope)
        else:
            version, items = _decode(pending)
            if version != VERSION:
                raise ValueError
            waiting = tuple(map(_decode_pending, items))
        return Entry(name, envelope, waiting, Trace(*trace), size, STATES[state], due, reason)
    except (ValueError, TypeError, IndexError, msgspec.DecodeError) as error:
        raise ValueError(f"the row of entry {name} cannot be read") from error


def fresh_pending(envelope: Envelope) -> tuple[Pending, ...]:
    """What an entry owes before its first attempt: an outcome to every recipient."""
    return tuple([Pending(recipient) for recipient in envelope.recipients])


def printable(text: str) -> str:
    """``text`` as UTF-8 can say it: a peer's words may hold half characters, which neither msgpack nor SQLite takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _recipient(recipient: Recipient) -> tuple[object, ...]:
    """Without a verdict it is as long as it was before recipients had any."""
    notify = recipient.notify
    address = recipient.address
    named = (address.local, address.domain, None if notify is None else notify.value, recipient.original)
    if not recipient.folder and not recipient.verdict:
        return named
    return (*named, recipient.folder, printable(recipient.verdict)[:VERDICT_LIMIT])


def _pending(pending: Pending) -> tuple[object, ...]:
    """Without a time of its own it is as long as it was before recipients had any."""
    tried = (_recipient(pending.recipient), pending.attempts, printable(pending.last))
    timed = (*tried, pending.due, pending.is_warned)
    if pending.protection is not None:
        return (*timed, _protection(pending.protection))
    return timed if pending.due or pending.is_warned else tried


def _protection(p: Protection) -> tuple[str, ...]:
    return tuple([printable(text)[:TEXT_LIMIT] for text in (p.hop, p.host, p.demanded, p.by, p.why, p.reached)])


def _trace(trace: Trace) -> tuple[object, ...]:
    """Without results it is as long as it was before there were any: an older program reads it too."""
    facts = (
        printable(trace.hello),
        trace.peer_address,
        trace.protocol,
        trace.received_at,
        trace.tls,
        trace.login,
        trace.peer_name,
    )
    return (*facts, printable(trace.results)) if trace.results else facts


def _parameters(p: MailParameters) -> tuple[object, ...]:
    ret = None if p.ret is None else p.ret.value
    known = (p.size, p.body.value, p.is_utf8, ret, p.envelope_id, p.requires_tls, p.submitter)
    by = p.deliver_by
    if by is None and p.hold_for is None and p.hold_until is None:
        return known  # as long as it was before there were any of these
    return (*known, None if by is None else (by.seconds, by.returns, by.traces), p.hold_for, p.hold_until)


def _decode_pending(item: list[Any]) -> Pending:
    recipient, attempts, last, *later = item
    due, is_warned, *protection = later or (0.0, False)
    found = Protection(*protection[0]) if protection else None
    return Pending(_decode_recipient(recipient), attempts, last, due, is_warned, found)


def _decode_path(path: list[Any] | None) -> ReversePath:
    return NULL_PATH if path is None else Address(*path)


def _decode_recipient(item: list[Any]) -> Recipient:
    local, domain, notify, original, *verdict = item
    return Recipient(Address(local, domain), None if notify is None else Notify(notify), original, *verdict)


def _decode_parameters(item: list[Any]) -> MailParameters:
    size, body, is_utf8, ret, envelope_id, requires_tls, submitter, *times = item
    by, hold_for, hold_until = times or (None, None, None)
    return MailParameters(
        size,
        Body(body),
        is_utf8,
        None if ret is None else Ret(ret),
        envelope_id,
        requires_tls,
        submitter,
        None if by is None else DeliverBy(*by),
        hold_for,
        hold_until,
    )
