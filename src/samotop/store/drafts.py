"""A draft: one content on its way in, in memory while it is small, in a file of its own when it is not.

Both spools use it, the durable one and the one in memory; they differ in what
``commit`` means and where large files lie, which is what ``DraftOwner`` says.

A draft lives on the event loop. It raises ``RuntimeError`` when it is used
after its end, because then an acknowledgement could stand for other octets
than those that were stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from samotop.content import HEADER_LIMIT, Content, take_header
from samotop.ports import NewEntry, SpoolFault
from samotop.store.large import LargeFile

MEMORY_LIMIT: Final = 256 * 1024
"""A content up to this many octets stays in memory until it is committed."""

NOTABLE: Final = 32 * 1024
"""From here on a draft counts as one of the big ones; most mail is smaller."""

NOTABLE_DRAFTS: Final = 256
"""Big drafts that may be in memory at once (64 MiB); more go to files as soon as they become big."""

PIECES_LIMIT: Final = 256
"""Pieces of a draft before they are joined: a peer that sends octet by octet must not cost an object for each."""


class DraftOwner(Protocol):
    """The spool behind a draft."""

    notable_drafts: int

    def open_large(self, draft: SpoolDraft) -> LargeFile: ...

    def take(self, draft: SpoolDraft) -> None:
        """``draft`` was committed."""
        ...

    def forget(self, draft: SpoolDraft) -> None:
        """``draft``, which has a file of its own, was discarded."""
        ...


class SpoolDraft:
    """``ports.Draft``. After ``commit`` it is the owner's, which reads the fields."""

    __slots__ = (
        "_header",
        "_is_notable",
        "_is_open",
        "_owner",
        "chunks",
        "done",
        "entry",
        "id",
        "large",
        "resume",
        "size",
    )

    entry: NewEntry
    done: Callable[[SpoolFault | None], None]

    def __init__(self, owner: DraftOwner, name: str, resume: Callable[[], None]) -> None:
        self._owner = owner
        self.id = name
        self.resume = resume
        self.size = 0
        self.chunks: list[bytes] = []
        self.large: LargeFile | None = None
        self._header: bytes | None = None
        self._is_open = True
        self._is_notable = False

    @property
    def is_open(self) -> bool:
        return self._is_open

    def write(self, chunk: bytes) -> bool:
        if not self._is_open:
            raise RuntimeError("written to a draft that has ended")
        size = self.size = self.size + len(chunk)
        if self.large is not None:
            return self.large.write(chunk)
        chunks = self.chunks
        chunks.append(chunk)
        if size > NOTABLE:
            return self._write_notable(size)
        if len(chunks) >= PIECES_LIMIT:
            self.chunks = [b"".join(chunks)]
        return True

    def content(self) -> Content:
        large = self.large
        if large is not None:
            large.finish()
            return Content(self.size, large.chunks, self._header)
        chunks = tuple(self.chunks)
        return Content(self.size, lambda: iter(chunks))

    def commit(self, entry: NewEntry, done: Callable[[SpoolFault | None], None]) -> None:
        if not self._is_open:
            raise RuntimeError("committed a draft that has ended")
        self._is_open = False
        self.entry = entry
        self.done = done
        self._owner.take(self)

    def discard(self) -> None:
        """No error on a draft that has ended: sessions end in many ways."""
        if not self._is_open:
            return
        self._is_open = False
        if self.large is not None:
            self.large.discard()
            self._owner.forget(self)
        self.release()

    def release(self) -> None:
        """Give the memory back; on the loop, when the draft has ended."""
        self.chunks = []
        if self._is_notable:
            self._is_notable = False
            self._owner.notable_drafts -= 1

    def _write_notable(self, size: int) -> bool:
        if not self._is_notable:
            if self._owner.notable_drafts >= NOTABLE_DRAFTS:
                return self._spill()
            self._is_notable = True
            self._owner.notable_drafts += 1
        if size > MEMORY_LIMIT:
            return self._spill()
        if len(self.chunks) >= PIECES_LIMIT:
            self.chunks = [b"".join(self.chunks)]
        return True

    def _spill(self) -> bool:
        """Move on to a file of its own; the header section stays, because every message is asked for it."""
        header = take_header(self.chunks)
        if header.endswith(b"\r\n\r\n") or header == b"\r\n" or len(header) >= HEADER_LIMIT:
            self._header = header
        chunks = self.chunks
        self.release()
        large = self.large = self._owner.open_large(self)
        may_go_on = True
        for chunk in chunks:
            may_go_on = large.write(chunk)
        return may_go_on
