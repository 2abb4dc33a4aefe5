"""The mail that carries a TLS report (RFC 8460 §5.3): its fields, a sentence for people, and the file.

The caller names the moment and the message's id, so that sending a report
again sends the same. It must be signed with DKIM for the domain of ``author``
(RFC 8460 §5.3): that is the caller's. It asks to be delivered even where TLS is
broken (RFC 8689 §3): else nobody would ever hear of it.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import Final

from samotop.address import Address
from samotop.message.trace import format_date
from samotop.tlspolicy.tlsrpt.values import TlsReport
from samotop.tlspolicy.tlsrpt.write import compress_report, format_filename

_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
_REPORT_ID: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}")
_BASE64_LINE: Final = 57
"""Octets that make a line of 76 characters (RFC 2045 §6.8)."""


def format_message(
    report: TlsReport,
    *,
    submitter: str,
    author: Address,
    recipients: Sequence[Address],
    now: float,
    message_id: str = "",
) -> bytes:
    """The mail, with CRLF line ends. ``submitter`` is the domain that reports; ``now`` is in seconds since 1970.

    ``message_id`` has no brackets; by default it is made of the report's id
    and ``submitter``. Raises ``ValueError`` for names that are none, without
    recipients, and for addresses beyond ASCII.
    """
    domain, report_id = report.domain, report.metadata.report_id
    message_id = message_id or (report_id if "@" in report_id else f"{report_id}@{submitter}")
    if not (_DOMAIN.fullmatch(submitter) and _DOMAIN.fullmatch(domain)):
        raise ValueError("submitter and policy domain must be domain names in A-labels")
    if not (_REPORT_ID.fullmatch(report_id) and _REPORT_ID.fullmatch(message_id)):
        raise ValueError("a report's id is of letters, digits and what an address may have")
    if not recipients or not all(address.is_ascii for address in (author, *recipients)):
        raise ValueError("a report goes from and to ASCII addresses, and to at least one")
    packed = compress_report(report)
    name = format_filename(report, submitter)
    boundary = "report-" + hashlib.sha256(packed).hexdigest()[:32]
    lines = [
        f"From: TLS reports <{author}>",
        "To: " + ",\r\n ".join(f"<{address}>" for address in recipients),
        f"Subject: Report Domain: {domain}",
        f" Submitter: {submitter}",
        f" Report-ID: <{report_id}>",
        f"Date: {format_date(now)}",
        f"Message-ID: <{message_id}>",
        f"TLS-Report-Domain: {domain}",
        f"TLS-Report-Submitter: {submitter}",
        "TLS-Required: No",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type="tlsrpt";',
        f' boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This is an aggregate TLS report by {submitter}",
        f"on its connections to the mail servers of {domain}",
        f"from {format_date(report.metadata.begin)}",
        f"to {format_date(report.metadata.end)}:",
        f"{report.successes} went well, {report.failures} did not.",
        "",
        f"--{boundary}",
        "Content-Type: application/tlsrpt+gzip;",
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
