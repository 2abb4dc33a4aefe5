"""Group commit: many drafts and outcomes become durable together.

One batch is one append to the segment, one ``fdatasync`` and one SQLite
transaction, in this order, so that a row never names octets that are not on
disk (docs/queue-states.md). Runs in the spool's writer thread; knows neither
the thread nor the event loop, so that tests drive it step by step.

Faults of disk and database do not leave here as exceptions: each draft gets a
``SpoolFault``; outcomes are kept and tried again until they are durable.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import apsw

from samotop.ports import SpoolFault
from samotop.queue.entry import Settled, State
from samotop.store.database import write_transaction
from samotop.store.drafts import SpoolDraft
from samotop.store.files import Files, unlink_quietly
from samotop.store.records import STATE_NUMBERS, encode_pending, encode_record, printable
from samotop.store.seal import BatchSealer
from samotop.store.segments import Segments

_INSERT: Final = "INSERT INTO entry (slot, id, state, due, segment, offset, length, size, key, record, reason) VALUES "
_GROUPS: Final = (128, 64, 32, 16, 8, 4, 2, 1)
"""Rows of one INSERT. Each statement costs a release of the interpreter lock, so that one for each row is too many."""

_HELD: Final = STATE_NUMBERS[State.HELD]
_QUEUED: Final = STATE_NUMBERS[State.QUEUED]
_DAMAGED: Final = STATE_NUMBERS[State.DAMAGED]

# What an operator held (?6) while an attempt was under way does not become queued (?7) by its outcome.
_DEFER: Final = """
    UPDATE entry SET state = CASE WHEN state = ?6 AND ?1 = ?7 THEN state ELSE ?1 END,
        due = ?2, pending = ?3, reason = ?4 WHERE id = ?5
"""
_PLACES: Final = "SELECT segment, count(*) FROM entry WHERE id IN (SELECT value FROM json_each(?)) GROUP BY segment"
_DELETE: Final = "DELETE FROM entry WHERE id IN (SELECT value FROM json_each(?))"
_DAMAGE: Final = "UPDATE entry SET state = ?, reason = ? WHERE id IN (SELECT value FROM json_each(?))"

Row = tuple[Any, ...]
"""One new row, in the order of ``_INSERT``."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Settling:
    """Outcomes that wait to become durable. Made by who settles, so that a wrong value is raised to them."""

    __slots__ = ("deferred", "done", "finished")

    def __init__(self, outcomes: Sequence[Settled], done: Callable[[], None]) -> None:
        self.done = done
        self.finished: list[str] = []
        self.deferred: list[tuple[int, float, bytes, str, str, int, int]] = []
        for o in outcomes:
            if o.pending:
                state = STATE_NUMBERS[o.state]
                self.deferred.append(
                    (state, o.due, encode_pending(o.pending), printable(o.reason), o.id, _HELD, _QUEUED)
                )
            else:
                self.finished.append(o.id)


@dataclass(slots=True)
class Written:
    """What one batch did: for the loop to tell, and for the writer to clean up behind."""

    stored: list[SpoolDraft]
    failed: list[tuple[SpoolDraft, SpoolFault]]
    settled: list[Settling]
    due: float


class BatchWriter:
    """Owned by one thread: its connection and segments are used by no other."""

    def __init__(
        self,
        connection: apsw.Connection,
        segments: Segments,
        files: Files,
        directory: str,
        slot: int,
        sealer: BatchSealer,
    ) -> None:
        self._connection = connection
        self._segments = segments
        self._files = files
        self._directory = directory
        self._sealer = sealer
        row = f"({slot}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._inserts = [(rows, _INSERT + ", ".join([row] * rows)) for rows in _GROUPS]
        self._unsettled: list[Settling] = []
        self._freed: list[tuple[str, int]] = []
        self.has_deleted = False
        """Keys were destroyed that the write-ahead log may still hold."""
        self.is_full = False
        """The last write found no room."""

    @property
    def waits(self) -> bool:
        """Are there outcomes that could not be made durable yet?"""
        return bool(self._unsettled)

    def write(self, drafts: Sequence[SpoolDraft], settlings: Iterable[Settling], due: float) -> Written:
        """Make all of it durable, or say for each draft why not. New rows are due at ``due``."""
        self._unsettled.extend(settlings)
        failed: list[tuple[SpoolDraft, SpoolFault]] = []
        stored: list[SpoolDraft] = []
        rows: list[Row] = []
        self.is_full = False
        start = self._place(drafts, due, stored, rows, failed)
        if rows or self._unsettled:
            try:
                self._transact(rows)
            except apsw.Error as error:
                self._undo(error, start, stored)
                fault = self._fault(error)
                failed.extend([(draft, fault) for draft in stored])
                had_drafts = bool(stored)
                stored = []
                settled = self._settle_alone() if had_drafts else []
            else:
                settled, self._unsettled = self._unsettled, []
                for draft in stored:
                    if draft.large is not None:
                        self._segments.add(draft.large.path.rpartition("/")[2], 1)
                if start >= 0:
                    self._segments.add(self._segments.current, len(rows) - sum(d.large is not None for d in stored))
        else:
            settled = []
        return Written(stored, failed, settled, due)

    def clean_up(self) -> None:
        """Unlink the files whose last entry is done; after the waiting have been told."""
        freed, self._freed = self._freed, []
        for name, entries in freed:
            self._segments.remove(name, entries)

    def mark_damaged(self, ids: Sequence[str], reason: str) -> None:
        """Take entries out of the queue that cannot be read. Raises ``apsw.Error``."""
        with write_transaction(self._connection):
            self._connection.execute(_DAMAGE, (_DAMAGED, reason, json.dumps(ids)))

    def _place(
        self,
        drafts: Sequence[SpoolDraft],
        due: float,
        stored: list[SpoolDraft],
        rows: list[Row],
        failed: list[tuple[SpoolDraft, SpoolFault]],
    ) -> int:
        """Put the contents on disk and make the rows; returns where this batch began in the segment, or -1."""
        small: list[tuple[SpoolDraft, bytes]] = []
        for draft in drafts:
            try:
                record = encode_record(draft.entry.envelope, draft.entry.trace)
                large = draft.large
                if large is None:
                    small.append((draft, record))
                elif large.fault is not None:
                    failed.append((draft, self._fault(large.fault)))
                else:
                    name = large.path.rpartition("/")[2]
                    rows.append(_row(draft, due, name, 0, large.length, large.key, record))
                    stored.append(draft)
            except Exception as error:  # noqa: BLE001 - one that cannot be written down must not take the others with it
                failed.append((draft, self._fault(error)))
        if not small:
            return -1
        segments = self._segments
        sealings = self._sealer.seal_all([draft.chunks for draft, _ in small])
        try:
            offset = start = segments.append(b"".join([sealed for _, sealed in sealings]))
            segments.sync()
        except OSError as error:
            fault = self._fault(error)
            failed.extend([(draft, fault) for draft, _ in small])
            return -1
        name = segments.current
        for (draft, record), (key, sealed) in zip(small, sealings, strict=True):
            length = len(sealed)
            rows.append(_row(draft, due, name, offset, length, key, record))
            offset += length
            stored.append(draft)
        return start

    def _transact(self, rows: list[Row]) -> None:
        """One transaction: outcomes that wait, then new rows. Raises ``apsw.Error`` with nothing of it done."""
        connection = self._connection
        finished = [name for settling in self._unsettled for name in settling.finished]
        deferred = [row for settling in self._unsettled for row in settling.deferred]
        freed: list[tuple[str, int]] = []
        with write_transaction(connection):
            if finished:
                ids = json.dumps(finished)
                freed = [(str(name), int(n)) for name, n in connection.execute(_PLACES, (ids,))]
                connection.execute(_DELETE, (ids,))
            if deferred:
                connection.executemany(_DEFER, deferred)
            start = 0
            for size, statement in self._inserts:
                while len(rows) - start >= size:
                    connection.execute(statement, tuple(chain.from_iterable(rows[start : start + size])))
                    start += size
        if freed:
            self._freed.extend(freed)
            self.has_deleted = True

    def _settle_alone(self) -> list[Settling]:
        """The drafts did not go through; the outcomes may, as they need less room."""
        if not self._unsettled:
            return []
        try:
            self._transact([])
        except apsw.Error:
            return []
        settled, self._unsettled = self._unsettled, []
        return settled

    def _undo(self, error: apsw.Error, start: int, stored: Sequence[SpoolDraft]) -> None:
        """Free what has no row, if it surely has none.

        Full or busy means that no COMMIT was written. After any other error the log may hold one that the
        next start finds: then the content stays until that start has looked.
        """
        if not isinstance(error, (apsw.FullError, apsw.BusyError)):
            self._segments.retire(keeps_file=True)
            return
        if start >= 0:
            self._segments.take_back(start)
        large = [draft.large.path.rpartition("/")[2] for draft in stored if draft.large is not None]
        unlink_quietly(self._files, self._directory, large)

    def _fault(self, error: Exception) -> SpoolFault:
        is_full = isinstance(error, apsw.FullError) or (isinstance(error, OSError) and error.errno in _NO_ROOM)
        self.is_full = self.is_full or is_full
        fault = SpoolFault("no room on the disk" if is_full else "the spool could not be written", is_full=is_full)
        fault.__cause__ = error
        return fault


def _row(draft: SpoolDraft, due: float, segment: str, offset: int, length: int, key: bytes, record: bytes) -> Row:
    entry = draft.entry
    state = STATE_NUMBERS[entry.state]
    return (draft.id, state, due, segment, offset, length, draft.size, key, record, printable(entry.reason))
