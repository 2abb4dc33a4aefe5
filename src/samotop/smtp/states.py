"""The session's phases and which commands each allows: one table (RFC 5321 §4.1.4)."""

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
