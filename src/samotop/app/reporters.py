"""The services that report to other domains, with the stores and keys of a server process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final
from zlib import crc32

from samotop.address import Address
from samotop.app.relaying import sign_mail
from samotop.config.shapes import Config
from samotop.dns.resolver import Resolver
from samotop.net.fetch import HttpsFetcher
from samotop.observe.log import Log
from samotop.ports import Spool
from samotop.ports.clock import Clock
from samotop.reporting.daily import DailyReporting, Reporter, ReportRules
from samotop.reporting.dmarc import DmarcReporting
from samotop.reporting.tls import TlsReporting
from samotop.store.database import Database
from samotop.store.keys import DkimKeys
from samotop.store.tallies import SqliteTallies

REPORT_HOURS: Final = 4
"""Hours after midnight UTC within which the reports of the day before go out."""


class Reportings:
    """Begins those that the configuration wants, and stops them. ``sends``: they send, too, in one process of several.

    ``may_send`` says whether mail can be delivered to an address at all.
    """

    def __init__(
        self,
        config: Config,
        home: Path,
        database: Database,
        spool: Spool,
        may_send: Callable[[Address], bool],
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        *,
        sends: bool,
    ) -> None:
        self._config = config
        self._home = home
        self._database = database
        self._spool = spool
        self._may_send = may_send
        self._clock = clock
        self._loop = loop
        self._log = log
        self._sends = sends
        self.running: list[DailyReporting] = []

    def begin_dmarc(self, resolver: Resolver) -> DmarcReporting | None:
        """From now on count messages for aggregate reports, where they are to be reported."""
        if not self._config.reports.dmarc:
            return None
        reporting = DmarcReporting(
            SqliteTallies(self._database, "dmarc"),
            self._spool,
            resolver,
            self._reporter(),
            self._clock,
            self._loop,
            self._log,
            sends=self._sends,
            rules=self._rules(),
        )
        self._run(reporting)
        return reporting

    def begin_tls(self, resolver: Resolver) -> TlsReporting | None:
        """From now on count what TLS comes to with other domains' hosts, where that is to be reported."""
        if not self._config.reports.tls:
            return None
        reporting = TlsReporting(
            SqliteTallies(self._database, "tls"),
            self._spool,
            resolver,
            HttpsFetcher(resolver, verifies=False),
            self._reporter(),
            self._clock,
            self._loop,
            self._log,
            sends=self._sends,
            rules=self._rules(),
        )
        self._run(reporting)
        return reporting

    async def stop(self) -> None:
        for reporting in self.running:
            await reporting.stop()

    def _run(self, reporting: DailyReporting) -> None:
        self.running.append(reporting)
        reporting.start()

    def _reporter(self) -> Reporter:
        """Who reports: our postmaster, with the keys of our first domain."""
        domain = self._config.domains[0]
        sign = partial(sign_mail, DkimKeys(self._home), domain)
        return Reporter(self._config.hostname, Address("postmaster", domain), sign, self._may_send)

    def _rules(self) -> ReportRules:
        """Not all servers of the world at midnight: each at its own moment of the hours after it."""
        return ReportRules(delay=REPORT_HOURS * 3600 * crc32(self._config.hostname.encode()) / 2**32)
