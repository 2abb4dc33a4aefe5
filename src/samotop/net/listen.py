"""Open listeners: TCP, UNIX sockets, sockets inherited from systemd, standard input and output.

``open_listener`` is ``bind_sockets`` and then accepting. A program with several
worker processes that must share a UNIX or inherited socket binds in the parent
and passes ``sockets`` on; TCP workers can each bind with ``reuse_port``.

The event loop's Protocol interface is used, not its streams: a session costs
one transport and no task. TLS is not the listener's business: implicit TLS is
``net.tls.start_tls`` in ``connection_made``; so certificates can be replaced
while a listener stays.

Raises ``SetupError`` that names the endpoint and the remedy for an address in
use, permission denied, an address that is not this machine's, a file that is
in the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl as ssl_module
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from samotop.errors import SetupError
from samotop.net.endpoint import Endpoint, Inherited, Stdio, Tcp, Unix, parse_endpoint
from samotop.net.inherited import take_inherited
from samotop.net.stdio import serve_stdio

__all__ = [
    "BACKLOG",
    "Endpoint",
    "Inherited",
    "Listener",
    "Stdio",
    "Tcp",
    "Unix",
    "bind_sockets",
    "open_listener",
    "parse_endpoint",
]

BACKLOG: Final = 1024
"""Connections that the kernel completes before we accept them: a burst of a second. Capped by net.core.somaxconn."""

UNIX_MODE: Final = 0o660
"""Who may connect to a UNIX socket: the server's user and group."""

ProtocolFactory = Callable[[], asyncio.Protocol]


class Listener:
    """One endpoint that is accepting. ``addresses`` are the real ones, also where port 0 was asked for."""

    __slots__ = ("_servers", "_sockets", "addresses", "endpoint")

    def __init__(
        self,
        endpoint: Endpoint,
        servers: Sequence[asyncio.AbstractServer],
        sockets: Sequence[socket.socket],
    ) -> None:
        self.endpoint = endpoint
        self._servers = list(servers)
        self._sockets = [(bound, _inode_of(bound)) for bound in sockets]
        self.addresses: tuple[str, ...] = tuple(_address_of(bound) for bound in sockets) or (str(endpoint),)

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports, in the order of ``addresses``."""
        return tuple(
            bound.getsockname()[1] for bound, _ in self._sockets if bound.family in (socket.AF_INET, socket.AF_INET6)
        )

    @property
    def is_single(self) -> bool:
        """Was there one session and will there be no other (standard input and output)?"""
        return not self._servers

    def close(self) -> None:
        """Stop accepting; sessions that are open go on. May be called again."""
        for server in self._servers:
            server.close()
        for bound, inode in self._sockets:
            if inode is not None and isinstance(self.endpoint, Unix):
                _remove_own(self.endpoint.path, inode)
            bound.close()
        self._sockets = []

    async def wait_closed(self) -> None:
        """Wait, after ``close``, until nothing accepts any more. Does not wait for open sessions."""
        await asyncio.sleep(0)  # the loops let go of a socket in their next turn


async def open_listener(
    endpoint: Endpoint,
    protocol_factory: ProtocolFactory,
    *,
    ssl: ssl_module.SSLContext | None = None,
    backlog: int = BACKLOG,
    reuse_port: bool = False,
    mode: int = UNIX_MODE,
    sockets: Sequence[socket.socket] | None = None,
) -> Listener:
    """Accept connections at ``endpoint``, each with a protocol from the factory. Raises ``SetupError``.

    ``ssl`` pins one context for the listener's life; a server whose certificate
    can change begins TLS itself (see above). ``sockets`` are bound ones, from
    ``bind_sockets``. ``mode`` is for a UNIX socket's file.
    """
    if isinstance(endpoint, Stdio):
        await serve_stdio(protocol_factory)
        return Listener(endpoint, (), ())
    bound = bind_sockets(endpoint, backlog=backlog, reuse_port=reuse_port, mode=mode) if sockets is None else sockets
    loop = asyncio.get_running_loop()
    servers: list[asyncio.AbstractServer] = []
    try:
        for one in bound:
            create = loop.create_unix_server if one.family == socket.AF_UNIX else loop.create_server
            servers.append(await create(protocol_factory, sock=one, ssl=ssl, backlog=backlog))
    except BaseException:
        Listener(endpoint, servers, bound).close()
        raise
    return Listener(endpoint, servers, bound)


def bind_sockets(
    endpoint: Endpoint,
    *,
    backlog: int = BACKLOG,
    reuse_port: bool = False,
    mode: int = UNIX_MODE,
    environ: Mapping[str, str] | None = None,
) -> list[socket.socket]:
    """Bind and listen without accepting; connections queue up in the kernel. Raises ``SetupError``.

    Resolves a host name with the system's resolver, and so may block for it.
    Standard input and output have nothing to bind: an empty list.
    """
    match endpoint:
        case Tcp():
            return _bind_tcp(endpoint, backlog, reuse_port)
        case Unix():
            return [_bind_unix(endpoint, backlog, mode)]
        case Inherited():
            return take_inherited(endpoint, os.environ if environ is None else environ)
        case Stdio():
            return []


def _bind_tcp(endpoint: Tcp, backlog: int, reuse_port: bool) -> list[socket.socket]:
    bound: list[socket.socket] = []
    refused: OSError | None = None
    for family, address in _resolve(endpoint):
        try:
            bound.append(_listen_on(family, address, backlog, reuse_port))
        except OSError as error:
            # A machine without IPv6 has "localhost" and "*" all the same; every other reason counts.
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                refused = refused or error
                continue
            for one in bound:
                one.close()
            raise _cannot_bind(endpoint, error) from error
    if not bound and refused is not None:
        raise _cannot_bind(endpoint, refused) from refused
    return bound


def _resolve(endpoint: Tcp) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    """The addresses that the host names, each once."""
    host = None if endpoint.host == "*" else endpoint.host
    try:
        found = socket.getaddrinfo(host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise SetupError(
            f"cannot listen on {endpoint}: the host name is unknown", remedy="Write an IP address, or * for all."
        ) from error
    wanted: dict[tuple[str, int], socket.AddressFamily] = {}
    for family, _type, _protocol, _name, address in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            wanted.setdefault((str(address[0]), int(address[1])), family)
    return [(family, address) for address, family in wanted.items()]


def _listen_on(family: socket.AddressFamily, address: tuple[str, int], backlog: int, reuse_port: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # IPv4 has a socket of its own; so a peer's address has one spelling, not two.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        bound.bind(address)
        bound.listen(backlog)
    except BaseException:
        bound.close()
        raise
    return bound


def _bind_unix(endpoint: Unix, backlog: int, mode: int) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _remove_stale(endpoint)
        os.fchmod(bound.fileno(), mode)  # Linux makes the file with it: nobody can slip in before the chmod
        bound.bind(endpoint.path)
        os.chmod(endpoint.path, mode)  # what the umask took
        bound.listen(backlog)
    except OSError as error:
        bound.close()
        raise _cannot_bind(endpoint, error) from error
    except BaseException:
        bound.close()
        raise
    return bound


def _remove_stale(endpoint: Unix) -> None:
    """Remove the socket that a server left behind which is no more. Raises ``SetupError`` for anything else."""
    try:
        found = os.lstat(endpoint.path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SetupError(
            f"cannot listen on {endpoint}: there is a file of another kind",
            remedy="Remove it, or choose another path.",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        outcome = probe.connect_ex(endpoint.path)
    if outcome == errno.ECONNREFUSED:
        os.unlink(endpoint.path)
    elif outcome in (0, errno.EAGAIN):  # EAGAIN: it lives, and its backlog is full
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    else:
        raise OSError(outcome, os.strerror(outcome))


def _remove_own(path: str, inode: tuple[int, int]) -> None:
    """Remove our socket's file, unless somebody has put another in its place."""
    with contextlib.suppress(OSError):
        found = os.lstat(path)
        if (found.st_dev, found.st_ino) == inode:
            os.unlink(path)


def _inode_of(bound: socket.socket) -> tuple[int, int] | None:
    if bound.family != socket.AF_UNIX:
        return None
    try:
        found = os.lstat(bound.getsockname())
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino)


def _address_of(bound: socket.socket) -> str:
    """As a person writes it: ``127.0.0.1:2525``, ``[::1]:2525``, ``unix:/path``."""
    name = bound.getsockname()
    if bound.family == socket.AF_INET6:
        return f"[{name[0]}]:{name[1]}"
    if bound.family == socket.AF_INET:
        return f"{name[0]}:{name[1]}"
    return f"unix:{os.fsdecode(name)}"


def _cannot_bind(endpoint: Endpoint, error: OSError) -> SetupError:
    """Say what is in the way, and what would help."""
    place = f"cannot listen on {endpoint}"
    match error.errno:
        case errno.EADDRINUSE:
            return SetupError(
                f"{place}: the address is in use",
                remedy="Another server is listening there: stop it, or choose another address.",
            )
        case errno.EACCES | errno.EPERM:
            return SetupError(
                f"{place}: permission denied",
                remedy="Use a port from 1024 on, let systemd open the socket, or grant CAP_NET_BIND_SERVICE."
                if isinstance(endpoint, Tcp)
                else "Let the server's user write to the directory.",
            )
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return SetupError(
                f"{place}: this machine does not have the address", remedy="Write one of its own, or * for all."
            )
        case errno.ENOENT | errno.ENOTDIR:
            return SetupError(f"{place}: the directory is missing", remedy="Create it.")
        case _:
            return SetupError(f"{place}: {error.strerror}", remedy="Choose another address.")
