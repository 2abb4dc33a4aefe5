"""Accounts: known at once when added, forgotten soon when removed, checked by what the row says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from samotop.errors import SetupError, TryAgainLater
from samotop.ports import Account, ScramVerifier
from samotop.store.accounts import NAME_LIMIT, VALID_SECONDS, SqliteAccounts, check_account_name
from samotop.store.database import Database

ALICE = Account("alice", "$argon2id$a", ScramVerifier(b"salt", 4096, b"stored", b"server"))
ALICE_ANEW = Account("alice", "$argon2id$b", ScramVerifier(b"tlas", 8192, b"derots", b"revres"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(str(tmp_path / "state.db"))
    yield database
    database.close()


@pytest.fixture
def accounts(database: Database, clock) -> SqliteAccounts:
    return SqliteAccounts(database, clock)


def test_an_account_is_what_was_added(accounts: SqliteAccounts, clock) -> None:
    accounts.add(ALICE)
    assert accounts.get("alice") == ALICE
    assert accounts.exists("alice")
    assert accounts.names() == {"alice"}
    assert accounts.list() == [("alice", clock.now)]


def test_a_stranger_is_nobody(accounts: SqliteAccounts) -> None:
    assert accounts.get("bob") is None
    assert not accounts.exists("bob")
    assert accounts.names() == frozenset()


def test_an_account_added_elsewhere_exists_at_once(accounts: SqliteAccounts, database: Database, clock) -> None:
    """`samotop account add`, and the first mail may be sent."""
    assert accounts.names() == frozenset()
    SqliteAccounts(database, clock).add(ALICE)
    assert accounts.exists("alice")
    assert accounts.names() == {"alice"}


def test_an_account_removed_elsewhere_is_gone_within_a_second(
    accounts: SqliteAccounts, database: Database, clock
) -> None:
    accounts.add(ALICE)
    assert accounts.exists("alice")
    SqliteAccounts(database, clock).remove("alice")
    assert accounts.get("alice") is None, "no login from this moment"
    clock.now += VALID_SECONDS
    assert not accounts.exists("alice")


def test_a_changed_password_counts_at_once(accounts: SqliteAccounts, database: Database, clock) -> None:
    accounts.add(ALICE)
    assert accounts.get("alice") == ALICE
    SqliteAccounts(database, clock).change_password(ALICE_ANEW)
    assert accounts.get("alice") == ALICE_ANEW


def test_what_cannot_be_done_is_told_with_a_remedy(accounts: SqliteAccounts) -> None:
    accounts.add(ALICE)
    with pytest.raises(SetupError, match="already"):
        accounts.add(ALICE_ANEW)
    assert accounts.get("alice") == ALICE
    accounts.remove("alice")
    with pytest.raises(SetupError, match="no account"):
        accounts.remove("alice")
    with pytest.raises(SetupError, match="no account"):
        accounts.change_password(ALICE)
    assert accounts.names() == frozenset()


@pytest.mark.parametrize("name", ["a", "alice", "a.b-c_d", "0", "x" * NAME_LIMIT])
def test_names_that_can_be(name: str) -> None:
    assert check_account_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "-a", "_a", "A", "a/b", "../a", "a b", "é", "a\n", "a\0", "x" * (NAME_LIMIT + 1)]
)
def test_names_that_cannot_be(name: str, accounts: SqliteAccounts) -> None:
    """The name is a directory's: nothing may lead out of the mail directory or hide in it."""
    with pytest.raises(SetupError, match="cannot be"):
        accounts.add(Account(name, ALICE.password_hash, ALICE.scram))
    assert accounts.list() == []


def ask_get(accounts: SqliteAccounts) -> object:
    return accounts.get("alice")


def ask_exists(accounts: SqliteAccounts) -> object:
    return accounts.exists("alice")


def ask_names(accounts: SqliteAccounts) -> object:
    return accounts.names()


@pytest.mark.parametrize("ask", [ask_get, ask_exists, ask_names])
def test_a_database_that_does_not_answer_is_told_as_such(
    ask: Callable[[SqliteAccounts], object], accounts: SqliteAccounts, database: Database, clock
) -> None:
    """A login gets 454 and a RCPT 451: who exists is not known now, and will be."""
    accounts.add(ALICE)
    database.close()
    other = apsw.Connection(database.path)
    other.pragma("locking_mode", "exclusive")
    other.execute("BEGIN EXCLUSIVE; UPDATE notice SET serial = serial")
    database.reader().set_busy_timeout(0)
    with pytest.raises(TryAgainLater, match="another program"):
        ask(accounts)
    other.execute("COMMIT")
    other.close()
    assert ask(accounts)
    clock.now += VALID_SECONDS
    writer = database.writer()
    writer.execute("DROP TABLE account; DROP TABLE notice")
    with pytest.raises(TryAgainLater):
        ask(accounts)
