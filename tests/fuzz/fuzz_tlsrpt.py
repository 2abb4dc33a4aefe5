"""Fuzz target: TLS reports on their way in: mail, gzip, JSON; and the record that asks for them.

Invariant. For any octets, as a mail, as a file, as a document and as the middle of a document:

* nothing is raised but ``BadReport``, whose text has no line end in it;
* what is unpacked is no larger than its bound;
* a report that was read has counts and times that are not negative, and its summary can be printed;
* it can be written, and what was written reads as the same numbers;
* a record gives destinations, at least one and not many, or ``ValueError``.

    python tests/fuzz/fuzz_tlsrpt.py -max_total_time=60
"""

from __future__ import annotations

import sys
import zlib

from samotop.tlspolicy.tlsrpt import (
    BadReport,
    format_report,
    format_summary,
    parse_record,
    parse_report,
    read_message,
    summarize,
    unpack_report,
)
from samotop.tlspolicy.tlsrpt.destinations import DESTINATION_LIMIT
from samotop.tlspolicy.tlsrpt.read import JSON_LIMIT


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_mail(octets)
    check_mail(b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: application/tlsrpt+json\n\n" + octets)
    check_file(octets)
    check_file(b"\x1f\x8b" + octets)
    check_file(zlib.compress(octets, 1, wbits=31))
    check_document(octets)
    check_document(b'{"policies":[{' + octets + b"}]}")
    check_document(b'{"policies":[{"policy":{"policy-domain":"a"},"failure-details":[{' + octets + b"}]}]}")
    check_record(octets)
    check_record(b"v=TLSRPTv1; rua=" + octets)


def check_mail(octets: bytes) -> None:
    try:
        read_message(octets)
    except BadReport as error:
        assert "\n" not in str(error)


def check_file(octets: bytes) -> None:
    try:
        assert len(unpack_report(octets)) <= max(JSON_LIMIT, len(octets))
    except BadReport as error:
        assert "\n" not in str(error)


def check_document(octets: bytes) -> None:
    try:
        report = parse_report(octets)
    except BadReport as error:
        assert "\n" not in str(error)
        return
    assert report.metadata.begin >= 0 and report.metadata.end >= 0
    assert report.successes >= 0 and report.failures >= 0
    assert all(character.isprintable() or character == "\n" for character in format_summary(summarize([report])))
    again = parse_report(format_report(report))
    assert (again.successes, again.failures) == (report.successes, report.failures)
    assert len(again.policies) == len(report.policies)


def check_record(octets: bytes) -> None:
    try:
        addresses, urls = parse_record(octets)
    except ValueError:
        return
    assert 1 <= len(addresses) + len(urls) <= DESTINATION_LIMIT
    assert all(url[:6].lower() == "https:" for url in urls)


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
