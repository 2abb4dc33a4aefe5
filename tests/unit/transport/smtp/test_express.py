"""Small messages behind each other on one session: what waits leaves with the end of the message before it."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from samotop import Envelope, Outcome, Recipient, SmtpTransport
from samotop.address import Address
from samotop.content import Content
from samotop.net.dial import dial
from samotop.net.endpoint import Tcp
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.express import EXPRESS_LIMIT
from samotop.transport.smtp.opening import SessionPlan, open_courier
from samotop.transport.smtp.pool import PoolRules
from tests.unit.transport.smtp.conftest import Script, answer

LETTER = b"Subject: x\r\n\r\nHello\r\n"
BOB = Recipient(Address("b", "example.net"))
ONE = PoolRules(connections=1)


def envelope(name: str = "a") -> Envelope:
    return Envelope(Address(name, "example.org"), (BOB,))


def transport_to(script: Script, timeout: float = 5.0) -> SmtpTransport:
    return SmtpTransport.from_url(f"smtp://127.0.0.1:{script.port}", timeout=timeout, pool=ONE)


async def send_all(transport: SmtpTransport, *names: str) -> list[Outcome]:
    return await asyncio.gather(*[transport.send(envelope(name), LETTER) for name in names])


class Slow:
    """A server that answers a content only once it has seen what comes behind it, and notes whether that came."""

    def __init__(self, final: bytes = b"250 2.0.0 Ok\r\n", drops_after: int = 0) -> None:
        self.final = final
        self.drops_after = drops_after
        self.overlapped = 0
        self.contents: list[str] = []

    async def __call__(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies = {"EHLO": b"250-mx\r\n250 PIPELINING\r\n", "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}
        writer.write(b"220 mx\r\n")
        sender, early = "", ""
        while True:
            line = early or await script.line(reader)
            early = ""
            verb = line.partition(" ")[0]
            writer.write(replies.get(verb, b"250 ok\r\n"))
            if verb == "MAIL":
                sender = line
            if verb == "QUIT":
                return
            if verb != "DATA":
                continue
            while await script.line(reader) != ".":
                pass
            self.contents.append(sender)
            try:
                async with asyncio.timeout(0.2):
                    early = await script.line(reader)
            except TimeoutError:
                pass  # nothing came behind it
            self.overlapped += early.startswith("MAIL")
            if len(self.contents) == self.drops_after:
                return
            writer.write(self.final)


async def test_what_waits_leaves_behind_the_message_before_it() -> None:
    slow = Slow()
    async with Script(slow) as script, transport_to(script) as transport:
        outcomes = await send_all(transport, "a", "b", "c")
    assert all(outcome.is_accepted for outcome in outcomes)
    assert (script.connections, slow.overlapped) == (1, 2)


async def test_a_content_that_is_refused_takes_nobody_along() -> None:
    async with Script(Slow(final=b"554 5.6.0 No\r\n")) as script, transport_to(script) as transport:
        outcomes = await send_all(transport, "a", "b")
    assert [str(outcome.recipients[0].status) for outcome in outcomes] == ["5.6.0", "5.6.0"]
    assert script.connections == 1


async def test_what_was_not_sent_goes_over_a_fresh_connection_and_once() -> None:
    """The first content was complete when the connection broke: uncertain. The second was commands: sent elsewhere."""
    slow = Slow(drops_after=1)
    async with Script(slow) as script, transport_to(script) as transport:
        first, second = await send_all(transport, "a", "b")
    assert first.is_uncertain and first.deferred
    assert second.is_accepted
    assert slow.contents == ["MAIL FROM:<a@example.org>", "MAIL FROM:<b@example.org>"]
    assert script.connections == 2


async def test_goodbye_instead_of_a_reply_moves_the_next_elsewhere() -> None:
    slow = Slow(final=b"421 4.3.2 closing\r\n")

    async with Script(slow) as script, transport_to(script) as transport:
        first = asyncio.create_task(transport.send(envelope("a"), LETTER))
        second = asyncio.create_task(transport.send(envelope("b"), LETTER))
        assert str((await first).recipients[0].status) == "4.3.2"
        slow.final = b"250 ok\r\n"
        assert (await second).is_accepted
    assert slow.contents == ["MAIL FROM:<a@example.org>", "MAIL FROM:<b@example.org>"]


async def test_who_is_cancelled_behind_another_harms_it_not() -> None:
    """The message before it has its reply; the cancelled one is never complete."""
    slow = Slow()
    async with Script(slow) as script, transport_to(script) as transport:
        first = asyncio.create_task(transport.send(envelope("a"), LETTER))
        second = asyncio.create_task(transport.send(envelope("b"), LETTER))
        while not slow.contents:
            await asyncio.sleep(0)
        second.cancel()
        assert (await first).is_accepted
        with pytest.raises(asyncio.CancelledError):
            await second
        assert (await transport.send(envelope("c"), LETTER)).is_accepted
    assert slow.contents == ["MAIL FROM:<a@example.org>", "MAIL FROM:<c@example.org>"]


async def test_who_is_cancelled_before_another_leaves_it_its_session() -> None:
    slow = Slow()
    async with Script(slow) as script, transport_to(script) as transport:
        first = asyncio.create_task(transport.send(envelope("a"), LETTER))
        second = asyncio.create_task(transport.send(envelope("b"), LETTER))
        while not slow.contents:
            await asyncio.sleep(0)
        first.cancel()
        assert (await second).is_accepted
    assert script.connections == 1


async def test_who_has_less_time_does_not_wait_behind_another() -> None:
    """Its deadline would cut the session of the message before it."""
    slow = Slow()
    async with Script(slow) as script, transport_to(script) as transport:
        long, short = await asyncio.gather(
            transport.send(envelope("a"), LETTER), transport.send(envelope("b"), LETTER, timeout=4.0)
        )
    assert long.is_accepted and short.is_accepted
    assert slow.overlapped == 0


async def test_a_server_that_hangs_costs_each_message_its_own_time() -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, hangs_at=".")

    async with Script(talk) as script, transport_to(script, timeout=2.0) as transport:
        first, second = await send_all(transport, "a", "b")
    assert first.is_uncertain
    assert second.deferred and not second.is_uncertain


async def test_large_and_unreadable_contents_go_the_long_way() -> None:
    """Among small ones that wait for the same session."""

    def broken() -> object:
        raise OSError("gone")

    large = b"Subject: x\r\n\r\n" + (b"x" * 78 + b"\r\n") * 1000
    assert len(large) > EXPRESS_LIMIT
    unreadable = Content(10, broken)  # type: ignore[arg-type]  # raises before it would give the wrong thing
    slow = Slow()
    async with Script(slow) as script, transport_to(script) as transport:
        outcomes = await asyncio.gather(
            transport.send(envelope("a"), LETTER),
            transport.send(envelope("b"), large),
            transport.send(envelope("c"), unreadable),
            transport.send(envelope("d"), LETTER),
        )
    assert [outcome.is_accepted for outcome in outcomes] == [True, True, False, True]
    assert str(outcomes[2].recipients[0].status) == "4.3.0"
    assert slow.contents == [f"MAIL FROM:<{name}@example.org>" for name in "abd"]


async def test_who_is_one_too_many_gets_a_transaction_of_its_own() -> None:
    """452 to some recipients, in a message that had waited behind another."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        replies = {"EHLO": b"250-mx\r\n250 PIPELINING\r\n", "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}
        recipients = 0
        while True:
            verb = (await script.line(reader)).partition(" ")[0]
            recipients = recipients + 1 if verb == "RCPT" else 0
            writer.write(b"452 4.5.3 Too many\r\n" if recipients > 1 else replies.get(verb, b"250 ok\r\n"))
            if verb == "QUIT":
                return
            if verb == "DATA":
                while await script.line(reader) != ".":
                    pass
                writer.write(b"250 ok\r\n")

    both = Envelope(Address("a", "example.org"), (BOB, Recipient(Address("c", "example.net"))))
    async with Script(talk) as script, transport_to(script) as transport:
        outcomes = await asyncio.gather(transport.send(both, LETTER), transport.send(both, LETTER))
    assert [outcome.is_accepted for outcome in outcomes] == [True, True]
    assert [one.recipient for one in outcomes[1].recipients] == list(both.recipients)


@pytest.mark.parametrize("size", [10, 2 * EXPRESS_LIMIT])
async def test_who_stands_there_twice_is_one_too_many_once(size: int) -> None:
    """The place that was accepted is done: nobody gets its message again for the other's sake."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        replies = {"EHLO": b"250-mx\r\n250 PIPELINING\r\n", "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}
        recipients = 0
        while True:
            verb = (await script.line(reader)).partition(" ")[0]
            recipients = recipients + 1 if verb == "RCPT" else 0
            writer.write(b"452 4.5.3 Too many\r\n" if recipients > 1 else replies.get(verb, b"250 ok\r\n"))
            if verb == "QUIT":
                return
            if verb == "DATA":
                while await script.line(reader) != ".":
                    pass
                writer.write(b"250 ok\r\n")

    twice = Envelope(Address("a", "example.org"), (BOB, BOB))
    content = b"Subject: x\r\n\r\n" + b"Hello\r\n" * (size // 7)
    async with Script(talk) as script, transport_to(script) as transport:
        outcome = await transport.send(twice, content)
    assert outcome.is_accepted
    assert (script.lines.count("DATA"), sum(line.startswith("RCPT") for line in script.lines)) == (2, 3)


async def test_a_goodbye_that_came_before_is_heard_at_once() -> None:
    """Also where its server keeps the connection: nobody waits minutes for an answer that is there already."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        replies = {"EHLO": b"250-mx\r\n250 PIPELINING\r\n", "DATA": b"354 go\r\n"}
        while (verb := (await script.line(reader)).partition(" ")[0]) != "DATA":
            writer.write(replies.get(verb, b"250 ok\r\n"))
        writer.write(replies["DATA"])
        while await script.line(reader) != ".":
            pass
        writer.write(b"250 ok\r\n")
        await asyncio.sleep(0.01)  # idle in the server's own time
        writer.write(b"421 4.4.2 idle for too long\r\n")
        await reader.read()

    loop = asyncio.get_running_loop()
    async with Script(talk) as script:
        call = partial(dial, Tcp("127.0.0.1", script.port))
        courier = await open_courier(call, SessionPlan("me.example.org"), loop.time() + 5)
        assert isinstance(courier, Courier)
        content = Content.from_bytes(LETTER)
        (first,) = await courier.deliver(envelope(), content, loop.time() + 5)
        while courier.is_usable:
            await asyncio.sleep(0.001)
        (second,) = await courier.deliver(envelope(), content, loop.time() + 1)
        courier.abort()
    assert first.is_accepted
    assert second.reply is not None and second.reply.code == 421


async def test_what_was_accepted_is_told_although_the_transport_is_closed_meanwhile() -> None:
    """Else its caller would send it again."""
    is_closed = asyncio.Event()

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        replies = {"EHLO": b"250-mx\r\n250 PIPELINING\r\n", "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}
        recipients = 0
        while (verb := (await script.line(reader)).partition(" ")[0]) != "QUIT":
            recipients = recipients + 1 if verb == "RCPT" else 0
            writer.write(b"452 4.5.3 Too many\r\n" if recipients > 1 else replies.get(verb, b"250 ok\r\n"))
            if verb == "DATA":
                while await script.line(reader) != ".":
                    pass
                await is_closed.wait()
                writer.write(b"250 ok\r\n")
        writer.write(replies["QUIT"])

    both = Envelope(Address("a", "example.org"), (BOB, Recipient(Address("c", "example.net"))))
    async with Script(talk) as script:
        transport = transport_to(script)
        sending = asyncio.create_task(transport.send(both, LETTER))
        while "." not in script.lines:
            await asyncio.sleep(0.001)
        await transport.close()
        is_closed.set()
        outcome = await sending
    assert [one.is_accepted for one in outcome.recipients] == [True, False]
    assert outcome.recipients[1].is_deferred
