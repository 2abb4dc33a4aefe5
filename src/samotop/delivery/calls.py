"""What the relay asks of whoever opens sessions with other servers (``caller`` does it over the network).

Protocols and values alone, so that the relay is tested with a fake.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from samotop.content import Content
from samotop.envelope import Envelope
from samotop.ports.transport import Outcome
from samotop.routing.nexthop import NextHop
from samotop.tlspolicy.exchanges import Exchanges
from samotop.tlspolicy.requiretls import Wish

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Host:
    """One server to be called. ``name`` is its host name, or the IP address of a literal, empty for a server by URL.

    ``exchanges`` is how DNS named it.
    """

    hop: NextHop
    name: str = ""
    exchanges: Exchanges | None = None
    wish: Wish = Wish.NOTHING
    """Of the sender, for all that is sent there in one session."""

    @property
    def requires_tls(self) -> bool:
        """Must the session be verified because the sender says so?"""
        return self.wish in (Wish.REQUIRES, Wish.NOTIFIES)

    @property
    def key(self) -> str:
        """What its failures are remembered under."""
        return self.name or str(self.hop)


@dataclass(frozen=True, slots=True)
class NoVisit:
    """There is no session. ``outcome`` is for every recipient it was for.

    ``is_host``: the host did not answer as a mail server should, and is better
    left alone for a while; else it is its TLS, or our own fault.
    """

    outcome: Outcome
    is_host: bool = True


class Visit(Protocol):
    """An open session. ``server`` is the host's name, ``tls`` says in words how it is protected, and why so."""

    @property
    def server(self) -> str: ...

    @property
    def tls(self) -> str: ...

    @property
    def is_usable(self) -> bool:
        """May another message be given to it?"""
        ...

    @property
    def is_stale(self) -> bool:
        """Had it ended before the last message was begun, so that no server has seen anything of that?"""
        ...

    async def deliver(
        self, envelope: Envelope, content: Content, until: float, *, seconds_left: int | None, may_convert: bool
    ) -> list[Outcome]:
        """Send one message before ``until`` (the loop's clock); one outcome for each recipient, in order.

        ``seconds_left`` is what DELIVERBY has left (RFC 2852 §4). Raises ``ValueError`` for a damaged content.
        """
        ...

    async def close(self) -> None:
        """Say goodbye; does not wait long."""
        ...


class Beside(Protocol):
    """Runs a job that may block in a thread."""

    def __call__(self, job: Callable[[], T], /) -> Coroutine[Any, Any, T]: ...


class Caller(Protocol):
    async def visit(self, host: Host, until: float) -> Visit | NoVisit:
        """Open a session before ``until`` (the loop's clock). Raises nothing but ``asyncio.CancelledError``."""
        ...
