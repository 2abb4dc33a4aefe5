"""DMARC aggregate reports for mail that we received (RFC 9990): counted as it comes, sent once a day (``daily``).

``note`` is called for each message, on the event loop, and only counts.
Failure reports are never written: they would tell addresses and contents.
Reports nothing of mail from our own users, exempt peers, or where DNS failed.
"""

from __future__ import annotations

import asyncio
from functools import partial

from samotop.address import Address
from samotop.dns.resolver import Resolver
from samotop.facts import ContentFacts
from samotop.msgauth.reports import (
    DmarcRow,
    Metadata,
    aggregate,
    find_destinations,
    format_message,
    parse_destinations,
)
from samotop.msgauth.results import Result
from samotop.ports import Spool
from samotop.ports.clock import Clock
from samotop.ports.tallies import DAY_SECONDS, Tallies, Tally
from samotop.reporting.daily import DailyReporting, Log, Reporter, ReportRules, format_report_id
from samotop.reporting.dmarc_rows import decode_row, encode_row, make_report_row
from samotop.verdict import Verdict

__all__ = ["DmarcReporting", "ReportRules", "Reporter"]


class DmarcReporting(DailyReporting):
    """One process's part: every process notes, one of them (``sends``) writes the reports."""

    kind = "dmarc"

    def __init__(
        self,
        tallies: Tallies,
        spool: Spool,
        resolver: Resolver,
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

    def note(self, facts: ContentFacts, verdict: Verdict) -> None:
        """Count a message and what became of it."""
        row = make_report_row(facts, verdict)
        if row is not None:
            self._count(row.policy.domain, encode_row(row))

    async def _report(self, day: int, domain: str, tallies: list[Tally]) -> bool:
        rows = [(decode_row(tally.record), tally.count) for tally in tallies]
        wanted = parse_destinations(rows[0][0].rua)
        found = await find_destinations(domain, wanted, self._resolver)
        if any(one.result is Result.TEMPERROR for one in found):
            return False
        wanting = [one.address for one in found if one.result is Result.PASS and one.address is not None]
        recipients = await self._choose_reachable(wanting)
        if not recipients:
            return True
        mail = await self._beside(partial(self._compose, day, domain, rows, recipients))
        too_small = {one.address for one in found if not one.takes(len(mail))}
        recipients = [one for one in recipients if one not in too_small]
        if recipients:
            await self._queue(mail, recipients, sum(count for _, count in rows))
        return True

    def _compose(self, day: int, domain: str, rows: list[tuple[DmarcRow, int]], recipients: list[Address]) -> bytes:
        reporter, now = self._reporter, self._clock.time()
        begin = day * DAY_SECONDS
        metadata = Metadata(
            org_name=reporter.hostname,
            email=str(reporter.author),
            report_id=format_report_id(day, domain),
            begin=begin,
            end=begin + DAY_SECONDS - 1,
            generator="Samotop",
        )
        report = aggregate(rows, metadata)
        mail = format_message(
            report,
            receiver=reporter.hostname,
            author=reporter.author,
            recipients=recipients,
            now=now,
            message_id=f"{metadata.report_id}@{reporter.hostname}",
        )
        return reporter.sign(mail) + mail
