"""What asking any companion has in common: its place, its time, how many are asked at once, and what failing means."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from samotop.content import PIECE, Content, take_piece
from samotop.errors import PeerError
from samotop.facts import ContentFacts
from samotop.net.dial import dial
from samotop.net.endpoint import Tcp, Unix
from samotop.net.stream import Stream
from samotop.ports.companion import NO_OPINION, Opinion
from samotop.verdict import Verdict

TEXT_LIMIT: Final = 200
"""Characters of a companion's words that are told to a sender, or kept."""


class Log(Protocol):
    def error(self, event: str, **fields: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class CompanionRules:
    """``patience`` in seconds for all of one message. ``is_needed``: without it mail is deferred, not accepted."""

    patience: float = 20.0
    is_needed: bool = True
    connections: int = 20
    """At the same time; who comes later waits, and its patience runs."""


class Asking:
    """One companion at ``place``. ``kind`` is its word in the log."""

    kind = "companion"

    def __init__(self, place: Tcp | Unix, log: Log, rules: CompanionRules = CompanionRules()) -> None:
        self._place = place
        self._log = log
        self._rules = rules
        self._room = asyncio.Semaphore(rules.connections)

    async def ask(self, facts: ContentFacts) -> Opinion:
        """Its opinion, or what the operator wants where there is none."""
        until = asyncio.get_running_loop().time() + self._rules.patience
        try:
            async with asyncio.timeout_at(until), self._room:
                stream = await dial(self._place, until)
                try:
                    return await self._converse(stream, facts, until)
                finally:
                    stream.close()
        except (OSError, PeerError) as error:  # TimeoutError is an OSError
            self._log.error("companion_failed", kind=self.kind, id=facts.id, error=error)
            return self._without()

    @abstractmethod
    async def _converse(self, stream: Stream, facts: ContentFacts, until: float) -> Opinion:
        """Ask, and listen. Raises ``OSError`` and ``PeerError``."""

    def _without(self) -> Opinion:
        if not self._rules.is_needed:
            return NO_OPINION
        said = "A filter of this server does not answer, try again later"
        return Opinion(Verdict.defer("companion", f"{self.kind} cannot be asked", status="4.3.0", said=said))


async def read_pieces(content: Content, *, skips: int = 0) -> AsyncGenerator[bytes, None]:
    """The content without its first octets, in pieces of at least ``PIECE``, read beside the loop where it is long."""
    chunks = content.chunks()
    while True:
        if content.size > PIECE:
            piece = await asyncio.to_thread(take_piece, chunks)
        else:
            piece = take_piece(chunks)
        if not piece:
            return
        if skips:
            piece, skips = piece[skips:], max(0, skips - len(piece))
        if piece:
            yield piece


def clean(text: bytes) -> str:
    """A companion's words as they may be told: printable ASCII, on one line, not too long."""
    words = bytes(octet if 32 <= octet < 127 else 32 for octet in text[: 4 * TEXT_LIMIT]).decode("ascii").split()
    return " ".join(words)[:TEXT_LIMIT]
