"""Turn a plain connection into a TLS one, on asyncio's loop and on uvloop alike.

Both loops have ``start_tls``; both let a session be surprised. Here is what
this adds:

* Octets that were read before the handshake never reach the protocol. What is
  in the buffers when TLS begins belongs to the handshake, where plaintext
  injected behind STARTTLS is no TLS record and ends the connection (RFC 3207
  §6; the "plaintext command injection" class).
* The first decrypted octets never come before the caller has the new transport,
  so that a reply to them cannot go out in the clear.
* A failure looks the same everywhere: the connection is aborted, ``TlsFault`` is
  raised, and the protocol gets its ``connection_lost`` once, soon after.

Does not choose certificates or versions: see ``net.tls``.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any, Final, cast

from samotop.errors import PeerError
from samotop.net.stdio import JoinedTransport

SHUTDOWN_TIMEOUT: Final = 5.0
"""Seconds that a peer has to say goodbye within TLS; mail servers often just close."""


class TlsFault(PeerError):
    """TLS could not be started. ``kind`` is a word for the log: ``timeout``, ``closed`` or OpenSSL's reason."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"TLS handshake failed: {kind}")
        self.kind = kind


def can_start_tls(transport: asyncio.BaseTransport) -> bool:
    """May STARTTLS be offered here? Not over pipes, and not within TLS."""
    return not isinstance(transport, JoinedTransport) and transport.get_extra_info("ssl_object") is None


def start_tls(
    loop: asyncio.AbstractEventLoop,
    transport: asyncio.Transport,
    protocol: asyncio.Protocol,
    context: ssl.SSLContext,
    timeout: float,
    *,
    early: bytes = b"",
    server_side: bool = True,
    server_hostname: str | None = None,
) -> Coroutine[Any, Any, asyncio.Transport]:
    """Begin TLS; await the result directly for the new transport.

    Call it in the same turn as the reply to STARTTLS is written: from the call
    on, not from the await, nothing more is read in the clear. ``timeout`` is
    for the whole handshake, in seconds. ``early`` is the beginning of the
    handshake where the caller has it already (what followed a PROXY header).

    ``protocol`` gets no ``connection_made``; it goes on with ``data_received``
    when the caller has the new transport. Raises ``TlsFault``; then the
    connection is gone and ``connection_lost`` follows without fail.
    """
    handshake = _Handshake(loop, transport, protocol, early)
    return handshake.run(context, timeout, server_side, server_hostname)


class _Handshake(asyncio.Protocol):
    """Stands in for the protocol, below TLS until it begins and above it until it is done."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, protocol: asyncio.Protocol, early: bytes
    ) -> None:
        self._loop = loop
        self._plain = transport
        self._protocol = protocol
        self._early = early
        self._received = bytearray()
        self._has_eof = False
        self._is_running = False
        self._is_lost = False
        self._is_told = False
        self._lost_to: Exception | None = None
        transport.set_protocol(self)
        transport.pause_reading()

    async def run(
        self, context: ssl.SSLContext, timeout: float, server_side: bool, server_hostname: str | None
    ) -> asyncio.Transport:
        self._is_running = True
        try:
            transport = await self._begin(context, timeout, server_side, server_hostname)
        except BaseException as error:
            self._plain.abort()
            if not self._is_told:
                self._loop.call_soon(self._protocol.connection_lost, error if isinstance(error, OSError) else None)
            if isinstance(error, OSError):
                raise TlsFault(_kind(error)) from error
            raise
        if self._received or self._has_eof or self._is_lost:
            self._loop.call_soon(self._hand_over, transport)  # once the caller, who goes on first, has the transport
        else:
            transport.set_protocol(self._protocol)
        return transport

    async def _begin(
        self, context: ssl.SSLContext, timeout: float, server_side: bool, server_hostname: str | None
    ) -> asyncio.Transport:
        if self._is_lost or self._plain.is_closing():
            raise ConnectionResetError
        low, _high = self._plain.get_write_buffer_limits()
        if self._plain.get_write_buffer_size() > low:
            # It does not read its replies; TLS would count on being told when it does.
            raise ConnectionAbortedError
        # start_tls puts its layer in our place at once, and begins in the loop's next turn, before the socket is
        # looked at: what is fed to the layer first is the first that it reads.
        self._loop.call_soon(self._feed_early)
        transport = await self._loop.start_tls(
            self._plain,
            self,
            context,
            server_side=server_side,
            server_hostname=server_hostname,
            ssl_handshake_timeout=timeout,
            ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
        )
        if transport is None or transport.is_closing():  # what both return when the peer hangs up meanwhile
            raise ConnectionResetError
        return transport

    def _feed_early(self) -> None:
        """Give the TLS layer what was read before it was there, as if it were read now."""
        if not self._early:
            return
        tls = self._plain.get_protocol()
        if tls is self:
            return  # it has failed already
        layer = cast(asyncio.BufferedProtocol, tls)
        rest = memoryview(self._early)
        self._early = b""
        while rest and not self._plain.is_closing():
            room = memoryview(cast(bytearray, layer.get_buffer(len(rest))))
            count = min(len(room), len(rest))
            room[:count] = rest[:count]
            layer.buffer_updated(count)
            rest = rest[count:]

    def _hand_over(self, transport: asyncio.Transport) -> None:
        """Give the protocol what came before the caller had the transport."""
        if not self._is_lost:
            transport.set_protocol(self._protocol)
        if self._received:
            self._protocol.data_received(bytes(self._received))
        if self._has_eof:
            self._protocol.eof_received()
        if self._is_lost:
            self._protocol.connection_lost(self._lost_to)

    def data_received(self, data: bytes) -> None:
        """Keep it: handshake octets while TLS has not begun, decrypted ones of a quick client afterwards.

        At most one read of the loop (256 KiB): reading is paused before, and
        handed over right after.
        """
        if self._plain.get_protocol() is self:
            self._early += data
        else:
            self._received += data

    def eof_received(self) -> bool:
        self._has_eof = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._lost_to = exc
        if not self._is_running:  # nobody has awaited us, and perhaps nobody will
            self._is_told = True
            self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Never asked of a session that has not begun to write."""

    def resume_writing(self) -> None:
        """Likewise."""


def _kind(error: OSError) -> str:
    """One word for the log; never text of the peer's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate_refused"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "malformed").lower().replace(" ", "_")
    if isinstance(error, TimeoutError | ConnectionAbortedError):
        return "timeout"
    return "closed"
