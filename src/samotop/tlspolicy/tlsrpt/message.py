"""The mail that carries a TLS report (RFC 8460 §5.3); see ``message.reportmail``.

It must be signed with DKIM for the domain of ``author``: that is the caller's.
It asks to be delivered even where TLS is broken (RFC 8689 §3): else nobody
would ever hear of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from samotop.address import Address
from samotop.message.reportmail import ReportMail, format_report_mail
from samotop.message.trace import format_date
from samotop.tlspolicy.tlsrpt.values import TlsReport
from samotop.tlspolicy.tlsrpt.write import compress_report, format_filename


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
    metadata = report.metadata
    mail = ReportMail(
        title="TLS reports",
        domain=report.domain,
        submitter=submitter,
        report_id=metadata.report_id,
        container='multipart/report; report-type="tlsrpt"',
        media="application/tlsrpt+gzip",
        filename=format_filename(report, submitter),
        packed=compress_report(report),
        words=(
            f"This is an aggregate TLS report by {submitter}",
            f"on its connections to the mail servers of {report.domain}",
            f"from {format_date(metadata.begin)}",
            f"to {format_date(metadata.end)}:",
            f"{report.successes} went well, {report.failures} did not.",
        ),
        fields=(f"TLS-Report-Domain: {report.domain}", f"TLS-Report-Submitter: {submitter}", "TLS-Required: No"),
    )
    return format_report_mail(mail, author=author, recipients=recipients, now=now, message_id=message_id)
