"""One mail transaction within a session: from MAIL to the end of its content (RFC 5321 §3.3).

It knows what was accepted so far and how far the content has come; the
engine (``server``) knows when to ask it.
"""

from __future__ import annotations

from typing import Final

from samotop.address import Address, NullPath
from samotop.envelope import Body, MailParameters, Recipient
from samotop.reply import Reply
from samotop.smtp.framing import ChunkReader, DataReader
from samotop.smtp.measure import ContentRefused, Measure
from samotop.smtp.rules import Rules
from samotop.smtp.states import Phase

_TOO_LARGE: Final = "5.3.4"


class Transaction:
    """What MAIL, RCPT and the content have brought."""

    __slots__ = (
        "arrived",
        "chunks",
        "is_last",
        "measure",
        "parameters",
        "reader",
        "recipients",
        "refusal",
        "reverse_path",
    )

    def __init__(self, reverse_path: Address | NullPath, parameters: MailParameters, rules: Rules) -> None:
        self.reverse_path = reverse_path
        self.parameters = parameters
        self.recipients: list[Recipient] = []
        self.measure = Measure(rules)
        self.reader: DataReader | None = None
        self.chunks: ChunkReader | None = None
        self.is_last = False
        """Did the BDAT that is arriving say LAST, or has the end of DATA been seen?"""
        self.refusal: Reply | None = None
        """The content is refused: the rest of it is swallowed, then this is said."""
        self.arrived = 0
        """Octets of the content so far, wanted or not."""

    @property
    def is_binary(self) -> bool:
        return self.parameters.body is Body.BINARY

    def begin_data(self) -> None:
        self.reader = DataReader()

    def begin_chunk(self, size: int, *, is_last: bool) -> None:
        if self.chunks is None:
            self.chunks = ChunkReader(is_binary=self.is_binary)
        self.chunks.expect(size)
        self.is_last = is_last

    def add(self, piece: bytes) -> bool:
        """Count a piece of content; ``False`` if it is not wanted (any more): see ``refusal``."""
        self.arrived += len(piece)
        if self.refusal is not None:
            return False
        try:
            self.measure.add(piece)
        except ContentRefused as refused:
            self.refusal = Reply.of(552 if refused.status == _TOO_LARGE else 554, refused.status, str(refused))
            return False
        return True


class Stray:
    """The octets of a BDAT that came out of order; ``reply`` and ``phase`` are what follows them."""

    __slots__ = ("_remaining", "phase", "reply")

    def __init__(self, size: int, phase: Phase, reply: Reply) -> None:
        self._remaining = size
        self.phase = phase
        self.reply = reply

    def swallow(self, buffer: bytearray) -> bool:
        """Drop what is there of them; were these the last?"""
        count = min(self._remaining, len(buffer))
        del buffer[:count]
        self._remaining -= count
        return self._remaining == 0
