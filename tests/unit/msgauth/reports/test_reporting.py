"""From messages to a report in the mail, and from reports to numbers."""

from __future__ import annotations

import email
import email.policy
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from samotop.address import Address
from samotop.msgauth import dmarc
from samotop.msgauth.dmarc import parse_record, parse_report_uri
from samotop.msgauth.reports import (
    AggregateReport,
    DkimOutcome,
    DmarcRow,
    Metadata,
    Override,
    PublishedPolicy,
    aggregate,
    find_destinations,
    format_message,
    format_summary,
    group_rows,
    make_row,
    parse_destinations,
    read_message,
    summarize,
)
from samotop.msgauth.reports.addresses import DESTINATION_LIMIT
from samotop.msgauth.reports.aggregate import SIGNATURE_LIMIT
from samotop.testing.zones import Table, ZoneResolver


@dataclass(frozen=True)
class Found:
    domain: str
    result: str = "pass"
    selector: str = "s1"


METADATA = Metadata("Receiver", "reports@receiver.example", "r1", 1000, 2000)


async def evaluate(
    author: str, spf: Found | None, *dkim: Found, record: str = "v=DMARC1; p=reject; rua=mailto:a@example.org"
) -> DmarcRow | None:
    resolver = ZoneResolver({"_dmarc.example.org": {"TXT": [f'"{record}"']}})
    found = await dmarc.evaluate(author, spf, dkim, resolver)
    return make_row("192.0.2.1", found, spf, dkim, envelope_from=spf.domain if spf else "")


async def test_a_message_becomes_a_row() -> None:
    row = await evaluate("news.example.org", Found("example.org"), Found("example.net"), Found("", "permerror"))
    assert row is not None
    assert row.policy == PublishedPolicy("example.org", "reject")
    assert row.rua == ("mailto:a@example.org",)
    found = row.evaluated
    assert (found.source_ip, found.header_from, found.disposition) == ("192.0.2.1", "news.example.org", "pass")
    assert (found.spf_aligned, found.dkim_aligned, found.envelope_from) == (True, False, "example.org")
    assert found.dkim == (DkimOutcome("example.net", "s1", "pass"),)
    assert found.spf[0].result == "pass"


@pytest.mark.parametrize(
    ("record", "spf", "disposition", "overrides"),
    [
        ("p=reject", "fail", "reject", ()),
        ("p=reject; t=y", "fail", "quarantine", (Override("policy_test_mode"),)),
        ("p=none; t=y", "fail", "none", ()),
        ("p=none", "pass", "none", ()),
        ("p=quarantine", "pass", "pass", ()),
        ("p=reject", "temperror", "none", (Override("other", "temperror"),)),
    ],
)
async def test_a_disposition_that_is_not_the_policy_has_its_reason(
    record: str, spf: str, disposition: str, overrides: tuple[Override, ...]
) -> None:
    """RFC 9990 §3.1.1: where alignment fails and something else was done, the reason must be told."""
    row = await evaluate("example.org", Found("example.org", spf), record=f"v=DMARC1; {record}")
    assert row is not None
    assert (row.evaluated.disposition, row.evaluated.overrides) == (disposition, overrides)


async def test_without_a_policy_record_nobody_wants_to_know() -> None:
    assert await evaluate("example.net", None) is None


def test_the_policy_is_told_as_published() -> None:
    record = parse_record(b"v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; t=y; fo=1:d; ruf=mailto:a@b.org")
    policy = PublishedPolicy.from_record("example.org", record)
    assert (policy.p, policy.sp, policy.np, policy.adkim, policy.fo, policy.testing) == (
        "reject", "none", "quarantine", "s", "1:d", "y",
    )  # fmt: skip
    damaged = parse_record(b"v=DMARC1; p=reject; sp=x; rua=mailto:a@b.org")
    assert PublishedPolicy.from_record("example.org", damaged).p == "none"


async def make_rows() -> list[DmarcRow]:
    rows = [
        await evaluate("example.org", Found("example.org")),
        await evaluate("example.org", Found("example.org")),
        await evaluate("example.org", None),
        await evaluate("a.example.org", Found("example.org"), Found("example.org")),
    ]
    return [row for row in rows if row is not None]


def once(rows: list[DmarcRow]) -> list[tuple[DmarcRow, int]]:
    """Each for one message."""
    return [(row, 1) for row in rows]


async def test_equal_messages_are_counted_and_order_does_not_matter() -> None:
    rows = await make_rows()
    report = aggregate(once(rows), METADATA)
    assert [row.count for row in report.rows] == [2, 1, 1]
    assert report.message_count == 4
    for seed in range(5):
        shuffled = rows[:]
        random.Random(seed).shuffle(shuffled)
        assert aggregate(once(shuffled), METADATA) == report


async def test_a_report_is_about_one_policy_domain() -> None:
    rows = await make_rows()
    other = replace(rows[0], policy=PublishedPolicy("example.net"))
    assert {domain: len(each) for domain, each in group_rows([*rows, other]).items()} == {
        "example.org": 4,
        "example.net": 1,
    }
    for bad in ([*rows, other], []):
        with pytest.raises(ValueError):
            aggregate(once(bad), METADATA)


async def test_a_policy_that_changed_is_told_as_it_was_last() -> None:
    rows = await make_rows()
    changed = replace(rows[0], policy=PublishedPolicy("example.org", "none"))
    assert aggregate(once([*rows, changed]), METADATA).policy.p == "none"


async def test_the_best_signatures_are_told_first() -> None:
    """RFC 9990 §3.1.3."""
    signatures = [
        Found("example.net", "fail"),
        Found("example.net"),
        Found("mail.example.org"),
        Found("example.org"),
        *[Found(f"x{n}.example", "fail") for n in range(SIGNATURE_LIMIT)],
    ]
    row = await evaluate("example.org", None, *signatures)
    assert row is not None
    (counted,) = aggregate([(row, 3)], METADATA).rows
    assert counted.count == 3
    told = counted.evaluated.dkim
    assert len(told) == SIGNATURE_LIMIT
    assert [outcome.domain for outcome in told[:3]] == ["example.org", "mail.example.org", "example.net"]


# ---- the mail


def test_the_mail_is_that_of_the_rfc(report: AggregateReport) -> None:
    octets = format_message(
        report,
        receiver="mail.receiver.example",
        author=Address("reports", "receiver.example"),
        recipients=[Address("a", "example.com"), Address("b", "example.net")],
        now=1_700_000_000,
    )
    assert octets.replace(b"\r\n", b"").find(b"\n") == -1 and octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    found = email.message_from_bytes(octets, policy=email.policy.default)
    assert not found.defects
    assert found["Subject"] == (
        "Report Domain: example.com Submitter: mail.receiver.example Report-ID: <3v98abbp8ya9n3va8yr8oa3ya>"
    )
    assert found["From"].addresses[0].addr_spec == "reports@receiver.example"
    assert [address.addr_spec for address in found["To"].addresses] == ["a@example.com", "b@example.net"]
    assert found["Date"].datetime.timestamp() == 1_700_000_000
    assert found["Message-ID"] == "<3v98abbp8ya9n3va8yr8oa3ya@mail.receiver.example>"
    assert found["Auto-Submitted"] == "auto-generated"
    note, attachment = found.iter_parts()
    assert note.get_content_type() == "text/plain" and "example.com" in note.get_content()
    assert attachment.get_content_type() == "application/gzip"
    assert attachment.get_filename() == (
        "mail.receiver.example!example.com!302832000!302918399!3v98abbp8ya9n3va8yr8oa3ya.xml.gz"
    )
    assert read_message(octets) == report


@pytest.mark.parametrize(
    "changes",
    [
        {"receiver": "a\r\nBcc: x"},
        {"receiver": "bücher.example"},
        {"recipients": []},
        {"recipients": [Address("a", "bücher.example")]},
        {"message_id": "a>\r\nX: y"},
    ],
)
def test_no_name_can_begin_a_field(report: AggregateReport, changes: dict[str, object]) -> None:
    values: dict[str, object] = {
        "receiver": "receiver.example",
        "author": Address("r", "receiver.example"),
        "recipients": [Address("a", "example.com")],
        "now": 0.0,
    }
    with pytest.raises(ValueError):
        format_message(report, **(values | changes))  # type: ignore[arg-type]  # the table of a case
    bad = replace(report, policy=PublishedPolicy("a\r\nb"))
    with pytest.raises(ValueError):
        format_message(bad, **values)  # type: ignore[arg-type]  # what must be refused


# ---- destinations


def consent(text: str = "v=DMARC1") -> Table:
    return {"TXT": [f'"{text}"']}


RECORDS: dict[str, Table | str] = {
    "_dmarc.example.com": consent("v=DMARC1; p=none"),
    "_dmarc.example.net": consent("v=DMARC1; p=none"),
}


Tables = Mapping[str, Table | str]


async def check(rua: str, tables: Tables | None = None, policy: str = "example.com") -> list[tuple[str, str]]:
    resolver = ZoneResolver({**RECORDS, **(tables or {})})
    found = await find_destinations(policy, parse_destinations(rua.split()), resolver)
    return [(str(one.result), str(one.address)) for one in found]


async def test_an_address_of_the_same_organization_needs_no_consent() -> None:
    assert await check("mailto:a@example.com mailto:b@mail.example.com") == [
        ("pass", "a@example.com"),
        ("pass", "b@mail.example.com"),
    ]


async def test_an_address_elsewhere_needs_one() -> None:
    """RFC 9990 §4, with the names of its example."""
    rua, name = "mailto:reports@red.example.net", "example.com._report._dmarc.red.example.net"
    address = "reports@red.example.net"
    assert await check(rua) == [("fail", address)]
    assert await check(rua, {name: consent()}) == [("pass", address)]
    assert await check(rua, {name: consent("v=DMARC1;")}) == [("pass", address)]
    assert await check(rua, {name: consent("v=spf1 -all")}) == [("fail", address)]
    assert await check(rua, {name: "TIMEOUT"}) == [("temperror", address)]
    assert await check(rua, {"*._report._dmarc.red.example.net": consent()}) == [("pass", address)]


async def test_the_destination_may_name_another_address_of_its_own() -> None:
    name = "example.com._report._dmarc.red.example.net"
    other = {name: consent("v=DMARC1; rua=mailto:new@red.example.net")}
    assert await check("mailto:old@red.example.net", other) == [("pass", "new@red.example.net")]
    stranger = {name: consent("v=DMARC1; rua=mailto:new@example.net")}
    assert await check("mailto:old@red.example.net", stranger) == [("fail", "old@red.example.net")]


async def test_what_cannot_be_written_to_is_passed_over() -> None:
    assert await check("https://example.com/x mailto:a@example.com mailto:a@example.com nonsense") == [
        ("pass", "a@example.com")
    ]
    assert await check("mailto:a@[192.0.2.1]") == [("fail", "a@[192.0.2.1]")]


async def test_destinations_are_bounded() -> None:
    rua = " ".join(f"mailto:a{n}@example.com" for n in range(50))
    assert len(await check(rua)) == DESTINATION_LIMIT


async def test_a_failure_of_dns_is_no_consent() -> None:
    tables: Tables = {"_dmarc.red.example.com": "SERVFAIL"}
    assert await check("mailto:a@red.example.com", tables) == [("temperror", "a@red.example.com")]
    long = ".".join(["a" * 60] * 3)
    assert await check(f"mailto:a@{'b' * 60}.example.net", policy=f"{long}.com") == [
        ("fail", f"a@{'b' * 60}.example.net")
    ]


async def test_a_size_limit_is_respected() -> None:
    [found] = await find_destinations(
        "example.com", [parse_report_uri("mailto:a@example.com!10k")], ZoneResolver(RECORDS)
    )
    assert found.takes(10240) and not found.takes(10241)


# ---- summary


async def test_a_summary_counts(report: AggregateReport) -> None:
    other = aggregate(once(await make_rows()), METADATA)
    summary = summarize([report, other])
    assert (summary.reports, summary.domains, summary.begin, summary.end) == (
        2,
        ("example.com", "example.org"),
        1000,
        302918399,
    )
    assert (summary.count, summary.passed) == (128, 126)
    assert summary.alignments == {"both": 1, "dkim": 123, "none": 2, "spf": 2}
    assert summary.dispositions == {"none": 1, "pass": 126, "reject": 1}
    assert summary.overrides == {"other": 1, "policy_test_mode": 1}
    assert [(source.source_ip, source.count, source.passed) for source in summary.sources] == [
        ("192.0.2.123", 123, 123), ("192.0.2.1", 4, 3), ("2001:db8::1", 1, 0),
    ]  # fmt: skip
    text = format_summary(summary)
    assert "128 messages, 126 passed, 2 failed" in text and "192.0.2.123" in text
    assert summarize([]).count == 0 and "0 reports on nothing" in format_summary(summarize([]))


def test_a_summary_is_safe_to_print(report: AggregateReport) -> None:
    """A report is from anybody, and a terminal obeys what it shows."""
    row = report.rows[0]
    evil = replace(row, evaluated=replace(row.evaluated, source_ip="\x1b[2J\u202e" + "x" * 500, disposition="\x9b1m\n"))
    text = format_summary(summarize([replace(report, rows=(evil,), policy=PublishedPolicy("\r\x07"))]))
    assert all(c.isprintable() or c == "\n" for c in text)
    assert max(map(len, text.splitlines())) < 120


def test_many_sources_become_a_count(report: AggregateReport) -> None:
    rows = tuple(
        replace(r, evaluated=replace(r.evaluated, source_ip=f"192.0.2.{n}")) for n in range(99) for r in report.rows[:1]
    )
    assert "and 74 more" in format_summary(summarize([replace(report, rows=rows)]))
