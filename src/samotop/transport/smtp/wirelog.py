"""Hearing along: what is said on connections, line by line, without secrets and content (``smtp.client.transcript``).

    call = hear_along(call, print)

The stream that ``call`` gives is replaced by one that tells what goes through
it, in the clear also where TLS has begun. Nothing is told of connections that
nobody asked to hear.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from samotop.net.stream import Stream
from samotop.smtp.client.transcript import ClientTranscript

Tell = Callable[[str], None]
"""Called with each line on the event loop: it must not block."""


class _Heard(Stream):
    """A stream whose octets a transcript hears. Made by ``adopt``."""

    transcript: ClientTranscript | None = None
    before: Stream | None = None

    def take(self) -> bytes:
        octets = super().take()
        if self.transcript is not None:
            self.transcript.received(octets)
        return octets

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        if self.transcript is not None:
            self.transcript.sent(bytes(octets))
        super().write(octets)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.before is not None:  # who waits for its end waits for ours: the attendant of a child process
            self.before.connection_lost(exc)


def hear_along(call: Callable[[float], Awaitable[Stream]], tell: Tell) -> Callable[[float], Awaitable[Stream]]:
    """``call`` with ``tell`` hearing along."""

    async def heard(until: float) -> Stream:
        stream = await call(until)
        if not stream.is_open:
            return stream
        early = await stream.receive(asyncio.get_running_loop().time()) if stream.has_octets else b""
        tapped = _Heard.adopt(stream.transport)
        tapped.before, tapped.attendant = stream, stream.attendant
        tapped.transcript = ClientTranscript(tell)
        tapped.unread(early)
        return tapped

    return heard
