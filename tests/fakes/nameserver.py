"""A name server within the test's own loop: UDP, TCP and TLS on loopback, as well or badly as the test says.

    async with FakeNameServer(reply) as fake:
        exchange = Exchange([fake.server])

``reply`` is called with each ``Query`` and says what becomes of it: octets, a
``dns.message.Message``, several of them in a list, ``DROP`` or ``HANG_UP``
(TCP); or it is a coroutine function, and may wait for what the test lets
happen. Verified against knotd by tests/e2e/test_resolver.py: both give the same
answers to the same resolver.
"""

from __future__ import annotations

import asyncio
import inspect
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, cast

import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from samotop.net.nameservers import NameServer
from tests.fakes.knot import free_port


class _Deed:
    """Something to do instead of an answer."""


DROP: Final = _Deed()
HANG_UP: Final = _Deed()


@dataclass(frozen=True)
class Query:
    """What came, and how. ``connection`` counts the connections, from 1; 0 for UDP."""

    octets: bytes
    connection: int

    @property
    def is_udp(self) -> bool:
        return not self.connection

    @property
    def message(self) -> dns.message.Message:
        return dns.message.from_wire(self.octets)

    @property
    def name(self) -> str:
        """As it came, in mixed case."""
        return self.message.question[0].name.to_text(omit_final_dot=True)

    @property
    def type(self) -> str:
        return self.message.question[0].rdtype.name

    def answer(self, *records: str, code: str = "NOERROR", authority: tuple[str, ...] = ()) -> dns.message.Message:
        """An answer with records as in ``"example.org 300 IN A 192.0.2.1"``; ``@`` is the name asked."""
        message = dns.message.make_response(self.message, recursion_available=True)
        message.set_rcode(dns.rcode.from_text(code))
        for section, texts in ((message.answer, records), (message.authority, authority)):
            for text in texts:
                name, ttl, _, kind, rest = text.split(None, 4)
                owner = message.question[0].name if name == "@" else dns.name.from_text(name)
                found = message.find_rrset(
                    section, owner, dns.rdataclass.IN, dns.rdatatype.from_text(kind), create=True
                )
                found.update(dns.rrset.from_text(owner, int(ttl), "IN", kind, rest))
        return message


Reply = Any
"""``bytes``, a message, a list of those, ``DROP``, ``HANG_UP``, or an awaitable of one."""


class FakeNameServer:
    """One server on one port. ``queries`` are all that came, ``connections`` how many were made."""

    def __init__(
        self, reply: Callable[[Query], Reply | Awaitable[Reply]], *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.reply = reply
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.streams: dict[int, asyncio.StreamWriter] = {}
        self.queries: list[Query] = []
        self.connections = 0
        self.sources: list[tuple[str, int]] = []
        """Whence datagrams came."""
        self.port = 0

    @property
    def server(self) -> NameServer:
        return NameServer("127.0.0.1", self.port, self._tls is not None)

    async def __aenter__(self) -> FakeNameServer:
        loop = asyncio.get_running_loop()
        self.port = free_port()
        self.tcp = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), ("127.0.0.1", self.port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tcp.close()
        self._udp.close()
        self.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hang_up(self) -> None:
        """End all connections."""
        for stream in self.streams.values():
            stream.transport.abort()

    def take(self, octets: bytes, connection: int, send: Callable[[bytes], None]) -> None:
        query = Query(octets, connection)
        self.queries.append(query)
        task = asyncio.get_running_loop().create_task(self._answer(query, send))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, query: Query, send: Callable[[bytes], None]) -> None:
        said = self.reply(query)
        if inspect.isawaitable(said):
            said = await said
        for one in said if isinstance(said, list) else [said]:
            if one is HANG_UP:
                self.streams[query.connection].transport.abort()
            elif one is not DROP:
                send(one if isinstance(one, bytes) else one.to_wire(max_size=65535))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.streams[number] = writer

        def send(octets: bytes) -> None:
            writer.write(len(octets).to_bytes(2) + octets)

        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2))
                self.take(await reader.readexactly(length), number, send)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            del self.streams[number]
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, fake: FakeNameServer) -> None:
        self._fake = fake

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._fake.sources.append(addr)
        self._fake.take(data, 0, lambda octets: self._transport.sendto(octets, addr))
