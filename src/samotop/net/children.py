"""A program of this machine as the other side of a connection: started, spoken to, and seen off.

It is started with an argument list, never a shell; its standard input and
output are one end of a socket pair. Raises ``DialFault``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
from dataclasses import dataclass
from typing import Final

from samotop.net.dialfault import DialFailure, DialFault
from samotop.net.stream import Stream

CHILD_SECONDS: Final = 5.0
"""For a child to end by itself once its connection is closed; then it is told to, then made to."""


@dataclass(frozen=True, slots=True)
class Child:
    """A program that speaks on its standard input and output. ``arguments`` begin with its path or name."""

    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"child:{self.arguments[0]}"


async def start_child(loop: asyncio.AbstractEventLoop, place: Child) -> Stream:
    """Start the program with a socket for its standard input and output; its end is waited for in the background."""
    ours, theirs = socket.socketpair()
    try:
        ours.setblocking(False)

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                list(place.arguments), stdin=theirs.fileno(), stdout=theirs.fileno(), start_new_session=True
            )

        child = await loop.run_in_executor(None, start)
    except (OSError, ValueError) as error:
        ours.close()
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no such command"
        raise DialFault(DialFailure.LOCAL, f"the program could not be started: {reason}") from None
    finally:
        theirs.close()
    _, stream = await loop.create_unix_connection(Stream, sock=ours)
    stream.attendant = loop.create_task(_see_off(child, stream))
    return stream


async def _see_off(child: subprocess.Popen[bytes], stream: Stream) -> None:
    """Wait for a child's end, so that none is left over; make it come where it does not."""
    try:
        await stream.wait_closed()
        for end in (child.terminate, child.kill):
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(child.wait, CHILD_SECONDS)
                return
            end()
        await asyncio.to_thread(child.wait)
    finally:
        if child.poll() is None:
            child.kill()
