"""One AUTH exchange of a session: SASL, accounts and replies put together (RFC 4954 §4).

The engine reads the command and undoes the base64; the SASL mechanism says
what it needs; here the accounts and the password check answer it, and what
comes out is a challenge to send, an account that has logged in, or the reply
that ends it. Which connections may try, and how often, is the session's part.

Who an account is must not show: an unknown name, a name of a domain that is
not ours, a wrong password and a wrong authorization identity all get 535
5.7.8 after the same work.

Raises nothing for what a peer sends or for a store that is busy; using an
exchange after its end is a bug and raises ``RuntimeError``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Protocol

from samotop.errors import TryAgainLater
from samotop.ports import Account, Accounts
from samotop.reply import Reply
from samotop.sasl import (
    LOGIN,
    PLAIN,
    SCRAM_ITERATIONS,
    SCRAM_SHA_256,
    SCRAM_SHA_256_PLUS,
    Challenge,
    Failure,
    NeedPasswordCheck,
    NeedVerifier,
    Reason,
    ScramVerifier,
    Step,
    Success,
    decoy_verifier,
    plan_server,
)

NONCE_OCTETS: Final = 18
"""Octets of randomness in the server's nonce: 144 bits, 24 characters."""

_ACCOUNT_NAME: Final = re.compile(r"[a-z0-9._-]{1,64}")

UNKNOWN_MECHANISM: Final = Reply.of(504, "5.5.4", "This authentication mechanism is not offered here")
BAD_CREDENTIALS: Final = Reply.of(535, "5.7.8", "The name or password is not right")
MALFORMED: Final = Reply.of(501, "5.5.2", "This is not what the authentication mechanism expects")
TOO_LONG: Final = Reply.of(500, "5.5.6", "The response is too long")
TRY_LATER: Final = Reply.of(454, "4.7.0", "Logging in does not work right now, try again later")

_REFUSALS: Final = {
    Reason.CREDENTIALS: BAD_CREDENTIALS,
    Reason.MALFORMED: MALFORMED,
    Reason.TOO_LONG: TOO_LONG,
}


class PasswordCheck(Protocol):
    """Who compares a password with an account's hash; ``store.passwords.PasswordChecker`` does."""

    async def check(self, account: Account | None, password: str) -> bool:
        """Is this the account's password? ``None``: no such account; false, after the same time.

        Raises ``TryAgainLater`` where that cannot be found out now.
        """
        ...


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What every exchange of a server shares.

    ``secret`` makes the salts of accounts that do not exist: 32 random octets
    that are kept for good and shared by all workers. ``domains`` are those
    whose ``name@domain`` is the account ``name``, in lower case.
    ``scram_iterations`` are those of the accounts' verifiers.
    """

    secret: bytes = field(repr=False)
    domains: frozenset[str] = frozenset()
    scram_iterations: int = SCRAM_ITERATIONS


@dataclass(frozen=True, slots=True)
class LoginChallenge:
    """Send 334 with these octets (in base64) and wait for a line."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class LoginDone:
    """Send 235: the peer is this account."""

    account_name: str


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """Send this reply: the exchange is over."""

    reply: Reply


LoginStep = LoginChallenge | LoginDone | LoginRefused


def mechanisms_for(tls: bool, channel_binding: bool, allow_plaintext: bool = False) -> tuple[str, ...]:
    """The mechanisms to advertise, the strongest first.

    None without TLS, where even SCRAM would show who logs in and from where,
    unless ``allow_plaintext``. -PLUS only where the channel's binding is known.
    """
    if not (tls or allow_plaintext):
        return ()
    plus = (SCRAM_SHA_256_PLUS,) if tls and channel_binding else ()
    return (*plus, SCRAM_SHA_256, PLAIN, LOGIN)


def account_of(login: str, domains: Collection[str]) -> str | None:
    """The account that a login means, ``None`` where it cannot be one of ours.

    ``name`` or ``name@domain`` with a domain of ours, upper case or lower.
    """
    name, at, domain = login.lower().rpartition("@")
    if not at:
        name = domain
    elif domain not in domains:
        return None
    return name if _ACCOUNT_NAME.fullmatch(name) else None


def _new_nonce() -> str:
    return secrets.token_urlsafe(NONCE_OCTETS)


class LoginExchange:
    """One AUTH command and the lines that follow it.

    ``mechanism`` is the command's word. ``advertised`` is what EHLO offered
    on this connection (``mechanisms_for``): nothing else is accepted.
    ``channel_binding`` is the connection's ``tls-server-end-point`` value.
    """

    def __init__(
        self,
        mechanism: str,
        accounts: Accounts,
        checker: PasswordCheck,
        rules: LoginRules,
        *,
        advertised: Collection[str],
        channel_binding: bytes | None = None,
        new_nonce: Callable[[], str] = _new_nonce,
    ) -> None:
        name = mechanism.upper()
        offered_binding = channel_binding if SCRAM_SHA_256_PLUS in advertised else None
        self._mechanism = plan_server(name, new_nonce(), offered_binding) if name in advertised else None
        self._accounts = accounts
        self._checker = checker
        self._rules = rules
        self._name: str | None = None
        self._account: Account | None = None
        self._is_itself = False
        self._proven: str | None = None
        self._has_begun = False
        self._is_over = False

    async def begin(self, initial: bytes | None) -> LoginStep:
        """Start; ``initial`` is the decoded initial response, ``b""`` for ``=``, ``None`` where there was none."""
        if self._has_begun:
            raise RuntimeError("the exchange has begun already")
        self._has_begun = True
        if self._mechanism is None:
            return self._refuse(UNKNOWN_MECHANISM)
        if initial is None:
            return await self._advance(self._mechanism.start())
        return await self._advance(self._mechanism.step(initial))

    async def respond(self, octets: bytes) -> LoginStep:
        """Take the decoded line that answers the last challenge."""
        if self._is_over or not self._has_begun or self._mechanism is None:
            raise RuntimeError("the exchange awaits no response")
        if self._proven is not None:  # the server's proof was sent as a challenge; the answer to it is empty
            return self._done(self._proven) if not octets else self._refuse(MALFORMED)
        return await self._advance(self._mechanism.step(octets))

    async def _advance(self, step: Step) -> LoginStep:
        """Answer the mechanism's questions until it has something for the client."""
        assert self._mechanism is not None
        try:
            while True:
                if isinstance(step, NeedPasswordCheck):
                    self._lookup(step)
                    is_right = await self._checker.check(self._account, step.password)
                    step = self._mechanism.supply(is_right)
                elif isinstance(step, NeedVerifier):
                    step = self._mechanism.supply(self._verifier(step))
                else:
                    return self._tell(step)
        except TryAgainLater:
            return self._refuse(TRY_LATER)

    def _tell(self, step: Challenge | Success | Failure) -> LoginStep:
        if isinstance(step, Challenge):
            return LoginChallenge(step.octets)
        if isinstance(step, Failure):
            return self._refuse(_REFUSALS[step.reason])
        if self._account is None or not self._is_itself:  # only now: earlier it would show who exists
            return self._refuse(BAD_CREDENTIALS)
        if not step.octets:
            return self._done(self._account.name)
        self._proven = self._account.name
        return LoginChallenge(step.octets)

    def _lookup(self, question: NeedPasswordCheck | NeedVerifier) -> None:
        """Find the account that is meant, and whether it wants to act as itself: as another, nobody may."""
        self._name = account_of(question.name, self._rules.domains)
        self._account = None if self._name is None else self._accounts.get(self._name)
        self._is_itself = not question.authzid or account_of(question.authzid, self._rules.domains) == self._name

    def _verifier(self, question: NeedVerifier) -> ScramVerifier:
        """The account's verifier, or a decoy by which all spellings of one unknown name look the same."""
        self._lookup(question)
        rules = self._rules
        decoy = decoy_verifier(rules.secret, self._name or question.name.lower(), rules.scram_iterations)
        return decoy if self._account is None else self._account.scram

    def _done(self, name: str) -> LoginStep:
        self._is_over = True
        return LoginDone(name)

    def _refuse(self, reply: Reply) -> LoginStep:
        self._is_over = True
        return LoginRefused(reply)
