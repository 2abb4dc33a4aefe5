"""What users of other libraries ask for, tried end to end: docs/lettre.md names these tests."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from samotop import Envelope, Message, Recipient, SmtpTransport
from samotop.address import Address
from samotop.net.stream import Stream
from samotop.smtp.client import ClientRules, LineEnds
from samotop.transport.smtp.address import parse_server
from tests.unit.transport.smtp.conftest import Caught, Script, Serve, answer

ENVELOPE = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))


async def test_a_stream_of_the_callers_carries_messages(serve: Serve, caught: Caught) -> None:
    """Whatever asyncio can connect: a tunnel, a proxy of another kind, a test's own."""
    async with serve() as server:

        async def call(until: float) -> Stream:
            _, stream = await asyncio.get_running_loop().create_connection(Stream, "127.0.0.1", server.port)
            return stream

        async with SmtpTransport(parse_server("smtp://mail.example.org"), call=call) as transport:
            (await transport.send(ENVELOPE, b"Subject: x\r\n\r\nx\r\n")).check()
    assert len(caught.contents) == 1


async def test_we_call_from_the_address_that_is_named(serve: Serve, caught: Caught) -> None:
    async with serve() as server:
        url = f"smtp://127.0.0.1:{server.port}?source=127.0.0.9&hello=client.example.org"
        async with SmtpTransport.from_url(url) as transport:
            (await transport.send(ENVELOPE, b"Subject: x\r\n\r\nx\r\n")).check()
    (facts,) = caught.facts
    assert facts.peer.address == "127.0.0.9"


@pytest.mark.parametrize("text", ["Grüße", "a" * 2000, "日本語" * 100])
async def test_eight_bits_are_converted_for_a_server_without_them(text: str) -> None:
    """The message was built for modern servers; one of the other kind gets it readable all the same."""
    received: list[bytes] = []

    async def old(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={"EHLO": b"250-mx.example.org\r\n250 PIPELINING\r\n"})

    message = Message.build(author="a@example.org", to="b@example.net", text=text, allow_8bit=True)
    async with Script(old) as script:
        async with SmtpTransport.from_url(f"smtp://127.0.0.1:{script.port}") as transport:
            (await transport.send(message)).check()
        start = script.lines.index("DATA") + 1
        received.append("\r\n".join(script.lines[start : script.lines.index(".", start)]).encode() + b"\r\n")
    assert received[0].isascii() and "BODY" not in "".join(script.lines[:start])
    assert Message.parse(received[0]).text == text + "\n"


async def test_bare_line_ends_are_refused_or_made_right_and_never_sent(serve: Serve, caught: Caught) -> None:
    """RFC 5321 §2.3.8; what one server takes for the content's end is a second message for the next."""
    smuggled = b"Subject: x\n\nx\n.\nMAIL FROM:<evil@example.org>\n"
    async with serve() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        async with SmtpTransport.from_url(url) as transport:
            refused = await transport.send(ENVELOPE, smuggled)
        async with SmtpTransport.from_url(url, rules=ClientRules(line_ends=LineEnds.NORMALIZE)) as transport:
            (await transport.send(ENVELOPE, smuggled)).check()
    assert not refused.is_accepted
    assert caught.contents == [smuggled.replace(b"\n", b"\r\n")]


@pytest.mark.slow  # ten megabytes under tracemalloc
async def test_a_large_attachment_is_sent_in_small_memory(tmp_path: Path) -> None:
    """Built of a path, read in pieces, encoded in pieces, sent in pieces."""
    file = tmp_path / "large.bin"
    with file.open("wb") as stream:
        stream.truncate(10_000_000)
    message = Message.build(author="a@example.org", to="b@example.net", text="x", attachments=[file])

    async def drain(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.example.org\r\n")
        while (verb := (await script.line(reader))[:4]) != "QUIT":
            writer.write(b"354 go on\r\n" if verb == "DATA" else b"250 ok\r\n")
            tail = b"\r\n"
            while verb == "DATA" and not tail.endswith(b"\r\n.\r\n"):
                tail = (tail + await reader.read(65536))[-5:]
            if verb == "DATA":
                writer.write(b"250 ok\r\n")

    async with Script(drain) as script, SmtpTransport.from_url(f"smtp://127.0.0.1:{script.port}") as transport:
        tracemalloc.start()
        try:
            (await transport.send(message)).check()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert message.content.size > 13_000_000
    assert peak < 4_000_000
