"""Credentials that are asked for: a token is fresh for each session, and renewed once where the server refuses it."""

from __future__ import annotations

import asyncio
import base64

import pytest

from samotop import Envelope, Recipient, SmtpTransport
from samotop.address import Address
from samotop.sasl import Credentials
from samotop.smtp.client import Stage
from samotop.transport.smtp.address import SUBMISSION, parse_server
from samotop.transport.smtp.pool import PoolRules
from tests.unit.transport.smtp.conftest import Script

LETTER = b"Subject: x\r\n\r\nHello\r\n"
ENVELOPE = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))


async def provider(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the token "good" alone, and tells so as providers do (RFC 7628 §3.2.3)."""
    writer.write(b"220 mx.example.org\r\n")
    while True:
        verb, _, rest = (await script.line(reader)).partition(" ")
        if verb == "EHLO":
            writer.write(b"250-mx.example.org\r\n250 AUTH XOAUTH2\r\n")
        elif verb == "AUTH":
            if b"Bearer good" in base64.b64decode(rest.partition(" ")[2]):
                writer.write(b"235 2.7.0 welcome\r\n")
            else:
                writer.write(b"334 " + base64.b64encode(b'{"status":"400"}') + b"\r\n")
                await script.line(reader)
                writer.write(b"535 5.7.8 the token has expired\r\n")
        elif verb == "DATA":
            writer.write(b"354 go on\r\n")
            while await script.line(reader) != ".":
                pass
            writer.write(b"250 2.0.0 ok\r\n")
        else:
            writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 2.0.0 ok\r\n")


class Tokens:
    """Gives these tokens one after the other, and remembers what it was asked."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = iter(tokens)
        self.refused: list[str | None] = []

    async def __call__(self, refused: Credentials | None) -> Credentials:
        self.refused.append(refused.token if refused is not None else None)
        return Credentials("alice", token=next(self._tokens))


def transport_to(script: Script, tokens: Tokens, pool: PoolRules = PoolRules()) -> SmtpTransport:
    url = f"smtp://127.0.0.1:{script.port}?tls=none"
    return SmtpTransport.from_url(url, credentials=tokens, allows_plaintext_login=True, pool=pool)


async def test_a_token_is_asked_for_by_each_session() -> None:
    """One that lasts an hour is of no use to a program that runs for a year."""
    tokens = Tokens("good", "good", "good")
    async with Script(provider) as script, transport_to(script, tokens, PoolRules(1, messages=2)) as transport:
        for _ in range(5):
            (await transport.send(ENVELOPE, LETTER)).check()
    assert tokens.refused == [None, None, None]


async def test_a_refused_token_is_renewed_once() -> None:
    """Who gave it out is told which, so that it need not be given out again."""
    tokens = Tokens("old", "good")
    async with Script(provider) as script, transport_to(script, tokens) as transport:
        (await transport.send(ENVELOPE, LETTER)).check()
    assert tokens.refused == [None, "old"]


@pytest.mark.parametrize("second", ["old", "older"])
async def test_a_login_that_stays_refused_is_an_outcome(second: str) -> None:
    tokens = Tokens("old", second)
    async with Script(provider) as script, transport_to(script, tokens) as transport:
        outcome = await transport.send(ENVELOPE, LETTER)
        assert script.connections == (1 if second == "old" else 2)
    (one,) = outcome.refused
    assert (str(one.status), one.stage) == ("5.7.8", Stage.AUTH)


async def test_what_the_callers_function_raises_the_caller_gets() -> None:
    """And the place in the pool is free again."""

    async def fail(refused: Credentials | None) -> Credentials:
        raise LookupError("no token")

    async with Script(provider) as script:
        url = f"smtp://127.0.0.1:{script.port}?tls=none"
        async with SmtpTransport.from_url(url, credentials=fail, pool=PoolRules(1), timeout=5) as transport:
            for _ in range(2):
                with pytest.raises(LookupError, match="no token"):
                    await transport.send(ENVELOPE, LETTER)


async def test_who_gives_no_credentials_is_not_waited_for_for_ever() -> None:
    """The message's time is for everything; what the function itself takes for too long is the caller's to know."""

    async def hang(refused: Credentials | None) -> Credentials:
        await asyncio.Event().wait()
        raise AssertionError("never")

    async def late(refused: Credentials | None) -> Credentials:
        raise TimeoutError("their own")

    async with Script(provider) as script:
        url = f"smtp://127.0.0.1:{script.port}?tls=none"
        async with SmtpTransport.from_url(url, credentials=hang, timeout=0.05) as transport:
            (one,) = (await transport.send(ENVELOPE, LETTER)).deferred
        assert (str(one.status), one.stage) == ("4.7.0", Stage.AUTH)
        async with SmtpTransport.from_url(url, credentials=late) as transport:
            with pytest.raises(TimeoutError, match="their own"):
                await transport.send(ENVELOPE, LETTER)
        assert script.connections == 0


def test_credentials_beside_a_url_are_guarded_as_those_in_it() -> None:
    """Port 587 and verified TLS, unless the URL says otherwise."""
    inside = parse_server("smtp://alice:secret@mail.example.org")
    beside = SmtpTransport.from_url("smtp://mail.example.org", credentials=Credentials("alice", "secret")).server
    assert (beside.place, beside.demand) == (inside.place, inside.demand)
    assert getattr(beside.place, "port") == SUBMISSION  # noqa: B009 - a Tcp, as its equal above is
