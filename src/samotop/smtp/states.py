"""The session's phases, which commands each allows and where they lead: tables (RFC 5321 §4.1.4).

The diagram in docs/smtp.md is made from them, and the tests hold the engine to
them: ``server``, ``verbs`` and ``content`` do what stands here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Phase(IntEnum):
    """Where a session stands."""

    GREETING = 0
    """Connected; our greeting is not decided yet."""
    START = 1
    """Greeted; no EHLO yet, or TLS has just begun."""
    READY = 2
    """Hello said; no transaction."""
    MAIL = 3
    """A transaction without recipients."""
    RECIPIENTS = 4
    """A transaction with at least one recipient."""
    CHUNKS = 5
    """Between two BDAT commands of one content."""
    SPOILED = 6
    """A BDAT was refused: the rest of its content is swallowed until RSET (RFC 3030 §2)."""
    DATA = 7
    """Content is arriving after DATA."""
    CHUNK = 8
    """Octets of a BDAT are arriving."""
    AUTH = 9
    """Within an AUTH exchange."""
    HANDSHAKE = 10
    """STARTTLS was accepted, TLS is not there yet."""
    CLOSED = 11


_ALWAYS: Final = frozenset((b"NOOP", b"RSET", b"QUIT", b"HELP", b"VRFY", b"EXPN"))
_HELLO: Final = frozenset((b"HELO", b"EHLO", b"LHLO"))

ALLOWED: Final[dict[Phase, frozenset[bytes]]] = {
    Phase.START: _ALWAYS | _HELLO,
    Phase.READY: _ALWAYS | _HELLO | {b"MAIL", b"STARTTLS", b"AUTH"},
    Phase.MAIL: _ALWAYS | _HELLO | {b"RCPT"},
    Phase.RECIPIENTS: _ALWAYS | _HELLO | {b"RCPT", b"DATA", b"BDAT"},
    Phase.CHUNKS: _ALWAYS | _HELLO | {b"BDAT"},
    Phase.SPOILED: _ALWAYS | _HELLO,
}

LEADS_TO: Final[dict[bytes, Phase]] = {
    b"HELO": Phase.READY,
    b"EHLO": Phase.READY,
    b"LHLO": Phase.READY,
    b"RSET": Phase.READY,
    b"MAIL": Phase.MAIL,
    b"RCPT": Phase.RECIPIENTS,
    b"DATA": Phase.DATA,
    b"BDAT": Phase.CHUNK,
    b"STARTTLS": Phase.HANDSHAKE,
    b"AUTH": Phase.AUTH,
    b"QUIT": Phase.CLOSED,
}
"""Where a command leads that is allowed and accepted; one that is not named, or refused, leaves the phase as it is."""

LEAVES: Final[dict[Phase, dict[str, Phase]]] = {
    Phase.GREETING: {"220": Phase.START},
    Phase.DATA: {"end of data": Phase.READY},
    Phase.CHUNK: {"chunk taken": Phase.CHUNKS, "chunk refused": Phase.SPOILED, "LAST": Phase.READY},
    Phase.AUTH: {"235 or refusal": Phase.READY},
    Phase.HANDSHAKE: {"TLS is there": Phase.START},
}
"""What ends the phases in which no commands are read. Any phase ends in ``CLOSED`` when either side hangs up."""


def leads_to(phase: Phase, verb: bytes) -> Phase:
    """The phase after a command that was allowed and accepted."""
    if verb == b"RSET" and phase is Phase.START:
        return phase  # there is nothing to forget, and EHLO is still owed
    return LEADS_TO.get(verb, phase)


KNOWN: Final = _ALWAYS | _HELLO | {b"MAIL", b"RCPT", b"DATA", b"BDAT", b"STARTTLS", b"AUTH"}

BEFORE_TLS: Final = frozenset((b"NOOP", b"RSET", b"QUIT", b"HELP", b"EHLO", b"LHLO", b"HELO", b"STARTTLS"))
"""What a session that must be encrypted may say before it is (RFC 3207 §4)."""

JUNK: Final = _ALWAYS | _HELLO
"""Commands that bring no mail forward."""


FOREIGN: Final = frozenset((b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH"))
"""Verbs of HTTP: a browser or proxy is being made to talk to us, so we hang up at once."""


def order_text(phase: Phase, verb: bytes) -> str:
    """Say what should have come instead."""
    if phase is Phase.START:
        return "Say EHLO first"
    if verb == b"MAIL":
        return "A transaction is open: finish it or say RSET"
    if phase is Phase.READY:
        return "Say MAIL first"
    if verb in (b"DATA", b"BDAT") and phase is Phase.MAIL:
        return "No valid recipients"
    if phase is Phase.SPOILED:
        return "This content was refused: say RSET"
    if phase is Phase.CHUNKS:
        return "BDAT goes on with BDAT or ends with RSET"
    return "Not within a transaction: say RSET first"
