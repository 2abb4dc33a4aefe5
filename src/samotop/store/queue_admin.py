"""What an operator does with the queue, also while a server runs in another process.

Each change is one transaction that also raises a counter, by which running
servers notice (``SqliteSpool.changed``, within a second). An attempt that is
under way is not stopped: a message dropped in that moment may still arrive,
once. After ``drop`` the key is gone, and with it the content; the server, or
the next one that starts, frees the room in the segment.

Raises apsw's errors where state.db cannot be read or written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import apsw

from samotop.address import NULL_PATH
from samotop.content import Content
from samotop.envelope import Envelope
from samotop.ports import Clock, Opener
from samotop.queue.entry import Entry, State, Trace
from samotop.queue.ids import RANDOM_OCTETS, format_id
from samotop.store.database import Database, raise_serial
from samotop.store.files import Files, RealFiles, unlink_quietly
from samotop.store.records import ENTRY_SELECT, STATE_NUMBERS, STATES, decode_entry
from samotop.store.seal import AesOpener
from samotop.store.segments import is_large
from samotop.store.spool import open_content

PAGE: Final = 500
"""Entries read at a time: a listing must not keep a snapshot of state.db open for the length of a long queue."""

# A statement put together from our own constants, with nothing of anybody else's in it
_PAGE: Final = ENTRY_SELECT + "WHERE id > ? AND state IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?"  # noqa: S608 - see above
_MOVE: Final = "UPDATE entry SET state = ?, due = ? WHERE state = ? AND id IN (SELECT value FROM json_each(?))"
_HOLD: Final = "UPDATE entry SET state = ?, reason = ? WHERE state = ? AND id IN (SELECT value FROM json_each(?))"
# By the primary key: an id begins with its time, so that only rows as old as that are read.
_UNATTENDED: Final = "SELECT count(*) FROM entry WHERE id < ? AND state IN (?, ?)"
_FILES: Final = "SELECT segment FROM entry WHERE id IN (SELECT value FROM json_each(?))"
_DROP: Final = "DELETE FROM entry WHERE id IN (SELECT value FROM json_each(?))"


class QueueAdmin:
    """``directory`` is the spool's. Ids that are not in the queue, or not in a state that fits, are passed over."""

    def __init__(
        self,
        database: Database,
        directory: str,
        clock: Clock,
        *,
        files: Files | None = None,
        opener: Opener | None = None,
    ) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock
        self._files: Files = files or RealFiles()
        self._opener: Opener = opener or AesOpener()

    def entries(self, state: State | None = None) -> Iterator[Entry]:
        """All, oldest first; an entry whose row cannot be read is shown as damaged, with an empty envelope."""
        chosen = [STATE_NUMBERS[state]] if state is not None else list(range(len(STATES)))
        last = ""
        while True:
            rows = self._database.reader().execute(_PAGE, (last, json.dumps(chosen), PAGE)).fetchall()
            for row in rows:
                yield _shown(row)
            if len(rows) < PAGE:
                return
            last = str(rows[-1][0])

    def counts(self) -> dict[State, int]:
        found = dict.fromkeys(STATES, 0)
        for number, entries in self._database.reader().execute("SELECT state, count(*) FROM entry GROUP BY state"):
            found[STATES[int(number)]] = int(entries)
        return found

    def count_unattended(self, before: float) -> int:
        """How many came before this time, and wait for the operator alone."""
        return count_unattended(self._database, before)

    def show(self, name: str) -> Entry | None:
        row = self._database.reader().execute(ENTRY_SELECT + "WHERE id = ?", (name,)).fetchone()
        return None if row is None else _shown(row)

    def open(self, entry: Entry) -> Content:
        """Its content, for the operator to look at. Reading it raises ``OSError`` or ``ValueError`` where damaged."""
        return open_content(self._database, self._files, self._directory, self._opener, entry)

    def retry(self, ids: Sequence[str]) -> int:
        """Let queued entries be attempted now; damaged ones again, after a repair. Returns how many."""
        return self._move(ids, State.QUEUED, State.QUEUED) + self._move(ids, State.DAMAGED, State.QUEUED)

    def hold(self, ids: Sequence[str], reason: str = "held by the operator") -> int:
        """Keep queued entries from delivery. Returns how many."""
        held, queued = STATE_NUMBERS[State.HELD], STATE_NUMBERS[State.QUEUED]
        return self._change(lambda c: _run(c, _HOLD, (held, reason, queued, json.dumps(list(ids)))))

    def release(self, ids: Sequence[str]) -> int:
        """Let held entries be delivered, now. Returns how many."""
        return self._move(ids, State.HELD, State.QUEUED)

    def drop(self, ids: Iterable[str]) -> int:
        """Forget entries for good: nobody is told, and nothing can be read any more. Returns how many."""
        chosen = json.dumps(list(ids))
        files: list[str] = []

        def delete(connection: apsw.Connection) -> int:
            files.extend(str(name) for (name,) in connection.execute(_FILES, (chosen,)))
            return _run(connection, _DROP, (chosen,))

        dropped = self._change(delete)
        # A file of one content goes at once; a segment belongs to the server that counts its entries.
        unlink_quietly(self._files, self._directory, filter(is_large, files))
        return dropped

    def _move(self, ids: Sequence[str], old: State, new: State) -> int:
        now = self._clock.time()
        values = (STATE_NUMBERS[new], now, STATE_NUMBERS[old], json.dumps(list(ids)))
        return self._change(lambda connection: _run(connection, _MOVE, values))

    def _change(self, change: Any) -> int:
        def noticed(connection: apsw.Connection) -> int:
            changed: int = change(connection)
            if changed:
                raise_serial(connection, "queue")
            return changed

        return self._database.write(noticed)


def count_unattended(database: Database, before: float) -> int:
    """How many entries came before this time and wait for nobody but the operator: held, or damaged."""
    bound = format_id(max(0.0, before), bytes(RANDOM_OCTETS))
    values = bound, STATE_NUMBERS[State.HELD], STATE_NUMBERS[State.DAMAGED]
    found = database.reader().execute(_UNATTENDED, values).fetchone()
    return int(found[0]) if found is not None else 0


def _run(connection: apsw.Connection, statement: str, values: tuple[Any, ...]) -> int:
    connection.execute(statement, values)
    return connection.changes()


def _shown(row: tuple[Any, ...]) -> Entry:
    try:
        return decode_entry(row)
    except ValueError as error:
        name, _, _, size, _, due, _ = row
        return Entry(name, Envelope(NULL_PATH, ()), (), Trace("", "", "", due), size, State.DAMAGED, due, str(error))
