"""The report out of a mail (RFC 9990 §3.5.2): ``message.reportpart`` finds the part, here is what it is called.

Raises ``AttachmentError``, and ``read_message`` what ``unpack`` and ``read`` raise:
all of them are ``ValueError``.
"""

from __future__ import annotations

from typing import Final

from samotop.message.reportpart import DEPTH_LIMIT, PART_LIMIT, AttachmentError, ReportParts, take_part
from samotop.msgauth.reports.read import parse_report
from samotop.msgauth.reports.unpack import unpack_report
from samotop.msgauth.reports.values import AggregateReport

__all__ = [
    "DEPTH_LIMIT",
    "MESSAGE_LIMIT",
    "PARTS",
    "PART_LIMIT",
    "AttachmentError",
    "read_message",
    "take_attachment",
]

MESSAGE_LIMIT: Final = 24 * 1024 * 1024
"""Octets of a mail: what a report may unpack to, with base64 around it."""

PARTS: Final = ReportParts(
    frozenset((
        b"application/gzip", b"application/x-gzip", b"application/zip", b"application/x-zip-compressed", b"text/xml",
        b"application/xml", b"application/x-zip", b"application/gzip-compressed",
    )),
    (b".xml", b".xml.gz", b".zip", b".gz"),
    MESSAGE_LIMIT,
)  # fmt: skip


def read_message(octets: bytes) -> AggregateReport:
    """The report that a mail brings. Raises ``ValueError``, as the module says."""
    return parse_report(unpack_report(take_attachment(octets)))


def take_attachment(octets: bytes) -> bytes:
    """The decoded content of the part that is the report. Raises ``AttachmentError``."""
    return take_part(octets, PARTS)
