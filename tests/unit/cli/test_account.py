"""`samotop account`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samotop.cli.place import open_state
from samotop.store.passwords import is_password


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "another"
    path.write_text("battery staple\r\n")
    return str(path)


def test_an_account_is_added_listed_changed_and_removed(run, home: Path, file: str) -> None:
    where = ("--home", str(home))
    assert run("account", "add", "bob", "--password-file", file, *where)[0] == 0
    listed = json.loads(run("account", "list", "--json", *where)[1])
    assert [one["name"] for one in listed] == ["alice", "bob"]
    assert run("account", "passwd", "alice", "--password-file", file, *where)[0] == 0
    with open_state(home) as state:
        account = state.accounts.get("alice")
        assert account is not None
        assert is_password(account.password_hash, "battery staple")
    assert run("account", "remove", "bob", *where)[0] == 0
    assert "bob" not in run("account", "list", *where)[1]


def test_an_account_that_is_there_is_not_added_twice(run, home: Path, file: str) -> None:
    status, _, err = run("account", "add", "alice", "--password-file", file, "--home", str(home))
    assert status == 1
    assert "samotop account passwd alice" in err


@pytest.mark.parametrize("verb", ["passwd", "remove", "show"])
def test_an_account_that_is_absent_is_status_1(run, home: Path, verb: str) -> None:
    status, _, err = run("account", verb, "nobody", "--home", str(home))
    assert status == 1
    assert "no account nobody" in err


def test_what_an_account_owns_is_shown(run, home: Path) -> None:
    (home / "mail" / "alice" / "new").mkdir(parents=True)
    (home / "mail" / "alice" / "new" / "1").touch()
    shown = json.loads(run("account", "show", "alice", "--json", "--home", str(home))[1])
    assert shown["addresses"] == ["alice@example.org"]
    assert shown["new"] == 1


def test_a_table_with_addresses_replaces_the_accounts_own_name(run, home: Path) -> None:
    """As routing has it: who lists addresses lists all of them."""
    with (home / "samotop.toml").open("a") as opened:
        opened.write('[mailbox.alice]\naddresses = ["al@example.org"]\n')
    shown = json.loads(run("account", "show", "alice", "--json", "--home", str(home))[1])
    assert shown["addresses"] == ["al@example.org"]


def test_a_removed_accounts_mail_stays(run, home: Path) -> None:
    (home / "mail" / "alice").mkdir(parents=True)
    status, out, _ = run("account", "remove", "alice", "--home", str(home))
    assert status == 0
    assert str(home / "mail" / "alice") in out
    assert (home / "mail" / "alice").is_dir()
