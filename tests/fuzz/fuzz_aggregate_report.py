"""Fuzz target: DMARC aggregate reports on their way in: mail, archive, XML.

Invariant. For any octets, as a mail, as a file, as a document and as the middle of a document:

* nothing is raised but the documented errors, none of whose texts has a line end in it;
* what is unpacked is no larger than its bound, and is XML by its first character;
* a report that was read has counts and times that are not negative, and its summary can be printed;
* it can be written, if it has a row and a version that is a number, and what was written reads
  as the same rows and can be written to the same octets again.

    python tests/fuzz/fuzz_aggregate_report.py -max_total_time=60
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import replace

from samotop.msgauth.reports import (
    AggregateReport,
    AttachmentError,
    ReportSyntaxError,
    UnpackError,
    format_report,
    format_summary,
    parse_report,
    read_message,
    summarize,
    unpack_report,
)
from samotop.msgauth.reports.unpack import UNPACKED_LIMIT

HEAD = b"<feedback><report_metadata/><policy_published><p>none</p></policy_published>"


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_mail(octets)
    check_mail(b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/xml\n\n" + octets + b"\n--x--")
    check_file(octets)
    check_file(b"\x1f\x8b" + octets)
    check_file(b"PK\x03\x04" + octets)
    check_file(zlib.compress(octets, 1, wbits=31))
    check_document(octets)
    check_document(HEAD + octets + b"</feedback>")
    check_document(HEAD + b"<record>" + octets + b"</record></feedback>")


def check_mail(octets: bytes) -> None:
    try:
        read_message(octets)
    except (AttachmentError, UnpackError, ReportSyntaxError) as error:
        assert "\n" not in str(error)


def check_file(octets: bytes) -> None:
    try:
        unpacked = unpack_report(octets)
    except UnpackError as error:
        assert "\n" not in str(error)
        return
    assert len(unpacked) <= UNPACKED_LIMIT and b"<" in unpacked


def check_document(octets: bytes) -> None:
    try:
        report = parse_report(octets)
    except ReportSyntaxError as error:
        assert "\n" not in str(error)
        return
    assert report.metadata.begin >= 0 and report.metadata.end >= 0
    assert all(row.count >= 0 for row in report.rows)
    text = format_summary(summarize([report]))
    assert all(c.isprintable() or c == "\n" for c in text)
    check_written(report)


def check_written(report: AggregateReport) -> None:
    try:
        written = format_report(replace(report, version="1.0"))
    except ValueError:
        assert not report.rows
        return
    again = parse_report(written)
    assert [row.count for row in again.rows] == [row.count for row in report.rows]
    assert format_report(again) == written


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
