"""Attempts of the unknown in state.db (``ports.attempts``): new ones in memory, written in one go by ``flush``."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from threading import Lock
from typing import Any, Final

import apsw

from samotop.policy.greylist import Attempt, GreylistRules
from samotop.store.database import Database
from samotop.store.faults import asked

DIGEST_OCTETS: Final = 16
NEW_LIMIT: Final = 100_000
"""Attempts between two flushes; what comes beyond is not remembered, and has to come once more."""
ROWS_LIMIT: Final = 2_000_000
"""Rows in the table, some 60 octets each; beyond that the oldest go."""

_SELECT: Final = "SELECT first_seen, passed_at FROM attempt WHERE digest = ?"
_UPSERT: Final = "INSERT OR REPLACE INTO attempt (digest, first_seen, passed_at) VALUES (?, ?, ?)"


class SqliteAttempts:
    """``secret`` keys the digests: who writes to whom is not in the table."""

    def __init__(self, database: Database, secret: bytes, rules: GreylistRules = GreylistRules()) -> None:
        self._database = database
        self._secret = secret
        self._rules = rules
        self._new: dict[bytes, Attempt] = {}
        self._lock = Lock()

    def find(self, key: str) -> Attempt | None:
        digest = self._digest(key)
        found = self._new.get(digest)
        if found is not None:
            return found
        with asked():
            row: Any = self._database.reader().execute(_SELECT, (digest,)).fetchone()
        return None if row is None else Attempt(*row)

    def note(self, keys: Iterable[str], now: float) -> None:
        for key in keys:
            known = self.find(key)
            if known is None or not known.holds(now, self._rules):
                self._put(key, Attempt(now))

    def note_passed(self, keys: Iterable[str], now: float) -> None:
        for key in keys:
            known = self.find(key)
            self._put(key, Attempt(known.first_seen if known is not None else now, now))

    def flush(self, now: float) -> None:
        with self._lock:
            waiting, self._new = self._new, {}
        oldest = now - self._rules.within
        rows = [(digest, one.first_seen, one.passed_at) for digest, one in waiting.items()]

        def write(connection: apsw.Connection) -> int:
            connection.executemany(_UPSERT, rows)
            connection.execute("DELETE FROM attempt WHERE passed_at = 0 AND first_seen < ?", (oldest,))
            connection.execute("DELETE FROM attempt WHERE passed_at > 0 AND passed_at <= ?", (now - self._rules.keep,))
            connection.execute(_TOO_MANY, (ROWS_LIMIT,))
            return len(rows)

        try:
            with asked():
                self._database.write(write)
        except BaseException:
            with self._lock:
                self._new = {**waiting, **self._new}
            raise

    def _put(self, key: str, attempt: Attempt) -> None:
        with self._lock:
            if len(self._new) < NEW_LIMIT:
                self._new[self._digest(key)] = attempt

    def _digest(self, key: str) -> bytes:
        return hmac.digest(self._secret, b"attempt\0" + key.encode("utf-8", "surrogatepass"), "sha256")[:DIGEST_OCTETS]


_TOO_MANY: Final = (
    "DELETE FROM attempt WHERE digest IN (SELECT digest FROM attempt ORDER BY max(first_seen, passed_at) DESC "
    "LIMIT -1 OFFSET ?)"
)
