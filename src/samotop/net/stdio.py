"""Standard input and output as one session: inetd, ``ssh host samotop``, a shell's pipe.

Where both are one socket (inetd, systemd with Accept=yes) the socket itself is
the session's transport. Otherwise two pipes are joined into one transport;
a file, a terminal or a device, which no event loop can wait for, gets a thread
that copies between it and a pipe.

Joined pipes carry no TLS and have no peer's address. The session ends at end
of input, as its protocol's ``eof_received`` decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from samotop.errors import SetupError

PUMP_CHUNK: Final = 64 * 1024
"""Octets that a copying thread moves at once: what a pipe holds on Linux."""


class JoinedTransport(asyncio.Transport):
    """Two one-way transports as one two-way transport.

    Follows asyncio's contract: ``connection_lost`` is called once, when both
    directions are closed; a falsy ``eof_received`` closes after what was
    written is flushed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._reader: asyncio.ReadTransport | None = None
        self._writer: asyncio.WriteTransport | None = None
        self._is_closing = False
        self._open_sides = 0
        self._lost_to: Exception | None = None

    # -- the contract ------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._writer is not None:
            self._writer.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        if self._reader is not None:
            self._reader.close()
        if self._writer is not None:
            self._writer.close()

    def abort(self) -> None:
        self._is_closing = True
        if self._reader is not None:
            self._reader.close()
        # asyncio's pipe fails when it is aborted after it has let go, which is once it closes with nothing to write.
        if self._writer is not None and (not self._writer.is_closing() or self._writer.get_write_buffer_size()):
            self._writer.abort()

    def is_closing(self) -> bool:
        return self._is_closing

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Close the output once it is flushed; input goes on."""
        if self._writer is not None:
            self._writer.close()

    def is_reading(self) -> bool:
        return self._reader is not None and not self._is_closing and self._reader.is_reading()

    def pause_reading(self) -> None:
        if self._reader is not None and not self._is_closing:
            self._reader.pause_reading()

    def resume_reading(self) -> None:
        if self._reader is not None and not self._is_closing:
            self._reader.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if self._writer is not None:
            self._writer.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._writer.get_write_buffer_limits() if self._writer is not None else (0, 0)

    def get_write_buffer_size(self) -> int:
        return self._writer.get_write_buffer_size() if self._writer is not None else 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Nothing is known of who is behind a pipe."""
        return default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    # -- what the two sides tell -------------------------------------------------------------------

    async def connect(self, input_fd: int, output_fd: int) -> None:
        """Join the two pipes, which become ours to close, and tell the protocol of its connection."""
        writer, _ = await self._loop.connect_write_pipe(lambda: _Output(self), os.fdopen(output_fd, "wb", 0))
        self._writer = writer
        self._open_sides = 1
        reader, _ = await self._loop.connect_read_pipe(lambda: _Input(self), os.fdopen(input_fd, "rb", 0))
        self._reader = reader
        self._open_sides = 2

    def _begin(self) -> None:
        self._protocol.connection_made(self)

    def _receive(self, octets: bytes) -> None:
        self._protocol.data_received(octets)

    def _end_input(self) -> None:
        if not self._protocol.eof_received():
            self.close()

    def _lose_side(self, error: Exception | None, *, ends_session: bool) -> None:
        self._open_sides -= 1
        self._lost_to = self._lost_to or error
        if self._open_sides == 0:
            self._is_closing = True
            self._protocol.connection_lost(self._lost_to)
        elif ends_session:
            self.close()

    def _pause_writing(self) -> None:
        self._protocol.pause_writing()

    def _resume_writing(self) -> None:
        self._protocol.resume_writing()


class _Input(asyncio.Protocol):
    """The reading side. It is connected second, so that the protocol can answer from its first turn on."""

    def __init__(self, joined: JoinedTransport) -> None:
        self._joined = joined

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._joined._reader = cast(asyncio.ReadTransport, transport)
        self._joined._open_sides = 2
        self._joined._begin()

    def data_received(self, data: bytes) -> None:
        self._joined._receive(data)

    def eof_received(self) -> None:
        self._joined._end_input()

    def connection_lost(self, exc: Exception | None) -> None:
        self._joined._lose_side(exc, ends_session=exc is not None)


class _Output(asyncio.Protocol):
    """The writing side. When nobody reads it any more the session is over."""

    def __init__(self, joined: JoinedTransport) -> None:
        self._joined = joined

    def pause_writing(self) -> None:
        self._joined._pause_writing()

    def resume_writing(self) -> None:
        self._joined._resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._joined._lose_side(exc, ends_session=True)


async def serve_stdio(protocol_factory: Callable[[], asyncio.Protocol], input_fd: int = 0, output_fd: int = 1) -> None:
    """Begin the one session of standard input and output; return once it has begun.

    The two descriptors lead to ``/dev/null`` afterwards: no stray ``print`` can
    reach the peer. Raises ``SetupError`` where they are not open.
    """
    loop = asyncio.get_running_loop()
    try:
        is_socket = _is_one_socket(input_fd, output_fd)
        source, sink = os.dup(input_fd), os.dup(output_fd)
        null = os.open(os.devnull, os.O_RDWR)
    except OSError as error:
        raise SetupError(
            f"standard input and output cannot be used: {error.strerror}",
            remedy="Start the server with both open, as inetd does.",
        ) from error
    os.dup2(null, input_fd)
    os.dup2(null, output_fd)
    os.close(null)
    if is_socket:
        os.close(sink)
        connection = socket.socket(fileno=source)
        connection.setblocking(False)
        await loop.connect_accepted_socket(protocol_factory, connection)
    else:
        await JoinedTransport(loop, protocol_factory()).connect(_readable(source), _writable(sink))


def _is_one_socket(input_fd: int, output_fd: int) -> bool:
    one, other = os.fstat(input_fd), os.fstat(output_fd)
    return stat.S_ISSOCK(one.st_mode) and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _can_be_awaited(fd: int) -> bool:
    """Pipes and sockets can. A terminal could, but its non-blocking mode would be shared with the shell."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _readable(fd: int) -> int:
    if _can_be_awaited(fd):
        return fd
    ours, theirs = os.pipe()
    # A thread that waits for a terminal cannot be told to stop, so the process does not wait for it.
    threading.Thread(target=_pump, args=(fd, theirs), name="standard input", daemon=True).start()
    return ours


def _writable(fd: int) -> int:
    if _can_be_awaited(fd):
        return fd
    theirs, ours = os.pipe()
    # This one ends when the session has; the process waits so that the last reply is written.
    threading.Thread(target=_pump, args=(theirs, fd), name="standard output").start()
    return ours


def _pump(source: int, sink: int) -> None:
    """Copy until either side ends, then close both."""
    try:
        with contextlib.suppress(OSError):
            while chunk := os.read(source, PUMP_CHUNK):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(sink, rest) :]
    finally:
        os.close(source)
        os.close(sink)
