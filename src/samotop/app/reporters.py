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
from samotop.reporting.daily import Reporter, ReportRules
from samotop.reporting.dmarc import DmarcReporting
from samotop.reporting.tls import TlsReporting
from samotop.store.database import Database
from samotop.store.keys import DkimKeys
from samotop.store.tallies import SqliteTallies

REPORT_HOURS: Final = 4
"""Hours after midnight UTC within which the reports of the day before go out."""


def open_dmarc_reporting(
    config: Config,
    home: Path,
    database: Database,
    spool: Spool,
    resolver: Resolver,
    may_send: Callable[[Address], bool],
    clock: Clock,
    loop: asyncio.AbstractEventLoop,
    log: Log,
    *,
    sends: bool,
) -> DmarcReporting:
    """Counts messages for aggregate reports; ``sends`` them as well, in one process of several."""
    return DmarcReporting(
        SqliteTallies(database, "dmarc"),
        spool,
        resolver,
        make_reporter(config, home, may_send),
        clock,
        loop,
        log,
        sends=sends,
        rules=plan_reports(config),
    )


def open_tls_reporting(
    config: Config,
    home: Path,
    database: Database,
    spool: Spool,
    resolver: Resolver,
    may_send: Callable[[Address], bool],
    clock: Clock,
    loop: asyncio.AbstractEventLoop,
    log: Log,
    *,
    sends: bool,
) -> TlsReporting:
    """Counts what TLS comes to with other domains' hosts; ``sends`` reports as well, in one process of several."""
    return TlsReporting(
        SqliteTallies(database, "tls"),
        spool,
        resolver,
        HttpsFetcher(resolver, verifies=False),
        make_reporter(config, home, may_send),
        clock,
        loop,
        log,
        sends=sends,
        rules=plan_reports(config),
    )


def make_reporter(config: Config, home: Path, may_send: Callable[[Address], bool]) -> Reporter:
    """Who reports: our postmaster, with the keys of our first domain."""
    domain = config.domains[0]
    sign = partial(sign_mail, DkimKeys(home), domain)
    return Reporter(config.hostname, Address("postmaster", domain), sign, may_send)


def plan_reports(config: Config) -> ReportRules:
    """Not all servers of the world at midnight: each at its own moment of the hours after it."""
    return ReportRules(delay=REPORT_HOURS * 3600 * crc32(config.hostname.encode()) / 2**32)
