"""The door to the queue where a companion's changes are made: a spool around a spool.

Most messages are committed as they came. One for which ``rewrite`` was called
is copied into another draft, with its new header section and body, when it is
committed; ``done`` is called when that is durable. Before, nothing was
acknowledged; afterwards the first draft is forgotten. The entry's id is the
second draft's, known before it is decided on, and the log names both.

Who passes a message on without storing it reads the same by ``content``.
Faults reach ``done`` as ``SpoolFault``; nothing else is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from samotop.content import Content, take_piece
from samotop.ports import Draft, NewEntry, Spool, SpoolFault
from samotop.reception.context import Log

Done = Callable[[SpoolFault | None], None]


@dataclass(frozen=True, slots=True)
class Rewriting:
    """``header`` takes the place of the first ``length`` octets; ``body`` that of all others."""

    header: bytes
    length: int
    body: bytes | None = field(default=None, repr=False)

    def apply(self, content: Content) -> Content:
        rest = content.size - self.length if self.body is None else len(self.body)

        def chunks() -> Iterator[bytes]:
            yield self.header
            if self.body is not None:
                yield self.body
                return
            left = self.length
            for chunk in content.chunks():
                if left:
                    chunk, left = chunk[left:], max(0, left - len(chunk))
                if chunk:
                    yield chunk

        return Content(len(self.header) + rest, chunks, self.header)


@dataclass(frozen=True, slots=True)
class _Planned:
    """``copy`` is the second draft, begun early: who decides about the message has to know its entry's id."""

    rewriting: Rewriting
    copy: Draft
    has_drained: asyncio.Event


class RewritingSpool:
    """``ports.Spool`` around another one. Lives on the event loop."""

    def __init__(self, spool: Spool, loop: asyncio.AbstractEventLoop, log: Log) -> None:
        self._spool = spool
        self._loop = loop
        self._log = log
        self._open: set[str] = set()
        self._planned: dict[str, _Planned] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, resume: Callable[[], None]) -> Draft:
        inner = self._spool.begin(resume)
        self._open.add(inner.id)
        return _Draft(self, inner)

    def room(self, size: int) -> bool:
        return self._spool.room(size)

    def rewrite(self, id: str, rewriting: Rewriting) -> str:
        """The draft with this id is stored so, if it is; returns the id that its entry will have.

        Once for each draft. One that has ended with its client meanwhile is forgotten.
        """
        if id not in self._open:
            return id
        has_drained = asyncio.Event()
        copy = self._spool.begin(has_drained.set)
        self._planned[id] = _Planned(rewriting, copy, has_drained)
        return copy.id

    def content(self, inner: Draft) -> Content:
        planned = self._planned.get(inner.id)
        return inner.content() if planned is None else planned.rewriting.apply(inner.content())

    def forget(self, inner: Draft) -> None:
        self._open.discard(inner.id)
        planned = self._planned.pop(inner.id, None)
        if planned is not None:
            planned.copy.discard()
        inner.discard()

    def commit(self, inner: Draft, entry: NewEntry, done: Done) -> None:
        self._open.discard(inner.id)
        planned = self._planned.pop(inner.id, None)
        if planned is None:
            inner.commit(entry, done)
            return
        task = self._loop.create_task(self._copy(inner, planned, entry, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _copy(self, inner: Draft, planned: _Planned, entry: NewEntry, done: Done) -> None:
        copy, has_drained = planned.copy, planned.has_drained
        try:
            content = planned.rewriting.apply(inner.content())
            if not self._spool.room(content.size):
                raise SpoolFault("no room for the changed message", is_full=True)
            chunks = content.chunks()
            while piece := await asyncio.to_thread(take_piece, chunks):
                has_drained.clear()
                if not copy.write(piece):
                    await has_drained.wait()
        except Exception as error:  # noqa: BLE001 - the disk, our end or a bug: the client must have its answer
            if not isinstance(error, SpoolFault):
                self._log.error("change_unwritten", id=inner.id, error=error)
            copy.discard()
            inner.discard()
            done(error if isinstance(error, SpoolFault) else SpoolFault("the changed message could not be written"))
            return
        self._log.info("rewritten", id=inner.id)
        self._log.info("rewritten_as", id=copy.id)
        inner.discard()
        copy.commit(entry, done)


class _Draft:
    """``ports.Draft`` whose end comes through the door; everything else is the inner draft's."""

    __slots__ = ("_inner", "_owner", "id", "write")

    def __init__(self, owner: RewritingSpool, inner: Draft) -> None:
        self._owner = owner
        self._inner = inner
        self.id = inner.id
        self.write = inner.write

    def content(self) -> Content:
        return self._owner.content(self._inner)

    def commit(self, entry: NewEntry, done: Done) -> None:
        self._owner.commit(self._inner, entry, done)

    def discard(self) -> None:
        self._owner.forget(self._inner)
