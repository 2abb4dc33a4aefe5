"""Being asked by others: what a `milter` or `checkv2` listener calls, with the deciders of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from samotop.address import Address
from samotop.checking.check import CheckingRules, Service
from samotop.checking.http import HttpVisit
from samotop.checking.milter import MilterVisit
from samotop.checking.visit import Visits
from samotop.config.shapes import CHECKING_PROTOCOLS, Config, Listen
from samotop.facts import MailFacts
from samotop.net.listen import ProtocolFactory
from samotop.observe.log import Log
from samotop.ports import Clock, Spool
from samotop.ports.inquiry import Inquirer
from samotop.reception.stages import Stages

MILTER: Final = CHECKING_PROTOCOLS[0]


class Checkers:
    """All that is asked of this process. ``inquirer`` is set when there is a resolver."""

    def __init__(
        self,
        config: Config,
        stages: Stages,
        spool: Spool,
        is_ours: Callable[[Address], bool],
        needs_names: Callable[[MailFacts], bool],
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
    ) -> None:
        rules = CheckingRules(size=config.limits.size, recipients=max(1000, config.limits.recipients))
        self._service = Service(
            config.hostname,
            loop,
            clock,
            spool,
            stages,
            is_ours,
            log,
            config.policy.exempt,
            rules,
            needs_names=needs_names,
        )
        self._visits = Visits(self._service)

    def inquire(self, inquirer: Inquirer) -> None:
        """From now on find out who writes."""
        self._service.inquirer = inquirer

    def factory(self, listen: Listen) -> ProtocolFactory:
        """What the listener ``listen`` calls for each connection."""
        visit = MilterVisit if listen.protocol == MILTER else HttpVisit
        return lambda: visit(self._visits, listen.proxy)

    async def stop(self) -> None:
        await self._visits.stop()
