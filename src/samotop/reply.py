"""SMTP replies as values (RFC 5321 §4.2, RFC 2034).

A reply is a code, an enhanced status where the code has one, and lines of
text. Its wire form is made once, when the value is made, so that the usual
replies cost nothing to send.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from samotop.status import EnhancedStatus, parse_status

REPLY_LINE_LIMIT: Final = 512
"""Octets of one reply line with code and CRLF (RFC 5321 §4.5.3.1.5)."""

REPLY_LINES_LIMIT: Final = 100
"""Lines of one reply that we send or read; EHLO, the longest honest one, has about 20."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. ``lines`` has at least one text; ``wire`` is what is sent.

    Raises ``ValueError`` for a code outside 200..599 or a status whose class
    contradicts the code: permanence has one source.
    """

    code: int
    status: EnhancedStatus | None
    lines: tuple[str, ...]
    wire: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise ValueError(f"not a reply code: {self.code}")
        if self.status is not None and self.status.klass != self.code // 100:
            raise ValueError(f"reply code {self.code} contradicts enhanced status {self.status}")
        object.__setattr__(self, "wire", _format(self.code, self.status, self.lines))

    @classmethod
    def of(cls, code: int, status: str | EnhancedStatus | None, *lines: str) -> Reply:
        """``Reply.of(550, "5.1.1", "No such mailbox here")``."""
        if isinstance(status, str):
            status = parse_status(status)
        return cls(code, status, lines or ("",))

    @property
    def is_positive(self) -> bool:
        """2yz or 3yz: go on (RFC 5321 §4.2.1)."""
        return self.code < 400

    @property
    def is_transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        return self.code >= 500

    @property
    def text(self) -> str:
        return " ".join(self.lines)

    def __str__(self) -> str:
        status = f"{self.status} " if self.status else ""
        return f"{self.code} {status}{self.text}"


def _format(code: int, status: EnhancedStatus | None, lines: tuple[str, ...]) -> bytes:
    """Octets of a reply: a line end inside a text cannot begin a new reply, long texts are wrapped."""
    head = f"{code}"
    prefix = f"{status} " if status is not None else ""
    room = REPLY_LINE_LIMIT - len(head) - 1 - len(prefix) - 2
    texts: list[bytes] = []
    for line in lines:
        octets = _printable(line)
        while len(octets) > room:
            cut = octets.rfind(b" ", 1, room)
            cut = cut if cut > 0 else room
            texts.append(octets[:cut])
            octets = octets[cut:].lstrip(b" ")
        texts.append(octets)
    texts = texts[:REPLY_LINES_LIMIT] or [b""]
    more = f"{head}-{prefix}".encode()
    last = f"{head} {prefix}".encode()
    if len(texts) == 1:
        return last + texts[0] + b"\r\n"
    return b"".join([more + t + b"\r\n" for t in texts[:-1]]) + last + texts[-1] + b"\r\n"


def _printable(text: str) -> bytes:
    if text.isascii() and text.isprintable():
        return text.encode()
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode()
