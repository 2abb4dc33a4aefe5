"""TLS reports on sessions with other domains' hosts (RFC 8460): counted as they come, sent once a day (``daily``).

``note_session`` and ``note_policy`` are delivery's: on the event loop, they only
count. Kept is what happened with domains that ask for reports; for others
nothing is written down, so that the store does not tell whom we write to.

A report goes to each destination of the domain's record: posted over HTTPS, and
as a mail that asks to be delivered however broken TLS is (RFC 8689 §3). How the
sessions go that carry reports is not counted: that would be the next report
(RFC 8460 §3). Such a session is known by what its sender set aside.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Final, Protocol

from samotop.address import Address
from samotop.dns.names import normalize_name
from samotop.dns.resolver import Resolver
from samotop.msgauth.results import Result
from samotop.ports import Spool
from samotop.ports.clock import Clock
from samotop.ports.tallies import DAY_SECONDS, Tallies, Tally
from samotop.reporting.daily import DailyReporting, Key, Log, Reporter, ReportRules, format_report_id
from samotop.tlspolicy.judge import Judgement
from samotop.tlspolicy.levels import Source
from samotop.tlspolicy.mtasts import Fetched, FetchStatus, StsFound
from samotop.tlspolicy.plan import TlsPlan
from samotop.tlspolicy.tlsrpt import (
    Metadata,
    TlsReport,
    TlsRow,
    aggregate,
    compress_report,
    decode_row,
    encode_row,
    format_message,
    lookup_reporting,
    make_fetch_row,
    make_row,
)

ASKED_AT_ONCE: Final = 16
"""Domains that are asked about at the same time."""
MEDIA_TYPE: Final = "application/tlsrpt+gzip"
"""What is posted (RFC 8460 §6.5)."""


class Poster(Protocol):
    """Hands a report in over HTTPS; ``net.fetch.HttpsFetcher`` is one. The server's certificate need not verify."""

    async def post(self, url: str, body: bytes, media_type: str) -> Fetched:
        """Raises nothing but ``asyncio.CancelledError``."""
        ...


class TlsReporting(DailyReporting):
    """One process's part: every process notes, one of them (``sends``) writes the reports."""

    kind = "tls"

    def __init__(
        self,
        tallies: Tallies,
        spool: Spool,
        resolver: Resolver,
        poster: Poster,
        reporter: Reporter,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        *,
        sends: bool = True,
        rules: ReportRules = ReportRules(),
    ) -> None:
        super().__init__(tallies, spool, reporter, clock, loop, log, sends=sends, rules=rules)
        self._resolver = resolver
        self._poster = poster

    def note_session(self, plan: TlsPlan, judged: Judgement) -> None:
        """Count a session with one of a domain's hosts, or a host that was passed over."""
        if plan.source is not Source.SENDER:  # else no policy was asked for: as for our reports
            self._note(make_row(plan, judged))

    def note_policy(self, found: StsFound) -> None:
        """Count an MTA-STS policy that could not be fetched."""
        self._note(make_fetch_row(found))

    def _note(self, row: TlsRow | None) -> None:
        if row is None:
            return
        try:
            domain = normalize_name(row.policy.domain)
        except ValueError:
            return
        if domain and not domain.rpartition(".")[2].isdigit() and ":" not in domain:  # an address is nobody's domain
            self._count(domain, encode_row(row))

    async def _sift(self, counts: Counter[Key], seconds: float) -> Counter[Key]:
        """Only what somebody wants to hear of; domains of which DNS does not tell stay for now."""
        unwanted: set[str] = set()
        domains = iter({domain for _, domain, _ in counts})

        async def ask() -> None:
            for domain in domains:
                found = await lookup_reporting(domain, self._resolver)
                if found.result in (Result.NONE, Result.PERMERROR):
                    unwanted.add(domain)

        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for _ in range(ASKED_AT_ONCE):
                    group.create_task(ask())
        except TimeoutError:
            pass
        return Counter({key: count for key, count in counts.items() if key[1] not in unwanted})

    async def _report(self, day: int, domain: str, tallies: list[Tally]) -> bool:
        found = await lookup_reporting(domain, self._resolver)
        if found.result is Result.TEMPERROR:
            return False
        if found.result is not Result.PASS:
            return True
        rows = [(decode_row(tally.record), tally.count) for tally in tallies]
        report = await self._beside(partial(aggregate, rows, self._describe(day, domain)))
        recipients = await self._choose_reachable(list(found.addresses))
        if recipients:
            mail = await self._beside(partial(self._compose, report, recipients))
            await self._queue(mail, recipients, report.successes + report.failures)
        statuses = await self._post(report, found.urls)
        # One copy is enough: whoever got a mail is not written to again because a web server was away.
        return bool(recipients) or FetchStatus.OK in statuses or FetchStatus.FAILED not in statuses

    async def _post(self, report: TlsReport, urls: tuple[str, ...]) -> list[FetchStatus]:
        packed = await self._beside(partial(compress_report, report)) if urls else b""
        statuses = [(await self._poster.post(url, packed, MEDIA_TYPE)).status for url in urls]
        for status in statuses:
            self._log.info("report_posted", kind=self.kind, status=status.value)
        return statuses

    def _describe(self, day: int, domain: str) -> Metadata:
        reporter, begin = self._reporter, day * DAY_SECONDS
        report_id = f"{format_report_id(day, domain)}@{reporter.hostname}"
        return Metadata(reporter.hostname, str(reporter.author), report_id, begin, begin + DAY_SECONDS - 1)

    def _compose(self, report: TlsReport, recipients: list[Address]) -> bytes:
        reporter = self._reporter
        now = self._clock.time()
        mail = format_message(
            report, submitter=reporter.hostname, author=reporter.author, recipients=recipients, now=now
        )
        return reporter.sign(mail) + mail
