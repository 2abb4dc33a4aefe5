"""Sending through a proxy: the way there is its, the server's certificate and the message are ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from samotop import Envelope, Recipient, SmtpTransport
from samotop.address import Address
from samotop.errors import SetupError
from samotop.net.certificates import TlsFiles
from samotop.transport.smtp.address import parse_server
from tests.unit.transport.smtp.conftest import HOST, Caught, Serve

LETTER = b"Subject: x\r\n\r\nHello\r\n"
ENVELOPE = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))


@contextlib.asynccontextmanager
async def web_proxy(to: int, heads: list[bytes], answer: bytes) -> AsyncIterator[int]:
    """Forwards what asks for anything to the port ``to``, whatever name it asks for."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while octets := await reader.read(65536):
                writer.write(octets)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        if b" 200 " not in answer:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_through_a_web_proxy_with_verified_tls(
    serve: Serve, caught: Caught, issue: Callable[..., TlsFiles], roots: Path
) -> None:
    """The name is the proxy's to resolve: nobody here could."""
    heads: list[bytes] = []
    async with (
        serve(tls=issue(HOST)) as server,
        web_proxy(server.port, heads, b"HTTP/1.1 200 ok\r\n\r\n") as port,
    ):
        proxy = quote(f"http://me:secret@127.0.0.1:{port}", safe="")
        url = f"smtp://{HOST}:2525?tls=required&roots={roots}&proxy={proxy}"
        async with SmtpTransport.from_url(url) as transport:
            (await transport.send(ENVELOPE, LETTER)).check()
    assert heads[0].startswith(f"CONNECT {HOST}:2525 HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic " in heads[0]
    assert caught.contents == [LETTER]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 no\r\n\r\n", b"", b"220 I am no proxy\r\n\r\n"])
async def test_a_proxy_that_refuses_is_an_outcome(answer: bytes) -> None:
    async with web_proxy(1, [], answer) as port:
        url = f"smtp://{HOST}?proxy={quote(f'http://127.0.0.1:{port}', safe='')}"
        async with SmtpTransport.from_url(url) as transport:
            outcome = await transport.send(ENVELOPE, LETTER)
    (one,) = outcome.deferred
    assert str(one.status) == "4.4.1" and "proxy" in one.text


@pytest.mark.parametrize("proxy", ["http://host", "https://host:1", "socks4://host", "host:1080", "http://h:1/path"])
def test_what_is_no_proxy_is_told_at_once(proxy: str) -> None:
    with pytest.raises(SetupError, match="proxy"):
        parse_server(f"smtp://{HOST}?proxy={quote(proxy, safe='')}")
