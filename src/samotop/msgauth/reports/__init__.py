"""DMARC aggregate reports (RFC 9990): written for mail that we received, read when others report to us.

Everything here is pure, octets in and octets out; who keeps rows, asks for
destinations and sends is a service. For one that sends:

    row = make_row(peer, dmarc_result, spf_result, dkim_results)         each message
    for domain, rows in group_rows(kept).items():                        once a day
        report = aggregate([(row, 1) for row in rows], Metadata(...))
        destinations = await find_destinations(domain, parse_destinations(rows[-1].rua), resolver)
        mail = format_message(report, receiver=..., author=..., recipients=..., now=...)

and for one that reads:

    report = read_message(mail)          or parse_report(unpack_report(file))
    print(format_summary(summarize([report])))

Reports of RFC 7489 are read as well. Failure reports (RFC 9991) are neither
written nor read: they carry addresses and content of people.
"""

from __future__ import annotations

from samotop.msgauth.reports.addresses import Destination, find_destinations, parse_destinations
from samotop.msgauth.reports.aggregate import aggregate, group_rows
from samotop.msgauth.reports.attachment import AttachmentError, read_message, take_attachment
from samotop.msgauth.reports.message import format_message
from samotop.msgauth.reports.read import ReportSyntaxError, parse_report
from samotop.msgauth.reports.summarize import Source, Summary, format_summary, summarize
from samotop.msgauth.reports.unpack import UnpackError, unpack_report
from samotop.msgauth.reports.values import (
    NAMESPACE,
    OVERRIDES,
    AggregateReport,
    DkimOutcome,
    DmarcRow,
    Evaluated,
    Metadata,
    Override,
    PublishedPolicy,
    ReportRow,
    SpfOutcome,
    make_row,
)
from samotop.msgauth.reports.write import compress_report, format_filename, format_report, iterate_xml

__all__ = [
    "NAMESPACE",
    "OVERRIDES",
    "AggregateReport",
    "AttachmentError",
    "Destination",
    "DkimOutcome",
    "DmarcRow",
    "Evaluated",
    "Metadata",
    "Override",
    "PublishedPolicy",
    "ReportRow",
    "ReportSyntaxError",
    "Source",
    "SpfOutcome",
    "Summary",
    "UnpackError",
    "aggregate",
    "compress_report",
    "find_destinations",
    "format_filename",
    "format_message",
    "format_report",
    "format_summary",
    "group_rows",
    "iterate_xml",
    "make_row",
    "parse_destinations",
    "parse_report",
    "read_message",
    "summarize",
    "take_attachment",
    "unpack_report",
]
