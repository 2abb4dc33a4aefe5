"""TLS reports from the first session of a day to the mail and the request that tell of it."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from samotop.address import NULL_PATH, Address
from samotop.dns.answer import Answer
from samotop.msgauth.results import Result
from samotop.net.fetch import FetchRules, HttpsFetcher
from samotop.ports import SpoolFault
from samotop.ports.tallies import DAY_SECONDS
from samotop.reporting.daily import FIRST_REST, Reporter, ReportRules
from samotop.reporting.tls import TlsReporting
from samotop.store.database import Database
from samotop.store.tallies import SqliteTallies
from samotop.testing import MovableClock, ZoneResolver
from samotop.tlspolicy import Failure, Level, Mode, StsFound, StsPolicy, plan_tls
from samotop.tlspolicy.judge import Judgement
from samotop.tlspolicy.mtasts import Fetched, FetchStatus
from samotop.tlspolicy.plan import TlsPlan
from samotop.tlspolicy.requiretls import Wish
from samotop.tlspolicy.tlsrpt import parse_report, read_message, unpack_report
from tests.fakes.wire import FakeSpool

POLICY = StsPolicy(Mode.ENFORCE, ("mx.example.net",), 86400)
GOOD = Judgement(Result.PASS, Level.VERIFIED)
BAD = Judgement(Result.FAIL, Level.ENCRYPTED, Failure.EXPIRED, "a certificate has expired; so there")
MAIL = "v=TLSRPTv1; rua=mailto:tls@example.net"
WEB = "v=TLSRPTv1; rua=https://example.net/reports"
BOTH = f"{MAIL},https://example.net/reports"


def plan(domain: str = "example.net", **given: object) -> TlsPlan:
    return plan_tls(domain, f"mx.{domain}", now=0.0, sts=POLICY, **given)  # type: ignore[arg-type]  # as the case says


class Web:
    """Takes what is posted, and answers ``status``."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes, str]] = []
        self.status = FetchStatus.OK

    async def post(self, url: str, body: bytes, media_type: str) -> Fetched:
        self.posted.append((url, body, media_type))
        return Fetched(self.status)


class Bench:
    """A reporting with everything around it; ``record`` is what example.net publishes."""

    def __init__(self, folder: Path, record: str = MAIL, zones: dict[str, object] | None = None) -> None:
        self.database = Database(str(folder / "state.db"))
        self.clock = MovableClock()
        self.spool = FakeSpool()
        self.web = Web()
        self.events: list[str] = []
        self.zones = {"_smtp._tls.example.net": {"TXT": [f'"{record}"']}} if zones is None else zones
        self.reporting = self.open()

    def open(self, *, sends: bool = True) -> TlsReporting:
        return TlsReporting(
            SqliteTallies(self.database, "tls"),
            self.spool,
            ZoneResolver(self.zones),  # type: ignore[arg-type]  # a plain dict of zones
            self.web,
            Reporter(
                "mx.example.org",
                Address("postmaster", "example.org"),
                lambda mail: b"DKIM-Signature: of %d octets\r\n" % len(mail),
                lambda address: address.domain != "unreachable.example",
            ),
            self.clock,
            asyncio.get_running_loop(),
            self,
            sends=sends,
            rules=ReportRules(delay=3600),
        )

    def next_day(self) -> None:
        """To an hour and a minute after midnight."""
        self.clock.move(DAY_SECONDS - self.clock.time() % DAY_SECONDS + 3660)

    async def tell(self) -> list[tuple[list[str], bytes]]:
        """Flush, look what is due; the mails that were queued, with their recipients."""
        await self.reporting._sift_and_flush()
        await self.reporting.send_due()
        told = [([str(r.address) for r in entry.envelope.recipients], mail) for entry, mail in self.spool.stored]
        assert all(entry.envelope.reverse_path is NULL_PATH for entry, _ in self.spool.stored)
        self.spool.stored.clear()
        return told

    def count(self) -> int:
        found = self.database.reader().execute("SELECT coalesce(sum(count), 0) FROM tally").get
        assert isinstance(found, int)
        return found

    async def close(self) -> None:
        await self.reporting.stop()
        self.database.close()

    def info(self, event: str, **fields: object) -> None:
        self.events.append(event)

    error = info


@pytest.fixture
async def bench(tmp_path: Path):
    made = Bench(tmp_path)
    yield made
    await made.close()


async def test_a_day_of_sessions_becomes_one_report(bench: Bench) -> None:
    """RFC 8460 §4, §5.3: numbers by policy, in a signed mail that asks to be delivered in any case."""
    for _ in range(3):
        bench.reporting.note_session(plan(), GOOD)
    await bench.reporting.flush()
    bench.reporting.note_session(plan(), BAD)
    bench.reporting.note_policy(StsFound("example.net", Result.TEMPERROR, failure=Failure.STS_FETCH, reason="away"))
    begin = int(bench.clock.time() // DAY_SECONDS * DAY_SECONDS)
    assert await bench.tell() == [], "the day is not over"
    bench.next_day()
    ((recipients, mail),) = await bench.tell()
    assert recipients == ["tls@example.net"]
    assert mail.startswith(b"DKIM-Signature: of ")
    for field in (
        b"From: TLS reports <postmaster@example.org>",
        b"TLS-Report-Domain: example.net",
        b"TLS-Report-Submitter: mx.example.org",
        b"TLS-Required: No",
    ):
        assert b"\r\n" + field + b"\r\n" in mail
    report = read_message(mail)
    assert report.problems == ()
    assert (report.metadata.organization, report.metadata.contact) == ("mx.example.org", "postmaster@example.org")
    assert (report.metadata.begin, report.metadata.end) == (begin, begin + DAY_SECONDS - 1)
    applied, unfetched = report.policies
    assert (applied.policy.type, applied.policy.domain, applied.policy.hosts) == (
        "sts",
        "example.net",
        ("mx.example.net",),
    )
    assert (applied.successes, applied.failures) == (3, 1)
    (detail,) = applied.details
    assert (detail.type, detail.host, detail.reason) == (
        "certificate-expired",
        "mx.example.net",
        "a certificate has expired",
    )
    assert (detail.sender_address, detail.receiver_address) == ("", "")
    assert unfetched.details[0].type == "sts-policy-fetch-error"
    assert await bench.tell() == [], "what was told is forgotten"


async def test_workers_add_up_and_one_of_them_reports(bench: Bench) -> None:
    """Each process counts for itself; what the one has written down is in the report of the other."""
    other = bench.open(sends=False)
    for reporting in (bench.reporting, other, other):
        reporting.note_session(plan(), GOOD)
    await other.stop()
    bench.next_day()
    ((_, mail),) = await bench.tell()
    assert read_message(mail).successes == 3


async def test_what_was_counted_survives_a_restart(bench: Bench) -> None:
    """The end of a process writes it down, the next one tells it, with the same id."""
    bench.reporting.note_session(plan(), GOOD)
    await bench.reporting.stop()
    bench.reporting = bench.open()
    bench.next_day()
    ((_, mail),) = await bench.tell()
    report = read_message(mail)
    day = int(bench.clock.time() // DAY_SECONDS) - 1
    assert (report.successes, report.metadata.report_id) == (1, f"{day}.example.net@mx.example.org")


async def test_a_report_that_was_queued_before_a_crash_has_the_same_id(bench: Bench) -> None:
    """Between the queue and the tallies there is no commit for both: its reader counts it once."""
    bench.reporting.note_session(plan(), GOOD)
    bench.next_day()
    drop, bench.reporting._tallies.drop = bench.reporting._tallies.drop, lambda day, domain: None  # type: ignore[method-assign]  # a store that fails
    ((_, first),) = await bench.tell()
    bench.reporting._tallies.drop = drop  # type: ignore[method-assign]  # a store that fails
    ((_, again),) = await bench.tell()
    assert read_message(first).metadata == read_message(again).metadata
    assert first.partition(b"Message-ID: ")[2][:60] == again.partition(b"Message-ID: ")[2][:60]


@pytest.mark.parametrize("zones", [{}, {"_smtp._tls.example.net": {"TXT": ['"v=TLSRPTv1; rua=ftp://x"']}}])
async def test_of_a_domain_that_asks_for_nothing_nothing_is_kept(tmp_path: Path, zones: dict[str, object]) -> None:
    """Else the store would tell whom people here write to."""
    bench = Bench(tmp_path, zones=zones)
    bench.reporting.note_session(plan(), BAD)
    await bench.reporting._sift_and_flush()
    assert bench.count() == 0
    await bench.close()


async def test_at_the_end_of_the_server_nothing_is_written_down_either(tmp_path: Path) -> None:
    """As far as DNS answers at once: a server that stops has no time to wait."""
    bench = Bench(tmp_path, zones={})
    bench.reporting.note_session(plan(), BAD)
    await bench.reporting.stop()
    assert bench.count() == 0
    bench.database.close()


class SilentResolver:
    """Its name servers are away, and it is patient."""

    async def lookup(self, name: str, kind: str) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_server_that_stops_does_not_wait_for_dns(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samotop.reporting.daily.LAST_SECONDS", 0.01)
    bench.reporting._resolver = SilentResolver()
    bench.reporting.note_session(plan(), BAD)
    await bench.reporting.stop()
    assert bench.count() == 1


async def test_without_an_answer_it_is_kept_until_somebody_knows(tmp_path: Path) -> None:
    """DNS that is away takes no report away, and is not asked again and again."""
    bench = Bench(tmp_path, zones={"_smtp._tls.example.net": "TIMEOUT"})
    bench.reporting.note_session(plan(), BAD)
    bench.next_day()
    assert await bench.tell() == []
    assert bench.count() == 1
    bench.zones["_smtp._tls.example.net"] = {"TXT": [f'"{MAIL}"']}
    bench.reporting._resolver = ZoneResolver(bench.zones)  # type: ignore[arg-type]  # a plain dict of zones
    assert await bench.tell() == [], "it rests"
    bench.clock.move(FIRST_REST)
    assert len(await bench.tell()) == 1
    await bench.close()


async def test_how_reports_travel_is_not_reported(bench: Bench) -> None:
    """RFC 8460 §3: else each report would be the reason for the next one, every day."""
    bench.reporting.note_session(plan(wish=Wish.WAIVES), Judgement(Result.PASS, Level.NONE, Failure.STARTTLS, "no"))
    await bench.reporting._sift_and_flush()
    assert bench.count() == 0


@pytest.mark.parametrize("domain", ["192.0.2.1", "2001:db8::1"])
async def test_an_address_is_nobodys_domain(bench: Bench, domain: str) -> None:
    bench.reporting.note_session(replace(plan(), domain=domain), GOOD)
    await bench.reporting.flush()
    assert bench.count() == 0


async def test_a_report_is_posted_where_the_record_says_so(tmp_path: Path) -> None:
    """RFC 8460 §5.4: the file itself, packed."""
    bench = Bench(tmp_path, WEB)
    bench.reporting.note_session(plan(), GOOD)
    bench.next_day()
    assert await bench.tell() == []
    ((url, body, media_type),) = bench.web.posted
    assert (url, media_type) == ("https://example.net/reports", "application/tlsrpt+gzip")
    assert parse_report(unpack_report(body)).successes == 1
    assert bench.count() == 0
    await bench.close()


async def test_a_name_too_long_to_ask_about_keeps_nothing_back(bench: Bench) -> None:
    """A stranger's domain may leave no room for a label below it."""
    bench.reporting.note_session(plan(".".join(["a" * 61] * 4)), GOOD)
    bench.reporting.note_session(plan(), GOOD)
    bench.next_day()
    assert len(await bench.tell()) == 1
    assert bench.count() == 0


async def test_a_web_server_with_a_bad_certificate_gets_its_report(tmp_path: Path) -> None:
    """Over real TLS: the report may be about that very certificate (RFC 8460 §3)."""
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        taken.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("elsewhere.example").configure_cert(context)
    async with await asyncio.start_server(take, "127.0.0.1", 0, ssl=context) as server:
        zones: dict[str, object] = {
            "_smtp._tls.example.net": {"TXT": [f'"{WEB}"']},
            "example.net": {"A": ["127.0.0.1"]},
        }
        bench = Bench(tmp_path, zones=zones)
        rules = FetchRules(port=server.sockets[0].getsockname()[1], allows_private=True)
        bench.reporting._poster = HttpsFetcher(bench.reporting._resolver, rules=rules, verifies=False)
        bench.reporting.note_session(plan(), BAD)
        bench.next_day()
        await bench.tell()
    (body,) = taken
    assert parse_report(unpack_report(body)).failures == 1
    assert bench.count() == 0
    await bench.close()


async def test_a_domain_with_the_longest_name_gets_its_report(tmp_path: Path) -> None:
    """Its name fits into no line of a header twice."""
    domain = ".".join(["a" * 59] * 4)
    bench = Bench(tmp_path, zones={f"_smtp._tls.{domain}": {"TXT": [f'"{MAIL}"']}})
    bench.reporting.note_session(plan(domain), GOOD)
    bench.next_day()
    ((_, mail),) = await bench.tell()
    assert read_message(mail).domain == domain
    assert max(map(len, mail.split(b"\r\n"))) < 998
    await bench.close()


@pytest.mark.parametrize(
    ("record", "status", "is_kept"),
    [
        (WEB, FetchStatus.FAILED, True),
        (WEB, FetchStatus.REFUSED, False),
        (BOTH, FetchStatus.FAILED, False),
        (BOTH, FetchStatus.OK, False),
    ],
)
async def test_a_web_server_that_is_away_is_asked_later(
    tmp_path: Path, record: str, status: FetchStatus, is_kept: bool
) -> None:
    """Unless a mail tells it already: nobody wants that twice. One that refuses will refuse again."""
    bench = Bench(tmp_path, record)
    bench.web.status = status
    bench.reporting.note_session(plan(), GOOD)
    bench.next_day()
    assert len(await bench.tell()) == (record == BOTH)
    assert bool(bench.count()) is is_kept
    bench.web.status = FetchStatus.OK
    bench.clock.move(FIRST_REST)
    await bench.tell()
    assert (len(bench.web.posted), bench.count()) == (1 + is_kept, 0)
    await bench.close()


async def test_what_cannot_be_delivered_is_not_queued(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "v=TLSRPTv1; rua=mailto:tls@unreachable.example")
    bench.reporting.note_session(plan(), GOOD)
    bench.next_day()
    assert await bench.tell() == []
    assert bench.count() == 0
    await bench.close()


async def test_a_full_disk_puts_a_report_off(bench: Bench) -> None:
    bench.reporting.note_session(plan(), GOOD)
    bench.next_day()
    bench.spool.fault = SpoolFault("no room", is_full=True)
    assert await bench.tell() == []
    assert "reports_put_off" in bench.events
    bench.spool.fault = None
    assert len(await bench.tell()) == 1


async def test_silent_name_servers_do_not_starve_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look has a bound of reports; those that wait for DNS must not fill it each time."""
    monkeypatch.setattr("samotop.reporting.daily.REPORTS_LIMIT", 3)
    silent = {f"_smtp._tls.a{number}.example": "TIMEOUT" for number in range(3)}
    bench = Bench(tmp_path, zones={**silent, "_smtp._tls.example.net": {"TXT": [f'"{MAIL}"']}})
    for domain in ("a0.example", "a1.example", "a2.example", "example.net"):
        bench.reporting.note_session(plan(domain), GOOD)
    bench.next_day()
    assert await bench.tell() == []
    assert len(await bench.tell()) == 1
    await bench.close()
