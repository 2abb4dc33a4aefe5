"""Whom a verb asks about names: the home's ``[dns]``, the system, or the one server that somebody names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from samotop.config.shapes import Dns

if TYPE_CHECKING:  # dnspython costs more than the rest of a small verb
    from samotop.dns.resolver import Resolver
    from samotop.net.resolver import StubResolver

T = TypeVar("T")

Server = Annotated[
    str | None,
    Parameter(
        help="Ask this name server and no other, such as 127.0.0.1:5353 or tls://192.0.2.1. Else those of [dns] in "
        "samotop.toml, or the system's.",
        metavar="HOST:PORT",
    ),
]


def ask(dns: Dns, home: Path | None, server: str | None, question: Callable[[Resolver], Awaitable[T]]) -> T:
    """Run ``question`` with a resolver of its own, which believes the root's keys of ``home`` if it has some.

    Raises ``SetupError`` for what names no server, and for keys that cannot be read.
    """
    from samotop.parts import open_resolver_of

    async def run() -> T:
        async with open_resolver_of(dns, home) if server is None else _open_one(server) as resolver:
            return await question(resolver)

    return asyncio.run(run())


def _open_one(server: str) -> StubResolver:
    """One server, which may know its own zones alone and so nothing to validate them by.

    Its word about DNSSEC is taken where nobody can come in between.
    """
    from samotop.net.clock import SystemClock
    from samotop.net.exchange import Exchange
    from samotop.net.nameservers import parse_name_server
    from samotop.net.resolver import StubResolver

    place = parse_name_server(server)
    is_near = ip_address(place.address.partition("%")[0]).is_loopback
    return StubResolver(Exchange([place]), SystemClock(), is_trusted=is_near or place.is_tls)
