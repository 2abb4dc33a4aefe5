"""state.db is private, durable, of a known version, and forgets what is deleted."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import apsw
import pytest

from samotop.errors import SetupError
from samotop.store.database import MIGRATIONS, Database, raise_serial, read_serial, write_transaction


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """The log beside it too: keys pass through it."""
    old = os.umask(0)
    try:
        database = Database(str(tmp_path / "state.db"))
        database.write(lambda connection: read_serial(connection, "queue"))
        database.reader().execute("SELECT 1")
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
        database.close()
    finally:
        os.umask(old)


def test_a_writer_is_durable_and_forgets_what_it_deletes(tmp_path: Path) -> None:
    """The promise of 250, and of destroyed keys, hangs on these settings."""
    database = Database(str(tmp_path / "state.db"))
    writer = database.writer()
    found = {name: writer.pragma(name) for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    database.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "state.db"))
    with pytest.raises(apsw.ReadOnlyError):
        database.reader().execute("DELETE FROM entry")
    database.close()


def test_each_thread_has_a_reader_of_its_own(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "state.db"))
    readers = [database.reader(), database.reader()]
    thread = threading.Thread(target=lambda: readers.append(database.reader()))
    thread.start()
    thread.join()
    assert readers[0] is readers[1]
    assert readers[0] is not readers[2]
    database.close()


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """Older code that writes into a newer schema destroys it."""
    path = str(tmp_path / "state.db")
    Database(path).close()
    connection = apsw.Connection(path)
    connection.pragma("user_version", len(MIGRATIONS) + 1)
    connection.close()
    with pytest.raises(SetupError, match="newer version"):
        Database(path)


@pytest.mark.parametrize("octets", [b"not a database, " * 500, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_is_refused_with_a_remedy(octets: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(octets)
    with pytest.raises(SetupError, match="damaged") as caught:
        Database(str(path))
    assert caught.value.remedy


def test_a_home_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be opened"):
        Database(str(tmp_path / "absent" / "state.db"))


def test_an_error_within_a_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "state.db"))
    writer = database.writer()

    def fail() -> None:
        with write_transaction(writer):
            raise_serial(writer, "queue")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not writer.in_transaction
    assert read_serial(writer, "queue") == 0
    database.close()


def test_opening_twice_migrates_once(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    first, second = Database(path), Database(path)
    assert second.reader().pragma("user_version") == len(MIGRATIONS)
    first.close()
    second.close()


def test_closing_leaves_a_connection_that_a_thread_hangs_in(tmp_path: Path) -> None:
    """The process is to end; the other connections are closed all the same."""
    database = Database(str(tmp_path / "state.db"))
    writer = database.writer()
    inside, gate = threading.Event(), threading.Event()

    def hang(*_: Any) -> int:
        inside.set()
        assert gate.wait(10)
        return 1

    writer.create_scalar_function("hang", hang)
    thread = threading.Thread(target=lambda: writer.execute("SELECT hang()").fetchall())
    thread.start()
    assert inside.wait(10)
    later = database.writer()
    database.close()
    with pytest.raises(apsw.ConnectionClosedError):
        later.execute("SELECT 1")
    gate.set()
    thread.join()
    writer.close()
