"""The door to the queue where aliases and lists are expanded: a spool around a spool.

Whatever enters the queue comes through ``ExpandingSpool``, also what we write
ourselves, so that a notification to an alias or to a rewritten sender finds its
way. Who plans says which envelopes an accepted message becomes (``Plan``).

Mostly that is one, with the content as it came: then it is committed as it
would have been, in the same turn of the loop. Where a copy needs other fields
(a list's, a forwarded message's mark) or another sender, it is an entry of its own, whose
content is copied in pieces, beside the loop. First all copies are made, then
all entries are committed in one turn, which the store nearly always makes one
transaction; ``done`` is called when the last of them is durable. After a crash
or a fault in between nothing was acknowledged: the sender tries again, and somebody
may get a second copy, but nobody none.

A copy of what a user of ours submitted gets the Date and Message-ID that it
lacks here, as the message itself does when it is delivered, and the same
(RFC 6409 §8): all that was one message stays one.

Faults reach ``done`` as ``SpoolFault``; nothing else is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from samotop.address import NullPath
from samotop.content import HEADER_LIMIT, Content, take_piece
from samotop.errors import TryAgainLater
from samotop.message.completion import format_missing
from samotop.message.redistribution import format_list_fields, format_marks, strip_list_fields
from samotop.ports import Draft, NewEntry, Spool, SpoolFault
from samotop.ports.transport import Outcome
from samotop.queue.entry import Entry
from samotop.queue.outcome import Action, Notice
from samotop.reception.context import Log
from samotop.routing.aliases import Posting
from samotop.routing.expansion import Expansion, Planned
from samotop.status import EnhancedStatus

Plan = Callable[[NewEntry], Expansion]
"""What becomes of an accepted message. May raise ``TryAgainLater``."""

Tell = Callable[[Entry, Content, Sequence[Notice]], Awaitable[None]]
"""Writes a notification to the message's sender; the content is its header alone."""

Done = Callable[[SpoolFault | None], None]

_EXPANDED: Final = Outcome(EnhancedStatus(2, 0, 0), "passed on to whom this address stands for")
_POSTED: Final = Outcome(EnhancedStatus(2, 0, 0), "passed on to the list")


class ExpandingSpool:
    """``ports.Spool`` around another one. Lives on the event loop."""

    def __init__(
        self,
        spool: Spool,
        plan: Plan,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        tell: Tell | None = None,
        *,
        hostname: str,
    ) -> None:
        self._spool = spool
        self._plan = plan
        self._loop = loop
        self._log = log
        self._hostname = hostname
        self.tell = tell
        """Set where senders are told of success that they asked to hear of."""
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, resume: Callable[[], None]) -> Draft:
        return _ExpandingDraft(self, self._spool.begin(resume))

    def room(self, size: int) -> bool:
        return self._spool.room(size)

    def commit(self, draft: Draft, entry: NewEntry, done: Done) -> None:
        """Commit one message as all that it becomes."""
        try:
            expansion = self._plan(entry)
        except TryAgainLater as error:
            self._log.error("expansion_failed", id=draft.id, error=error)
            draft.discard()
            self._loop.call_soon(done, SpoolFault("the aliases cannot be followed"))
            return
        planned = expansion.planned
        if len(planned) == 1 and planned[0].is_unchanged and not (expansion.expanded or expansion.posted):
            draft.commit(entry if planned[0].envelope is entry.envelope else _become(entry, planned[0]), done)
            return
        task = self._loop.create_task(self._commit_all(draft, entry, expansion, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _commit_all(self, draft: Draft, entry: NewEntry, expansion: Expansion, done: Done) -> None:
        name, content = draft.id, draft.content()
        size = content.size
        drafts = [draft]
        try:
            header = await asyncio.to_thread(lambda: content.header)
            batch = await self._copy_all(drafts, content, header, entry, expansion.planned)
        except Exception as error:  # noqa: BLE001 - the disk, our end or a bug: the client must have its answer
            if not isinstance(error, SpoolFault):
                self._log.error("copies_unwritten", id=name, error=error)
            for one in drafts:
                one.discard()
            done(error if isinstance(error, SpoolFault) else SpoolFault("the copies could not be written"))
            return
        faults = await self._commit_each(batch)
        if draft not in [one for one, _ in batch]:
            draft.discard()
        fault = next((one for one in faults if one is not None), None)
        if fault is None:
            self._log.info("expanded", id=name, entries=len(batch))
            await self._tell(Entry(name, entry.envelope, (), entry.trace, size), header, expansion)
        done(fault)

    async def _copy_all(
        self, drafts: list[Draft], content: Content, header: bytes, entry: NewEntry, planned: Sequence[Planned]
    ) -> list[tuple[Draft, NewEntry]]:
        """Fill a draft for each envelope; ``drafts`` has the first, and grows."""
        copies = sum(not one.is_unchanged for one in planned)
        if not self._spool.room(content.size * copies):
            raise SpoolFault("no room for the copies", is_full=True)
        trace = entry.trace
        missing = format_missing(header, drafts[0].id, trace.received_at, self._hostname) if trace.login else b""
        batch: list[tuple[Draft, NewEntry]] = []
        for one in planned:
            if one.is_unchanged:
                batch.append((drafts[0], _become(entry, one)))
                continue
            copying = _Copying(content, header, one, missing)
            copy = self._spool.begin(copying.has_drained.set)
            drafts.append(copy)
            await copying.write_to(copy)
            batch.append((copy, _become(entry, one)))
        return batch

    async def _commit_each(self, batch: Sequence[tuple[Draft, NewEntry]]) -> list[SpoolFault | None]:
        """Commit all in this turn of the loop; their faults when the last is durable or is not."""
        waiting: list[asyncio.Future[SpoolFault | None]] = []
        for draft, entry in batch:
            future: asyncio.Future[SpoolFault | None] = self._loop.create_future()
            waiting.append(future)
            draft.commit(entry, future.set_result)
        return list(await asyncio.gather(*waiting))

    async def _tell(self, entry: Entry, header: bytes, expansion: Expansion) -> None:
        """Tell of success who asked for it (RFC 3461 §5.2.7). No message is refused because that fails."""
        notices = [
            *[Notice(one, Action.EXPANDED, _EXPANDED) for one in expansion.expanded],
            *[Notice(one, Action.DELIVERED, _POSTED) for one in expansion.posted],
        ]
        if self.tell is None or not notices or isinstance(entry.envelope.reverse_path, NullPath):
            return
        try:
            await self.tell(entry, Content.from_bytes(header), notices)
        except Exception as error:  # noqa: BLE001 - also for a bug of whoever tells
            self._log.error("expansion_not_told", id=entry.id, error=error)


class _ExpandingDraft:
    """``ports.Draft`` that is committed through the door; everything else is the inner draft's."""

    __slots__ = ("_inner", "_owner", "content", "discard", "id", "write")

    def __init__(self, owner: ExpandingSpool, inner: Draft) -> None:
        self._owner = owner
        self._inner = inner
        self.id = inner.id
        self.write = inner.write
        self.content = inner.content
        self.discard = inner.discard

    def commit(self, entry: NewEntry, done: Done) -> None:
        self._owner.commit(self._inner, entry, done)


def format_fields(planned: Planned) -> bytes:
    """What stands in front of a copy."""
    fields = format_marks(planned.marks)
    one = planned.list
    if one is not None:
        takes_posts = one.post is not Posting.NOBODY
        fields += format_list_fields(one.key, one.id, one.name, str(one.owner_address), takes_posts=takes_posts)
    return fields


def _become(entry: NewEntry, planned: Planned) -> NewEntry:
    return replace(entry, envelope=planned.envelope)


@dataclass(slots=True)
class _Copying:
    """One content on its way into another draft. ``header`` is as it came, ``missing`` are fields that it lacks."""

    content: Content
    header: bytes
    planned: Planned
    missing: bytes = b""
    has_drained: asyncio.Event = field(default_factory=asyncio.Event)

    async def write_to(self, draft: Draft) -> None:
        chunks = self._chunks()
        while piece := await asyncio.to_thread(take_piece, chunks):
            self.has_drained.clear()
            if not draft.write(piece):
                await self.has_drained.wait()

    def _chunks(self) -> Iterator[bytes]:
        yield format_fields(self.planned) + self.missing
        old = b""
        if self.planned.list is not None and len(self.header) < HEADER_LIMIT:  # else it is only a part of it
            old = self.header
            yield strip_list_fields(old)
        left = len(old)
        for chunk in self.content.chunks():
            if left:
                chunk, left = chunk[left:], max(0, left - len(chunk))
            if chunk:
                yield chunk
