"""Which next hops are asked while senders wait: none, unless a route says so."""

from __future__ import annotations

import asyncio

from samotop.app.expansions import Expansions
from samotop.config.shapes import Config
from samotop.delivery.compose import RelayParts
from samotop.delivery.cutthrough import CutThrough
from samotop.delivery.hopsessions import Sessions, server_sessions
from samotop.delivery.outgoing import Outgoing
from samotop.dns.resolver import Resolver
from samotop.observe.log import Log
from samotop.routing.router import Router


def open_cut_through(
    config: Config,
    parts: RelayParts,
    router: Router,
    expansions: Expansions | None,
    resolver: Resolver,
    loop: asyncio.AbstractEventLoop,
    log: Log,
) -> CutThrough | None:
    """The next hops that are asked while senders wait, where a route wants that; not for what leads back by SRS."""
    if not any(route.cut_through for route in config.routes):
        return None
    outgoing = Outgoing(parts.hostname, parts.disclosure, parts.sign)
    sessions = Sessions(server_sessions(resolver, parts.hostname, roots=parts.roots), loop)
    resolve = None if expansions is None else expansions.resolve
    return CutThrough(router, outgoing, sessions, log, resolve=resolve)
