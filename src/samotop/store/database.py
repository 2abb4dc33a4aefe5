"""state.db: the one SQLite file with the queue's rows and the accounts.

Opened with apsw (which brings its own SQLite), in WAL mode with full
synchronous: a transaction is durable when its COMMIT returns. ``secure_delete``
overwrites what is deleted, because rows hold the keys of contents. Several
processes may have it open; a writer waits for another up to ``BUSY_SECONDS``.

The schema is brought up to date when the file is opened; ``user_version``
counts the migrations that have been applied.

Raises ``SetupError`` where the file cannot be used: written by a newer
version, damaged, or not ours to open. Later errors are apsw's own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import apsw

from samotop.errors import SetupError

BUSY_SECONDS: Final = 10
"""How long a writer waits for another process's transaction, which lasts milliseconds."""

_CACHE_KIB: Final = 8 * 1024
"""Pages that a connection keeps in memory: the working set of a long queue's index."""

_CHECKPOINT_PAGES: Final = 2000
"""The WAL is copied back at this length (8 MiB): seldom enough to cost little, small enough to read fast."""

MIGRATIONS: Final = (
    """
    CREATE TABLE entry (
        id      TEXT PRIMARY KEY,
        slot    INTEGER NOT NULL,          -- the server process that owns it
        state   INTEGER NOT NULL,          -- records.STATES
        due     REAL NOT NULL,             -- seconds since 1970
        segment TEXT NOT NULL,             -- file in spool/ with the sealed content
        offset  INTEGER NOT NULL,
        length  INTEGER NOT NULL,          -- sealed octets
        size    INTEGER NOT NULL,          -- plain octets
        key     BLOB NOT NULL,             -- opens the content; gone with the row
        record  BLOB NOT NULL,             -- envelope and trace
        pending BLOB,                      -- NULL: every recipient, none tried yet
        reason  TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entry_due ON entry (slot, state, due);
    CREATE TABLE account (
        name             TEXT PRIMARY KEY,
        password_hash    TEXT NOT NULL,
        scram_salt       BLOB NOT NULL,
        scram_iterations INTEGER NOT NULL,
        scram_stored_key BLOB NOT NULL,
        scram_server_key BLOB NOT NULL,
        created          REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- Counters that tell a running server what another process has changed.
    CREATE TABLE notice (name TEXT PRIMARY KEY, serial INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO notice VALUES ('queue', 0), ('accounts', 0);
    """,
    """
    -- What reports are made of: how often something was seen, by day and domain.
    CREATE TABLE tally (
        kind   TEXT NOT NULL,
        day    INTEGER NOT NULL,           -- since 1970-01-01, UTC
        domain TEXT NOT NULL,              -- whom the report is for
        digest BLOB NOT NULL,              -- SHA-256 of the record
        record BLOB NOT NULL,
        count  INTEGER NOT NULL,
        PRIMARY KEY (kind, day, domain, digest)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    -- What is known of other domains' TLS (ports.policies). Times are seconds since 1970.
    CREATE TABLE sts_policy (
        domain     TEXT PRIMARY KEY,
        mode       TEXT NOT NULL,          -- tlspolicy.mtasts.Mode; empty: a failure is remembered and no policy
        patterns   TEXT NOT NULL,          -- one host in a line
        max_age    INTEGER NOT NULL,
        id         TEXT NOT NULL,          -- of the record that announced it
        fetched_at REAL NOT NULL,
        failed_at  REAL NOT NULL,
        failed_id  TEXT NOT NULL,
        ends_at    REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sts_policy_end ON sts_policy (ends_at);
    CREATE TABLE tls_memory (
        domain  TEXT PRIMARY KEY,
        level   TEXT NOT NULL,             -- tlspolicy.levels.Level
        seen_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tls_memory_seen ON tls_memory (seen_at);
    """,
    """
    -- The ledger (store.ledger): whom each owner knows. Digests are keyed with the owner's secret, names are sealed.
    -- Times are seconds since 1970.
    CREATE TABLE owner_secret (owner TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE contact (
        owner      TEXT NOT NULL,
        digest     BLOB NOT NULL,          -- of the identity
        standing   INTEGER NOT NULL,       -- forms.STANDINGS
        decided_at REAL NOT NULL,
        expires_at REAL,
        sealed     BLOB NOT NULL,
        PRIMARY KEY (owner, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX contact_end ON contact (expires_at) WHERE expires_at IS NOT NULL;
    CREATE TABLE contact_request (
        owner      TEXT NOT NULL,
        digest     BLOB NOT NULL,          -- of the first identity
        first_seen REAL NOT NULL,
        last_seen  REAL NOT NULL,
        sealed     BLOB NOT NULL,
        PRIMARY KEY (owner, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX contact_request_seen ON contact_request (owner, last_seen);
    CREATE TABLE sent_message (
        owner      TEXT NOT NULL,
        digest     BLOB NOT NULL,          -- of the Message-ID
        recipients BLOB NOT NULL,          -- digests of whom it was sent to, one after the other
        expires_at REAL NOT NULL,
        PRIMARY KEY (owner, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sent_message_end ON sent_message (expires_at);
    CREATE TABLE tag (
        owner    TEXT NOT NULL,
        digest   BLOB NOT NULL,
        seen_at  REAL NOT NULL,
        sealed   BLOB NOT NULL,            -- the tag, its holder, why it ended
        PRIMARY KEY (owner, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE expectation (
        owner      TEXT NOT NULL,
        digest     BLOB NOT NULL,          -- of the domain, or of nothing
        expires_at REAL NOT NULL,
        PRIMARY KEY (owner, digest)
    ) STRICT, WITHOUT ROWID;
    -- Those who were asked to come back (store.attempts).
    CREATE TABLE attempt (
        digest     BLOB PRIMARY KEY,       -- keyed: of where it came from, sender and recipient
        first_seen REAL NOT NULL,
        passed_at  REAL NOT NULL           -- 0: not yet
    ) STRICT, WITHOUT ROWID;
    INSERT INTO notice VALUES ('contacts', 0);
    """,
    """
    -- Domains in which an owner has approved somebody: their mail is not refused before its author is known.
    CREATE TABLE contact_within (
        owner  TEXT NOT NULL,
        digest BLOB NOT NULL,
        PRIMARY KEY (owner, digest)
    ) STRICT, WITHOUT ROWID;
    """,
)

Connect = Callable[[str], apsw.Connection]
"""How a connection is made; tests put a file system of their own under it."""


class Database:
    """Connections to one state.db. Safe to share between threads; ``close`` ends all of them.

    ``writer()`` gives a new connection for a thread that writes all the time.
    ``reader()`` gives the calling thread's own read-only one, ``write`` runs
    one short transaction.
    """

    def __init__(self, path: str, connect: Connect = apsw.Connection) -> None:
        self.path = path
        self._connect = connect
        self._readers = threading.local()
        self._open: list[apsw.Connection] = []
        self._lock = threading.Lock()
        try:
            if connect is apsw.Connection:
                # Made here, because SQLite would make it readable for others; its -wal and -shm take this mode over.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = self.writer()
            _migrate(connection, path)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            self.close()
            raise _damaged(path) from error
        except (apsw.CantOpenError, apsw.PermissionsError, apsw.ReadOnlyError, OSError) as error:
            self.close()
            raise SetupError(
                f"{path} cannot be opened: {error}", remedy="Check who owns the home directory and that it is writable."
            ) from error
        except BaseException:
            self.close()
            raise
        self._release(connection)

    def writer(self) -> apsw.Connection:
        """A new connection with the guarantees above, for the calling thread."""
        connection = self._connect(self.path)
        with self._lock:
            self._open.append(connection)
        connection.set_busy_timeout(BUSY_SECONDS * 1000)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("secure_delete", True)
        connection.pragma("foreign_keys", True)
        connection.pragma("cache_size", -_CACHE_KIB)
        connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
        return connection

    def reader(self) -> apsw.Connection:
        """The calling thread's connection for reading."""
        connection: apsw.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._connect(self.path)
            with self._lock:
                self._open.append(connection)
            connection.set_busy_timeout(BUSY_SECONDS * 1000)
            connection.pragma("query_only", True)
            self._readers.connection = connection
        return connection

    def write(self, change: Callable[[apsw.Connection], int]) -> int:
        """Run ``change`` in one durable transaction of its own; returns what it returns (rows changed)."""
        connection = self.writer()
        try:
            with write_transaction(connection):
                return change(connection)
        finally:
            self._release(connection)

    def close(self) -> None:
        """Close every connection, whichever thread had it. One that a thread hangs in is left to the process's end."""
        with self._lock:
            connections, self._open = self._open, []
        for connection in connections:
            with suppress(apsw.Error):  # nothing is lost: what was committed is durable
                connection.close()
        self._readers = threading.local()

    def _release(self, connection: apsw.Connection) -> None:
        with self._lock:
            self._open.remove(connection)
        connection.close()


class write_transaction:  # noqa: N801 - reads as a statement: with write_transaction(connection)
    """BEGIN IMMEDIATE to COMMIT; an error anywhere leaves nothing of it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        connection = self._connection
        try:
            if kind is None:
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def read_serial(connection: apsw.Connection, name: str) -> int:
    """The counter of outside changes to ``queue`` or ``accounts``."""
    row = connection.execute("SELECT serial FROM notice WHERE name = ?", (name,)).get
    return int(row) if row is not None else 0


def raise_serial(connection: apsw.Connection, name: str) -> None:
    """Tell running servers that something changed; within the transaction that changes it."""
    connection.execute("INSERT INTO notice VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET serial = serial + 1", (name,))


def _migrate(connection: apsw.Connection, path: str) -> None:
    version = int(connection.pragma("user_version"))
    if version == len(MIGRATIONS):
        return
    if version > len(MIGRATIONS):
        raise SetupError(
            f"{path} was written by a newer version of Samotop (schema {version}, this one knows {len(MIGRATIONS)})",
            remedy="Run the newer version, or restore the backup made before the upgrade.",
        )
    with write_transaction(connection):
        # Again inside the transaction: another process may have done it meanwhile.
        version = int(connection.pragma("user_version"))
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            connection.execute(migration)
            connection.pragma("user_version", number)


def _damaged(path: str) -> SetupError:
    return SetupError(
        f"{path} is damaged or is not Samotop's",
        remedy="Restore it from a backup, or move it away to begin anew; contents in spool/ cannot be read without it.",
    )
