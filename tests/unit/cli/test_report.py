"""`samotop report read`: what it reads, what it says of it, what it gives back.

The folders in tests/golden/report have reports and the words for people and programs; `GOLDEN=write pytest ...` writes
the words anew.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from samotop.address import Address
from samotop.cli import report_files, report_words
from samotop.msgauth.reports import (
    AggregateReport,
    Evaluated,
    Metadata,
    PublishedPolicy,
    ReportRow,
    format_message,
    format_report,
)
from samotop.tlspolicy import tlsrpt
from samotop.tlspolicy.tlsrpt import AppliedPolicy, FailureDetail, PolicyReport, TlsReport

GOLDEN = Path(__file__).parents[2] / "golden" / "report"
CASES = sorted(path.name for path in GOLDEN.iterdir())
BEGIN = 1_795_219_200


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The home of whoever runs the tests says nothing here."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("SAMOTOP_HOME", raising=False)
    monkeypatch.setattr("samotop.cli.place.is_root", lambda: False)


def make_report(*sources: str, domain: str = "example.org", count: int = 2) -> AggregateReport:
    rows = tuple(ReportRow(count, Evaluated(source, domain, "none", True, True)) for source in sources)
    metadata = Metadata("example.net", "dmarc@example.net", "r1", BEGIN, BEGIN + 86399)
    return AggregateReport(metadata, PublishedPolicy(domain, "none"), rows)


XML = format_report(make_report("192.0.2.25"))


def make_mail(report: AggregateReport) -> bytes:
    return format_message(
        report,
        receiver="example.net",
        author=Address("dmarc", "example.net"),
        recipients=[Address("postmaster", "example.org")],
        now=BEGIN + 90000.0,
    )


def make_zip(*files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files):
            archive.writestr(f"{number}.xml", content)
    return packed.getvalue()


@pytest.mark.parametrize("case", CASES)
def test_the_words_are_those_in_the_folder(run, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are for people: a change of them is to be read before it is taken."""
    monkeypatch.chdir(GOLDEN / case)
    status, out, err = run("report", "read", "in")
    told = f"{out}{err}exit status {status}\n"
    status_json, document, err_json = run("report", "read", "--json", "in")
    if os.environ.get("GOLDEN") == "write":
        Path("expected.txt").write_text(told)
        Path("expected.json").write_text(document)
    assert told == Path("expected.txt").read_text()
    assert document == Path("expected.json").read_text()
    assert (status_json, err_json) == (status, "")
    assert max(map(len, told.splitlines())) <= 100
    assert all(character.isprintable() or character == "\n" for character in told)


def test_there_are_golden_cases() -> None:
    """A folder that moved would make the test above pass by testing nothing."""
    assert len(CASES) >= 5


@pytest.mark.parametrize(
    "octets",
    [XML, gzip.compress(XML), make_zip(XML), make_mail(make_report("192.0.2.25")), b"\xef\xbb\xbf" + XML],
    ids=["xml", "gzip", "zip", "mail", "marked"],
)
def test_each_packing_is_read_whatever_the_file_is_called(run, tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "file").write_bytes(octets)
    status, out, err = run("report", "read", str(tmp_path / "file"), "--json")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert (told["count"], told["passed"], told["reports"][0]["kind"]) == (2, 2, "dmarc")


def test_a_mail_out_of_an_mbox_is_read(run, tmp_path: Path) -> None:
    mail = make_mail(make_report("192.0.2.25")).replace(b"\r\n", b"\n")
    (tmp_path / "file").write_bytes(b"From dmarc@example.net Sun Nov 22 10:00:00 2026\n" + mail)
    assert run("report", "read", str(tmp_path / "file"))[0] == 0


def test_standard_input_is_read(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(XML))))
    status, out, _ = run("report", "read", "-")
    assert status == 0
    assert out.startswith("1 report, 2 messages: all of them pass.\n")


def test_what_cannot_be_read_is_named_and_stops_nothing(run, tmp_path: Path) -> None:
    """Decompression bombs, damage, archives of several files, a file that is not there."""
    files = {
        "bomb.gz": gzip.compress(b"<" + bytes(20_000_000)),
        "cut.gz": gzip.compress(XML)[:-20],
        "two.zip": make_zip(XML, XML),
        "within.zip": make_zip(gzip.compress(XML)),
        "letter.eml": b"From: a@example.net\n\nHi\n",
        "noise": b"\x00\x01",
        "empty": b"",
        "good.xml": XML,
    }
    for name, octets in files.items():
        (tmp_path / name).write_bytes(octets)
    absent = tmp_path / "absent"
    status, out, err = run("report", "read", str(absent), *(str(tmp_path / name) for name in files))
    assert status == 1
    assert out.startswith("1 report, 2 messages")
    for name, reason in {
        "absent": "No such file",
        "bomb.gz": "a decompression bomb",
        "cut.gz": "cut off",
        "two.zip": "more or less than one file",
        "within.zip": "an archive in an archive",
        "letter.eml": "a mail without a report attached",
        "noise": "neither a report",
        "empty": "neither a report",
    }.items():
        assert re.search(f"^samotop: .*/{name}: .*{reason}", err, re.MULTILINE), name
    assert "good.xml" not in err


def test_a_directory_may_hold_other_things(run, tmp_path: Path) -> None:
    """Postmaster gets other mail too; that is nothing wrong."""
    (tmp_path / "letter").write_bytes(b"From: a@example.net\n\nHi\n")
    (tmp_path / "noise").write_bytes(b"\x00\x01")
    status, out, err = run("report", "read", str(tmp_path))
    assert (status, err) == (0, "")
    assert out == "No report was found.\n\nPassed over, as there is no report in it: 2 files.\n"


def test_names_of_files_are_told_whatever_is_in_them(run, tmp_path: Path) -> None:
    """A sender chose the name of the attachment that somebody saved."""
    (tmp_path / "a\x1b[31m\udcff.xml").write_bytes(b"<")
    _, _, err = run("report", "read", str(tmp_path))
    assert "a?[31m?.xml: no XML" in err
    assert json.loads(run("report", "read", str(tmp_path), "--json")[1])["unread"][0]["file"].endswith("m\\xff.xml")


def test_links_are_not_followed_and_pipes_not_waited_for(run, tmp_path: Path) -> None:
    """Neither circles nor files elsewhere; but what is named is read through a link."""
    (tmp_path / "a").mkdir()
    (tmp_path / "report.xml").write_bytes(XML)
    (tmp_path / "a" / "circle").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "link.xml").symlink_to(tmp_path / "report.xml")
    os.mkfifo(tmp_path / "a" / "pipe")
    assert run("report", "read", str(tmp_path / "a"))[1] == "No report was found.\n"
    assert run("report", "read", str(tmp_path / "a" / "link.xml"))[1].startswith("1 report")


def test_depth_and_number_of_files_are_bounded(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_files, "DEPTH_LIMIT", 2)
    monkeypatch.setattr(report_files, "FILE_LIMIT", 3)
    deep = tmp_path / "1" / "2" / "3"
    deep.mkdir(parents=True)
    (deep / "report.xml").write_bytes(XML)
    status, out, err = run("report", "read", str(tmp_path))
    assert (status, out) == (1, "No report was found.\n")
    assert "nested deeper than 2" in err
    for number in range(4):
        (tmp_path / f"{number}.xml").write_bytes(format_report(make_report(f"192.0.2.{number}")))
    status, out, err = run("report", "read", str(tmp_path))
    assert status == 1
    assert out.startswith("3 reports")
    assert "more than 3 files" in err


def test_what_all_reports_unpack_to_is_bounded(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_files, "TOTAL_LIMIT", 2 * len(XML))
    for number in range(1, 4):
        (tmp_path / f"{number}.xml").write_bytes(format_report(make_report(f"192.0.2.{number}")))
    status, out, err = run("report", "read", str(tmp_path))
    assert status == 1
    assert out.startswith("2 reports")
    assert "read fewer at a time" in err


def test_a_file_larger_than_any_report_is_not_read(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_files, "MESSAGE_LIMIT", len(XML) - 1)
    (tmp_path / "report.xml").write_bytes(XML)
    status, _, err = run("report", "read", str(tmp_path / "report.xml"))
    assert status == 1
    assert "which no report is" in err


def test_a_page_stays_a_page(run, tmp_path: Path) -> None:
    """Somebody invents servers and domains: people see the first of them, programs all."""
    wide = make_report(*(f"192.0.2.{number}" for number in range(200)))
    (tmp_path / "wide.xml").write_bytes(format_report(wide))
    for number in range(40):
        report = make_report("192.0.2.1", domain=f"d{number:02}.example")
        (tmp_path / f"{number}.xml").write_bytes(format_report(report))
    out = run("report", "read", str(tmp_path))[1]
    assert len(out.splitlines()) < 200
    assert "And 21 more domains" in out
    assert "and 180 more servers with 360 messages" in run("report", "read", str(tmp_path / "wide.xml"))[1]
    assert len(json.loads(run("report", "read", str(tmp_path), "--json")[1])["sources"]) == 240


def test_the_home_says_which_domains_are_ours(run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "ours.xml").write_bytes(XML)
    (tmp_path / "theirs.xml").write_bytes(format_report(make_report("192.0.2.25", domain="example.com")))
    words = ("report", "read", str(tmp_path / "ours.xml"), str(tmp_path / "theirs.xml"))
    out = run(*words, "--home", str(home))[1]
    assert "is from example.com, which is no domain of this home\n" in out
    assert "is from example.org\n" in out
    assert "of this home" not in run(*words)[1]
    status, _, err = run(*words, "--home", str(tmp_path / "absent"))
    assert status == 1
    assert "there is no home" in err


@pytest.mark.parametrize("words", [(), ("--json",), ("--bogus",), (".", "--bogus")])
def test_a_mistake_of_usage_is_status_2(run, words: tuple[str, ...]) -> None:
    status, out, err = run("report", "read", *words)
    assert (status, out) == (2, "")
    assert "samotop report read --help" in err


def test_colours_and_progress_are_for_terminals(run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("report", "read", str(GOLDEN / "forgotten-service" / "in"))
    plain = run(*words)[1]
    monkeypatch.setattr("samotop.cli.paint._is_terminal", lambda stream, environment: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    _, coloured, progress = run(*words)
    assert {"\x1b[31m", "\x1b[32m", "\x1b[33m"} <= set(re.findall(r"\x1b\[\d+m", coloured))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert "reading, 1 of 2" in progress
    assert progress.endswith("\r\x1b[K")


def make_tls_report(failed: int = 2, *, domain: str = "example.org", kind: str = "certificate-expired") -> TlsReport:
    policy = AppliedPolicy("sts", domain, ("version: STSv1",), (f"mx.{domain}",))
    details = (FailureDetail(kind, f"mx.{domain}", "a reason", count=failed),) if failed else ()
    about = tlsrpt.Metadata("mx.example.net", "postmaster@example.net", f"1.{failed}", BEGIN, BEGIN + 86399)
    return TlsReport(about, (PolicyReport(policy, 10, failed, details),))


JSON = tlsrpt.format_report(make_tls_report())


def make_tls_mail(report: TlsReport) -> bytes:
    return tlsrpt.format_message(
        report,
        submitter="mx.example.net",
        author=Address("postmaster", "example.net"),
        recipients=[Address("postmaster", "example.org")],
        now=BEGIN + 90000.0,
    )


@pytest.mark.parametrize(
    "octets",
    [
        JSON,
        b"\xef\xbb\xbf \n" + JSON,
        gzip.compress(JSON),
        make_zip(JSON),
        make_tls_mail(make_tls_report()),
        b"From x\n" + make_tls_mail(make_tls_report()).replace(b"\r\n", b"\n"),
    ],
    ids=["json", "marked", "gzip", "zip", "mail", "mbox"],
)
def test_a_report_on_tls_is_read_whatever_it_came_in(run, tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "file").write_bytes(octets)
    status, out, err = run("report", "read", str(tmp_path / "file"), "--json")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert (told["tls"]["count"], told["tls"]["failed"]) == (12, 2)
    (report,) = told["reports"]
    assert (report["kind"], report["reporter"], report["domain"], report["failed"]) == (
        "tls",
        "mx.example.net",
        "example.org",
        2,
    )
    assert told["tls"]["domains"][0]["failures"][0]["type"] == "certificate-expired"


def test_reports_on_tls_that_are_dangerous_or_none_are_told(run, tmp_path: Path) -> None:
    """Bombs of two kinds, nesting, damage; JSON that is something else is passed over in directories."""
    files = {
        "bomb.json.gz": gzip.compress(b"{" + b" " * 20_000_000),
        "large.json": b"{" + b" " * 5_000_000,
        "deep.json": b'{"a":' * 100,
        "cut.json.gz": gzip.compress(JSON)[:-20],
        "cut.json": JSON[:-20],
        "other.json": b'{"name": "x"}',
    }
    for name, octets in files.items():
        (tmp_path / name).write_bytes(octets)
    (tmp_path / "good.json").write_bytes(JSON)
    status, out, err = run("report", "read", str(tmp_path))
    assert status == 1
    assert out.startswith("1 TLS report, 12 sessions: 2 failed.")
    assert "there is no report in it: 1 file." in out
    for name, reason in {
        "bomb.json.gz": "a decompression bomb",
        "large.json": "larger than",
        "deep.json": "nested deeper",
        "cut.json.gz": "cut off",
        "cut.json": "no JSON",
    }.items():
        assert re.search(f"^samotop: .*/{name}: .*{reason}", err, re.MULTILINE), name
    status, _, err = run("report", "read", str(tmp_path / "other.json"))
    assert (status, "JSON, and no TLS report" in err) == (1, True)


def test_a_page_on_tls_stays_a_page(run, home: Path, tmp_path: Path) -> None:
    """Whoever invents domains and failures fills no screen, and no word of theirs moves the cursor."""
    for number in range(40):
        report = make_tls_report(number, domain=f"d{number:02}.example", kind=f"\x1b[31m{number}" + "x" * 5000)
        (tmp_path / f"{number}.json").write_bytes(tlsrpt.format_report(report))
    (tmp_path / "ours.json").write_bytes(JSON)
    out = run("report", "read", str(tmp_path), "--home", str(home))[1]
    assert len(out.splitlines()) < 200
    assert "And 21 more domains" in out
    assert "mail servers of d39.example, which is no domain of this home\n" in out
    assert all(character.isprintable() or character == "\n" for character in out)


def test_a_moment_that_is_none_is_told_as_such() -> None:
    for seconds in (0, 1 << 52):
        assert report_words.format_day(seconds) == "an unknown day"
