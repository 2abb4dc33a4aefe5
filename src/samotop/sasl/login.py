"""LOGIN: the name, then the password, each to a prompt (draft-murchison-sasl-login).

Never standardized, and still the only mechanism of some clients and servers.
As a server we prompt with the words that those clients look for. As a client
we go by the order of the prompts and not by their words, which differ
("Username:", "User Name", an empty one). Only a server that plainly asks for
the password first, or for the name again, is refused: it is not speaking LOGIN.
"""

from __future__ import annotations

from typing import Final

from samotop.sasl.mechanism import (
    BAD_CREDENTIALS,
    LOGIN,
    RESPONSE_LIMIT,
    TOO_LONG,
    Challenge,
    NeedPasswordCheck,
    SaslError,
    Step,
    Success,
    malformed,
)
from samotop.sasl.plain import ask_for_check
from samotop.sasl.scram import ScramVerifier

NAME_PROMPT: Final = b"Username:"
PASSWORD_PROMPT: Final = b"Password:"


class LoginServer:
    """The server's side. The name may come as the initial response."""

    __slots__ = ("_asked", "_is_over", "_name")

    def __init__(self) -> None:
        self._name: bytes | None = None
        self._asked: str | None = None
        self._is_over = False

    def start(self) -> Step:
        return Challenge(NAME_PROMPT)

    def step(self, octets: bytes) -> Step:
        if self._is_over or self._asked is not None:
            raise RuntimeError("LOGIN takes a name and a password")
        step = self._take(octets)
        self._is_over = not isinstance(step, Challenge | NeedPasswordCheck)
        return step

    def _take(self, octets: bytes) -> Step:
        if len(octets) > RESPONSE_LIMIT:
            return TOO_LONG
        if b"\0" in octets:
            return malformed("a name or password holds no NUL")
        if self._name is None:
            self._name = octets
            return Challenge(PASSWORD_PROMPT)
        step = ask_for_check(b"", self._name, octets)
        if isinstance(step, NeedPasswordCheck):
            self._asked = step.name
        return step

    def supply(self, answer: ScramVerifier | bool) -> Step:
        if self._is_over or self._asked is None or not isinstance(answer, bool):
            raise RuntimeError("LOGIN has not asked for that")
        self._is_over = True
        return Success(self._asked) if answer else BAD_CREDENTIALS


class LoginClient:
    """The client's side. Raises ``ValueError`` for an empty name or password, or one with a NUL."""

    name: Final = LOGIN

    def __init__(self, login: str, password: str) -> None:
        if not login or not password or "\0" in login + password:
            raise ValueError("LOGIN needs a name and a password, without NUL")
        self._answers = [login.encode(), password.encode()]

    def start(self) -> bytes | None:
        return None

    def step(self, challenge: bytes) -> bytes:
        if not self._answers:
            raise SaslError("the server asks for more than a name and a password")
        words = challenge[:RESPONSE_LIMIT].lower()
        wants_password, wants_name = b"pass" in words, b"user" in words
        if len(self._answers) == 2 and wants_password and not wants_name:
            raise SaslError("the server asks for the password first")
        if len(self._answers) == 1 and wants_name and not wants_password:
            raise SaslError("the server asks for the name twice")
        return self._answers.pop(0)

    def finish(self) -> None:
        """LOGIN proves nothing about the server; TLS has to."""
