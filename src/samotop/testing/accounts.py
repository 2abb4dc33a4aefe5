"""Accounts in memory, whose passwords are hashed as cheaply as the formats allow: for tests only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from samotop.net.clock import SystemClock
from samotop.ports import Account
from samotop.reception.context import Logins
from samotop.reception.login import LoginRules
from samotop.store.passwords import PasswordChecker, PasswordRules, hash_password

CHEAP: Final = PasswordRules(64, 1, 1, 4096)
"""The least that argon2id and SCRAM (RFC 7677 §4) take."""


class MemoryAccounts:
    """Implements ``ports.Accounts`` for a table of names and passwords."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._accounts = {name: Account(name, *hash_password(word, CHEAP)) for name, word in passwords.items()}

    def get(self, name: str) -> Account | None:
        return self._accounts.get(name)

    def exists(self, name: str) -> bool:
        return name in self._accounts

    def names(self) -> frozenset[str]:
        return frozenset(self._accounts)

    def logins(self) -> Logins:
        """What ``Server(logins=...)`` takes."""
        rules = LoginRules(b"the secret of a test-suite, thirty", scram_iterations=CHEAP.scram_iterations)
        return Logins(self, PasswordChecker(SystemClock(), CHEAP), rules)
