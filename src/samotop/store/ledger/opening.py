"""The ledger of a home, opened: for the server and for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from samotop.store.database import Database
from samotop.store.ledger.allowances import SqliteAllowances
from samotop.store.ledger.contacts import Sealed, SqliteContacts
from samotop.store.ledger.secrets import OwnerSecrets, find_wrapping_key


def open_ledger(
    database: Database, home: Path, environment: Mapping[str, str]
) -> tuple[SqliteContacts, SqliteAllowances]:
    """Contacts and allowances. Makes the home's key where there is none. Raises ``SetupError``."""
    sealed = Sealed(database, OwnerSecrets(database, find_wrapping_key(home, environment)))
    return SqliteContacts(sealed), SqliteAllowances(sealed)
