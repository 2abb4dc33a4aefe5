"""Sessions with the servers that the operator named by URL: what the URL says, and TLS as the sender requires it.

For the relay (``caller``) and for cut-through (``hopsessions``) alike. Raises
``SetupError`` for a URL that cannot be read, when the server is first called.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from samotop.delivery.calls import Host
from samotop.delivery.protection import plan_server
from samotop.dns.resolver import Resolver
from samotop.net.clienttls import ClientTls
from samotop.net.dial import DialRules, dial
from samotop.net.endpoint import Tcp
from samotop.queue.entry import Protection
from samotop.smtp.client import ClientRules
from samotop.transport.smtp.address import PRIVATE_HELLO, SmtpServer, parse_server
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.opening import NoSession, SessionPlan, open_courier


class ServerSessions:
    """Opens them. ``hello`` is our name; ``roots`` are believed where a URL names none. Each URL is read once."""

    def __init__(
        self,
        resolver: Resolver,
        hello: str,
        dialling: DialRules = DialRules(),
        rules: ClientRules = ClientRules(),
        *,
        roots: Path | None = None,
    ) -> None:
        self._resolver = resolver
        self._hello = hello
        self._dialling = dialling
        self._rules = rules
        self._roots = roots
        self._servers: dict[str, tuple[SmtpServer, ClientTls]] = {}

    async def open(self, host: Host, until: float) -> tuple[Courier | NoSession, Protection]:
        """A session with ``host``, a server by URL, and which TLS it had to have."""
        server, tls = self._server(host.hop.name)
        demand, protection = plan_server(host, server)
        call = partial(
            dial,
            server.place,
            resolver=self._resolver if isinstance(server.place, Tcp) else None,
            proxy=server.proxy,
            rules=replace(self._dialling, sources=server.sources or self._dialling.sources),
        )
        plan = SessionPlan(
            self._hello if server.hello == PRIVATE_HELLO else server.hello,
            demand,
            server.host,
            server.is_lmtp,
            server.is_private,
            server.credentials,
            tls,
            replace(self._rules, allows_plaintext_login=server.allows_plaintext_login),
        )
        return await open_courier(call, plan, until), protection

    def _server(self, url: str) -> tuple[SmtpServer, ClientTls]:
        found = self._servers.get(url)
        if found is None:
            server = parse_server(url)
            found = self._servers[url] = server, ClientTls(replace(server.tls, roots=server.tls.roots or self._roots))
        return found
