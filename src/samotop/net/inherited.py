"""Sockets that systemd opened for us: the sd_listen_fds(3) protocol, without a library.

systemd passes open sockets from descriptor 3 on and says so in LISTEN_PID,
LISTEN_FDS and LISTEN_FDNAMES. A socket so opened can have a privileged port
without the server ever having privileges, and outlives a restart.

The environment is read, not changed. What is taken is closed on exec, so that
no program that we start holds our ports.

Raises ``SetupError`` where there is no such socket.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

from samotop.errors import SetupError
from samotop.net.endpoint import Inherited

FIRST_DESCRIPTOR: Final = 3
"""SD_LISTEN_FDS_START: behind standard input, output and error."""

DESCRIPTORS_LIMIT: Final = 256
"""More sockets than any unit names; a larger number is a mistake."""


def take_inherited(endpoint: Inherited, environ: Mapping[str, str]) -> list[socket.socket]:
    """The listening sockets of the endpoint's name, or all of them. Raises ``SetupError``.

    The caller owns them. Each can be taken once in the life of the process.
    """
    names = _passed_names(endpoint, environ)
    wanted = [
        FIRST_DESCRIPTOR + index for index, name in enumerate(names) if endpoint.name is None or name == endpoint.name
    ]
    if not wanted:
        raise SetupError(
            f'cannot listen on {endpoint}: systemd passed no socket of the name "{endpoint.name}"',
            remedy=f"Set FileDescriptorName={endpoint.name} in the socket unit; passed are: {', '.join(names)}.",
        )
    taken: list[socket.socket] = []
    try:
        for descriptor in wanted:
            taken.append(_take(endpoint, descriptor))
    except SetupError:
        for one in taken:
            one.close()
        raise
    return taken


def _passed_names(endpoint: Inherited, environ: Mapping[str, str]) -> list[str]:
    """One name for each descriptor; systemd's own word for those without is "unknown"."""
    count = environ.get("LISTEN_FDS", "")
    is_for_us = environ.get("LISTEN_PID", "") == str(os.getpid())
    if not is_for_us or not (count.isascii() and count.isdigit()) or not 0 < int(count) <= DESCRIPTORS_LIMIT:
        raise SetupError(
            f"cannot listen on {endpoint}: systemd passed no sockets",
            remedy="Start the server by a socket unit, or name an address to listen on.",
        )
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    return [names[index] if index < len(names) and names[index] else "unknown" for index in range(int(count))]


def _take(endpoint: Inherited, descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        taken = socket.socket(fileno=descriptor)
    except OSError as error:
        raise SetupError(
            f"cannot listen on {endpoint}: descriptor {descriptor} is no socket, or was taken before",
            remedy="Let each endpoint name sockets of its own.",
        ) from error
    is_stream = taken.type == socket.SOCK_STREAM
    if not is_stream or not taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        taken.detach()  # not ours to close
        raise SetupError(
            f"cannot listen on {endpoint}: descriptor {descriptor} does not listen",
            remedy='Use ListenStream= in the socket unit; with Accept=yes, the endpoint is "stdio".',
        )
    taken.setblocking(False)
    return taken
