"""SMTP TLS Reporting: what our sessions with a domain's hosts came to, told to the domain once a day (RFC 8460).

For one that sends:

    row = make_row(plan, judged)                                   each session
    row = make_fetch_row(found)                                    each policy that could not be fetched
    found = await lookup_reporting("example.org", resolver)        once a day
    report = aggregate(rows, Metadata(...))
    mail = format_message(report, ...)  or  compress_report(report) to be posted to an https destination

and for one that reads:

    report = read_message(mail)          or parse_report(unpack_report(file))
    print(format_summary(summarize([report])))

Pure, but for the resolver that is awaited. Nothing in here names a person:
domains, hosts, counts and reasons.
"""

from __future__ import annotations

from samotop.tlspolicy.tlsrpt.destinations import Reporting, lookup_reporting, parse_record
from samotop.tlspolicy.tlsrpt.message import format_message
from samotop.tlspolicy.tlsrpt.read import BadReport, OtherJson, parse_report, read_message, unpack_report
from samotop.tlspolicy.tlsrpt.rows import TlsRow, decode_row, encode_row, make_fetch_row, make_row
from samotop.tlspolicy.tlsrpt.summarize import Summary, Totals, format_summary, summarize
from samotop.tlspolicy.tlsrpt.values import (
    AppliedPolicy,
    FailureDetail,
    Metadata,
    PolicyReport,
    PolicyType,
    TlsReport,
)
from samotop.tlspolicy.tlsrpt.write import aggregate, compress_report, format_filename, format_report

__all__ = [
    "AppliedPolicy",
    "BadReport",
    "FailureDetail",
    "Metadata",
    "OtherJson",
    "PolicyReport",
    "PolicyType",
    "Reporting",
    "Summary",
    "TlsReport",
    "TlsRow",
    "Totals",
    "aggregate",
    "compress_report",
    "decode_row",
    "encode_row",
    "format_filename",
    "format_message",
    "format_report",
    "format_summary",
    "lookup_reporting",
    "make_fetch_row",
    "make_row",
    "parse_record",
    "parse_report",
    "read_message",
    "summarize",
    "unpack_report",
]
