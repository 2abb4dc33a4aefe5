"""PLAIN: authorization identity, name and password in one message (RFC 4616).

The password crosses the wire, so this is offered under TLS alone. Names and
passwords are prepared with SASLprep, as RFC 4616 §2 demands of the server.
"""

from __future__ import annotations

from typing import Final

from samotop.sasl.mechanism import (
    BAD_CREDENTIALS,
    NAME_LIMIT,
    PASSWORD_LIMIT,
    PLAIN,
    RESPONSE_LIMIT,
    TOO_LONG,
    Challenge,
    NeedPasswordCheck,
    SaslError,
    Step,
    Success,
    malformed,
)
from samotop.sasl.prepare import PrepareError, saslprep
from samotop.sasl.scram import ScramVerifier

_NOT_UTF8: Final = malformed("the response is not UTF-8")
_NO_PLAIN: Final = malformed("the response is not an identity, a name and a password, with a NUL between each")


class PlainServer:
    """The server's side: one response, one question."""

    __slots__ = ("_is_over", "_name")

    def __init__(self) -> None:
        self._name: str | None = None
        self._is_over = False

    def start(self) -> Step:
        return Challenge(b"")

    def step(self, octets: bytes) -> Step:
        if self._is_over or self._name is not None:
            raise RuntimeError("PLAIN takes one response")
        step = ask_for_check(*octets.split(b"\0", 2)) if octets.count(b"\0") == 2 else _NO_PLAIN
        if len(octets) > RESPONSE_LIMIT:
            step = TOO_LONG
        self._is_over = not isinstance(step, NeedPasswordCheck)
        self._name = step.name if isinstance(step, NeedPasswordCheck) else None
        return step

    def supply(self, answer: ScramVerifier | bool) -> Step:
        if self._is_over or self._name is None or not isinstance(answer, bool):
            raise RuntimeError("PLAIN has not asked for that")
        self._is_over = True
        return Success(self._name) if answer else BAD_CREDENTIALS


def ask_for_check(authzid: bytes, name: bytes, password: bytes) -> Step:
    """The question for this name and password, or the failure where nobody can have them."""
    if not name or not password:
        return malformed("the name or the password is empty")
    if max(len(name), len(authzid)) > NAME_LIMIT or len(password) > PASSWORD_LIMIT:
        return BAD_CREDENTIALS
    try:
        identity, login, secret = authzid.decode(), name.decode(), password.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8
    try:
        login, secret = saslprep(login), saslprep(secret)
    except PrepareError:
        return BAD_CREDENTIALS
    if not login or not secret:
        return BAD_CREDENTIALS
    return NeedPasswordCheck(login, secret, identity)


class PlainClient:
    """The client's side. Raises ``ValueError`` for a name or password that PLAIN cannot carry."""

    name: Final = PLAIN

    def __init__(self, login: str, password: str, authzid: str = "") -> None:
        login, password = saslprep(login), saslprep(password)
        if not login or not password:
            raise ValueError("PLAIN needs a name and a password")
        if "\0" in authzid:
            raise ValueError("an authorization identity holds no NUL")
        self._message = b"\0".join((authzid.encode(), login.encode(), password.encode()))

    def start(self) -> bytes | None:
        return self._message

    def step(self, challenge: bytes) -> bytes:
        raise SaslError("PLAIN has nothing more to say")

    def finish(self) -> None:
        """PLAIN proves nothing about the server; TLS has to."""
