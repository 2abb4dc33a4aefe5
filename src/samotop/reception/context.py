"""What all sessions of a process share, given to each when it begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Protocol

from samotop.facts import MailFacts
from samotop.ports import Accounts, Clock, Spool
from samotop.ports.inquiry import Inquirer
from samotop.ports.nexthop import NextHops
from samotop.reception.gate import Gate
from samotop.reception.listener import TlsProvider
from samotop.reception.login import LoginRules, PasswordCheck
from samotop.reception.rules import Rules
from samotop.reception.stages import Stages
from samotop.reception.transcript import Transcript

if TYPE_CHECKING:
    from samotop.reception.connection import Connection


class Log(Protocol):
    """Where events are told; fields are allow-listed by whoever writes them (``observe``)."""

    def debug(self, event: str, **fields: Any) -> None: ...

    def info(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


class Silence:
    """A log for programs that want none."""

    def debug(self, event: str, **fields: Any) -> None:
        return

    def info(self, event: str, **fields: Any) -> None:
        return

    def error(self, event: str, **fields: Any) -> None:
        return


@dataclass(frozen=True, slots=True)
class Logins:
    """Who may log in, and how that is found out."""

    accounts: Accounts
    checker: PasswordCheck
    rules: LoginRules


@dataclass(slots=True)
class Context:
    """Shared by all sessions. Lives on one event loop.

    ``exempt`` are networks whose peers are not made to wait before the
    banner, nor inquired about. ``inquirer`` finds out who writes; without one
    nobody does; ``needs_names`` says for whom the first recipient's answer waits for its early results,
    ``needs_sender`` that all others' waits a moment for SPF. ``next_hops`` are asked while
    senders wait. ``tasks`` keeps awaited decisions alive. ``emptied`` is set each time the last session ends.
    ``transcript`` prints every dialogue, where one is given.
    """

    hostname: str
    loop: asyncio.AbstractEventLoop
    clock: Clock
    spool: Spool
    stages: Stages
    rules: Rules
    gate: Gate
    tls: TlsProvider | None = None
    logins: Logins | None = None
    log: Log = field(default_factory=Silence)
    exempt: tuple[IPv4Network | IPv6Network, ...] = ()
    sessions: set[Connection] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)
    is_stopping: bool = False
    transcript: Transcript | None = None
    inquirer: Inquirer | None = None
    next_hops: NextHops | None = None
    needs_names: Callable[[MailFacts], bool] | None = None
    needs_sender: bool = False

    def forget(self, session: Connection) -> None:
        """A session is over."""
        self.sessions.discard(session)
        if not self.sessions:
            self.emptied.set()
