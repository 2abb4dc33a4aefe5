"""DMARC reports from the first message of a day to the mail that tells of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from samotop.address import Address
from samotop.content import Content
from samotop.envelope import Envelope, MailParameters
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.dkim import DkimResult
from samotop.msgauth.dmarc import DmarcResult, parse_record
from samotop.msgauth.reports import read_message
from samotop.msgauth.results import Result
from samotop.msgauth.spf import SpfResult
from samotop.peer import Peer
from samotop.ports import SpoolFault
from samotop.ports.tallies import DAY_SECONDS, Tally
from samotop.reporting.dmarc import DmarcReporting, Reporter, ReportRules
from samotop.store.database import Database
from samotop.store.tallies import SqliteTallies
from samotop.testing import MovableClock, ZoneResolver
from samotop.verdict import ABSTAIN, Verdict
from tests.fakes.wire import FakeSpool

REVERSE_PATH = Address("bounces", "example.net")
RECORD = b"v=DMARC1; p=reject; rua=mailto:dmarc@example.net"
REJECTED = Verdict.reject("dmarc", "no")


def facts(
    result: Result = Result.PASS,
    *,
    record: bytes = RECORD,
    peer: str = "192.0.2.7",
    domain: str = "example.net",
    explained_by: str = "",
) -> ContentFacts:
    read = parse_record(record)
    dmarc = DmarcResult(
        result,
        read.choose_policy(is_subdomain=False)[1],
        domain,
        record=read,
        aligned=("spf",) if result is Result.PASS else (),
        author_domain=domain,
    )
    found = Authentication(
        spf=SpfResult(result, domain, "mailfrom", str(REVERSE_PATH)),
        dkim=(DkimResult(Result.FAIL, "example.net", "s1"),),
        dmarc=dmarc,
        explained_by=explained_by,
    )
    hello = HelloFacts(ConnectionFacts(Peer(peer), "mx.example.org"), "client.example", True)
    mail = MailFacts(hello, REVERSE_PATH, MailParameters())
    return ContentFacts(mail, Envelope(REVERSE_PATH, (), MailParameters()), Content.from_bytes(b""), "1", found)


class Bench:
    """A reporting with everything around it."""

    def __init__(self, folder: Path, zones: dict[str, object] | None = None) -> None:
        self.database = Database(str(folder / "state.db"))
        self.clock = MovableClock()
        self.spool = FakeSpool()
        self.events: list[str] = []
        self.unreachable: set[str] = set()
        self.reporting = DmarcReporting(
            SqliteTallies(self.database, "dmarc"),
            self.spool,
            ZoneResolver(zones or {}),  # type: ignore[arg-type]  # a plain dict of zones
            Reporter(
                "mx.example.org",
                Address("postmaster", "example.org"),
                lambda mail: b"DKIM-Signature: of %d octets\r\n" % len(mail),
                lambda address: address.domain not in self.unreachable,
            ),
            self.clock,
            asyncio.get_running_loop(),
            self,
            rules=ReportRules(delay=3600),
        )

    def next_day(self) -> None:
        """To an hour and a minute after midnight."""
        self.clock.move(DAY_SECONDS - self.clock.time() % DAY_SECONDS + 3660)

    async def tell(self) -> list[tuple[list[str], bytes]]:
        """Flush, look what is due; the reports that were queued, with their recipients."""
        await self.reporting.flush()
        await self.reporting.send_due()
        told = [([str(r.address) for r in entry.envelope.recipients], mail) for entry, mail in self.spool.stored]
        self.spool.stored.clear()
        return told

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


async def test_a_day_of_messages_becomes_one_report(bench: Bench) -> None:
    for _ in range(3):
        bench.reporting.note(facts(), ABSTAIN)
    await bench.reporting.flush()
    bench.reporting.note(facts(), ABSTAIN)
    bench.reporting.note(facts(Result.FAIL, peer="198.51.100.9"), REJECTED)
    begin = int(bench.clock.time() // DAY_SECONDS * DAY_SECONDS)
    assert await bench.tell() == [], "the day is not over"
    bench.next_day()
    ((recipients, mail),) = await bench.tell()
    assert recipients == ["dmarc@example.net"]
    assert mail.startswith(b"DKIM-Signature: of ")
    report = read_message(mail)
    assert report.problems == ()
    assert (report.metadata.org_name, report.metadata.email) == ("mx.example.org", "postmaster@example.org")
    assert (report.metadata.begin, report.metadata.end) == (begin, begin + DAY_SECONDS - 1)
    assert (report.policy.domain, report.policy.p) == ("example.net", "reject")
    passed, failed = report.rows
    assert (passed.count, passed.evaluated.source_ip, passed.evaluated.spf_aligned) == (4, "192.0.2.7", True)
    assert (failed.count, failed.evaluated.source_ip, failed.evaluated.disposition) == (1, "198.51.100.9", "reject")
    assert failed.evaluated.dkim[0].selector == "s1"
    assert await bench.tell() == [], "what was told is forgotten"


async def test_no_address_of_a_person_is_kept_or_told(bench: Bench) -> None:
    bench.reporting.note(facts(), ABSTAIN)
    bench.next_day()
    await bench.reporting.flush()
    (record,) = bench.database.reader().execute("SELECT record FROM tally").fetchone()  # type: ignore[misc]  # there is a row
    assert b"bounces" not in bytes(record)  # type: ignore[arg-type]  # a blob
    ((_, mail),) = await bench.tell()
    evaluated = read_message(mail).rows[0].evaluated
    assert (evaluated.envelope_from, evaluated.envelope_to) == ("example.net", "")


async def test_what_was_done_otherwise_is_told_with_its_reason(bench: Bench) -> None:
    bench.reporting.note(facts(Result.FAIL, explained_by="lists.example"), ABSTAIN)
    bench.reporting.note(facts(Result.FAIL, record=RECORD.replace(b"reject", b"quarantine")), ABSTAIN)
    bench.next_day()
    ((_, mail),) = await bench.tell()
    told = {(row.evaluated.disposition, row.evaluated.overrides[0].type) for row in read_message(mail).rows}
    assert told == {("none", "trusted_forwarder"), ("none", "local_policy")}


@pytest.mark.parametrize(
    "unwanted",
    [
        facts(record=b"v=DMARC1; p=reject"),
        facts(Result.TEMPERROR),
        facts(Result.PERMERROR),
        facts(record=b"v=DMARC1; p=none; rua=https://example.net/reports"),
    ],
)
async def test_nobody_is_told_who_did_not_ask(bench: Bench, unwanted: ContentFacts) -> None:
    bench.reporting.note(unwanted, ABSTAIN)
    bench.next_day()
    assert await bench.tell() == []
    assert bench.database.reader().execute("SELECT count(*) FROM tally").get == 0


ELSEWHERE = b"v=DMARC1; p=none; rua=mailto:reports@collector.example"


@pytest.mark.parametrize(
    ("zones", "is_told", "is_kept"),
    [
        ({}, False, False),
        ({"example.net._report._dmarc.collector.example": {"TXT": ['"v=DMARC1"']}}, True, False),
        ({"example.net._report._dmarc.collector.example": "TIMEOUT"}, False, True),
    ],
)
async def test_others_get_reports_only_with_their_consent(
    tmp_path: Path, zones: dict[str, object], is_told: bool, is_kept: bool
) -> None:
    """RFC 9990 §4: else a record could send anybody's reports to anybody."""
    bench = Bench(tmp_path, zones)
    bench.reporting.note(facts(record=ELSEWHERE), ABSTAIN)
    bench.next_day()
    assert bool(await bench.tell()) is is_told
    assert bool(bench.database.reader().execute("SELECT count(*) FROM tally").get) is is_kept
    await bench.close()


async def test_what_cannot_be_delivered_is_not_queued(bench: Bench) -> None:
    bench.unreachable.add("example.net")
    bench.reporting.note(facts(), ABSTAIN)
    bench.next_day()
    assert await bench.tell() == []


async def test_a_full_disk_puts_a_report_off(bench: Bench) -> None:
    bench.reporting.note(facts(), ABSTAIN)
    bench.next_day()
    bench.spool.fault = SpoolFault("no room", is_full=True)
    assert await bench.tell() == []
    assert "reports_put_off" in bench.events
    bench.spool.fault = None
    assert len(await bench.tell()) == 1


async def test_a_day_that_could_not_be_told_is_forgotten(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"example.net._report._dmarc.collector.example": "TIMEOUT"})
    bench.reporting.note(facts(record=ELSEWHERE), ABSTAIN)
    for _ in range(3):
        bench.next_day()
        assert await bench.tell() == []
        assert bench.database.reader().execute("SELECT count(*) FROM tally").get == 1
    bench.next_day()
    await bench.tell()
    assert bench.database.reader().execute("SELECT count(*) FROM tally").get == 0
    await bench.close()


async def test_rows_that_could_not_be_written_down_are_kept(bench: Bench) -> None:
    bench.reporting.note(facts(), ABSTAIN)
    bench.database.write(lambda connection: len(connection.execute("ALTER TABLE tally RENAME TO gone").fetchall()))
    await bench.reporting.flush()
    assert bench.events == ["report_rows_kept_back"]
    bench.database.write(lambda connection: len(connection.execute("ALTER TABLE gone RENAME TO tally").fetchall()))
    bench.next_day()
    assert len(await bench.tell()) == 1


async def test_a_report_that_cannot_be_made_keeps_no_other_back(bench: Bench) -> None:
    """Rows of a version that nobody reads any more, or whatever a stranger's record leads to: one domain's trouble."""
    day = int(bench.clock.time() // DAY_SECONDS)
    SqliteTallies(bench.database, "dmarc").add([Tally(day, "broken.example", b"no row", 1)])
    bench.reporting.note(facts(), ABSTAIN)
    bench.next_day()
    assert len(await bench.tell()) == 1
    assert bench.events == ["report_failed", "report_queued"]
    assert await bench.tell() == []
    assert bench.events.count("report_failed") == 1
