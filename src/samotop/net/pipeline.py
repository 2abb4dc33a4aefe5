"""Many questions over one connection: DNS over TCP and over TLS.

Questions are sent as they come and answers are taken in any order (RFC 7766
§6.2.1.1, §7), matched by identifier and question. A connection is kept for
some seconds after its last answer (RFC 7766 §6.2.3, RFC 7858 §3.4), and ended
at once when what comes is no DNS, or when a question on it remains unanswered
and nothing else came meanwhile.

``Pipeline`` is one connection, made by ``open_pipeline``. Raises ``Broken``
from ``ask`` when the connection ends first, ``TimeoutError`` when time is over;
``open_pipeline`` raises ``OSError`` (of which ``ssl.SSLError`` is one) and
``TimeoutError``.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from typing import Final, cast

from samotop.net.messages import HEADER
from samotop.net.nameservers import NameServer
from samotop.net.questions import Match, Question

WAITING_LIMIT: Final = 1024
"""Questions under way on one connection; far below the 65,536 identifiers, so that one is found quickly."""

STRANGERS_LIMIT: Final = 64
"""Messages in a row that answer nothing: late answers to what nobody waits for any more are some of them."""


class Broken(ConnectionError):
    """The connection ended before the answer came."""


class Pipeline(asyncio.Protocol):
    """One connection. ``pads`` is for encrypted ones; ``idle`` is in seconds."""

    def __init__(self, *, pads: bool, idle: float) -> None:
        self._pads = pads
        self._idle = idle
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, tuple[Question, asyncio.Future[bytes]]] = {}
        self._buffer = bytearray()
        self._strangers = 0
        self._messages = 0
        self._farewell: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def buffered(self) -> int:
        """Octets of a message that is not complete yet."""
        return len(self._buffer)

    async def ask(self, question: Question, timeout: float) -> bytes:
        """The octets of the answer that matches, within ``timeout`` seconds."""
        if self._transport is None or self._transport.is_closing() or len(self._waiting) >= WAITING_LIMIT:
            raise Broken
        loop = asyncio.get_running_loop()
        identity = secrets.randbits(16)
        while identity in self._waiting:
            identity = secrets.randbits(16)
        answer: asyncio.Future[bytes] = loop.create_future()
        self._waiting[identity] = question, answer
        self._stay()
        octets = question.format(identity, pads=self._pads)
        self._transport.write(len(octets).to_bytes(2) + octets)
        timer = loop.call_later(timeout, self._expire, answer, self._messages)
        try:
            return await answer
        finally:
            timer.cancel()
            self._waiting.pop(identity, None)
            if not self._waiting and self.is_open:
                self._stay()
                self._farewell = loop.call_later(self._idle, self.close)

    def close(self) -> None:
        """End the connection; who waits gets ``Broken``."""
        self._stay()
        if self._transport is not None:
            self._transport.abort()

    def _stay(self) -> None:
        if self._farewell is not None:
            self._farewell.cancel()
            self._farewell = None

    def _expire(self, answer: asyncio.Future[bytes], messages: int) -> None:
        if answer.done():
            return
        answer.set_exception(TimeoutError())
        if messages == self._messages:  # it said nothing at all meanwhile: nobody is there
            self.close()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by their class

    def connection_lost(self, exc: Exception | None) -> None:
        self._stay()
        self._transport = None
        waiting, self._waiting = self._waiting, {}
        for _, answer in waiting.values():
            if not answer.done():
                answer.set_exception(Broken())

    def data_received(self, data: bytes) -> None:
        """Take every whole message; of one that is not, at most 65,535 octets wait here, by its length field."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= 2:
            length = int.from_bytes(buffer[start : start + 2])
            end = start + 2 + length
            if length < HEADER.size:
                self.close()
                return
            if len(buffer) < end:
                break
            if not self._take(bytes(buffer[start + 2 : end])):
                self.close()
                return
            start = end
        del buffer[:start]

    def _take(self, octets: bytes) -> bool:
        """One message. Is it still worth listening?"""
        self._messages += 1
        waiting = self._waiting.get(int.from_bytes(octets[:2]))
        if waiting is not None and waiting[0].match(octets, int.from_bytes(octets[:2])) is not Match.STRANGER:
            if not waiting[1].done():
                waiting[1].set_result(octets)
            self._strangers = 0
            return True
        self._strangers += 1
        return self._strangers < STRANGERS_LIMIT


async def open_pipeline(server: NameServer, tls: ssl.SSLContext | None, *, timeout: float, idle: float) -> Pipeline:
    """Connect within ``timeout`` seconds; with TLS if ``tls`` is given, checking the server's certificate."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout):
        _, pipeline = await loop.create_connection(
            lambda: Pipeline(pads=tls is not None, idle=idle),
            server.address,
            server.port,
            ssl=tls,
            server_hostname=server.certificate_name if tls is not None else None,
        )
    return pipeline
