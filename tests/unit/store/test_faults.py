"""What goes wrong at a start, in words: what to repair, or that there is nothing to repair."""

from __future__ import annotations

import errno
from pathlib import Path

import apsw
import pytest

from samotop.errors import SetupError, TryAgainLater
from samotop.store.database import Database
from samotop.store.faults import explained


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_mistake(number: int) -> None:
    """Mail programs and service managers try again at exit status 75."""
    with pytest.raises(TryAgainLater, match="/home is full"), explained("/home"):
        raise OSError(number, "no space", "/home/spool")


def test_a_full_disk_is_seen_behind_a_refusal() -> None:
    """Some adapters have told it as their own refusal already."""
    with pytest.raises(TryAgainLater), explained("/home"):
        raise SetupError("x cannot be opened") from OSError(errno.ENOSPC, "no space")


def test_a_refusal_stays_what_it_is() -> None:
    with pytest.raises(SetupError, match="as it was"), explained("/home"):
        raise SetupError("as it was", remedy="thus") from OSError(errno.EACCES, "no")


def test_sqlite_on_a_full_disk(tmp_path: Path) -> None:
    """``max_page_count`` is as good as a full disk: SQLITE_FULL."""
    connection = apsw.Connection(str(tmp_path / "state.db"))
    connection.execute("CREATE TABLE t (x)")
    connection.pragma("max_page_count", 3)
    with pytest.raises(TryAgainLater), explained(tmp_path):
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()


def test_a_database_that_another_program_writes(tmp_path: Path) -> None:
    """A backup, a shell of SQLite: it will be over."""
    one, other = Database(str(tmp_path / "state.db")), Database(str(tmp_path / "state.db"))
    writer, second = one.writer(), other.writer()
    writer.execute("BEGIN IMMEDIATE")
    second.set_busy_timeout(0)
    with pytest.raises(TryAgainLater, match="another program"), explained(tmp_path):
        second.execute("BEGIN IMMEDIATE")
    one.close()
    other.close()


def test_a_file_where_a_directory_should_be(tmp_path: Path) -> None:
    """The file is named, and what to do."""
    (tmp_path / "keys").write_text("mine")
    with pytest.raises(SetupError, match="keys") as refused, explained(tmp_path):
        (tmp_path / "keys").mkdir()
    assert "move the file" in refused.value.remedy


def test_a_database_without_its_tables(tmp_path: Path) -> None:
    """Neither a traceback nor "again later": somebody has to look."""
    connection = apsw.Connection(str(tmp_path / "state.db"))
    with pytest.raises(SetupError, match="cannot be used"), explained(tmp_path):
        connection.execute("SELECT 1 FROM entry")
    connection.close()


def test_bugs_and_readers_that_have_gone_pass_through() -> None:
    with pytest.raises(BrokenPipeError), explained("/home"):
        raise BrokenPipeError(errno.EPIPE, "gone")
    with pytest.raises(KeyError), explained("/home"):
        raise KeyError("bug")
