"""The writer's thread: takes what waits, has it written in one batch, tells the event loop once.

Around the batches it does what is to be done from time to time: look how much
room the disk has, see what another process changed, empty the write-ahead log
after deletions, let files go that nobody needs.

Everything runs in the one thread that calls ``run``; tests call ``run_pending``
and ``tick`` instead and are that thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final

import apsw

from samotop.ports import Clock, SpoolFault
from samotop.queue.entry import Entry, State
from samotop.store.database import BUSY_SECONDS, Database, read_serial
from samotop.store.drafts import SpoolDraft
from samotop.store.fresh import Fresh
from samotop.store.large import Post, Submit
from samotop.store.records import fresh_pending
from samotop.store.room import Room
from samotop.store.segments import Segments
from samotop.store.writer import BatchWriter, Settling, Written

BATCH_OPERATIONS: Final = 512
"""Commits and settlements of one batch: far past the point where the sync costs less than the rest."""
BATCH_OCTETS: Final = 4 * 1024 * 1024
"""Contents of one batch: they are in memory twice while they are sealed."""
GATHER_SECONDS: Final = 0.002
"""What a busy writer waits for more company. A batch costs two syncs and some twenty hand-overs between threads,
whether it has 2 commits or 20; under load the time is more than made up by what the batches save."""
GATHER_FROM: Final = 2
"""Commits of the batch before from which on the writer counts as busy; a lone session never waits."""
TICK_SECONDS: Final = 1.0
"""How often an idle writer wakes up to look around."""
CHECKPOINT_IDLE_SECONDS: Final = 2.0
"""After a deletion the write-ahead log, which may hold keys, is emptied this soon when nothing else is to be done."""
CHECKPOINT_BUSY_SECONDS: Final = 30.0
"""And this soon in any case."""

_COUNTS: Final = "SELECT segment, count(*) FROM entry WHERE slot = ? GROUP BY segment"


@dataclass(frozen=True, slots=True)
class Damaged:
    """Rows that cannot be read: they leave the queue and stay for the operator."""

    ids: list[str]


@dataclass(frozen=True, slots=True)
class Swept:
    """What state.db says of files that gain no more rows."""

    closed: frozenset[str]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Stop:
    """The last operation."""


Operation = SpoolDraft | Settling | Damaged | Swept | Stop
OnStored = Callable[[list[Entry]], None]


class WriterThread:
    """Batches, and what happens between them. ``put`` may be called from any thread."""

    def __init__(
        self,
        writer: BatchWriter,
        connection: apsw.Connection,
        segments: Segments,
        database: Database,
        slot: int,
        *,
        clock: Clock,
        room: Room,
        fresh: Fresh,
        post: Post,
        submit: Submit,
        on_stored: OnStored | None,
    ) -> None:
        self._writer = writer
        self._connection = connection
        self._segments = segments
        self._database = database
        self._slot = slot
        self._clock = clock
        self._room = room
        self._fresh = fresh
        self._post = post
        self._submit = submit
        self._on_stored = on_stored
        self._operations: SimpleQueue[Operation] = SimpleQueue()
        self.put = self._operations.put
        self._serial = read_serial(connection, "queue")
        self._next_look = float("-inf")
        self._last_size = 0
        self._is_over = False
        self._checkpointed_at = clock.monotonic()
        room.look(clock.monotonic())

    def run(self) -> None:
        """The thread: until ``Stop`` is taken. Nothing else ends it, or every commit would wait for ever."""
        get = self._operations.get
        while not self._is_over:
            try:
                try:
                    first = get(timeout=TICK_SECONDS)
                except Empty:
                    self.tick(is_idle=True)
                    continue
                if self._last_size >= GATHER_FROM:
                    time.sleep(GATHER_SECONDS)
                self._run_batch(first)
                self.tick(is_idle=False)
            except Exception as error:  # noqa: BLE001 - a bug: the loop reports it, and the others' mail still becomes durable
                self._tell(partial(_raise, error))

    def run_pending(self) -> None:
        """Write everything that waits, batch by batch."""
        while not self._operations.empty():
            self._run_batch(self._operations.get_nowait())

    def tick(self, *, is_idle: bool) -> None:
        """What is to be done from time to time; the clock says when. What fails is done next time."""
        if self._is_over:
            return
        now = self._clock.monotonic()
        self._room.look(now)
        try:
            if is_idle:
                if self._writer.waits:
                    self._write([], [])
                self._segments.retire_idle()
            if now >= self._next_look:
                self._next_look = now + TICK_SECONDS
                self._look_for_changes()
            self._checkpoint(now, CHECKPOINT_IDLE_SECONDS if is_idle else CHECKPOINT_BUSY_SECONDS)
        except (apsw.Error, OSError):
            return

    def _run_batch(self, first: Operation) -> None:
        """Take what waits, up to a batch, and write it; with ``Stop`` among it this was the last."""
        drafts: list[SpoolDraft] = []
        settlings: list[Settling] = []
        corrections: list[Damaged | Swept] = []
        taken = octets = 0
        operation = first
        get = self._operations.get_nowait
        while True:
            if isinstance(operation, SpoolDraft):
                drafts.append(operation)
                if operation.large is None:
                    octets += operation.size
            elif isinstance(operation, Settling):
                settlings.append(operation)
            elif isinstance(operation, Stop):
                self._is_over = True
                break
            else:
                corrections.append(operation)
            taken += 1
            if taken >= BATCH_OPERATIONS or octets >= BATCH_OCTETS:
                break  # before another is taken: what is taken must be written
            try:
                operation = get()
            except Empty:
                break
        self._last_size = len(drafts)
        try:
            if drafts or settlings:
                self._write(drafts, settlings)
            for correction in corrections:
                self._correct(correction)
        finally:
            if self._is_over:
                self._end()

    def _write(self, drafts: list[SpoolDraft], settlings: list[Settling]) -> None:
        try:
            written = self._writer.write(drafts, settlings, self._clock.time())
        except Exception:
            fault = SpoolFault("the spool could not be written")
            self._tell(partial(self._finish, Written([], [(draft, fault) for draft in drafts], [], 0.0)))
            raise
        if self._on_stored is not None:
            add = self._fresh.add
            for draft in written.stored:
                if draft.large is None and draft.entry.state is State.QUEUED:
                    add(draft.id, tuple(draft.chunks), draft.size)
        self._tell(partial(self._finish, written))
        if self._writer.is_full:
            self._room.exhaust()
        for settling in settlings:
            for name in settling.finished:
                self._fresh.drop(name)
            for row in settling.deferred:
                self._fresh.drop(row[4])
        self._writer.clean_up()

    def _finish(self, written: Written) -> None:
        """On the loop: tell everybody. One who raises must not keep the others waiting."""
        error: Exception | None = None
        for draft in written.stored:
            draft.release()
            try:
                draft.done(None)
            except Exception as raised:  # noqa: BLE001 - raised again below
                error = raised
        for draft, fault in written.failed:
            draft.release()
            try:
                draft.done(fault)
            except Exception as raised:  # noqa: BLE001 - as above
                error = raised
        for settling in written.settled:
            try:
                settling.done()
            except Exception as raised:  # noqa: BLE001 - as above
                error = raised
        if self._on_stored is not None and written.stored:
            entries = [_fresh_entry(d, written.due) for d in written.stored if d.entry.state is State.QUEUED]
            if entries:
                self._on_stored(entries)
        if error is not None:
            raise error

    def _correct(self, operation: Damaged | Swept) -> None:
        if isinstance(operation, Swept):
            self._writer.clean_up()  # what state.db has counted out already must not be taken off again
            self._segments.drop_unused(operation.closed, operation.counts)
            return
        try:
            self._writer.mark_damaged(operation.ids, "its row in state.db cannot be read")
        except apsw.Error:
            return  # they will be found again

    def _look_for_changes(self) -> None:
        serial = read_serial(self._connection, "queue")
        if serial == self._serial:
            return
        self._writer.has_deleted = True  # by the other process, in the log that both write
        self._segments.retire()  # so that its entries can be counted: while it gains more, no count stays true
        with suppress(RuntimeError):  # no thread to be had: at the next look
            self._submit(partial(self._sweep, self._segments.closed()))
            self._serial = serial

    def _sweep(self, closed: frozenset[str]) -> None:
        """On a helper thread: entries may have been dropped by another process; count what is left."""
        try:
            rows = self._database.reader().execute(_COUNTS, (self._slot,)).fetchall()
        except apsw.Error:
            return  # nothing is lost but room, until the next change or start
        self.put(Swept(closed, {str(name): int(entries) for name, entries in rows}))  # type: ignore[arg-type]  # what the statement selects

    def _checkpoint(self, now: float, wait: float) -> None:
        """Empty the write-ahead log, which holds old pages, and with them keys that have been destroyed."""
        if not self._writer.has_deleted or now - self._checkpointed_at < wait:
            return
        self._connection.set_busy_timeout(0)  # a reader in another process is not waited for
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            self._connection.set_busy_timeout(BUSY_SECONDS * 1000)
        self._checkpointed_at = now
        self._writer.has_deleted = False

    def _end(self) -> None:
        if self._writer.waits:
            self._write([], [])
        self._segments.close()
        try:
            self._checkpoint(self._checkpointed_at, 0.0)
        except apsw.Error:
            return  # the next start's business

    def _tell(self, callback: Callable[[], object]) -> None:
        try:
            self._post(callback)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more


def _fresh_entry(draft: SpoolDraft, due: float) -> Entry:
    entry = draft.entry
    envelope = entry.envelope
    return Entry(draft.id, envelope, fresh_pending(envelope), entry.trace, draft.size, entry.state, due, entry.reason)


def _raise(error: Exception) -> None:
    raise error
