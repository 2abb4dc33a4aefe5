"""A connection as the calling side uses it: octets both ways, each wait with its end.

``Stream`` is an asyncio protocol, and not asyncio's own reader and writer: it
has no buffer that a peer could fill (reading pauses at ``READ_LIMIT``), it
knows what came before a TLS handshake, and a deadline costs no task.

Deadlines are moments on the loop's clock (``loop.time()``), so that one can
stand for many waits. Raises ``TimeoutError`` past it and ``ConnectionError``
where the connection is gone; both are ``OSError``. One coroutine uses a stream
at a time; a second one is a bug and raises ``RuntimeError``. In place of a
coroutine there may be a listener, which is called and never waits.

Does not dial (``net.dial``) and chooses no certificates (``net.clienttls``).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, Self, cast

from samotop.net.starttls import TlsFault, start_tls

READ_LIMIT: Final = 64 * 1024
"""Octets that wait to be read before the peer has to: replies have a few hundred."""

CLOSE_SECONDS: Final = 2.0
"""For what was written last to leave when a stream is closed; then it is cut."""


class Stream(asyncio.Protocol):
    """One connection. Made by ``net.dial``, or of a transport of the caller's by ``adopt``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._on_change: Callable[[], None] | None = None
        self._on_late: Callable[[], None] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_read_paused = self._is_write_paused = False
        self._has_ended = self._is_lost = False
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self.attendant: asyncio.Task[None] | None = None
        """Who waits for the end of what is behind it, a child process: kept so that it is not forgotten."""

    @classmethod
    def adopt(cls, transport: asyncio.Transport) -> Self:
        """Take over a connected transport of the caller's (``writer.transport`` of asyncio's streams)."""
        stream = cls()
        transport.set_protocol(stream)
        stream.connection_made(transport)
        if not transport.is_reading():
            transport.resume_reading()
        return stream

    # -- what it is ---------------------------------------------------------------------------------

    @property
    def transport(self) -> asyncio.Transport:
        """The transport under it; another one once TLS has begun."""
        assert self._transport is not None, "connected when it was made"
        return self._transport

    @property
    def is_encrypted(self) -> bool:
        return self.ssl_object is not None

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """What TLS negotiated; ``None`` in the clear."""
        return cast("ssl.SSLObject | None", self.transport.get_extra_info("ssl_object"))

    @property
    def peer_address(self) -> str:
        """The peer's IP address; empty for what has none."""
        name = self.transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) else ""

    @property
    def has_octets(self) -> bool:
        """Is there something to read already?"""
        return bool(self._received)

    @property
    def is_open(self) -> bool:
        """Can it be used still, as far as this side knows?"""
        return not (self._is_lost or self._has_ended) and self._transport is not None and not self.is_closing

    @property
    def is_closing(self) -> bool:
        return self.transport.is_closing()

    # -- octets -------------------------------------------------------------------------------------

    async def receive(self, until: float) -> bytes:
        """What has come, at least one octet; ``b""`` once the peer has ended. Raises as the module says."""
        while not self._received:
            if self._has_ended or self._is_lost:
                return b""
            await self._wait(until)
        return self.take()

    def take(self) -> bytes:
        """What has come, without waiting; ``b""`` where there is nothing."""
        octets = bytes(self._received)
        self._received.clear()
        if self._is_read_paused:
            self._is_read_paused = False
            self.transport.resume_reading()
        return octets

    def unread(self, octets: bytes) -> None:
        """Put back what belongs to whoever reads next."""
        self._received[:0] = octets

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        """Send, without waiting. What is written to a connection that is gone is gone too: reading tells."""
        if octets and not self._is_lost:
            self.transport.write(octets)

    async def drain(self, until: float) -> None:
        """Wait until there is room to write more. Raises as the module says."""
        while self._is_write_paused and not self._is_lost:
            await self._wait(until)
        if self._is_lost:
            raise ConnectionResetError("the peer has closed the connection")

    @property
    def is_full(self) -> bool:
        """Should the writer wait for ``drain``?"""
        return self._is_write_paused or self._is_lost

    # -- without a coroutine ------------------------------------------------------------------------

    def listen(self, on_change: Callable[[], None], on_late: Callable[[], None]) -> None:
        """Call ``on_change`` whenever anything happens, and ``on_late`` past the moment that ``expect`` names."""
        if self._waiter is not None:
            raise RuntimeError("a coroutine waits on this stream")
        self._on_change, self._on_late = on_change, on_late

    def unlisten(self) -> None:
        """Call nobody any more."""
        self._on_change = self._on_late = None

    def expect(self, until: float) -> None:
        """The listener waits until then for what is to happen."""
        self._until = until
        if self._timer is None or self._timer.when() > until:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(until, self._look_at_clock)

    # -- TLS and the end ----------------------------------------------------------------------------

    async def start_tls(self, context: ssl.SSLContext, server_name: str | None, until: float) -> None:
        """Begin TLS as its client. Raises ``net.starttls.TlsFault``; the connection is gone then.

        What the peer has sent before is no part of it: octets in the clear that
        came too early are refused by ``TlsFault`` too (RFC 3207 §5, §6).
        """
        if self._received:
            self._received.clear()
            self.abort()
            raise TlsFault("early_octets")
        timeout = until - self._loop.time()
        if timeout <= 0:
            self.abort()
            raise TimeoutError("no time left for the TLS handshake")
        self._transport = await start_tls(
            self._loop, self.transport, self, context, timeout, server_side=False, server_hostname=server_name
        )

    def close(self) -> None:
        """End it, once what was written has left; after ``CLOSE_SECONDS`` in any case."""
        if self._transport is None or self._is_lost:
            return
        self._transport.close()
        timer = self._loop.call_later(CLOSE_SECONDS, self.abort)
        self._lost.add_done_callback(lambda _: timer.cancel())

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None and not self._is_lost:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait for the end of a stream that was closed or aborted."""
        await asyncio.shield(self._lost)

    # -- asyncio.Protocol ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) >= READ_LIMIT and not self._is_read_paused:
            self._is_read_paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._has_ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._lost.done():
            self._lost.set_result(None)
        self._wake()

    def pause_writing(self) -> None:
        self._is_write_paused = True

    def resume_writing(self) -> None:
        self._is_write_paused = False
        self._wake()

    # -- waiting ------------------------------------------------------------------------------------

    async def _wait(self, until: float) -> None:
        """Wait for anything to happen. Raises ``TimeoutError`` past ``until``."""
        if self._waiter is not None or self._on_change is not None:
            raise RuntimeError("two coroutines wait on one stream")
        if until <= self._loop.time():
            raise TimeoutError("the peer did not answer in time")
        self.expect(until)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._on_change is not None:
            self._on_change()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _look_at_clock(self) -> None:
        """One timer serves many waits: it is set for the first deadline and looks what the present one is."""
        self._timer = None
        is_waiting = self._waiter is not None and not self._waiter.done()
        if not is_waiting and self._on_late is None:
            return
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look_at_clock)
        elif self._on_late is not None:
            self._on_late()
        elif self._waiter is not None:
            self._waiter.set_exception(TimeoutError("the peer did not answer in time"))

    def __repr__(self) -> str:
        return f"<Stream {'open' if self.is_open else 'closed'}>"
