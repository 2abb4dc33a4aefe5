"""The client's parameters and the stages of a session: every bound has a name, a default and its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final


class Stage(Enum):
    """What a session waits for, as deadlines and reports need to know it."""

    GREETING = "greeting"
    HELLO = "hello"
    STARTTLS = "starttls"
    """The answer to STARTTLS, and the handshake after it."""
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    """The answer to DATA: 354."""
    CONTENT = "content"
    """Content is being sent; or a chunk of it, not the last, waits for its reply."""
    FINAL = "final"
    """The content is sent: the reply to it, in LMTP one for each recipient."""
    RESET = "reset"
    """The answer to RSET or NOOP."""
    QUIT = "quit"
    IDLE = "idle"
    """Nothing is asked: it is the caller's turn."""
    CLOSED = "closed"

    __hash__ = object.__hash__  # there is one of each: what Enum computes from the name costs more, for each deadline


TIMEOUTS: Final[Mapping[Stage, float]] = MappingProxyType(
    {
        Stage.GREETING: 300.0,  # RFC 5321 §4.5.3.2.1
        Stage.HELLO: 300.0,  # the RFC names none: as for MAIL
        Stage.STARTTLS: 120.0,  # none either: two short turns
        Stage.AUTH: 120.0,  # none either: some servers delay a refusal
        Stage.MAIL: 300.0,  # §4.5.3.2.2
        Stage.RCPT: 300.0,  # §4.5.3.2.3: more for aliases that are looked up
        Stage.DATA: 120.0,  # §4.5.3.2.4
        Stage.CONTENT: 180.0,  # §4.5.3.2.5: for each block that the connection takes
        Stage.FINAL: 600.0,  # §4.5.3.2.6: giving up too early is what doubles messages
        Stage.RESET: 60.0,  # asks for no work at all
        Stage.QUIT: 10.0,  # nothing depends on it
    }
)
"""Seconds to wait at each stage, for the whole reply and not for a part of it (RFC 5321 §4.5.3.2)."""


class LineEnds(Enum):
    """What to do about a CR or LF on its own in a content. It is never sent: that is what SMTP smuggling needs."""

    REFUSE = "refuse"
    NORMALIZE = "normalize"
    """Each of them becomes CRLF: for programs whose text has other line ends."""


@dataclass(frozen=True, slots=True)
class ClientRules:
    """What one session does and bears. Lengths are octets."""

    timeouts: Mapping[Stage, float] = field(default_factory=lambda: TIMEOUTS)
    """Seconds for each stage. The engine knows no time: who drives it keeps to them."""
    allows_plaintext_login: bool = False
    """May AUTH be said on a connection that is not private? Only where somebody asked for it in so many words."""
    challenges: int = 8
    """Challenges of one AUTH exchange; the longest honest one has three."""
    auth_line: int = 512
    """The AUTH command with its initial response, which goes into a line of its own where it does not fit
    (RFC 4954 §4, RFC 5321 §4.5.3.1.4)."""
    buffered: int = 256 * 1024
    """Octets received and not looked at yet: more than the longest reply, and no server has reason to send more."""
    line_ends: LineEnds = LineEnds.REFUSE
    prefers_chunking: bool = False
    """Use BDAT where DATA would do. Binary content goes by BDAT in any case."""
    chunk: int = 256 * 1024
    """A BDAT's octets: what is kept of a content in memory on its way."""
    chunks_waiting: int = 4
    """BDATs that wait for their replies where the server offers PIPELINING."""
    overlaps: bool = True
    """May the next MAIL follow the end of a content whose reply has not come (RFC 2920 §3.1)? For servers that cannot
    bear what they offer."""
    recipients: int = 1000
    """Recipients of one transaction, where the server names no limit: a server that takes 100 answers 452 to the rest
    (RFC 5321 §4.5.3.1.8), so that this bounds a flight and nothing else."""
