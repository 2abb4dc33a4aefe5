"""Servers that drop, drip, lie and strip: every send ends before its deadline, and nothing is accepted that was not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from samotop import Envelope, Outcome, Recipient, SmtpTransport
from samotop.address import Address
from samotop.smtp.client import TIMEOUTS, ClientRules, Stage
from tests.unit.transport.smtp.conftest import Script, answer

pytestmark = pytest.mark.slow  # waits for deadlines

LETTER = b"Subject: x\r\n\r\nHello\r\n"
ENVELOPE = Envelope(
    Address("a", "example.org"), (Recipient(Address("b", "example.net")), Recipient(Address("c", "example.net")))
)
DEADLINE = 0.4
"""Seconds that a send has in these tests."""
HANGS = 10.0
"""Seconds after which a test says that a send hangs: many times its deadline, for busy machines."""

Talk = Callable[[Script, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def send_to(talk: Talk, *, query: str = "", content: bytes = LETTER, **settings: Any) -> tuple[Outcome, Script]:
    """Send one message to a server that talks so."""
    usual: dict[str, Any] = {"timeout": DEADLINE}
    async with Script(talk) as script:
        url = f"smtp://{settings.pop('login', '')}127.0.0.1:{script.port}?{query}"
        async with asyncio.timeout(HANGS), SmtpTransport.from_url(url, **(usual | settings)) as transport:
            return await transport.send(ENVELOPE, content), script


@pytest.mark.parametrize("verb", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content", "."])
async def test_a_drop_at_any_command_is_for_later(verb: str) -> None:
    """Only after the whole content may the server have it; and a fresh connection is not tried again."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, drops_at=verb)

    outcome, script = await send_to(talk)
    assert len(outcome.deferred) == 2
    assert outcome.is_uncertain == (verb in ("content", "."))  # so small a content is on its way at once
    assert script.connections == 1
    assert {str(one.status) for one in outcome.recipients} == {"4.4.2"}


@pytest.mark.parametrize("at", ["greeting", "EHLO", "MAIL", "DATA", "."])
async def test_silence_ends_at_the_deadline(at: str) -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if at == "greeting":
            await asyncio.sleep(HANGS)
        await answer(script, reader, writer, hangs_at=at)

    outcome, _ = await send_to(talk)
    assert len(outcome.deferred) == 2
    assert "did not answer in time" in outcome.recipients[0].text
    assert outcome.is_uncertain == (at == ".")


async def test_a_slow_drip_is_no_answer() -> None:
    """The stage's time is for the whole reply: an octet now and then does not make it longer."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"2")
            await writer.drain()
            await asyncio.sleep(0.02)

    rules = ClientRules(timeouts={**TIMEOUTS, Stage.GREETING: DEADLINE})
    outcome, _ = await send_to(talk, timeout=HANGS, rules=rules)
    assert "did not answer in time, while we waited for its greeting" in outcome.deferred[0].text


async def test_lines_without_end_are_no_answer() -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(100_000):
            writer.write(b"220-and so on\r\n")
            await writer.drain()

    outcome, _ = await send_to(talk, timeout=HANGS)
    assert str(outcome.deferred[0].status) == "4.5.0"


@pytest.mark.parametrize(
    "nonsense", [b"hello\r\n", b"\0" * 70_000, b"999 what\r\n", b"220\xff\r\n", b"220-a\r\n330 b\r\n"]
)
async def test_nonsense_for_a_greeting(nonsense: bytes) -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(nonsense)
        await writer.drain()
        await asyncio.sleep(HANGS)

    outcome, _ = await send_to(talk)
    assert len(outcome.deferred) == 2 and not outcome.is_uncertain


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "."])
async def test_nonsense_for_a_reply(verb: str) -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={verb: b"whatever you say\r\n"})

    outcome, _ = await send_to(talk)
    assert len(outcome.deferred) == 2
    assert str(outcome.recipients[0].status) == "4.5.0"


async def test_more_replies_than_questions_accept_nothing() -> None:
    """A server that says yes to what it has not been asked is not believed."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={"MAIL": b"250 ok\r\n" * 9 + b"354 go\r\n250 accepted\r\n"})

    outcome, _ = await send_to(talk)
    assert not outcome.accepted


async def test_a_server_that_takes_no_content_is_given_up() -> None:
    """It says "go on" and stops reading: what is buffered is bounded, and so is the wait."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        await script.line(reader)
        writer.write(b"250 x\r\n")
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await script.line(reader)
            writer.write(reply)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's sockets have it
        await asyncio.sleep(HANGS)

    outcome, _ = await send_to(
        talk, content=LETTER + b"x" * 78 + b"\r\n" + (b"y" * 78 + b"\r\n") * 400_000, timeout=1.5
    )
    assert "took no more of the content" in outcome.deferred[0].text
    assert not outcome.is_uncertain


async def test_a_refusal_in_the_middle_of_the_content_is_heard() -> None:
    """Some servers say 552 and close, and do not wait for the end."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={".": b"552 5.3.4 too large\r\n"})

    outcome, _ = await send_to(talk)
    assert [str(one.status) for one in outcome.refused] == ["5.3.4", "5.3.4"]


# -- TLS that is tampered with ------------------------------------------------------------------------

WITH_STARTTLS = b"250-mx.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"


async def test_starttls_stripped_is_no_way_to_a_password() -> None:
    """A login demands TLS: where it is not offered (any more), nothing is said."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={"EHLO": b"250-mx\r\n250 AUTH PLAIN\r\n"})

    outcome, script = await send_to(talk, login="alice:secret@")
    assert str(outcome.deferred[0].status) == "4.7.5"
    assert [line.split()[0] for line in script.lines] in (["EHLO"], ["EHLO", "QUIT"])


async def test_a_refused_starttls_is_no_way_either() -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={"EHLO": WITH_STARTTLS, "STARTTLS": b"454 4.7.0 not now\r\n"})

    outcome, script = await send_to(talk, login="alice:secret@")
    assert outcome.deferred[0].stage is Stage.STARTTLS
    assert not any(line.startswith("AUTH") for line in script.lines)


async def test_what_is_injected_before_tls_is_refused() -> None:
    """A reply in the clear behind the 220 is somebody's who stands between (RFC 3207 §6): not even a fall-back."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        injected = b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"
        await answer(script, reader, writer, replies={"EHLO": WITH_STARTTLS, "STARTTLS": injected})

    for query in ("tls=required", "tls=encrypted", "tls=opportunistic"):
        outcome, script = await send_to(talk, query=query)
        assert len(outcome.deferred) == 2
        assert not any(line.startswith("MAIL") for line in script.lines)


async def test_a_broken_handshake_falls_back_only_where_nothing_was_demanded() -> None:
    """Opportunistic: a second connection in the clear (RFC 7435). Demanded, or with a login: none."""

    async def dropping(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if script.connections > 1:
            await answer(script, reader, writer)
            return
        writer.write(b"220 x\r\n")
        await script.line(reader)
        writer.write(WITH_STARTTLS)
        await script.line(reader)
        writer.write(b"220 go\r\n")
        await reader.read(100)

    outcome, script = await send_to(dropping)
    assert outcome.is_accepted and outcome.tls is None and script.connections == 2
    outcome, script = await send_to(dropping, query="tls=encrypted")
    assert outcome.deferred and script.connections == 1
    outcome, script = await send_to(dropping, query="tls=opportunistic", login="alice:secret@")
    assert outcome.deferred and script.connections == 1


async def test_cancelling_a_send_leaves_half_a_message_unsent() -> None:
    """The connection is cut, so that no end of content makes half of it look whole."""
    got = bytearray()
    started = asyncio.Event()

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        await script.line(reader)
        writer.write(b"250 x\r\n")
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await script.line(reader)
            writer.write(reply)
        while octets := await reader.read(1000):
            got.extend(octets)
            started.set()
            await asyncio.sleep(0.001)

    async with Script(talk) as script:
        transport = SmtpTransport.from_url(f"smtp://127.0.0.1:{script.port}")
        task = asyncio.create_task(transport.send(ENVELOPE, LETTER + (b"y" * 78 + b"\r\n") * 200_000))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await transport.close()
    assert not got.endswith(b"\r\n.\r\n")
