"""The home that a verb works in: found, checked, its state opened.

Every verb takes ``--home``; the type of that parameter stands here too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from samotop.config.home import STATE_NAME, check_home, find_home
from samotop.errors import SetupError

if TYPE_CHECKING:
    from samotop.store.accounts import SqliteAccounts
    from samotop.store.queue_admin import QueueAdmin

Home = Annotated[
    str | None,
    Parameter(help="The home directory; else $SAMOTOP_HOME, else the user's own.", metavar="DIR"),
]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON, for programs.", show_default=False)]


def is_root() -> bool:
    return os.geteuid() == 0


def name_home(given: str | None) -> Path:
    """Where the home is or would be."""
    return find_home(given, os.environ, is_root=is_root())


def open_home(given: str | None) -> Path:
    """The home, checked. Raises ``SetupError``."""
    home = name_home(given)
    check_home(home)
    return home


@dataclass(frozen=True, slots=True)
class State:
    """What state.db holds, opened."""

    accounts: SqliteAccounts
    queue: QueueAdmin


@contextmanager
def open_state(home: Path, *, creates: bool = False) -> Iterator[State]:
    """Open the state of ``home``; where there is none, make it or raise ``SetupError``."""
    from samotop.net.clock import SystemClock
    from samotop.store.accounts import SqliteAccounts
    from samotop.store.database import Database
    from samotop.store.queue_admin import QueueAdmin

    path = home / STATE_NAME
    if not creates and not path.exists():
        raise SetupError(f"there is no {STATE_NAME} in {home}", remedy=f"samotop account add NAME --home {home}")
    clock = SystemClock()
    database = Database(str(path))
    try:
        yield State(SqliteAccounts(database, clock), QueueAdmin(database, str(home / "spool"), clock))
    finally:
        database.close()
