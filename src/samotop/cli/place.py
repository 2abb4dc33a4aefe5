"""The home that a verb works in: found, checked, its state opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from samotop.cli.pemfiles import check_pem_files
from samotop.config.aliasclaims import check_targets
from samotop.config.aliases import read_members
from samotop.config.claims import unknown_owners
from samotop.config.fault import ConfigRefused, Fault
from samotop.config.home import STATE_NAME, check_home, find_home
from samotop.config.locate import locate
from samotop.config.named import read_named
from samotop.config.read import FILE_NAME, load_config
from samotop.config.shapes import Config
from samotop.errors import SetupError

if TYPE_CHECKING:
    from samotop.store.accounts import SqliteAccounts
    from samotop.store.ledger.allowances import SqliteAllowances
    from samotop.store.ledger.contacts import SqliteContacts
    from samotop.store.policies import SqlitePolicies
    from samotop.store.queue_admin import QueueAdmin


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
    policies: SqlitePolicies
    open_ledger: Callable[[], tuple[SqliteContacts, SqliteAllowances]]
    """The owners' contacts; makes the key that wraps them where there is none."""


@contextmanager
def open_state(home: Path, *, creates: bool = False) -> Iterator[State]:
    """Open the state of ``home``; where there is none, make it or raise ``SetupError``.

    Faults of the disk and the database inside are told as ``SetupError`` or ``TryAgainLater``.
    """
    from samotop.net.clock import SystemClock
    from samotop.store.accounts import SqliteAccounts
    from samotop.store.database import Database
    from samotop.store.faults import explained
    from samotop.store.ledger.opening import open_ledger
    from samotop.store.policies import SqlitePolicies
    from samotop.store.queue_admin import QueueAdmin

    path = home / STATE_NAME
    if not creates and not path.exists():
        raise SetupError(f"there is no {STATE_NAME} in {home}", remedy=f"samotop account add NAME --home {home}")
    clock = SystemClock()
    with explained(home):
        database = Database(str(path))
        try:
            queue = QueueAdmin(database, str(home / "spool"), clock)
            ledger = partial(open_ledger, database, home, os.environ)
            yield State(SqliteAccounts(database, clock), queue, SqlitePolicies(database), ledger)
        finally:
            database.close()


def load_checked(home: Path) -> Config:
    """The configuration of a home that can be served. Raises ``ConfigRefused`` with every fault, ``SetupError``."""
    check_home(home)
    config = load_config(home)
    found = list(check_pem_files(config, home))
    if config.store == "sqlite" and (home / STATE_NAME).exists():
        with open_state(home) as state:
            names = state.accounts.names()
        found += unknown_owners(config, names)
        found += check_targets(config, names, lambda name: read_members(home / name).targets)
    beside = list(_bad_members(config, home))
    if found or beside:
        path = home / FILE_NAME
        lines = locate(path.read_text("utf-8-sig"))
        raise ConfigRefused(
            [Fault(str(path), lines.of(at), what, remedy) for at, what, remedy in found] + beside,
        )
    return config


def _bad_members(config: Config, home: Path) -> Iterator[Fault]:
    """What is wrong in the files of members, and in those of who is allowed or blocked."""
    for path in dict.fromkeys(home / one.members_file for one in config.lists if one.members_file):
        for line, what, remedy in read_members(path).faults:
            yield Fault(str(path), line, what, remedy)
    for path in dict.fromkeys(home / one for one in (*config.policy.allow_files, *config.policy.block_files)):
        for line, what, remedy in read_named(path).faults:
            yield Fault(str(path), line, what, remedy)
