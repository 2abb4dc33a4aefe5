"""OAUTHBEARER (RFC 7628) and XOAUTH2, its forerunner at large providers: an access token instead of a password.

The client's side alone. The token is as good as a password while it lasts, so
it is handed over within TLS alone (RFC 6750 §5.3). Where the server refuses
it, it says why in a challenge, to which there is one answer that only ends
the exchange; the refusal itself is the protocol's reply after that.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.sasl.mechanism import OAUTHBEARER, XOAUTH2, SaslError

_TOKEN: Final = re.compile(r"[!-~]+")
_SEPARATOR: Final = "\1"


class _BearerClient:
    """What both have in common: one message, then one answer to bad news."""

    __slots__ = ("_answer", "_is_refused", "_message")

    def __init__(self, message: str, answer: bytes) -> None:
        self._message = message.encode()
        self._answer = answer
        self._is_refused = False

    def start(self) -> bytes | None:
        return self._message

    def step(self, challenge: bytes) -> bytes:
        if self._is_refused:
            raise SaslError("the server goes on after it has refused the token")
        self._is_refused = True
        return self._answer

    def finish(self) -> None:
        """A token proves nothing about the server; TLS has to. But who refused it cannot have taken it."""
        if self._is_refused:
            raise SaslError("the server refused the token and then reported success")


class OAuthBearerClient(_BearerClient):
    """OAUTHBEARER. ``host`` and ``port`` are the server's, as far as they are known (RFC 7628 §3.1).

    Raises ``ValueError`` for a token that is not visible ASCII, or a control character in the rest.
    """

    __slots__ = ()
    name: Final = OAUTHBEARER

    def __init__(self, login: str, token: str, *, host: str = "", port: int = 0) -> None:
        _check(login, token)
        _check(host, token)
        identity = f"a={login.replace('=', '=3D').replace(',', '=2C')}" if login else ""
        pairs = [f"host={host}"] if host else []
        if port:
            pairs.append(f"port={port}")
        pairs.append(f"auth=Bearer {token}")
        super().__init__(_SEPARATOR.join([f"n,{identity},", *pairs, "", ""]), b"\1")


class XOAuth2Client(_BearerClient):
    """XOAUTH2. Raises ``ValueError`` as ``OAuthBearerClient`` does, and for an empty name."""

    __slots__ = ()
    name: Final = XOAUTH2

    def __init__(self, login: str, token: str) -> None:
        _check(login, token)
        if not login:
            raise ValueError("XOAUTH2 needs a name")
        super().__init__(_SEPARATOR.join([f"user={login}", f"auth=Bearer {token}", "", ""]), b"")


def _check(text: str, token: str) -> None:
    if any(ord(character) < 32 or character == "\x7f" for character in text):
        raise ValueError("a name holds no control characters")
    if not _TOKEN.fullmatch(token):
        raise ValueError("a token is visible ASCII")
