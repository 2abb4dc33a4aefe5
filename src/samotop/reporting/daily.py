"""What reports to other domains have in common: counted as things happen, written and sent once a day.

Counting is on the event loop and in memory. What was counted goes to the
tallies every ``ReportRules.flush`` seconds, in a thread; a crash loses what came
since, which is nobody's mail. After the end of a day (UTC), and a delay that
differs from server to server so that not all report at midnight, each domain
that wants one gets its report: an entry of the queue, like any mail. A crash in
between repeats a report with the same id, which its reader counts once (RFC
9990 §3.1.2, RFC 8460 §4.1).

What cannot be sent yet is tried again after an hour, then two, then four. A day
that could not be reported within ``ReportRules.keep`` days is forgotten. All
processes of a server count, one of them (``sends``) reports.

What a kind of report counts and says is its own: it fills the hook
``_report``, and ``_sift`` if not all that was counted may be kept.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final, Protocol, TypeVar

from samotop.address import NULL_PATH, Address
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.errors import TryAgainLater
from samotop.net.threads import DaemonPool
from samotop.ports import Spool, SpoolFault
from samotop.ports.clock import Clock
from samotop.ports.tallies import DAY_SECONDS, Tallies, Tally
from samotop.transport.ours import commit_ours

ROWS_LIMIT: Final = 20_000
"""Distinct rows in memory between two flushes; what comes beyond is not reported. A busy server has some thousands."""
REPORT_ROWS: Final = 50_000
"""Distinct rows of one report: about 5 MB of text, which gzip makes 200 KB."""
REPORTS_LIMIT: Final = 1000
"""Reports of one look, about a quarter of an hour: a stranger with many names can make us no newsletter."""
AT_ONCE: Final = 8
"""Reports in work at the same time: one whose name servers are silent keeps no others waiting."""
FIRST_REST: Final = 3600.0
"""Seconds until a report that could not be sent is tried again; twice as long each time after that."""

NAME_LIMIT: Final = 100
"""Characters of a domain in a report's id; of a longer one its sum stands there."""
SIFT_SECONDS: Final = 30.0
LAST_SECONDS: Final = 1.0
"""For finding out what may be kept: each time, and when the server stops."""

Key = tuple[int, str, bytes]
"""Day, domain and record."""

T = TypeVar("T")


def format_report_id(day: int, domain: str) -> str:
    """What is the same whenever the report is written, and short enough for a header's line."""
    name = domain if len(domain) <= NAME_LIMIT else sha256(domain.encode()).hexdigest()
    return f"{day}.{name}"


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


class DailyReporting(ABC):
    """One process's part in one ``kind`` of report."""

    kind: str

    def __init__(
        self,
        tallies: Tallies,
        spool: Spool,
        reporter: Reporter,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        *,
        sends: bool,
        rules: ReportRules,
    ) -> None:
        self._tallies = tallies
        self._spool = spool
        self._reporter = reporter
        self._clock = clock
        self._loop = loop
        self._log = log
        self._sends = sends
        self._rules = rules
        self._counts: Counter[Key] = Counter()
        self._rests: dict[tuple[int, str], tuple[float, float]] = {}
        """Reports that could not be sent: when to try again, and how long the rest was."""
        self._pool = DaemonPool(1, f"samotop-reports-{self.kind}")
        self._tasks: list[asyncio.Task[None]] = []

    # --- hooks ----------------------------------------------------------------------------------

    @abstractmethod
    async def _report(self, day: int, domain: str, tallies: list[Tally]) -> bool:
        """Send the report of one day to one domain; ``False`` where it is to be tried again later."""

    async def _sift(self, counts: Counter[Key], seconds: float) -> Counter[Key]:
        """What of it may be kept until the report is due; finding out may take ``seconds``."""
        return counts

    # --- counting -------------------------------------------------------------------------------

    def start(self) -> None:
        """Flush, and send, from now on."""
        self._tasks.append(self._loop.create_task(self._repeat(self._sift_and_flush, self._rules.flush)))
        if self._sends:
            self._tasks.append(self._loop.create_task(self._repeat(self.send_due, self._rules.look)))

    async def stop(self) -> None:
        """Write down what was counted; a report that is under way is made again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._sift_and_flush(LAST_SECONDS)
        self._pool.close(cancels=True)

    def _count(self, domain: str, record: bytes) -> None:
        """Once more today."""
        key = (int(self._clock.time() // DAY_SECONDS), domain, record)
        if len(self._counts) < ROWS_LIMIT or key in self._counts:
            self._counts[key] += 1

    async def _sift_and_flush(self, seconds: float = SIFT_SECONDS) -> None:
        counts, self._counts = self._counts, Counter()
        try:
            counts = await self._sift(counts, seconds) if counts else counts
        finally:  # also where the server stops meanwhile
            self._counts.update(counts)
        await self.flush()

    async def flush(self) -> None:
        """Hand what was counted to the tallies; where they do not answer it is kept until the next time."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            add = partial(self._tallies.add, [Tally(*key, count) for key, count in counts.items()])
            await asyncio.shield(self._beside(add))  # once begun it counts, also where the server stops meanwhile
        except TryAgainLater as error:
            self._counts.update(counts)
            self._log.error("report_rows_kept_back", count=len(counts), error=error)

    # --- reporting ------------------------------------------------------------------------------

    async def send_due(self) -> None:
        """Write and send the reports of all days that are over."""
        today = int((self._clock.time() - self._rules.delay) // DAY_SECONDS)
        now = self._clock.monotonic()
        try:
            await self._beside(partial(self._tallies.expire, today - self._rules.keep))
            pending = await self._beside(partial(self._tallies.pending, today))
            known = set(pending)
            self._rests = {key: rest for key, rest in self._rests.items() if key in known}
            due = [key for key in pending if key not in self._rests or self._rests[key][0] <= now]
            waiting = iter(due[:REPORTS_LIMIT])
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(due))):
                    group.create_task(self._work(waiting))
        except* (TryAgainLater, SpoolFault) as faults:
            self._log.error("reports_put_off", error=faults.exceptions[0])

    async def _work(self, waiting: Iterator[tuple[int, str]]) -> None:
        for day, domain in waiting:
            if await self._try_report(day, domain):
                await self._beside(partial(self._tallies.drop, day, domain))
                self._rests.pop((day, domain), None)
            else:
                rest = 2 * self._rests[day, domain][1] if (day, domain) in self._rests else FIRST_REST
                self._rests[day, domain] = self._clock.monotonic() + rest, rest

    async def _try_report(self, day: int, domain: str) -> bool:
        """``False`` where it is to be tried again later; of one that cannot be made, nothing is left to try."""
        try:
            tallies = await self._beside(partial(self._tallies.get, day, domain, REPORT_ROWS))
            return not tallies or await self._report(day, domain, tallies)
        except (TryAgainLater, SpoolFault):
            raise
        except Exception as error:  # noqa: BLE001 - what strangers published must not keep the reports of others back
            self._log.error("report_failed", kind=self.kind, error=error)
            return True

    async def _choose_reachable(self, addresses: list[Address]) -> list[Address]:
        """Those of ``addresses`` that mail can be delivered to."""
        return [one for one in addresses if await self._beside(partial(self._reporter.may_send, one))]

    async def _queue(self, mail: bytes, recipients: list[Address], count: int) -> None:
        """Make it an entry of the queue, durable when this returns. Raises ``SpoolFault``.

        Its reverse-path is null: nobody is told if it cannot be delivered, and nothing reports on that.
        """
        draft = self._spool.begin(lambda: None)
        draft.write(mail)
        envelope = Envelope(NULL_PATH, tuple(map(Recipient, recipients)), MailParameters())
        await commit_ours(draft, envelope, self._clock.time())
        self._log.info("report_queued", kind=self.kind, count=count)

    async def _beside(self, job: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._pool.submit(job), loop=self._loop)

    async def _repeat(self, job: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await job()
            except Exception as error:  # noqa: BLE001 - a bug here must not end the reporting of other days
                self._log.error("reporting_failed", error=error)
