"""Tallies in state.db: one table for every kind of report (``ports.tallies``).

What a report is made of tells who writes to us, so nothing here stays: a day's
tallies go when its report is written, or after some days without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import apsw

from samotop.ports.tallies import Tally
from samotop.store.database import Database
from samotop.store.faults import asked

ROWS_LIMIT: Final = 500_000
"""Rows of one kind and day, some 150 MB: sessions with some hundred thousand domains, or a stranger with as many names.
Beyond them only what is there already is counted on."""

_ADD: Final = """
    INSERT INTO tally (kind, day, domain, digest, record, count) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (kind, day, domain, digest) DO UPDATE SET count = count + excluded.count
"""
_ADD_MORE: Final = "UPDATE tally SET count = count + ?6 WHERE kind = ?1 AND day = ?2 AND domain = ?3 AND digest = ?4"
_COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM tally WHERE kind = ? AND day = ? LIMIT ?)"


class SqliteTallies:
    """Implements ``ports.Tallies`` for one ``kind``. ``limit`` is for the rows of a day, and not exact."""

    def __init__(self, database: Database, kind: str, *, limit: int = ROWS_LIMIT) -> None:
        self._database = database
        self._kind = kind
        self._limit = limit

    def add(self, tallies: Iterable[Tally]) -> None:
        rows = [(self._kind, t.day, t.domain, sha256(t.record).digest(), t.record, t.count) for t in tallies]

        def insert(connection: apsw.Connection) -> int:
            connection.executemany(_ADD, [row for row in rows if row[1] not in full])
            connection.executemany(_ADD_MORE, [row for row in rows if row[1] in full])
            return len(rows)

        with asked():
            full = {day for day in {row[1] for row in rows} if self._is_full(day)}
            self._database.write(insert)

    def _is_full(self, day: int) -> bool:
        """Are there enough rows of this day? Asked before writing: nobody waits for the count."""
        return int(self._database.reader().execute(_COUNT, (self._kind, day, self._limit)).get) >= self._limit

    def pending(self, before: int) -> list[tuple[int, str]]:
        query = "SELECT DISTINCT day, domain FROM tally WHERE kind = ? AND day < ? ORDER BY day, domain"
        with asked():
            rows = self._database.reader().execute(query, (self._kind, before)).fetchall()
        return [(int(day), str(domain)) for day, domain in rows]  # type: ignore[arg-type]  # what the statement selects

    def get(self, day: int, domain: str, limit: int) -> list[Tally]:
        query = (
            "SELECT record, count FROM tally WHERE kind = ? AND day = ? AND domain = ? "
            "ORDER BY count DESC, digest LIMIT ?"
        )
        with asked():
            rows = self._database.reader().execute(query, (self._kind, day, domain, limit)).fetchall()
        return [Tally(day, domain, bytes(record), int(count)) for record, count in rows]  # type: ignore[arg-type]  # as above

    def drop(self, day: int, domain: str) -> None:
        self._delete("kind = ? AND day = ? AND domain = ?", day, domain)

    def expire(self, before: int) -> int:
        return self._delete("kind = ? AND day < ?", before)

    def _delete(self, condition: str, *values: int | str) -> int:
        def delete(connection: apsw.Connection) -> int:
            connection.execute(f"DELETE FROM tally WHERE {condition}", (self._kind, *values))  # noqa: S608 - ours, above
            return connection.changes()

        with asked():
            return self._database.write(delete)
