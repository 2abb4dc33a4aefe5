"""Sessions with the servers that routes name, for cut-through: opened when one is needed, kept for a moment.

With the TLS that the route's URL demands, and verified TLS where the sender
requires it (RFC 8689 §4.2.1). A session that was kept may have ended meanwhile:
who takes it looks whether its first command is answered. For one event loop.

Raises nothing for what servers do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from samotop.delivery.calls import Host
from samotop.delivery.serversessions import ServerSessions
from samotop.dns.resolver import Resolver
from samotop.errors import SetupError
from samotop.net.dial import DialRules
from samotop.ports.nexthop import Hop
from samotop.routing.nexthop import HopKind, NextHop
from samotop.smtp.client import Stage
from samotop.status import EnhancedStatus
from samotop.tlspolicy.requiretls import Wish
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.held import Held
from samotop.transport.smtp.opening import NoSession

KEEP_SECONDS: Final = 3.0
"""For which a session without a transaction is kept: a sender that was told to come with each recipient by itself, or
the next sender, saves a greeting and a handshake."""
GOODBYE_SECONDS: Final = 5.0
"""For RSET and QUIT, while nobody waits."""
CLOSE_SECONDS: Final = 1.0
"""For the goodbyes when the server stops."""
SESSIONS_LIMIT: Final = 200
"""Sessions open at the same time, over all next hops; who comes later is asked to come back."""

BUSY: Final = NoSession(EnhancedStatus(4, 3, 2), "too many sessions are open", Stage.IDLE)
MISFIT: Final = NoSession(EnhancedStatus(4, 3, 5), "the route to it cannot be used as it is written", Stage.IDLE)
SLOW: Final = NoSession(EnhancedStatus(4, 4, 1), "the server took too long", Stage.IDLE)


@dataclass(frozen=True, slots=True)
class Key:
    """Whose session it is, and whether it is verified because a sender requires that."""

    hop: Hop
    requires_tls: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A session of one's own until it is given back. ``is_reused``: it may have ended while nobody used it."""

    courier: Courier
    is_reused: bool


OpenSession = Callable[[Key, float], Awaitable[Courier | NoSession]]
"""Opens a session, until a moment on the loop's clock. May raise ``SetupError``."""


class Sessions:
    """Takes sessions and gives them back."""

    def __init__(self, open_session: OpenSession, loop: asyncio.AbstractEventLoop) -> None:
        self._open_session = open_session
        self._loop = loop
        self._count = 0
        self._kept: dict[Key, list[tuple[Courier, asyncio.TimerHandle]]] = {}
        self.leaving: set[asyncio.Task[None]] = set()
        """What is done while nobody waits for it."""
        self._is_closed = False

    async def take(self, key: Key, until: float, *, fresh: bool = False) -> Taken | NoSession:
        """A session that was kept, the freshest, or a new one; ``fresh`` wants a new one."""
        kept = self._kept.get(key, [])
        while kept and not fresh:
            courier, timer = kept.pop()
            timer.cancel()
            if courier.is_usable:
                return Taken(courier, True)
            self._see_off(courier)
        if self._count >= SESSIONS_LIMIT:
            return BUSY
        self._count += 1
        found: Courier | NoSession = SLOW
        try:
            async with asyncio.timeout_at(until):
                found = await self._open_session(key, until)
        except TimeoutError:
            return SLOW
        except SetupError:
            return MISFIT
        finally:
            if isinstance(found, NoSession):
                self._count -= 1
        return found if isinstance(found, NoSession) else Taken(found, False)

    def give_back(self, key: Key, courier: Courier, held: Held) -> None:
        """A transaction is over, perhaps in its midst. In the background: nobody waits for it."""
        self._do(self._tidy(key, courier, held))

    async def close(self) -> None:
        """End what is kept, and wait for the goodbyes, not for long."""
        self._is_closed = True
        for kept in self._kept.values():
            for courier, timer in kept:
                timer.cancel()
                self._see_off(courier)
        self._kept.clear()
        if self.leaving:
            await asyncio.wait(self.leaving, timeout=CLOSE_SECONDS)

    async def _tidy(self, key: Key, courier: Courier, held: Held) -> None:
        await held.drop(self._loop.time() + GOODBYE_SECONDS)
        if not courier.is_usable or self._is_closed:
            await self._quit(courier)
            return
        timer = self._loop.call_later(KEEP_SECONDS, self._expire, key, courier)
        self._kept.setdefault(key, []).append((courier, timer))

    def _expire(self, key: Key, courier: Courier) -> None:
        kept = self._kept.get(key, [])
        kept[:] = [one for one in kept if one[0] is not courier]
        if not kept:
            self._kept.pop(key, None)
        self._see_off(courier)

    def _see_off(self, courier: Courier) -> None:
        self._do(self._quit(courier))

    async def _quit(self, courier: Courier) -> None:
        try:
            await courier.quit(self._loop.time() + GOODBYE_SECONDS)
        except OSError:
            courier.abort()
        finally:
            self._count -= 1

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self.leaving.add(task)
        task.add_done_callback(self.leaving.discard)


def server_sessions(
    resolver: Resolver, hello: str, dialling: DialRules = DialRules(), *, roots: Path | None = None
) -> OpenSession:
    """Opens sessions with the servers that routes name. ``hello`` is our name, ``roots`` as for ``ServerSessions``."""
    sessions = ServerSessions(resolver, hello, dialling, roots=roots)

    async def open_session(key: Key, until: float) -> Courier | NoSession:
        wish = Wish.REQUIRES if key.requires_tls else Wish.NOTHING
        found, _ = await sessions.open(Host(NextHop(HopKind.SERVER, key.hop.url), wish=wish), until)
        return found

    return open_session
