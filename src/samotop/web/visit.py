"""One connection of a web client: at most a TLS handshake, one request, one response, the end.

What is received is bounded (``request.HEAD_LIMIT``); how long all of it may
take is for the service's sweep, by ``deadline``. A visitor that does not read
its response is cut off by the same. Nothing is known of who comes but the
address that is counted, and that is told to nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final, cast

from samotop.net.networks import in_networks, network_key, parse_networks, peer_of
from samotop.net.starttls import TlsFault, start_tls
from samotop.web.pages import Answer, answer_fault, answer_request, format_answer
from samotop.web.request import BadRequest, take_request

if TYPE_CHECKING:
    from samotop.web.service import Web

LOOPBACK: Final = parse_networks(("127.0.0.0/8", "::1"))
NO_ADDRESS: Final = ""
"""Counted under this: UNIX sockets, and our own machine, where a proxy speaks for everybody."""


class Visit(asyncio.Protocol):
    """``deadline`` is in monotonic seconds."""

    __slots__ = ("_buffer", "_is_encrypted", "_is_over", "_searched", "_task", "_transport", "_web", "deadline", "key")

    def __init__(self, web: Web, *, is_encrypted: bool) -> None:
        self._web = web
        self._is_encrypted = is_encrypted
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._is_over = False
        self.key = NO_ADDRESS
        self.deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        web = self._web
        self._transport = cast("asyncio.Transport", transport)
        address = peer_of(transport).address
        self.key = NO_ADDRESS if in_networks(address, LOOPBACK) else network_key(address)
        if not web.enter(self):
            self._transport.abort()
            self._transport = None
            return
        self.deadline = web.clock.monotonic() + web.rules.request
        if self._is_encrypted:
            context = web.tls_context()
            handshake = start_tls(web.loop, self._transport, self, context, web.rules.handshake)
            self._task = web.loop.create_task(self._finish(handshake))

    async def _finish(self, handshake: Awaitable[asyncio.Transport]) -> None:
        try:
            self._transport = await handshake
        except TlsFault as fault:
            self._web.log.debug("handshake_failed", error_kind=fault.kind, listener="web")

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        self._buffer += data
        try:
            request = take_request(self._buffer, self._searched)
        except BadRequest as error:
            self._say(answer_fault(error.status))
            return
        self._searched = len(self._buffer)
        if request is not None:
            self._say(answer_request(request, self._web.pages))

    def _say(self, answer: Answer) -> None:
        """The last thing that is said."""
        self._is_over = True
        self._buffer.clear()
        if self._transport is not None:
            self._transport.write(format_answer(answer, self._web.clock.time()))
            self._transport.close()
        self._web.log.debug("page_answered", code=answer.status, listener="web")

    def eof_received(self) -> bool:
        return False  # the transport closes itself once it has written what was said

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is None:
            return
        self._transport = None
        self._is_over = True
        if self._task is not None:
            self._task.cancel()
        self._web.leave(self)

    def abort(self) -> None:
        """End it at once: its time is over, or the server's."""
        if self._transport is not None:
            self._transport.abort()
