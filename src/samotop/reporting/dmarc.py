"""DMARC aggregate reports for mail that we received (RFC 9990): counted as it comes, written and sent once a day.

``note`` is called for each message, on the event loop, and only counts. What
was counted goes to the tallies every ``ReportRules.flush`` seconds, in a thread; a
crash loses what came since, which is nobody's mail. After the end of a day
(UTC), and a delay that differs from server to server so that not all report
at midnight, each policy domain that wants one gets its report: an entry of
the queue, like any mail. A crash in between repeats a report with the same id,
which its reader counts once (RFC 9990 §3.1.2).

A day that could not be reported within ``ReportRules.keep`` days is forgotten.
Failure reports are never written: they would tell addresses and contents.
Reports nothing of mail from our own users, exempt peers, or where DNS failed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from samotop.address import NULL_PATH, Address
from samotop.dns.resolver import Resolver
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.errors import TryAgainLater
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
from samotop.net.threads import DaemonPool
from samotop.ports import Spool, SpoolFault
from samotop.ports.clock import Clock
from samotop.ports.tallies import DAY_SECONDS, Tallies, Tally
from samotop.reporting.dmarc_rows import decode_row, encode_row, make_report_row
from samotop.transport.ours import commit_ours
from samotop.verdict import Verdict

ROWS_LIMIT: Final = 20_000
"""Distinct rows in memory between two flushes; what comes beyond is not reported. A busy server has some thousands."""
REPORT_ROWS: Final = 50_000
"""Distinct rows of one report: about 5 MB of XML, which gzip makes 200 KB."""

REPORTS_LIMIT: Final = 1000
"""Reports of one look, about a quarter of an hour: a stranger with many names can make us no newsletter."""

T = TypeVar("T")


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class ReportRules:
    """Times in seconds. ``delay`` is how long after midnight UTC the reports of the day before go out."""

    delay: float = 3600.0
    flush: float = 60.0
    look: float = 900.0
    """How often it is looked whether reports are due."""
    keep: int = 3
    """Days that a report may come late before it is not written at all."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports. ``hostname`` is the submitter, ``author`` the address that reports come from."""

    hostname: str
    author: Address
    sign: Callable[[bytes], bytes]
    """The signature fields for a mail by ``author``; called in a thread."""
    may_send: Callable[[Address], bool]
    """Can mail be delivered there? Called in a thread."""


class DmarcReporting:
    """One process's part: every process notes, one of them (``sends``) writes the reports."""

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
        self._tallies = tallies
        self._spool = spool
        self._resolver = resolver
        self._reporter = reporter
        self._clock = clock
        self._loop = loop
        self._log = log
        self._sends = sends
        self._rules = rules
        self._counts: Counter[tuple[int, str, bytes]] = Counter()
        self._pool = DaemonPool(1, "samotop-reports")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Flush, and send, from now on."""
        self._tasks.append(self._loop.create_task(self._repeat(self.flush, self._rules.flush)))
        if self._sends:
            self._tasks.append(self._loop.create_task(self._repeat(self.send_due, self._rules.look)))

    async def stop(self) -> None:
        """Write down what was counted; a report that is under way is made again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self.flush()
        self._pool.close(cancels=True)

    def note(self, facts: ContentFacts, verdict: Verdict) -> None:
        """Count a message and what became of it."""
        row = make_report_row(facts, verdict)
        if row is None:
            return
        key = (int(self._clock.time() // DAY_SECONDS), row.policy.domain, encode_row(row))
        if len(self._counts) < ROWS_LIMIT or key in self._counts:
            self._counts[key] += 1

    async def flush(self) -> None:
        """Hand what was counted to the tallies; where they do not answer it is kept until the next time."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self._beside(partial(self._tallies.add, [Tally(*key, count) for key, count in counts.items()]))
        except TryAgainLater as error:
            self._counts.update(counts)
            self._log.error("report_rows_kept_back", count=len(counts), error=error)

    async def send_due(self) -> None:
        """Write and queue the reports of all days that are over."""
        today = int((self._clock.time() - self._rules.delay) // DAY_SECONDS)
        try:
            await self._beside(partial(self._tallies.expire, today - self._rules.keep))
            pending = await self._beside(partial(self._tallies.pending, today))
            for day, domain in pending[:REPORTS_LIMIT]:
                if await self._try_report(day, domain):
                    await self._beside(partial(self._tallies.drop, day, domain))
        except (TryAgainLater, SpoolFault) as error:
            self._log.error("reports_put_off", error=error)

    async def _try_report(self, day: int, domain: str) -> bool:
        """``False`` where it is to be tried again later; of one that cannot be made, nothing is left to try."""
        try:
            return await self._report(day, domain)
        except (TryAgainLater, SpoolFault):
            raise
        except Exception as error:  # noqa: BLE001 - what strangers published must not keep the reports of others back
            self._log.error("report_failed", error=error)
            return True

    async def _report(self, day: int, domain: str) -> bool:
        """Queue the report of one day for one domain; ``False`` where it is to be tried again later."""
        tallies = await self._beside(partial(self._tallies.get, day, domain, REPORT_ROWS))
        rows = [(decode_row(tally.record), tally.count) for tally in tallies]
        if not rows:
            return True
        wanted = parse_destinations(rows[0][0].rua)
        found = await find_destinations(domain, wanted, self._resolver)
        if any(one.result is Result.TEMPERROR for one in found):
            return False
        wanting = [one.address for one in found if one.result is Result.PASS and one.address is not None]
        recipients = [one for one in wanting if await self._beside(partial(self._reporter.may_send, one))]
        if not recipients:
            return True
        mail = await self._beside(partial(self._compose, day, domain, rows, recipients))
        too_small = {one.address for one in found if not one.takes(len(mail))}
        recipients = [one for one in recipients if one not in too_small]
        if recipients:
            await self._queue(mail, recipients)
            self._log.info("report_queued", kind="dmarc", count=sum(count for _, count in rows))
        return True

    def _compose(self, day: int, domain: str, rows: list[tuple[DmarcRow, int]], recipients: list[Address]) -> bytes:
        reporter, now = self._reporter, self._clock.time()
        begin = day * DAY_SECONDS
        metadata = Metadata(
            org_name=reporter.hostname,
            email=str(reporter.author),
            report_id=f"{day}.{domain}",
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
            message_id=f"{day}.{domain}@{reporter.hostname}",
        )
        return reporter.sign(mail) + mail

    async def _queue(self, mail: bytes, recipients: list[Address]) -> None:
        """Make it an entry of the queue, durable when this returns. Raises ``SpoolFault``."""
        draft = self._spool.begin(lambda: None)
        draft.write(mail)
        envelope = Envelope(NULL_PATH, tuple(map(Recipient, recipients)), MailParameters())
        await commit_ours(draft, envelope, self._clock.time())

    async def _beside(self, job: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._pool.submit(job), loop=self._loop)

    async def _repeat(self, job: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await job()
            except Exception as error:  # noqa: BLE001 - a bug here must not end the reporting of other days
                self._log.error("reporting_failed", error=error)
