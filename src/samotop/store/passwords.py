"""Passwords: hashed slowly when they are set, checked beside the event loop when they come back.

An account keeps an argon2id hash (RFC 9106) and a SCRAM-SHA-256 verifier,
never the password. A check takes a quarter of a second of a core and 64 MiB,
on purpose; so checks run in a few threads, only so many wait for their turn,
and a password that was right a moment ago is remembered for a few minutes,
because mail clients log in again and again.

What is remembered is an HMAC under a secret of this process, over account,
hash and password: nothing that outlives the process, and nothing that fits
once the password was changed. An unknown account costs the time of a wrong
password.

Raises ``SetupError`` for a password that cannot be set and ``TryAgainLater``
where too many checks are waiting.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from base64 import b64encode
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from samotop.errors import SetupError, TryAgainLater
from samotop.ports import Account, Clock
from samotop.sasl.mechanism import PASSWORD_LIMIT
from samotop.sasl.prepare import PrepareError, saslprep
from samotop.sasl.scram import SALT_OCTETS, SCRAM_ITERATIONS, ScramVerifier, derive_verifier

MEMORY_KIB: Final = 64 * 1024
"""RFC 9106 §4, second recommended option: 64 MiB, three passes, four lanes, for machines that do more than hash."""
PASSES: Final = 3
LANES: Final = 4
HASH_OCTETS: Final = 32
"""RFC 9106 §4: a tag of 256 bits, and a salt of 128."""

WORKERS: Final = 2
"""Checks at a time: 128 MiB at most, and a burst of logins leaves cores for mail."""

WAITING_LIMIT: Final = 32
"""Checks that wait for a worker. At four to eight a second the last waits less than ten seconds, as clients will."""

REMEMBER_SECONDS: Final = 300.0
"""How long a right password needs no second hash. An account's removal or new password ends it at once."""

REMEMBER_LIMIT: Final = 4096
"""Accounts remembered: a hundred octets each."""


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """The cost of hashing and the bounds of checking. Tests make both cheap; nobody else should."""

    memory_kib: int = MEMORY_KIB
    passes: int = PASSES
    lanes: int = LANES
    scram_iterations: int = SCRAM_ITERATIONS
    workers: int = WORKERS
    waiting: int = WAITING_LIMIT
    remember_seconds: float = REMEMBER_SECONDS
    remember_limit: int = REMEMBER_LIMIT


DEFAULT_RULES: Final = PasswordRules()


class HashedPassword(NamedTuple):
    """What an ``Account`` keeps of a password."""

    password_hash: str
    scram: ScramVerifier


def hash_password(password: str, rules: PasswordRules = DEFAULT_RULES) -> HashedPassword:
    """Hash a new password; takes about 0.3 s and blocks.

    Raises ``SetupError`` for an empty or overlong password, and for characters
    that not every client would send in the same way (RFC 4013).
    """
    try:
        prepared = saslprep(password, allow_unassigned=False)
    except PrepareError as error:
        raise SetupError(
            f"this password cannot be used: {error}", remedy="use letters, digits, spaces and punctuation"
        ) from None
    if not prepared:
        raise SetupError("the password is empty", remedy="choose one; a few random words do well")
    if max(len(prepared.encode()), len(password.encode())) > PASSWORD_LIMIT:
        raise SetupError("the password is too long", remedy=f"use {PASSWORD_LIMIT} octets or fewer")
    scram = derive_verifier(prepared, os.urandom(SALT_OCTETS), rules.scram_iterations)
    return HashedPassword(_hasher(rules).hash(prepared), scram)


def is_password(password_hash: str, password: str) -> bool:
    """Does this password belong to the hash? Blocks as long as hashing does. A damaged hash fits no password."""
    try:
        prepared = saslprep(password)
        return bool(PasswordHasher().verify(password_hash, prepared))
    except (PrepareError, VerificationError, InvalidHashError):
        return False


class PasswordChecker:
    """Checks passwords for everything that lets people log in. Lives on one event loop; ``close`` when done."""

    def __init__(self, clock: Clock, rules: PasswordRules = DEFAULT_RULES) -> None:
        self._clock = clock
        self._rules = rules
        self._secret = os.urandom(32)
        self._decoy = decoy_hash(rules)
        self._pool = ThreadPoolExecutor(rules.workers, thread_name_prefix="passwords")
        self._turns = asyncio.Semaphore(rules.workers)
        self._waiting = 0
        self._remembered: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    async def check(self, account: Account | None, password: str) -> bool:
        """Is this the account's password? ``None`` is an account that does not exist: false, after the same time.

        Raises ``TryAgainLater`` where ``waiting`` checks are waiting already.
        """
        name, password_hash = (account.name, account.password_hash) if account else ("", self._decoy)
        if not password_hash.startswith("$argon2id$"):  # a locked account takes as long as any other
            password_hash = self._decoy
        tag = self._tag(name, password_hash, password)
        if self._remembers(name, tag):
            return True
        if self._turns.locked() and self._waiting >= self._rules.waiting:
            raise TryAgainLater("too many logins at once")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            if self._remembers(name, tag):  # another connection of the same client was first
                return True
            loop = asyncio.get_running_loop()
            is_right = await loop.run_in_executor(self._pool, is_password, password_hash, password)
        finally:
            self._turns.release()
        if is_right and account is not None:
            self._remember(name, tag)
        return is_right and account is not None

    def forget(self, name: str) -> None:
        """Remember nothing of this account: it was removed or locked."""
        self._remembered.pop(name, None)

    def close(self) -> None:
        """End the threads; checks that have not begun are cancelled."""
        self._remembered.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _tag(self, name: str, password_hash: str, password: str) -> bytes:
        message = "\0".join((name, password_hash, password)).encode(errors="surrogatepass")
        return hmac.digest(self._secret, message, "sha256")

    def _remembers(self, name: str, tag: bytes) -> bool:
        known = self._remembered.get(name)
        if known is None:
            return False
        if known[1] <= self._clock.monotonic():
            del self._remembered[name]
            return False
        return hmac.compare_digest(known[0], tag)

    def _remember(self, name: str, tag: bytes) -> None:
        self._remembered[name] = (tag, self._clock.monotonic() + self._rules.remember_seconds)
        self._remembered.move_to_end(name)
        if len(self._remembered) > self._rules.remember_limit:
            self._remembered.popitem(last=False)


def decoy_hash(rules: PasswordRules) -> str:
    """A hash in the form and at the cost of ``rules`` that no password has, made without hashing."""
    salt, tag = (b64encode(os.urandom(n)).decode().rstrip("=") for n in (SALT_OCTETS, HASH_OCTETS))
    return f"$argon2id$v=19$m={rules.memory_kib},t={rules.passes},p={rules.lanes}${salt}${tag}"


def _hasher(rules: PasswordRules) -> PasswordHasher:
    return PasswordHasher(
        time_cost=rules.passes,
        memory_cost=rules.memory_kib,
        parallelism=rules.lanes,
        hash_len=HASH_OCTETS,
        salt_len=SALT_OCTETS,
        type=Type.ID,
    )
