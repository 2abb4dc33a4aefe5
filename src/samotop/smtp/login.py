"""AUTH within a session: the command, the lines of its exchange, its limits (RFC 4954 §4).

Here is base64, order and counting; the mechanisms are in ``sasl``, and who
may log in is the caller's to say.
"""

from __future__ import annotations

from samotop.errors import PeerError
from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.commands import CommandRefused, parse_auth
from samotop.smtp.dialogue import Dialogue
from samotop.smtp.events import AuthCancelled, AuthResponse, Event, HungUp
from samotop.smtp.states import Phase
from samotop.smtp.xtext import parse_base64


def begin_auth(dialogue: Dialogue, argument: bytes) -> Event | None:
    """AUTH. Raises ``CommandRefused``."""
    if dialogue.is_authenticated:
        raise CommandRefused(replies.AUTH_TWICE)
    offered = dialogue.offered_mechanisms()
    if not offered:
        would_be = dialogue.mechanisms(True) if dialogue.mechanisms is not None else ()
        raise CommandRefused(replies.AUTH_TLS_FIRST if would_be else replies.AUTH_NONE)
    try:
        auth = parse_auth(argument)
    except CommandRefused as refused:
        return _fail(dialogue, refused.reply)
    if auth.mechanism not in offered:
        raise CommandRefused(replies.AUTH_UNKNOWN)
    return dialogue.ask(auth)


def read_response(dialogue: Dialogue, line: bytes) -> Event:
    """A line of the exchange: base64, or ``*`` to give up."""
    if line == b"*":
        return cancel_auth(dialogue, replies.AUTH_CANCELLED)
    try:
        octets = parse_base64(line)
    except PeerError:
        return cancel_auth(dialogue, replies.BAD_BASE64)
    dialogue.phase = Phase.READY
    return dialogue.ask(AuthResponse(octets))


def cancel_auth(dialogue: Dialogue, reply: Reply) -> Event:
    """The exchange ends with ``reply``, and perhaps the session with it."""
    dialogue.phase = Phase.READY
    dialogue.pending = _fail(dialogue, reply)
    return AuthCancelled()


def after_auth(dialogue: Dialogue, reply: Reply) -> None:
    """The caller answered AUTH or a response with ``reply``."""
    dialogue.phase = Phase.READY
    if reply.code == 235:
        dialogue.is_authenticated = True
        return
    dialogue.auth_failures += 1
    if dialogue.auth_failures >= dialogue.rules.auth_failures:
        dialogue.pending = dialogue.break_off(replies.TOO_MANY_ERRORS)


def _fail(dialogue: Dialogue, reply: Reply) -> HungUp | None:
    dialogue.auth_failures += 1
    if dialogue.auth_failures >= dialogue.rules.auth_failures:
        return dialogue.break_off(replies.TOO_MANY_ERRORS)
    return dialogue.refuse(reply)
