"""Which way to a server works: the usual ones are tried at once, and told in the order in which to prefer them.

    ways = await find_ways(plan_ways("mail.example.org", "me"), Credentials("me", password))
    best = next((way.url for way in ways if way.works), None)

TLS from the first octet on comes first (RFC 8314 §3.3), then STARTTLS at the
submission port, then at that of servers; without a login also whatever the
server of a domain takes. A login is tried where there is one. Nothing is sent.

Raises ``SetupError`` for a URL or roots that cannot be used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from samotop.dns.resolver import Resolver
from samotop.sasl import Credentials
from samotop.transport.smtp.address import SmtpServer, parse_server
from samotop.transport.smtp.opening import NoSession
from samotop.transport.smtp.sender import SmtpTransport
from samotop.transport.smtp.view import ServerView
from samotop.transport.smtp.wirelog import Tell

WAY_SECONDS: Final = 30.0
"""For one way: ports that firewalls drop answer never, and somebody waits for the result."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a server, by its URL (without a password), and what was found there."""

    url: str
    found: ServerView | NoSession

    @property
    def works(self) -> bool:
        return isinstance(self.found, ServerView)


def plan_ways(host: str, login: str = "") -> tuple[str, ...]:
    """The URLs to try for a host's name or address, the best first."""
    place = f"[{host}]" if ":" in host and not host.startswith("[") else host
    if login:
        user = f"{quote(login, safe='')}@"
        return (f"smtps://{user}{place}", f"smtp://{user}{place}", f"smtp://{user}{place}:25?tls=required")
    return (
        f"smtps://{place}",
        f"smtp://{place}:587?tls=required",
        f"smtp://{place}?tls=required",
        f"smtp://{place}",
    )


async def find_ways(
    urls: Iterable[str],
    credentials: Credentials | None = None,
    *,
    hello: str | None = None,
    timeout: float = WAY_SECONDS,
    resolver: Resolver | None = None,
    tell: Tell | None = None,
) -> tuple[Way, ...]:
    """Try all at the same time; the result is in the order of ``urls``. ``tell`` hears all of them mixed."""
    settings = [(url, parse_server(url, has_login=credentials is not None)) for url in urls]

    async def look(url: str, server: SmtpServer) -> Way:
        server = replace(server, credentials=credentials or server.credentials, hello=hello or server.hello)
        async with SmtpTransport(server, resolver=resolver, tell=tell) as transport:
            return Way(url, await transport.examine(timeout=timeout))

    return tuple(await asyncio.gather(*(look(url, server) for url, server in settings)))
