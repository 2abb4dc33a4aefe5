"""TLS reports: counted, written, sent and read again; and what strangers may not do with one (RFC 8460)."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from samotop.address import Address
from samotop.dns.records import Tlsa
from samotop.msgauth.results import Result
from samotop.testing.zones import ZoneResolver
from samotop.tlspolicy import DaneFound, DaneStatus, Failure, Mode, StsFound, StsPolicy, plan_tls
from samotop.tlspolicy.judge import Session, judge_tls
from samotop.tlspolicy.levels import Level
from samotop.tlspolicy.plan import Demand
from samotop.tlspolicy.tlsrpt import (
    AppliedPolicy,
    BadReport,
    FailureDetail,
    Metadata,
    PolicyReport,
    TlsReport,
    TlsRow,
    aggregate,
    compress_report,
    decode_row,
    encode_row,
    format_filename,
    format_message,
    format_report,
    format_summary,
    lookup_reporting,
    make_fetch_row,
    make_row,
    parse_record,
    parse_report,
    read_message,
    summarize,
    unpack_report,
)
from samotop.tlspolicy.tlsrpt.read import DEPTH_LIMIT, DETAIL_LIMIT, JSON_LIMIT, MESSAGE_LIMIT, POLICY_LIMIT
from samotop.tlspolicy.tlsrpt.write import DETAIL_LIMIT as WRITTEN_LIMIT
from tests.fakes.certificates import NOW

METADATA = Metadata(
    "mx.example.net", "mailto:postmaster@example.net", "20000.example.org@mx.example.net", 86400, 172799
)
POLICY = AppliedPolicy("sts", "example.org", ("version: STSv1", "mode: enforce"), ("*.example.org",))
GOOD = TlsRow(POLICY)
BAD = TlsRow(POLICY, FailureDetail("certificate-expired", "mx.example.org", "a certificate has expired"))
REPORT = aggregate([(GOOD, 5), (BAD, 2)], METADATA)

EXAMPLE = {  # RFC 8460 appendix B
    "organization-name": "Company-X",
    "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
    "contact-info": "sts-reporting@company-x.example",
    "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
    "policies": [{
        "policy": {
            "policy-type": "sts",
            "policy-string": ["version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"],
            "policy-domain": "company-y.example",
            "mx-host": ["*.mail.company-y.example"],
        },
        "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
        "failure-details": [
            {
                "result-type": "certificate-expired",
                "sending-mta-ip": "2001:db8:abcd:0012::1",
                "receiving-mx-hostname": "mx1.mail.company-y.example",
                "failed-session-count": 100,
            },
            {
                "result-type": "starttls-not-supported",
                "sending-mta-ip": "2001:db8:abcd:0013::1",
                "receiving-mx-hostname": "mx2.mail.company-y.example",
                "receiving-ip": "203.0.113.56",
                "failed-session-count": 200,
                "additional-information": "https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported",
            },
            {
                "result-type": "validation-failure",
                "sending-mta-ip": "198.51.100.62",
                "receiving-ip": "203.0.113.58",
                "receiving-mx-hostname": "mx-backup.mail.company-y.example",
                "failed-session-count": 3,
                "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
            },
        ],
    }],
}  # fmt: skip


def test_the_example_of_the_rfc() -> None:
    report = parse_report(json.dumps(EXAMPLE).encode())
    assert report.problems == () and report.domain == "company-y.example"
    assert (report.successes, report.failures) == (5326, 303)
    (policy,) = report.policies
    assert [(detail.type, detail.count) for detail in policy.details] == [
        ("certificate-expired", 100), ("starttls-not-supported", 200), ("validation-failure", 3),
    ]  # fmt: skip
    assert policy.details[2].reason == "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
    assert report.metadata.begin == 1459468800 and report.metadata.end == 1459555199


def test_what_is_written_reads_the_same() -> None:
    assert parse_report(unpack_report(compress_report(REPORT))) == REPORT
    assert REPORT.successes == 5 and REPORT.failures == 2
    assert json.loads(format_report(REPORT))["policies"][0]["policy"]["policy-domain"] == "example.org"


def test_a_report_of_what_went_well_names_no_failures() -> None:
    tree = json.loads(format_report(aggregate([(GOOD, 1)], METADATA)))
    assert "failure-details" not in tree["policies"][0]


def test_equal_sessions_are_counted_together_and_policies_apart() -> None:
    other = TlsRow(AppliedPolicy("no-policy-found", "example.org"))
    report = aggregate([(GOOD, 1), (other, 3), (BAD, 1), (BAD, 1)], METADATA)
    assert [(p.policy.type, p.successes, p.failures) for p in report.policies] == [
        ("no-policy-found", 3, 0), ("sts", 1, 2),
    ]  # fmt: skip
    assert [detail.count for detail in report.policies[1].details] == [2]


def test_nothing_is_no_report() -> None:
    with pytest.raises(ValueError):
        aggregate([], METADATA)


def test_the_sum_counts_failures_that_are_not_told_apart() -> None:
    rows = [(TlsRow(POLICY, FailureDetail("x", f"mx{number}")), 1) for number in range(WRITTEN_LIMIT + 10)]
    report = aggregate(rows, METADATA)
    assert report.failures == WRITTEN_LIMIT + 10 and len(report.policies[0].details) == WRITTEN_LIMIT


TLSA = DaneFound("mx.example.org", DaneStatus.USABLE, "", "mx.example.org", (Tlsa(3, 1, 1, b"\xab" * 32),), ())
STS = StsPolicy(Mode.ENFORCE, ("mx.example.org",), 86400)


def test_a_session_is_counted_under_its_policy() -> None:
    for given, kind, strings, hosts in (
        ({"dane": TLSA}, "tlsa", ("3 1 1 " + "ab" * 32,), ()),
        ({"sts": STS}, "sts", STS.lines, STS.patterns),
        ({}, "no-policy-found", (), ()),
        ({"dane": TLSA, "sts": STS}, "tlsa", ("3 1 1 " + "ab" * 32,), ()),
    ):
        plan = plan_tls("example.org", "mx.example.org", now=NOW, **given)  # type: ignore[arg-type]  # of the table
        row = make_row(plan, judge_tls(plan, Session(False), None, NOW), receiver_address="192.0.2.1")
        assert row is not None and row.policy == AppliedPolicy(kind, "example.org", strings, hosts)
        assert row.failure is not None and row.failure.type == Failure.STARTTLS
        assert (row.failure.host, row.failure.receiver_address) == ("mx.example.org", "192.0.2.1")
        assert decode_row(encode_row(row)) == row


def test_where_tls_is_not_tried_nothing_is_counted() -> None:
    plan = plan_tls("example.org", "mx.example.org", now=NOW, demand=Demand(Level.NONE))
    assert make_row(plan, judge_tls(plan, Session(False), None, NOW)) is None


def test_a_policy_that_could_not_be_fetched_is_a_failure() -> None:
    found = StsFound("example.org", Result.TEMPERROR, failure=Failure.STS_WEBPKI, reason="no valid certificate")
    row = make_fetch_row(found)
    assert row is not None and row.failure == FailureDetail("sts-webpki-invalid", reason="no valid certificate")
    assert make_fetch_row(replace(found, failure=None)) is None
    old = make_fetch_row(replace(found, policy=STS))
    assert old is not None and old.policy.strings == STS.lines


@pytest.mark.parametrize("octets", [b"", b"[]", b"[[1,2],3]", b"[" * 100_000, b'[["a","b",[],[]],["x"]]x', b"\xff"])
def test_what_is_no_row_is_told(octets: bytes) -> None:
    with pytest.raises(ValueError):
        decode_row(octets)


# ---------------------------------------------------------------------------- who wants reports


async def look(*texts: str):
    return await lookup_reporting(
        "A.example", ZoneResolver({"_smtp._tls.a.example": {"TXT": [f'"{t}"' for t in texts]}})
    )


async def test_destinations_are_read() -> None:
    found = await look("v=spf1 -all", "v=TLSRPTv1; rua=mailto:r@b.example,https://c.example/x?y=1, ftp://d.example/")
    assert found.result is Result.PASS
    assert [str(address) for address in found.addresses] == ["r@b.example"] and found.urls == (
        "https://c.example/x?y=1",
    )


@pytest.mark.parametrize(
    ("texts", "result"),
    [
        ((), Result.NONE),
        (("v=TLSRPTv2; rua=mailto:a@b.example",), Result.NONE),
        (("v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1;rua=mailto:c@b.example"), Result.NONE),
        (("v=TLSRPTv1; ruf=mailto:a@b.example",), Result.PERMERROR),
        (("v=TLSRPTv1; rua=ftp://b.example/",), Result.PERMERROR),
        (("v=TLSRPTv1; rua=mailto:nobody",), Result.PERMERROR),
    ],
)
async def test_where_nobody_can_be_asked_nobody_is_told(texts: tuple[str, ...], result: Result) -> None:
    assert (await look(*texts)).result is result


async def test_no_answer_is_no_no() -> None:
    assert (
        await lookup_reporting("a.example", ZoneResolver({"_smtp._tls.a.example": "TIMEOUT"}))
    ).result is Result.TEMPERROR
    assert (await lookup_reporting("a..b", ZoneResolver({}))).result is Result.NONE


def test_a_record_sends_a_handful_of_reports() -> None:
    uris = ",".join(f"mailto:r{number}@b.example" for number in range(100))
    assert len(parse_record(f"v=TLSRPTv1; rua={uris}".encode())[0]) == 5


@pytest.mark.parametrize("octets", [b"", b"v=TLSRPTv1", b"v=TLSRPTv1;" * 1000, b"v=TLSRPTv1; rua=\xff"])
def test_what_is_no_record_is_told(octets: bytes) -> None:
    with pytest.raises(ValueError):
        parse_record(octets)


# ---------------------------------------------------------------------------- the mail

AUTHOR, READER = Address("postmaster", "example.net"), Address("r", "example.org")


def write_mail(**given: Any) -> bytes:
    settings = {"submitter": "mx.example.net", "author": AUTHOR, "recipients": [READER], "now": NOW, **given}
    return format_message(REPORT, **settings)


def test_the_mail_is_what_the_rfc_asks_for() -> None:
    octets = write_mail()
    assert write_mail() == octets, "sending it again sends the same"
    mail = message_from_bytes(octets, policy=default)
    assert mail["TLS-Report-Domain"] == "example.org" and mail["TLS-Report-Submitter"] == "mx.example.net"
    assert mail["TLS-Required"] == "No" and mail["Auto-Submitted"] == "auto-generated"
    assert mail["Subject"] == (
        "Report Domain: example.org Submitter: mx.example.net Report-ID: <20000.example.org@mx.example.net>"
    )
    assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "tlsrpt"
    _, part = mail.iter_parts()  # type: ignore[attr-defined]  # an EmailMessage, by its policy
    assert part.get_content_type() == "application/tlsrpt+gzip"
    assert part.get_filename() == "mx.example.net!example.org!86400!172799.json.gz"
    packed = part.get_payload(decode=True)
    assert isinstance(packed, bytes) and gzip.decompress(packed) == format_report(REPORT)


def test_the_mail_is_read_again() -> None:
    assert read_message(write_mail()) == REPORT


@pytest.mark.parametrize(
    "given",
    [
        {"recipients": []},
        {"recipients": [Address("é", "example.org")]},
        {"submitter": "no domain"},
        {"submitter": "a\r\nb"},
        {"message_id": "<x>"},
    ],
)
def test_what_cannot_be_a_mail_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        write_mail(**given)


def test_a_report_on_what_is_no_domain_has_no_name() -> None:
    report = TlsReport(METADATA, (PolicyReport(AppliedPolicy("sts", "a/../b"), 1, 0),))
    with pytest.raises(ValueError):
        format_filename(report, "mx.example.net")


def test_a_plain_attachment_is_read_as_well() -> None:
    mail = (
        b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        b'--b\r\nContent-Type: application/octet-stream; name="r.json"\r\n\r\n'
        + format_report(REPORT)
        + b"\r\n--b--\r\n"
    )
    assert read_message(mail) == REPORT
    with pytest.raises(BadReport, match="no report"):
        read_message(mail.replace(b"r.json", b"r.txt"))
    with pytest.raises(BadReport, match="several"):
        read_message(mail.replace(b"--b--", mail[mail.index(b"--b\r\nContent-Type: application") :]))


# ---------------------------------------------------------------------------- what strangers send


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"policies": {}}',
        b"\xff\xfe{}",
        b"{" * 1000,
        b"[" * (DEPTH_LIMIT + 1) + b"]" * (DEPTH_LIMIT + 1),
        b'{"policies": [' + b"{}," * POLICY_LIMIT + b"{}]}",
        b'{"policies": [{"failure-details": [' + b"0," * DETAIL_LIMIT + b"0]}]}",
        b'{"policies": []} ' + b" " * JSON_LIMIT,
    ],
)
def test_what_is_no_report_is_refused(octets: bytes) -> None:
    with pytest.raises(BadReport) as raised:
        parse_report(octets)
    assert "\n" not in str(raised.value)


def test_what_is_missing_is_told_and_the_rest_is_read() -> None:
    report = parse_report(b'{"policies": [{"policy": {"policy-domain": "A.example."}, "summary": 7}]}')
    assert report.domain == "a.example" and report.problems
    assert (report.successes, report.failures) == (0, 0)


@pytest.mark.parametrize("value", [b"-1", b"1.5", b"1e9", b"NaN", b"true", b'"5"', b"9" * 5000, b"[]", b"null"])
def test_what_is_no_count_counts_nothing(value: bytes) -> None:
    octets = json.dumps(EXAMPLE).encode().replace(b"5326", value)
    report = parse_report(octets)
    assert report.successes == 0 and report.failures == 303 and report.problems


@pytest.mark.parametrize("moment", ["", "yesterday", "0001-01-01T00:00:00Z", "9999-99-99T00:00:00Z", "2016-04-01" * 99])
def test_what_is_no_time_is_none(moment: str) -> None:
    tree = {**EXAMPLE, "date-range": {"start-datetime": moment, "end-datetime": moment}}
    report = parse_report(json.dumps(tree).encode())
    assert report.metadata.begin == 0 and report.problems


@pytest.mark.parametrize(
    "octets",
    [
        b"\x1f\x8b",
        compress_report(REPORT)[:-4],
        compress_report(REPORT) + b"x",
        compress_report(REPORT) * 2,
        b"\x1f\x8b" + b"\xff" * 100,
        zlib.compress(b" " * (JSON_LIMIT + 1), 9, wbits=31),
    ],
)
def test_what_cannot_be_unpacked_is_refused(octets: bytes) -> None:
    with pytest.raises(BadReport):
        unpack_report(octets)


@pytest.mark.slow
def test_a_bomb_is_left_off_at_the_limit() -> None:
    """A thousandfold growth stops where a document has to."""
    import tracemalloc

    bomb = zlib.compress(b" " * (100 * JSON_LIMIT), 9, wbits=31)
    tracemalloc.start()
    with pytest.raises(BadReport):
        unpack_report(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * JSON_LIMIT


def test_a_mail_of_any_size_is_not_taken() -> None:
    with pytest.raises(BadReport):
        read_message(b"x" * (MESSAGE_LIMIT + 1))


def test_the_summary_is_printable_whatever_is_in_it() -> None:
    nasty = replace(REPORT, metadata=replace(METADATA, organization="\x1b[31mred\n", end=1 << 60))
    text = format_summary(summarize([REPORT, nasty, parse_report(json.dumps(EXAMPLE).encode())]))
    assert "\x1b" not in text and "certificate-expired" in text and "company-y.example, example.org" in text
    assert "5643 sessions, 307 failed" in text


def test_the_summary_of_nothing() -> None:
    assert "0 TLS reports on nothing" in format_summary(summarize([]))
