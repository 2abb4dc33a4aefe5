"""Connections that are shared, checked, closed and lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from samotop import Envelope, Recipient, SmtpTransport
from samotop.address import Address
from samotop.transport.smtp.pool import PoolRules
from tests.unit.transport.smtp.conftest import Script, answer

LETTER = b"Subject: x\r\n\r\nHello\r\n"
ENVELOPE = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))

Talk = Callable[[Script, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def transport_to(script: Script, *, timeout: float = 5.0, pool: PoolRules = PoolRules(connections=1)) -> SmtpTransport:
    return SmtpTransport.from_url(f"smtp://127.0.0.1:{script.port}", timeout=timeout, pool=pool)


async def plain(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer(script, reader, writer)


async def test_one_connection_carries_many() -> None:
    async with Script(plain) as script, transport_to(script) as transport:
        for _ in range(5):
            (await transport.send(ENVELOPE, LETTER)).check()
        assert script.connections == 1
        assert script.lines.count("DATA") == 5


async def test_a_connection_has_its_measure_of_messages() -> None:
    pool = PoolRules(connections=1, messages=2)
    async with Script(plain) as script, transport_to(script, pool=pool) as transport:
        for _ in range(5):
            (await transport.send(ENVELOPE, LETTER)).check()
        assert script.connections == 3


async def test_a_connection_that_takes_no_more_is_ended_with_a_goodbye() -> None:
    """LIMITS MAILMAX (RFC 9422 §4): nobody hangs up without QUIT (RFC 5321 §4.1.1.10)."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={"EHLO": b"250-mx\r\n250-PIPELINING\r\n250 LIMITS MAILMAX=1\r\n"})

    async with Script(talk) as script:
        async with transport_to(script) as transport:
            for _ in range(2):
                (await transport.send(ENVELOPE, LETTER)).check()
        assert script.connections == 2
        assert script.lines.count("QUIT") == 2


async def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    """Seen at once: the end of it has come before the next message."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = asyncio.create_task(answer(script, reader, writer))
        while "DATA" not in script.lines:
            await asyncio.sleep(0.001)
        await asyncio.wait([server], timeout=0.05)
        server.cancel()

    async with Script(talk) as script, transport_to(script) as transport:
        (await transport.send(ENVELOPE, LETTER)).check()
        await asyncio.sleep(0.2)  # the server's own time
        script.lines.clear()
        (await transport.send(ENVELOPE, LETTER)).check()
        assert script.connections == 2


@pytest.mark.parametrize("end", ["drop", "421", "421 at once"])
async def test_a_connection_that_closes_as_it_is_used_is_replaced(end: str) -> None:
    """The second message meets a server that goes away: it cannot have accepted anything, so a fresh one gets it."""

    async def first_two(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if script.connections > 1:
            await answer(script, reader, writer)
            return
        writer.write(b"220 x\r\n")
        replies = {"EHLO": b"250-x\r\n250 PIPELINING\r\n", "DATA": b"354 go\r\n"}
        mails = 0
        while True:
            line = await script.line(reader)
            verb = line.partition(" ")[0].partition(":")[0]
            mails += verb == "MAIL"
            if mails == 2:
                writer.write(b"" if end == "drop" else b"421 4.3.2 closing\r\n")
                return
            writer.write(replies.get(verb, b"250 ok\r\n"))
            if verb == "DATA":
                while await script.line(reader) != ".":
                    pass
                writer.write(b"250 ok\r\n")
                if end == "421 at once":
                    writer.write(b"421 4.4.2 idle for too long\r\n")
                    return

    async with Script(first_two) as script, transport_to(script) as transport:
        (await transport.send(ENVELOPE, LETTER)).check()
        (await transport.send(ENVELOPE, LETTER)).check()
        assert script.connections == 2


async def test_a_replacement_keeps_within_the_connections_allowed() -> None:
    """Who wants a fresh one waits for room, and what is idle by then has its own."""
    is_leaving = False
    count = most = 0

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal is_leaving, count, most
        count += 1
        most = max(most, count)
        replies = {"EHLO": b"250-mx\r\n250 PIPELINING\r\n", "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}
        writer.write(b"220 mx\r\n")
        try:
            while (verb := (await script.line(reader)).partition(" ")[0]) != "QUIT":
                if verb == "MAIL" and is_leaving:
                    is_leaving = False
                    writer.write(b"421 4.3.2 bye\r\n")
                    return
                writer.write(replies.get(verb, b"250 ok\r\n"))
                if verb == "DATA":
                    while await script.line(reader) != ".":
                        pass
                    writer.write(b"250 ok\r\n")
            writer.write(b"221 bye\r\n")
        finally:
            count -= 1

    async with Script(talk) as script, transport_to(script) as transport:
        for _ in range(3):
            is_leaving = script.connections > 0
            outcomes = await asyncio.gather(*[transport.send(ENVELOPE, LETTER) for _ in range(2)])
            assert all(outcome.is_accepted for outcome in outcomes)
            assert transport._pool is not None
            assert transport._pool.idle == 1
    assert most <= 2, "one, and one that is saying goodbye"


async def test_what_may_have_been_accepted_is_not_sent_again() -> None:
    """Dropped after the whole content, on a connection that was used before: uncertain, and left to the caller."""
    contents = 0

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal contents
        writer.write(b"220 x\r\n")
        replies = {"DATA": b"354 go\r\n"}
        while True:
            verb = (await script.line(reader)).partition(" ")[0]
            writer.write(replies.get(verb, b"250 ok\r\n"))
            if verb == "DATA":
                while await script.line(reader) != ".":
                    pass
                contents += 1
                if contents == 2:
                    return
                writer.write(b"250 ok\r\n")

    async with Script(talk) as script, transport_to(script) as transport:
        (await transport.send(ENVELOPE, LETTER)).check()
        outcome = await transport.send(ENVELOPE, LETTER)
        assert outcome.deferred and outcome.is_uncertain
        assert (script.connections, contents) == (1, 2)


async def test_after_a_while_the_server_is_asked_first() -> None:
    pool = PoolRules(connections=1, check_after=0.0)
    async with Script(plain) as script, transport_to(script, pool=pool) as transport:
        (await transport.send(ENVELOPE, LETTER)).check()
        (await transport.send(ENVELOPE, LETTER)).check()
        assert script.lines.count("NOOP") == 1


async def test_a_server_that_does_not_answer_the_question_is_left() -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={"NOOP": b"421 4.3.2 closing\r\n"})

    pool = PoolRules(connections=1, check_after=0.0)
    async with Script(talk) as script, transport_to(script, pool=pool) as transport:
        (await transport.send(ENVELOPE, LETTER)).check()
        (await transport.send(ENVELOPE, LETTER)).check()
        assert script.connections == 2


async def test_an_idle_connection_is_closed_with_a_goodbye() -> None:
    said_goodbye = asyncio.Event()

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer)
        if "QUIT" in script.lines:
            said_goodbye.set()

    pool = PoolRules(connections=1, idle=0.01)
    async with Script(talk) as script, transport_to(script, pool=pool) as transport:
        (await transport.send(ENVELOPE, LETTER)).check()
        async with asyncio.timeout(5):
            await said_goodbye.wait()


async def test_who_waits_too_long_for_a_connection_is_told() -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={".": b""})

    async with Script(talk) as script, transport_to(script, timeout=0.3) as transport:
        slow, waiting = await asyncio.gather(
            transport.send(ENVELOPE, LETTER), transport.send(ENVELOPE, LETTER, timeout=0.1)
        )
        assert slow.is_uncertain
        assert str(waiting.deferred[0].status) == "4.4.5" and not waiting.is_uncertain


async def test_check_opens_a_session_and_says_why_not() -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, greeting=b"554 5.7.1 go away\r\n")

    async with Script(plain) as script, transport_to(script) as transport:
        assert await transport.check() is None
    async with Script(talk) as script, transport_to(script) as transport:
        found = await transport.check()
        assert found is not None and (str(found.status), found.text) == ("5.7.1", "go away")
