"""STARTTLS and implicit TLS on both loops, against hostile and hasty clients."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from samotop.net.endpoint import Tcp, Unix
from samotop.net.listen import open_listener
from samotop.net.tls import ServerTls, TlsFault, can_start_tls, channel_binding_of, start_tls, tls_of


class Session(asyncio.Protocol):
    """Greets, answers STARTTLS, echoes; writes down all it gets and whether that was within TLS.

    ``drop_rest`` is what a session does: it forgets the octets that came in
    one read with the command.
    """

    def __init__(self, server: ServerTls, *, implicit: bool = False, early: int = 0, timeout: float = 5.0) -> None:
        self.server = server
        self.implicit = implicit
        self.awaits_prefix = early
        self.timeout = timeout
        self.got: list[tuple[bool, bytes]] = []
        self.lost = 0
        self.made = 0
        self.eofs = 0
        self.fault: TlsFault | None = None
        self.is_over = asyncio.Event()
        self.transport: Any = None
        self.has_tls = False
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made += 1
        self.transport = transport
        if self.implicit:
            self.begin(b"")
        else:
            self.transport.write(b"220 hello\r\n")

    def data_received(self, data: bytes) -> None:
        self.got.append((self.has_tls, data))
        if self.awaits_prefix and not self.has_tls:
            early, self.awaits_prefix = data[self.awaits_prefix :], 0
            self.begin(early)
        elif not self.has_tls and data.startswith(b"STARTTLS\r\n"):
            self.transport.write(b"220 go ahead\r\n")
            self.begin(b"")
        else:
            self.transport.write(data)

    def eof_received(self) -> None:
        self.eofs += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost += 1
        self.is_over.set()

    def begin(self, early: bytes) -> None:
        loop = asyncio.get_running_loop()
        handshake = start_tls(loop, self.transport, self, self.server.context, self.timeout, early=early)
        self.task = loop.create_task(self.finish(handshake))

    async def finish(self, handshake: Any) -> None:
        try:
            self.transport = await handshake
        except TlsFault as fault:
            self.fault = fault
        else:
            self.has_tls = True


@contextlib.asynccontextmanager
async def serving(server: ServerTls, **ways: Any) -> AsyncIterator[tuple[int, list[Session]]]:
    sessions: list[Session] = []

    def make() -> Session:
        sessions.append(Session(server, **ways))
        return sessions[-1]

    listener = await open_listener(Tcp("127.0.0.1", 0), make)
    try:
        yield listener.ports[0], sessions
        for session in sessions:
            await session.is_over.wait()
            if session.task is not None:
                await session.task
            assert (session.made, session.lost) == (1, 1), "one connection_made, one connection_lost"
    finally:
        listener.close()
        await listener.wait_closed()


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.fixture
def server(tmp_path: Path, authority: Any, clock: Any) -> ServerTls:
    return ServerTls(authority.issue(tmp_path), clock)


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.readline() == b"220 hello\r\n"
    return reader, writer


def test_a_session_goes_on_within_tls(run: Any, server: ServerTls, authority: Any) -> None:
    """The reply in the clear, then the handshake; the new transport knows its TLS and binding."""

    async def dialogue() -> None:
        async with serving(server) as (port, sessions):
            reader, writer = await connect(port)
            writer.write(b"STARTTLS\r\n")
            assert await reader.readline() == b"220 go ahead\r\n"
            await writer.start_tls(authority.client(), server_hostname="mx.example.org")
            writer.write(b"EHLO within\r\n")
            assert await reader.readline() == b"EHLO within\r\n"
            session = sessions[0]
            negotiated = tls_of(session.transport)
            assert negotiated is not None
            assert negotiated.server_name == "mx.example.org"
            assert channel_binding_of(session.transport) == server.channel_binding() != b""
            assert not can_start_tls(session.transport)
            await close(writer)
        assert session.got == [(False, b"STARTTLS\r\n"), (True, b"EHLO within\r\n")]

    run(dialogue())


@pytest.mark.parametrize("is_apart", [False, True], ids=["in one segment", "right behind"])
def test_plaintext_behind_starttls_never_reaches_the_session(run: Any, server: ServerTls, is_apart: bool) -> None:
    """RFC 3207 §6: whoever injects a command before TLS must not see it done within TLS.

    In one segment the session has seen it in the clear, and drops it. What
    comes after meets the handshake, which it is no part of.
    """
    injected = b"MAIL FROM:<mallory@example.net>\r\n"

    async def dialogue() -> None:
        async with serving(server) as (port, sessions):
            reader, writer = await connect(port)
            if is_apart:
                writer.write(b"STARTTLS\r\n")
                assert await reader.readline() == b"220 go ahead\r\n"
                writer.write(injected)
                expected = [(False, b"STARTTLS\r\n")]
            else:
                writer.write(b"STARTTLS\r\n" + injected)
                assert await reader.readline() == b"220 go ahead\r\n"
                writer.write(injected)
                expected = [(False, b"STARTTLS\r\n" + injected)]
            await reader.read()
            await close(writer)
        session = sessions[0]
        assert session.fault is not None
        assert not session.has_tls
        assert session.got == expected

    run(dialogue())


def test_injected_octets_in_the_kernel_never_surface_within_tls(run: Any, server: ServerTls, authority: Any) -> None:
    """A hostile middle prepends a command to an honest client's handshake: the handshake must fail, not pass."""

    async def dialogue() -> None:
        async with serving(server) as (port, sessions):
            reader, writer = await connect(port)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            honest = authority.client().wrap_bio(incoming, outgoing, server_hostname="mx.example.org")
            with contextlib.suppress(ssl.SSLWantReadError):
                honest.do_handshake()
            writer.write(b"STARTTLS\r\n")
            assert await reader.readline() == b"220 go ahead\r\n"
            writer.write(b"RSET\r\n" + outgoing.read())
            await reader.read()
            await close(writer)
        assert sessions[0].got == [(False, b"STARTTLS\r\n")]
        assert sessions[0].fault is not None

    run(dialogue())


class Memory:
    """A TLS client over streams that can put several things into one segment."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="mx.example.org")

    def hello(self) -> bytes:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    async def more(self, reader: asyncio.StreamReader) -> bytes:
        octets = await reader.read(65536)
        assert octets, "the server has hung up"
        return octets

    async def finish(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                self.tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                self.incoming.write(await self.more(reader))

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                self.incoming.write(await self.more(reader))


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "implicit"])
def test_a_hasty_client_is_answered_within_tls(run: Any, server: ServerTls, authority: Any, implicit: bool) -> None:
    """Its first command comes in one segment with the end of the handshake: the session must
    have its new transport before, or it would answer in the clear."""

    async def dialogue() -> None:
        async with serving(server, implicit=implicit) as (port, sessions):
            client = Memory(authority.client())
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if not implicit:
                await reader.readline()
                writer.write(b"STARTTLS\r\n")
                await reader.readline()
            writer.write(client.hello())
            await client.finish(reader)
            client.tls.write(b"EHLO hasty\r\n")
            writer.write(client.outgoing.read())
            assert await client.read(reader) == b"EHLO hasty\r\n"
            client.tls.write(b"NOOP\r\n")
            writer.write(client.outgoing.read())
            assert await client.read(reader) == b"NOOP\r\n"
            await close(writer)
        within = b"".join(octets for has_tls, octets in sessions[0].got if has_tls)
        assert within == b"EHLO hasty\r\nNOOP\r\n"

    run(dialogue())


def test_a_hasty_client_that_leaves_at_once_is_heard(run: Any, server: ServerTls, authority: Any) -> None:
    """Command, goodbye and end of the stream right behind the handshake: all told, in order, once."""

    async def dialogue() -> None:
        async with serving(server, implicit=True) as (port, sessions):
            client = Memory(authority.client())
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(client.hello())
            await client.finish(reader)
            client.tls.write(b"QUIT\r\n")
            with contextlib.suppress(ssl.SSLError):
                client.tls.unwrap()
            writer.write(client.outgoing.read())
            writer.write_eof()
            await reader.read()
            await close(writer)
        session = sessions[0]
        assert session.got in ([(True, b"QUIT\r\n")], []), "all of it or, where the connection was gone first, none"
        assert bool(session.got) is session.has_tls

    run(dialogue())


def test_implicit_tls_begins_at_accept(run: Any, server: ServerTls, authority: Any) -> None:
    """No listener holds a context: so a certificate can be replaced under an implicit port too (RFC 8314)."""

    async def dialogue() -> None:
        async with serving(server, implicit=True) as (port, sessions):
            client = authority.client()
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client, server_hostname="mx.example.org"
            )
            writer.write(b"EHLO\r\n")
            assert await reader.readline() == b"EHLO\r\n"
            await close(writer)
        assert sessions[0].got == [(True, b"EHLO\r\n")]

    run(dialogue())


@pytest.mark.parametrize("cut", [0, 1, 5, 100, 100_000])
def test_a_handshake_that_came_with_a_proxy_header_goes_on(
    run: Any, server: ServerTls, authority: Any, cut: int
) -> None:
    """A proxy sends its header and the client's first octets in one segment: ``early`` is their beginning."""
    header = b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 465\r\n"

    async def dialogue() -> None:
        async with serving(server, implicit=False, early=len(header)) as (port, sessions):
            client = Memory(authority.client())
            reader, writer = await connect(port)
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            hello = client.hello()
            writer.write(header + hello[:cut])
            while not sessions[0].task:
                await asyncio.sleep(0)
            writer.write(hello[cut:])
            await client.finish(reader)
            client.tls.write(b"EHLO\r\n")
            writer.write(client.outgoing.read())
            assert await client.read(reader) == b"EHLO\r\n"
            await close(writer)
        assert sessions[0].got == [(False, header + hello[:cut]), (True, b"EHLO\r\n")]

    run(dialogue())


@pytest.mark.parametrize("deed", ["hangs up", "resets", "is silent", "speaks http", "has no cipher"])
def test_a_handshake_that_fails_looks_the_same_everywhere(
    run: Any, server: ServerTls, authority: Any, deed: str
) -> None:
    """``TlsFault`` with a word for the log, the connection gone, ``connection_lost`` once."""

    async def dialogue() -> None:
        async with serving(server, timeout=0.05 if deed == "is silent" else 5.0) as (port, sessions):
            reader, writer = await connect(port)
            writer.write(b"STARTTLS\r\n")
            assert await reader.readline() == b"220 go ahead\r\n"
            if deed == "hangs up":
                writer.close()
            elif deed == "resets":
                writer.transport.abort()
            elif deed == "speaks http":
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
            elif deed == "has no cipher":
                client = authority.client()
                client.maximum_version = ssl.TLSVersion.TLSv1_2
                client.set_ciphers("AES128-SHA")
                writer.write(Memory(client).hello())
            with contextlib.suppress(OSError):
                await reader.read()
            await close(writer)
        fault = sessions[0].fault
        assert fault is not None
        assert (
            fault.kind
            == {
                "hangs up": "closed",
                "resets": "closed",
                "is silent": "timeout",
                "speaks http": "http_request",
                "has no cipher": "no_shared_cipher",
            }[deed]
        )
        assert sessions[0].transport.is_closing()

    run(dialogue())


@pytest.mark.parametrize("deed", ["abort", "cancel"])
def test_a_session_may_end_during_the_handshake(run: Any, server: ServerTls, deed: str) -> None:
    """The server stops, or the session's time is over: nothing hangs, nothing is told twice."""

    async def dialogue() -> None:
        async with serving(server) as (port, sessions):
            reader, writer = await connect(port)
            writer.write(b"STARTTLS\r\n")
            assert await reader.readline() == b"220 go ahead\r\n"
            session = sessions[0]
            assert session.task is not None
            if deed == "abort":
                session.transport.abort()
                await session.task
                assert session.fault is not None
            else:
                session.task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await session.task
                session.task = None
            with contextlib.suppress(OSError):
                await reader.read()
            await close(writer)

    run(dialogue())


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_handshake_that_nobody_awaits_still_loses_its_connection(run: Any, server: ServerTls) -> None:
    """A task that is cancelled before its first step never runs: the session must end all the same."""

    async def dialogue() -> None:
        async with serving(server) as (port, sessions):
            reader, writer = await connect(port)
            session = sessions[0]
            session.begin(b"")
            assert session.task is not None
            session.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await session.task
            session.task = None
            session.transport.abort()
            with contextlib.suppress(OSError):
                await reader.read()
            await close(writer)

    run(dialogue())


def test_who_does_not_read_its_replies_gets_no_tls(run: Any, server: ServerTls) -> None:
    """TLS could not tell when its own writing may go on; and no honest client piles up replies before it."""

    async def dialogue() -> None:
        async with serving(server) as (port, sessions):
            _reader, writer = await connect(port)
            session = sessions[0]
            session.transport.write(b"x" * 50_000_000)
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport can; its type does not say so
            session.begin(b"")
            assert session.task is not None
            await session.task
            assert session.fault is not None
            writer.transport.abort()

    run(dialogue())


def test_a_unix_socket_can_have_tls(run: Any, server: ServerTls, authority: Any, tmp_path: Path) -> None:
    """A proxy may pass on what it does not end."""

    async def dialogue() -> None:
        sessions: list[Session] = []

        def make() -> Session:
            sessions.append(Session(server, implicit=True))
            return sessions[-1]

        listener = await open_listener(Unix(str(tmp_path / "s")), make)
        reader, writer = await asyncio.open_unix_connection(
            str(tmp_path / "s"), ssl=authority.client(), server_hostname="mx.example.org"
        )
        writer.write(b"EHLO\r\n")
        assert await reader.readline() == b"EHLO\r\n"
        await close(writer)
        await sessions[0].is_over.wait()
        listener.close()

    run(dialogue())
