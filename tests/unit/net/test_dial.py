"""Opening connections: addresses raced, every failure in words, proxies, sockets, children, streams of the caller's."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from samotop.net.children import Child
from samotop.net.dial import DialRules, Proxy, dial, interleave
from samotop.net.dialfault import DialFailure, DialFault
from samotop.net.endpoint import Tcp, Unix
from samotop.net.stream import READ_LIMIT, Stream
from samotop.testing import ZoneResolver

Run = Callable[[Coroutine[Any, Any, Any]], Any]
SECONDS = 5.0


def until(seconds: float = SECONDS) -> float:
    return asyncio.get_running_loop().time() + seconds


class Echo(asyncio.Protocol):
    """Greets, and sends back what comes."""

    def __init__(self, words: bytes) -> None:
        self._words = words

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._words:
            self._transport.write(self._words)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


@asynccontextmanager
async def greeter(host: str = "127.0.0.1", words: bytes = b"220 hi\r\n") -> AsyncIterator[int]:
    """A server that greets and echoes; its port."""
    server = await asyncio.get_running_loop().create_server(lambda: Echo(words), host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def test_families_take_turns() -> None:
    assert interleave(["::1", "::2", "1.1.1.1", "::3", "2.2.2.2"]) == ["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]
    assert interleave(["1.1.1.1", "::1"]) == ["1.1.1.1", "::1"]


def test_a_port_by_name(run: Run) -> None:
    async def test() -> None:
        async with greeter() as port:
            resolver = ZoneResolver({"mail.example": {"A": ["127.0.0.1"]}})
            stream = await dial(Tcp("mail.example", port), until(), resolver=resolver)
            assert await stream.receive(until()) == b"220 hi\r\n"
            assert stream.peer_address == "127.0.0.1" and stream.is_open
            stream.write(b"echo")
            assert await stream.receive(until()) == b"echo"
            stream.close()
            await stream.wait_closed()
            assert not stream.is_open

    run(test())


def test_an_address_that_does_not_answer_does_not_delay_the_next(run: Run) -> None:
    """Happy eyeballs: the first refuses or hangs, the second is tried beside it (RFC 8305)."""

    async def test() -> None:
        async with greeter() as port:
            rules = DialRules(stagger=0.02)
            with socket.socket() as full:  # a backlog that is full: connecting hangs
                full.bind(("127.0.0.2", port))
                full.listen(0)
                fillers = [socket.socket() for _ in range(3)]
                for one in fillers:
                    one.setblocking(False)
                    one.connect_ex(("127.0.0.2", port))
                stream = await dial(
                    Tcp("mail.example", port), until(), addresses=["127.0.0.2", "127.0.0.3", "127.0.0.1"], rules=rules
                )
                assert stream.peer_address == "127.0.0.1"
                stream.abort()
                for one in fillers:
                    one.close()

    run(test())


def test_a_source_address(run: Run) -> None:
    async def test() -> None:
        async with greeter() as port:
            stream = await dial(Tcp("127.0.0.1", port), until(), rules=DialRules(sources=("::1", "127.0.0.9")))
            assert stream.transport.get_extra_info("sockname")[0] == "127.0.0.9"
            stream.abort()

    run(test())


@pytest.mark.parametrize(
    ("zone", "failure", "status"),
    [
        ({}, DialFailure.NO_SUCH_HOST, "5.1.2"),
        ({"mail.example": {"MX": ["10 x.example"]}}, DialFailure.NO_SUCH_HOST, "5.1.2"),
    ],
)
async def test_a_name_without_address(zone: Any, failure: DialFailure, status: str) -> None:
    with pytest.raises(DialFault) as caught:
        await dial(Tcp("mail.example", 25), until(), resolver=ZoneResolver(zone))
    assert (caught.value.failure, str(caught.value.status)) == (failure, status)


async def test_refused_missing_and_late(tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        with pytest.raises(DialFault, match="refused the connection") as caught:
            await dial(Tcp("127.0.0.1", port), until())
        assert str(caught.value.status) == "4.4.1"
    with pytest.raises(DialFault, match="no such socket"):
        await dial(Unix(str(tmp_path / "none")), until())
    with pytest.raises(DialFault, match="could not be started"):
        await dial(Child((str(tmp_path / "none"),)), until())
    with pytest.raises(DialFault) as late:
        await dial(Tcp("127.0.0.1", port), until(-1))
    assert late.value.failure is DialFailure.TIMEOUT


def test_a_child_speaks_and_ends(run: Run) -> None:
    """Its standard input and output are one socket; when we hang up it ends, and is waited for."""
    program = (
        "import sys; print('220 child', flush=True); print(sys.stdin.readline().strip(), flush=True); sys.stdin.read()"
    )

    async def line(stream: Stream) -> bytes:
        found = b""
        while not found.endswith(b"\n"):
            found += await stream.receive(until(20))
        return found

    async def test() -> None:
        stream = await dial(Child((sys.executable, "-c", program)), until(20))
        assert await line(stream) == b"220 child\n"
        stream.write(b"echo\n")
        assert await line(stream) == b"echo\n"
        stream.close()
        assert stream.attendant is not None
        await asyncio.wait_for(stream.attendant, 20)

    run(test())


# -- SOCKS5 -----------------------------------------------------------------------------------------


class FakeProxy(asyncio.Protocol):
    """Says yes to no login, then ``reply`` and ``words`` to whatever is asked."""

    def __init__(self, asked: list[bytes], says: list[bytes]) -> None:
        self._asked = asked
        self._says = list(says)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._asked.append(data)
        if self._says:
            self._transport.write(self._says.pop(0))


@asynccontextmanager
async def proxy(
    *, reply: bytes = b"\x05\x00\x00\x01" + b"\x00" * 6, words: bytes = b""
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A proxy that plays the server itself; its port, and what it was asked."""
    asked: list[bytes] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FakeProxy(asked, [b"\x05\x00", reply + words]), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()


def test_through_a_proxy_the_name_is_the_proxys_to_resolve(run: Run) -> None:
    """What the server says right behind the proxy's reply is not lost."""

    async def test() -> None:
        async with proxy(words=b"220 hidden\r\n") as (port, asked):
            stream = await dial(Tcp("secret.onion", 25), until(), proxy=Proxy("127.0.0.1", port))
            assert await stream.receive(until()) == b"220 hidden\r\n"
            assert b"secret.onion" in asked[1]
            stream.abort()

    run(test())


async def test_a_proxy_that_refuses_or_is_not_there() -> None:
    async with proxy(reply=b"\x05\x05") as (port, _):
        with pytest.raises(DialFault, match="refused the proxy's connection"):
            await dial(Tcp("x.example", 25), until(), proxy=Proxy("127.0.0.1", port))
    with pytest.raises(DialFault, match="no connection to the proxy"):
        await dial(Tcp("x.example", 25), until(), proxy=Proxy("127.0.0.1", port))


async def test_a_proxy_that_hangs_is_given_up() -> None:
    async with greeter(words=b"") as port:
        with pytest.raises(DialFault) as caught:
            await dial(Tcp("x.example", 25), until(0.1), proxy=Proxy("127.0.0.1", port))
    assert caught.value.failure in (DialFailure.TIMEOUT, DialFailure.PROXY)


# -- streams ----------------------------------------------------------------------------------------


async def test_a_stream_of_the_callers() -> None:
    async with greeter() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        stream = Stream.adopt(cast(asyncio.Transport, writer.transport))
        assert await stream.receive(until()) == b"220 hi\r\n"
        stream.abort()


async def test_a_peer_cannot_fill_our_memory() -> None:
    """Reading pauses until somebody reads."""
    async with greeter(words=b"x" * (8 * 1024 * 1024)) as port:
        stream = await dial(Tcp("127.0.0.1", port), until())
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert len(stream._received) <= READ_LIMIT + 256 * 1024
        read = 0
        while read < 8 * 1024 * 1024:
            read += len(await stream.receive(until()))
        stream.abort()


async def test_waits_have_an_end() -> None:
    async with greeter(words=b"") as port:
        stream = await dial(Tcp("127.0.0.1", port), until())
        with pytest.raises(TimeoutError):
            await stream.receive(until(0.01))
        with pytest.raises(TimeoutError):
            await stream.receive(until(0.01))
        stream.write(b"still there")
        assert await stream.receive(until()) == b"still there"
        waiting = asyncio.create_task(stream.receive(until()))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="two coroutines"):
            await stream.receive(until())
        stream.abort()
        assert await waiting == b""
