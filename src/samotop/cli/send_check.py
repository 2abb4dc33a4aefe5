"""What ``samotop send --check`` does: try the ways to a server, and tell which of them work, the best first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from samotop.cli.outcome import AGAIN, DONE, REFUSED
from samotop.cli.paint import Paint, choose_paint
from samotop.cli.send_print import TLS_HINT, Wanted, find_server
from samotop.cli.show import clean, print_json
from samotop.config.places import blot_password
from samotop.tlspolicy.levels import Level
from samotop.transport.smtp.address import parse_server
from samotop.transport.smtp.discovery import WAY_SECONDS, Way, find_ways, plan_ways
from samotop.transport.smtp.opening import TLS_FAILED, NoSession
from samotop.transport.smtp.sender import SmtpTransport
from samotop.transport.smtp.view import ServerView

_SCHEMES: Final = ("smtp", "smtps", "lmtp", "child")
_LEVELS: Final = {
    Level.NONE: "in the clear",
    Level.ENCRYPTED: "any certificate",
    Level.PINNED: "the pinned key",
}


def check_and_print(wanted: Wanted, *, json: bool) -> int:
    """Try what ``wanted.server`` names: a URL, or a host by its usual ways. Raises ``SetupError``."""
    ways = asyncio.run(_look(wanted))
    best = next((way for way in ways if way.works), None)
    if json:
        print_json({"url": blot_password(best.url) if best else None, "ways": [_plain(way) for way in ways]})
    else:
        paint = choose_paint()
        for way in ways:
            print(_describe(way, paint))
        if best is not None and len(ways) > 1:
            print(f"use  {paint.strong(clean(blot_password(best.url)))}")
        if best is None and any(isinstance(way.found, NoSession) and way.found.status == TLS_FAILED for way in ways):
            print(TLS_HINT)
    if best is not None:
        return DONE
    refusals = [way.found for way in ways if isinstance(way.found, NoSession)]
    return REFUSED if any(one.status.is_permanent for one in refusals) else AGAIN


async def _look(wanted: Wanted) -> tuple[Way, ...]:
    timeout = min(wanted.timeout, WAY_SECONDS)
    if wanted.server.strip().partition(":")[0] in _SCHEMES:
        server = find_server(wanted, reads_message=False)
        async with SmtpTransport(server, tell=wanted.tell) as transport:
            return (Way(wanted.server, await transport.examine(timeout=timeout)),)
    login, _, host = wanted.server.strip().rpartition("@")
    url = f"smtps://{quote(login, safe='')}@{host}" if login else f"smtps://{host}"
    parse_server(url)
    credentials = find_server(replace(wanted, server=url), reads_message=False).credentials
    urls = plan_ways(host, login)
    return await find_ways(urls, credentials, hello=wanted.hello, timeout=timeout, tell=wanted.tell)


def _describe(way: Way, paint: Paint) -> str:
    url = clean(blot_password(way.url))
    if isinstance(way.found, NoSession):
        return f"{url}  {paint.bad('no')}  {way.found.status} {clean(way.found.text)}"
    facts = [_travels(way.found)]
    if way.found.is_logged_in:
        facts.append("logged in")
    elif way.found.capabilities.mechanisms:
        facts.append(f"login by {' '.join(way.found.capabilities.mechanisms)}")
    if way.found.capabilities.size is not None:
        facts.append(f"at most {way.found.capabilities.size:,} octets")
    return f"{url}  {paint.good('works')}  {clean(', '.join(facts))}"


def _travels(view: ServerView) -> str:
    level = _LEVELS.get(view.level, "the server's own certificate")
    return f"{view.tls.version} with {level}" if view.tls is not None else level


def _plain(way: Way) -> dict[str, Any]:
    if isinstance(way.found, NoSession):
        return {
            "url": blot_password(way.url),
            "works": False,
            "status": str(way.found.status),
            "text": way.found.text,
            "stage": way.found.stage.value,
        }
    offers = way.found.capabilities
    return {
        "url": blot_password(way.url),
        "works": True,
        "tls": way.found.tls.version if way.found.tls is not None else None,
        "level": way.found.level.value,
        "is_logged_in": way.found.is_logged_in,
        "keywords": sorted(offers.keywords),
        "mechanisms": list(offers.mechanisms),
        "size": offers.size,
    }
