"""Content cut into the chunks of BDAT, with bounds on what is kept and on what waits for a reply (RFC 3030).

Text passes through ``LineGuard``, for a receiver may hand it on by DATA.
Binary content passes as it is.
"""

from __future__ import annotations

from samotop.smtp.client.rules import ClientRules
from samotop.smtp.client.stuffing import LineGuard


class ChunkSending:
    """What is kept of a content until a chunk of it may go. ``waiting`` chunks have no reply yet."""

    __slots__ = ("_guard", "_kept", "_limit", "_size", "is_full", "waiting")

    def __init__(self, rules: ClientRules, *, is_binary: bool, can_pipeline: bool) -> None:
        self._guard = None if is_binary else LineGuard(rules.line_ends)
        self._kept = bytearray()
        self._size = rules.chunk
        self._limit = rules.chunks_waiting if can_pipeline else 1
        self.waiting = 0
        self.is_full = False
        """A chunk is complete and may not go yet: more content can wait."""

    def feed(self, octets: bytes) -> None:
        """Keep these octets. Raises ``BareLineEnding``."""
        self._kept += octets if self._guard is None else self._guard.feed(octets)

    def finish(self) -> None:
        """There is no more. Raises ``BareLineEnding``."""
        if self._guard is not None:
            self._kept += self._guard.finish()

    def take(self, *, is_end: bool, is_alone: bool) -> tuple[bytes, bool] | None:
        """The next chunk that may go, and whether it is the last; ``None``: none may.

        ``is_end``: all of the content was fed. ``is_alone``: the last chunk
        waits until it is the only one. In LMTP the number of its replies
        depends on how the others fared.
        """
        kept = self._kept
        is_last = is_end and len(kept) <= self._size
        is_ready = is_last or len(kept) >= self._size
        if not is_ready or self.waiting >= self._limit or (is_last and is_alone and self.waiting):
            self.is_full = is_ready and not is_last
            return None
        octets = bytes(kept[: self._size])
        del kept[: self._size]
        self.waiting += 1
        return octets, is_last

    def drop(self) -> None:
        """The content is refused: what is kept will not go."""
        self._kept.clear()
        self.is_full = False
