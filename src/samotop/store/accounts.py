"""Accounts in state.db: who may log in here.

``SqliteAccounts`` answers on the event loop. Names are kept in memory, because
every RCPT asks for one; once a second a counter in state.db says whether
another process has changed them. A name that is not in memory is looked up in
the table, so that an account that was just added is known at once. What
checks a password is read from its row each time: a changed one counts at once.

Raises ``SetupError`` for what the command line would do wrong: a name that
cannot be one, an account that is there already or is not there. What services
ask (``ports.Accounts``) raises ``TryAgainLater`` where state.db does not answer;
what the command line does raises apsw's errors.
"""

from __future__ import annotations

import re
from typing import Any, Final

import apsw

from samotop.errors import SetupError
from samotop.ports import Account, Clock, ScramVerifier
from samotop.store.database import Database, raise_serial, read_serial
from samotop.store.faults import asked

NAME_LIMIT: Final = 64
"""Octets of a name: RFC 5321 §4.5.3.1.1 allows a local part no more."""
VALID_SECONDS: Final = 1.0
"""How long a removed account may still be answered for."""

# Begins with a letter or a digit: the name is also a directory's.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")

_SELECT: Final = (
    "SELECT name, password_hash, scram_salt, scram_iterations, scram_stored_key, scram_server_key FROM account "
)


def check_account_name(name: str) -> str:
    """``name`` if it can be one, else ``SetupError``."""
    if len(name) > NAME_LIMIT or not _NAME.fullmatch(name):
        raise SetupError(
            f"{name!r} cannot be an account's name",
            remedy="Use small letters, digits, dot, underscore and hyphen, beginning with a letter or digit, "
            f"{NAME_LIMIT} at most.",
        )
    return name


class SqliteAccounts:
    """``ports.Accounts``, and what the command line does with accounts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._names: frozenset[str] = frozenset()
        self._serial = -1
        self._valid_until = float("-inf")

    # ports.Accounts

    def get(self, name: str) -> Account | None:
        with asked():
            row = self._database.reader().execute(_SELECT + "WHERE name = ?", (name,)).fetchone()
        return None if row is None else _account(row)

    def exists(self, name: str) -> bool:
        if name in self.names():
            return True
        query = "SELECT 1 FROM account WHERE name = ?"
        with asked():
            row = self._database.reader().execute(query, (name,)).fetchone()
        if row is None:
            return False
        self._valid_until = float("-inf")
        return True

    def names(self) -> frozenset[str]:
        now = self._clock.monotonic()
        if now >= self._valid_until:
            with asked():
                self._look()
            self._valid_until = now + VALID_SECONDS
        return self._names

    def _look(self) -> None:
        reader = self._database.reader()
        # The counter first: what changes between the two reads is seen again next time.
        serial = read_serial(reader, "accounts")
        if serial != self._serial:
            self._names = frozenset(str(name) for (name,) in reader.execute("SELECT name FROM account"))
            self._serial = serial

    # The command line.

    def add(self, account: Account) -> None:
        check_account_name(account.name)
        scram = account.scram
        row = (
            account.name,
            account.password_hash,
            scram.salt,
            scram.iterations,
            scram.stored_key,
            scram.server_key,
            self._clock.time(),
        )

        def insert(connection: apsw.Connection) -> int:
            connection.execute("INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
            return connection.changes()

        if not self._change(insert):
            raise SetupError(
                f"there is an account {account.name} already",
                remedy="Change its password with `samotop account passwd`.",
            )

    def change_password(self, account: Account) -> None:
        """Put the hash and the verifier of ``account`` in the place of those that its name had."""
        scram = account.scram
        values = (
            account.password_hash,
            scram.salt,
            scram.iterations,
            scram.stored_key,
            scram.server_key,
            account.name,
        )

        def update(connection: apsw.Connection) -> int:
            connection.execute(
                "UPDATE account SET password_hash = ?, scram_salt = ?, scram_iterations = ?, scram_stored_key = ?, "
                "scram_server_key = ? WHERE name = ?",
                values,
            )
            return connection.changes()

        if not self._change(update):
            raise _absent(account.name)

    def remove(self, name: str) -> None:
        """Its Maildir stays: removing mail is another decision."""

        def delete(connection: apsw.Connection) -> int:
            connection.execute("DELETE FROM account WHERE name = ?", (name,))
            return connection.changes()

        if not self._change(delete):
            raise _absent(name)

    def list(self) -> list[tuple[str, float]]:
        """Names in order, with the time at which each was added."""
        rows = self._database.reader().execute("SELECT name, created FROM account ORDER BY name")
        return [(str(name), float(created)) for name, created in rows]

    def _change(self, change: Any) -> int:
        def noticed(connection: apsw.Connection) -> int:
            changed: int = change(connection)
            if changed:
                raise_serial(connection, "accounts")
            return changed

        changed = self._database.write(noticed)
        self._valid_until = float("-inf")
        return changed


def _account(row: tuple[Any, ...]) -> Account:
    name, password_hash, salt, iterations, stored_key, server_key = row
    return Account(name, password_hash, ScramVerifier(salt, iterations, stored_key, server_key))


def _absent(name: str) -> SetupError:
    return SetupError(f"there is no account {name}", remedy="`samotop account list` shows those there are.")
