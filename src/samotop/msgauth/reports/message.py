"""The mail that carries a report (RFC 9990 §3.5.2): subject, a sentence for people, and the file in gzip.

The caller names the moment and the message's id; everything else follows from
the report, so that sending it again sends the same. The mail must itself pass
DMARC for the domain of ``author``: signing is the caller's. It is generated,
and says so (RFC 3834), so that nobody's vacation answers it.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import Final

from samotop.address import Address
from samotop.message.trace import format_date
from samotop.msgauth.reports.values import AggregateReport
from samotop.msgauth.reports.write import compress_report, format_filename

_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
_REPORT_ID: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}")
_BASE64_LINE: Final = 57
"""Octets that make a line of 76 characters (RFC 2045 §6.8)."""


def format_message(
    report: AggregateReport,
    *,
    receiver: str,
    author: Address,
    recipients: Sequence[Address],
    now: float,
    message_id: str = "",
) -> bytes:
    """The mail, with CRLF line ends. ``receiver`` is the domain that reports; ``now`` is in seconds since 1970.

    ``message_id`` has no brackets; by default it is made of the report's id
    and ``receiver``. Raises ``ValueError`` for names that are none, without
    recipients, and for addresses beyond ASCII: a report needs none.
    """
    domain, report_id = report.policy.domain, report.metadata.report_id
    message_id = message_id or (report_id if "@" in report_id else f"{report_id}@{receiver}")
    if not (_DOMAIN.fullmatch(receiver) and _DOMAIN.fullmatch(domain)):
        raise ValueError("receiver and policy domain must be domain names in A-labels")
    if not (_REPORT_ID.fullmatch(report_id) and _REPORT_ID.fullmatch(message_id)):
        raise ValueError("a report's id is of letters, digits and what an address may have")
    if not recipients or not all(address.is_ascii for address in (author, *recipients)):
        raise ValueError("a report goes from and to ASCII addresses, and to at least one")
    packed = compress_report(report)
    name = format_filename(report, receiver)
    boundary = "report-" + hashlib.sha256(packed).hexdigest()[:32]
    lines = [
        f"From: DMARC reports <{author}>",
        "To: " + ",\r\n ".join(f"<{address}>" for address in recipients),
        f"Subject: Report Domain: {domain}",
        f" Submitter: {receiver}",
        f" Report-ID: <{report_id}>",
        f"Date: {format_date(now)}",
        f"Message-ID: <{message_id}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This is a DMARC aggregate report by {receiver}",
        f"on mail that says it is from {domain},",
        f"received from {format_date(report.metadata.begin)}",
        f"to {format_date(report.metadata.end)}.",
        "",
        f"--{boundary}",
        "Content-Type: application/gzip;",
        f' name="{name}"',
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment;",
        f' filename="{name}"',
        "",
        *_encode(packed),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def _encode(octets: bytes) -> list[str]:
    steps = range(0, len(octets), _BASE64_LINE)
    return [binascii.b2a_base64(octets[at : at + _BASE64_LINE], newline=False).decode("ascii") for at in steps]
