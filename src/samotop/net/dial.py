"""Opening a connection: to a TCP port, a UNIX socket, a child process, or through a proxy (SOCKS5, HTTP CONNECT).

    stream = await dial(Tcp("mail.example.org", 25), until, resolver=resolver)

A name's addresses are raced (happy eyeballs, RFC 8305): IPv6 and IPv4 take
turns, the next begins when one has failed or has not answered in
``DialRules.stagger``, the first to connect wins. They come from the caller, a
``Resolver``, or the system. A child is ``children``'s. Raises ``DialFault`` alone.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import chain, zip_longest

from samotop.dns.resolver import Resolver
from samotop.net.children import Child, start_child
from samotop.net.connect import ConnectExchange, ConnectFault
from samotop.net.dialfault import DialFailure, DialFault, fault_of
from samotop.net.endpoint import Tcp, Unix
from samotop.net.socks import SocksExchange, SocksFault
from samotop.net.stream import Stream

Place = Tcp | Unix | Child


@dataclass(frozen=True, slots=True)
class Proxy:
    """A SOCKS5 proxy (RFC 1928), or one of the web (``is_http``). It resolves names itself."""

    host: str
    port: int = 1080
    login: tuple[str, str] | None = field(default=None, repr=False)
    is_http: bool = False


@dataclass(frozen=True, slots=True)
class DialRules:
    """Times are in seconds."""

    attempt: float = 30.0
    """For one address to accept."""
    stagger: float = 0.25
    """Until the next address is tried beside it (RFC 8305 §5, the Connection Attempt Delay)."""
    addresses: int = 10
    """Of one name that are tried; hosts with more are many hosts."""
    sources: tuple[str, ...] = ()
    """Our own addresses to connect from: the first of the family that is dialled."""


async def dial(
    place: Place,
    until: float,
    *,
    resolver: Resolver | None = None,
    addresses: Sequence[str] = (),
    proxy: Proxy | None = None,
    rules: DialRules = DialRules(),
) -> Stream:
    """Connect to ``place`` before ``until`` (on the loop's clock). ``addresses``, where given, are the host's.

    Raises ``DialFault``.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(until):
            if isinstance(place, Unix):
                return await _connect_unix(loop, place)
            if isinstance(place, Child):
                return await start_child(loop, place)
            if proxy is not None:
                host = addresses[0] if addresses else place.host
                return await _through(proxy, host, place.port, until, resolver, rules)
            found = list(addresses) or await find_addresses(place.host, resolver)
            return await _race(loop, interleave(found)[: rules.addresses], place.port, rules)
    except TimeoutError:
        raise DialFault(DialFailure.TIMEOUT, "the server did not answer in time") from None


async def find_addresses(host: str, resolver: Resolver | None) -> list[str]:
    """A host's addresses, IPv6 before IPv4; the system is asked where there is no resolver. Raises ``DialFault``."""
    try:
        return [str(ip_address(host.strip("[]")))]
    except ValueError:
        pass
    if resolver is None:
        return await _ask_system(host)
    answers = await asyncio.gather(resolver.lookup(host, "AAAA"), resolver.lookup(host, "A"))
    found = [name for answer in answers for name in answer.names]
    if found:
        return found
    if any(answer.is_temporary for answer in answers):
        raise DialFault(DialFailure.DNS, "the server's address could not be looked up")
    raise DialFault(DialFailure.NO_SUCH_HOST, "the server's name has no address")


def interleave(addresses: Sequence[str]) -> list[str]:
    """The same with families taking turns, each in its order, that of the first first (RFC 8305 §4)."""
    first = [one for one in addresses if (":" in one) == (":" in addresses[0])]
    second = [one for one in addresses if (":" in one) != (":" in addresses[0])]
    return [one for one in chain.from_iterable(zip_longest(first, second)) if one is not None]


async def _ask_system(host: str) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        absent = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
        if isinstance(error, UnicodeError) or error.errno in absent:
            raise DialFault(DialFailure.NO_SUCH_HOST, "the server's name has no address") from None
        raise DialFault(DialFailure.DNS, "the server's address could not be looked up") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))


async def _race(loop: asyncio.AbstractEventLoop, addresses: list[str], port: int, rules: DialRules) -> Stream:
    """The first address to accept wins; the others are let go."""
    if len(addresses) == 1:
        return await _connect(loop, addresses[0], port, rules)
    running: set[asyncio.Task[Stream]] = set()
    waiting = list(reversed(addresses))
    faults: list[DialFault] = []
    try:
        while waiting or running:
            if waiting:
                running.add(loop.create_task(_connect(loop, waiting.pop(), port, rules)))
            done, running = await asyncio.wait(
                running, timeout=rules.stagger if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            streams: list[Stream] = []
            for task in done:
                error = task.exception()
                if error is None:
                    streams.append(task.result())
                elif isinstance(error, DialFault):
                    faults.append(error)
                else:
                    raise error
            if streams:
                for other in streams[1:]:
                    other.abort()
                return streams[0]
    finally:
        for task in running:
            task.add_done_callback(_let_go)
            task.cancel()
    raise faults[-1]


def _let_go(task: asyncio.Task[Stream]) -> None:
    """A race that was lost may have been won a moment later."""
    if not task.cancelled() and task.exception() is None:
        task.result().abort()


async def _connect(loop: asyncio.AbstractEventLoop, address: str, port: int, rules: DialRules) -> Stream:
    source = next((one for one in rules.sources if (":" in one) == (":" in address)), None)
    local = (source, 0) if source is not None else None
    try:
        async with asyncio.timeout(rules.attempt):
            _, stream = await loop.create_connection(Stream, address, port, local_addr=local)
    except OSError as error:
        raise fault_of(error) from None
    return stream


async def _connect_unix(loop: asyncio.AbstractEventLoop, place: Unix) -> Stream:
    try:
        _, stream = await loop.create_unix_connection(Stream, place.path)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise DialFault(DialFailure.REFUSED, "there is no such socket") from None
        raise fault_of(error) from None
    return stream


async def _through(
    proxy: Proxy, host: str, port: int, until: float, resolver: Resolver | None, rules: DialRules
) -> Stream:
    """Have a proxy connect. The name goes to it unresolved."""
    exchange = (ConnectExchange if proxy.is_http else SocksExchange)(host, port, login=proxy.login)
    try:
        stream = await dial(Tcp(proxy.host, proxy.port), until, resolver=resolver, rules=rules)
    except DialFault as fault:
        raise DialFault(DialFailure.PROXY, f"no connection to the proxy: {fault}") from None
    try:
        stream.write(exchange.start())
        while not exchange.is_done:
            octets = await stream.receive(until)
            if not octets:
                raise DialFault(DialFailure.PROXY, "the proxy closed the connection")
            stream.write(exchange.feed(octets))
    except (SocksFault, ConnectFault) as fault:
        stream.abort()
        raise DialFault(DialFailure.PROXY, str(fault)) from None
    except BaseException:
        stream.abort()
        raise
    stream.unread(exchange.rest)
    return stream
