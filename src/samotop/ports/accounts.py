"""Accounts: who may log in, and with what their password is checked.

An account keeps no password: an argon2id hash for mechanisms that bring the
password, and a SCRAM-SHA-256 verifier for those that do not (RFC 5802 §3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from samotop.sasl.scram import ScramVerifier

__all__ = ["Account", "Accounts", "ScramVerifier"]


@dataclass(frozen=True, slots=True)
class Account:
    """One owner. ``name`` is [a-z0-9._-], at most 64 octets, and names the Maildir."""

    name: str
    password_hash: str
    scram: ScramVerifier


class Accounts(Protocol):
    """May be called on the event loop: answers come from memory or one indexed row. Raises ``TryAgainLater``."""

    def get(self, name: str) -> Account | None: ...

    def exists(self, name: str) -> bool: ...

    def names(self) -> frozenset[str]: ...
