"""The web as a service: makes visits for listeners, counts them, ends those that take too long.

    web = Web(clock, loop, log, tls=server_tls)
    web.pages = plan_pages(domains, policy)
    web.start()
    await open_listener(endpoint, web.factory(is_encrypted=True))

It stands in the open Internet: connections are counted in all and by address
(a /64 of IPv6), each has seconds for everything it does, and memory for one
request's head. Where there is no room a connection is closed without a word.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from samotop.ports.clock import Clock
from samotop.web.pages import Pages
from samotop.web.visit import NO_ADDRESS, Visit

SWEEP_SECONDS: Final = 1.0
"""How often deadlines are looked at: an end may come this much late."""


class Log(Protocol):
    def debug(self, event: str, **fields: Any) -> None: ...


class TlsProvider(Protocol):
    """The server's certificate; ``net.tls.ServerTls`` is one."""

    @property
    def context(self) -> ssl.SSLContext: ...


@dataclass(frozen=True, slots=True)
class WebRules:
    """Times in seconds."""

    visits: int = 200
    """At the same time: each takes a descriptor that mail could use, and some 50 KB where there is TLS."""
    visits_per_address: int = 10
    handshake: float = 10.0
    request: float = 20.0
    """For the whole visit: a fetcher of policies gives up after a minute itself (RFC 8461 §3.3)."""


class Web:
    """All visits of a process. ``pages`` may be replaced at any time; ``tls`` is for listeners that encrypt."""

    def __init__(
        self,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        *,
        tls: TlsProvider | None = None,
        rules: WebRules = WebRules(),
    ) -> None:
        self.clock = clock
        self.loop = loop
        self.log = log
        self.rules = rules
        self.pages: Pages = {}
        self._tls = tls
        self._visits: set[Visit] = set()
        self._by_key: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """How many visits there are now."""
        return len(self._visits)

    def factory(self, *, is_encrypted: bool) -> Callable[[], Visit]:
        """What a listener calls for each connection."""
        if is_encrypted and self._tls is None:
            raise ValueError("there is no certificate")
        return lambda: Visit(self, is_encrypted=is_encrypted)

    def tls_context(self) -> ssl.SSLContext:
        """For the next handshake."""
        assert self._tls is not None, "asked by listeners that encrypt alone"
        return self._tls.context

    def enter(self, visit: Visit) -> bool:
        """Count a visit in, if there is room."""
        key = visit.key
        is_crowd = key != NO_ADDRESS and self._by_key[key] >= self.rules.visits_per_address
        if is_crowd or len(self._visits) >= self.rules.visits:
            return False
        self._by_key[key] += 1
        self._visits.add(visit)
        return True

    def leave(self, visit: Visit) -> None:
        self._visits.discard(visit)
        self._by_key[visit.key] -= 1
        if not self._by_key[visit.key]:
            del self._by_key[visit.key]

    def start(self) -> None:
        self._timer = self.loop.call_later(SWEEP_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = self.loop.call_later(SWEEP_SECONDS, self._tick)
        self.sweep()

    def sweep(self) -> None:
        """End the visits whose deadline has passed, by the injected clock."""
        now = self.clock.monotonic()
        for visit in [one for one in self._visits if one.deadline < now]:
            visit.abort()

    async def stop(self) -> None:
        """End all; a response has left by now or is asked for again."""
        if self._timer is not None:
            self._timer.cancel()
        for visit in list(self._visits):
            visit.abort()
        await asyncio.sleep(0)
