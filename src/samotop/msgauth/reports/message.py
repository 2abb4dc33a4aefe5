"""The mail that carries a DMARC report (RFC 9990 §3.5.2); see ``message.reportmail``.

It must itself pass DMARC for the domain of ``author``: signing is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence

from samotop.address import Address
from samotop.message.reportmail import ReportMail, format_report_mail
from samotop.message.trace import format_date
from samotop.msgauth.reports.values import AggregateReport
from samotop.msgauth.reports.write import compress_report, format_filename


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
    metadata = report.metadata
    mail = ReportMail(
        title="DMARC reports",
        domain=report.policy.domain,
        submitter=receiver,
        report_id=metadata.report_id,
        container="multipart/mixed",
        media="application/gzip",
        filename=format_filename(report, receiver),
        packed=compress_report(report),
        words=(
            f"This is a DMARC aggregate report by {receiver}",
            f"on mail that says it is from {report.policy.domain},",
            f"received from {format_date(metadata.begin)}",
            f"to {format_date(metadata.end)}.",
        ),
    )
    return format_report_mail(mail, author=author, recipients=recipients, now=now, message_id=message_id)
