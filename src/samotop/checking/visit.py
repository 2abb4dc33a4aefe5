"""A connection of somebody who asks: who may, how many at once, and one task for each until it ends."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from samotop.checking.check import Service
from samotop.errors import PeerError
from samotop.net.networks import in_networks, parse_networks
from samotop.net.stream import Stream

LOOPBACK: Final = parse_networks(("127.0.0.0/8", "::1"))
STOP_SECONDS: Final = 3.0
"""For who is being answered when we stop."""


class Visits:
    """All connections of one process that ask; ``stop`` ends them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._tasks: dict[asyncio.Task[None], Visit] = {}

    @property
    def count(self) -> int:
        return len(self._tasks)

    def enter(self, visit: Visit, task: asyncio.Task[None]) -> None:
        self._tasks[task] = visit
        task.add_done_callback(lambda one: self._tasks.pop(one, None))

    async def stop(self) -> None:
        """Let those who are being answered hear it, and end all."""
        for visit in list(self._tasks.values()):
            visit.stop()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=STOP_SECONDS)
        for task, visit in list(self._tasks.items()):
            visit.abort()
            task.cancel()


class Visit(Stream):
    """One connection. ``trusted`` are networks beside our own machine whose word on other peers is taken."""

    kind = "checking"

    def __init__(self, visits: Visits, trusted: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        super().__init__()
        self.visits = visits
        self._trusted = trusted
        self._task: asyncio.Task[None] | None = None
        self.is_busy = self.is_stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        address, service = self.peer_address, self.visits.service
        may_ask = not address or in_networks(address, LOOPBACK) or in_networks(address, self._trusted)
        if not may_ask or self.visits.count >= service.rules.visits:
            service.log.info("check_refused", kind=self.kind, check="address" if not may_ask else "visits")
            self.abort()
            return
        self._task = service.loop.create_task(self._serve())
        self.visits.enter(self, self._task)

    async def _serve(self) -> None:
        service = self.visits.service
        try:
            await self.talk()
        except (OSError, PeerError) as error:  # gone, too slow, or no milter: its mail server says what follows
            service.log.info("check_ended", kind=self.kind, error=error)
        except Exception as error:  # noqa: BLE001 - a bug ends this connection and no other
            service.log.error("check_failed", kind=self.kind, error=error)
        finally:
            self.close()

    @abstractmethod
    async def talk(self) -> None:
        """Until the connection ends. Raises ``OSError`` and ``PeerError``."""

    def stop(self) -> None:
        """End it, at once where nobody is being answered."""
        self.is_stopping = True
        if not self.is_busy:
            self.abort()
