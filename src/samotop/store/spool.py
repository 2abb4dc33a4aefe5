"""The durable spool and queue: contents in segment files, rows in state.db, one writer thread.

``SqliteSpool`` implements ``ports.Spool`` for reception and ``ports.Queue`` for
delivery. What is committed or settled waits for the writer thread, which takes
all that waits and makes it durable at once (``writer``); then one call on the
event loop tells all of them. Contents above 256 KiB are written beside the
loop as they arrive (``large``).

Freshly committed entries are handed to ``on_stored`` on the loop, and their
contents stay in memory for a while, so that the usual delivery reads neither
row nor file. After a restart, and for deferred entries, delivery asks ``due``.

Life: make it, perhaps ``adopt``, then ``start``; at the end ``begin_close`` and
``close``, and after it the database. Tests call ``recover`` instead of ``start`` and drive ``worker``.

Raises ``OSError`` and ``apsw.Error`` while it starts and from ``due``,
``next_due`` and ``open``; afterwards faults reach ``done`` as ``SpoolFault``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Thread
from typing import Final

from samotop.content import Content
from samotop.net.threads import DaemonPool
from samotop.ports import Clock, Opener, SpoolFault
from samotop.queue.entry import Entry, Settled, State
from samotop.queue.ids import RANDOM_OCTETS, format_id
from samotop.store import recovery
from samotop.store.database import Database, read_serial
from samotop.store.drafts import SpoolDraft
from samotop.store.files import Files, RealFiles
from samotop.store.fresh import Fresh
from samotop.store.large import LargeFile, Post, Submit
from samotop.store.records import ENTRY_SELECT, STATE_NUMBERS, decode_entry
from samotop.store.room import Room
from samotop.store.seal import AesOpener, AesSealer, BatchSealer
from samotop.store.segments import Segments, format_large
from samotop.store.writer import BatchWriter, Settling
from samotop.store.writer_thread import Damaged, OnStored, Stop, WriterThread

HELPERS: Final = 2
"""Threads that write large contents: sealing is faster than disks, so that more would only wait."""

CLOSE_SECONDS: Final = 5.0
"""For the disk at the end: a batch takes milliseconds, and who stops us has little patience with a disk that hangs."""

RANDOM_POOL: Final = 256
"""Ids' random parts that are asked for at once: each request would give the interpreter lock away."""

_QUEUED: Final = STATE_NUMBERS[State.QUEUED]
_DUE: Final = ENTRY_SELECT + "WHERE slot = ? AND state = ? AND due <= ? ORDER BY due LIMIT ?"
_NEXT_DUE: Final = "SELECT min(due) FROM entry WHERE slot = ? AND state = ? AND due > ?"
_PLACE: Final = "SELECT segment, offset, length, key FROM entry WHERE id = ?"


class SqliteSpool:
    """The spool and queue of one server process.

    ``post`` runs a callable on the event loop (``loop.call_soon_threadsafe``);
    ``submit`` runs one on a helper thread, by default of an own small pool.
    ``slot`` numbers the server processes that share ``database`` and
    ``directory``, from 0. ``on_stored`` gets each batch's new QUEUED entries,
    on the loop, after their ``done`` callbacks; ``due`` may name an entry before
    ``on_stored`` does, so whoever uses both goes by the ids. Must be made after
    a fork, as connections to SQLite and threads must.
    """

    def __init__(
        self,
        database: Database,
        directory: str,
        clock: Clock,
        post: Post,
        *,
        slot: int = 0,
        on_stored: OnStored | None = None,
        files: Files | None = None,
        sealer: BatchSealer | None = None,
        opener: Opener | None = None,
        submit: Submit | None = None,
    ) -> None:
        self.notable_drafts = 0
        self._database = database
        self._directory = directory
        self._clock = clock
        self._post = post
        self._slot = slot
        self._on_stored = on_stored
        self._files: Files = files or RealFiles()
        self._sealer: BatchSealer = sealer or AesSealer()
        self._opener: Opener = opener or AesOpener()
        self._helpers = DaemonPool(HELPERS, "samotop-large") if submit is None else None
        self._submit: Submit = submit or self._submit_to_helpers
        self._thread: Thread | None = None
        self._is_recovered = False
        self._is_closed = False
        self._is_stopped = False
        self._random: list[bytes] = []
        self._large: set[SpoolDraft] = set()
        self._fresh = Fresh()
        self._room = Room(self._files, directory)
        self._connection = database.writer()
        self._seen_serial = read_serial(self._connection, "queue")
        self._files.make_directory(directory)
        self._files.sync_directory(os.path.dirname(directory) or ".")
        self.worker: WriterThread

    # Life.

    def adopt(self, slots_in_use: int) -> int:
        """Take over the entries of slots from ``slots_in_use`` up; for slot 0, before ``start``. Returns how many."""
        return recovery.adopt(self._connection, self._files, self._directory, slots_in_use)

    def recover(self) -> None:
        """Bring files and rows to agreement and be ready to write."""
        found = recovery.recover(self._connection, self._files, self._directory, self._slot)
        segments = Segments(self._files, self._directory, self._slot, found.counts, found.next_sequence)
        writer = BatchWriter(self._connection, segments, self._files, self._directory, self._slot, self._sealer)
        self.worker = WriterThread(
            writer,
            self._connection,
            segments,
            self._database,
            self._slot,
            clock=self._clock,
            room=self._room,
            fresh=self._fresh,
            post=self._post,
            submit=self._submit,
            on_stored=self._on_stored,
        )
        self._is_recovered = True

    def start(self) -> None:
        """Recover, then write in a thread of its own."""
        self.recover()
        self._thread = Thread(target=self.worker.run, name="samotop-spool", daemon=True)
        self._thread.start()

    def begin_close(self) -> None:
        """Take nothing more and forget open drafts. Called on the loop, whose drafts they are; waits for nothing."""
        if self._is_closed:
            return
        for draft in list(self._large):
            draft.discard()
        self._is_closed = True

    def close(self, patience: float = CLOSE_SECONDS) -> bool:
        """Write what waits, stop the threads. Waits for the disk, at most ``patience`` seconds; did it all end?

        After ``begin_close`` it may be called in any thread; without it, only on the loop. The ``done`` callbacks
        of what was written still come, when the loop runs again. Threads that have not ended are left to the end
        of the process: what they were to write was never acknowledged.
        """
        self.begin_close()
        if self._is_stopped:
            return True
        self._is_stopped = True
        ends_at = time.monotonic() + patience
        has_ended = self._helpers is None or self._helpers.close(wait=patience)
        if not self._is_recovered:
            return has_ended
        self.worker.put(Stop())
        if self._thread is None:
            self.worker.run_pending()
            return has_ended
        self._thread.join(max(0.0, ends_at - time.monotonic()))
        return has_ended and not self._thread.is_alive()

    # ports.Spool

    def begin(self, resume: Callable[[], None]) -> SpoolDraft:
        random = self._random
        if not random:
            octets = os.urandom(RANDOM_OCTETS * RANDOM_POOL)
            random.extend([octets[i : i + RANDOM_OCTETS] for i in range(0, len(octets), RANDOM_OCTETS)])
        return SpoolDraft(self, format_id(self._clock.time(), random.pop()), resume)

    def room(self, size: int) -> bool:
        return self._room.has(size)

    # What drafts ask of their owner.

    def open_large(self, draft: SpoolDraft) -> LargeFile:
        self._large.add(draft)
        return LargeFile(
            self._files,
            f"{self._directory}/{format_large(self._slot, draft.id)}",
            self._sealer.begin(),
            self._opener,
            submit=self._submit,
            post=self._post,
            resume=draft.resume,
        )

    def take(self, draft: SpoolDraft) -> None:
        if draft.large is not None:
            self._large.discard(draft)
        if self._is_closed:
            self._post(partial(draft.done, SpoolFault("the spool is closed")))
        elif draft.large is None:
            self.worker.put(draft)
        else:
            draft.large.sync(partial(self.worker.put, draft))

    def forget(self, draft: SpoolDraft) -> None:
        self._large.discard(draft)

    # ports.Queue

    def due(self, now: float, limit: int, exclude: frozenset[str] = frozenset()) -> list[Entry]:
        found: list[Entry] = []
        damaged: list[str] = []
        rows = self._database.reader().execute(_DUE, (self._slot, _QUEUED, now, limit + len(exclude)))
        for row in rows:
            if row[0] in exclude:
                continue
            try:
                found.append(decode_entry(row))
            except ValueError:
                damaged.append(row[0])
            if len(found) >= limit:
                break
        rows.close()
        if damaged:
            self.worker.put(Damaged(damaged))
        return found

    def next_due(self, after: float) -> float | None:
        due: float | None = self._database.reader().execute(_NEXT_DUE, (self._slot, _QUEUED, after)).get
        return due

    def open(self, entry: Entry) -> Content:
        chunks = self._fresh.get(entry.id)
        if chunks is not None:
            fresh = chunks
            return Content(entry.size, lambda: iter(fresh), is_at_hand=True)
        return open_content(self._database, self._files, self._directory, self._opener, entry)

    def settle(self, outcomes: Sequence[Settled], done: Callable[[], None]) -> None:
        """``done`` is called on the loop; where the disk is full or fails, once it no longer does."""
        self.worker.put(Settling(outcomes, done))

    def changed(self) -> bool:
        """Has another process (``samotop queue``) changed entries since the last call? One indexed read."""
        serial = read_serial(self._database.reader(), "queue")
        changed, self._seen_serial = serial != self._seen_serial, serial
        return changed

    def _submit_to_helpers(self, job: Callable[[], None]) -> None:
        assert self._helpers is not None, "the pool is there unless the caller brought another"
        self._helpers.submit(job)


def open_content(database: Database, files: Files, directory: str, opener: Opener, entry: Entry) -> Content:
    """An entry's content on disk. Each pass looks up where it lies; raises ``ValueError`` where it is gone."""

    def chunks() -> Iterator[bytes]:
        place = database.reader().execute(_PLACE, (entry.id,)).fetchone()
        if place is None:
            raise ValueError("the entry is gone from the queue")
        segment, offset, length, key = place
        fd = files.open_read(f"{directory}/{segment}")
        try:
            yield from opener.open(key, _reader(files, fd, offset, length))
        finally:
            files.close(fd)

    return Content(entry.size, chunks)


def _reader(files: Files, fd: int, offset: int, length: int) -> Callable[[int], bytes]:
    end = offset + length

    def read(octets: int) -> bytes:
        nonlocal offset
        sealed = files.pread(fd, min(octets, end - offset), offset)
        offset += len(sealed)
        return sealed

    return read
