"""The mail that carries an aggregate report: fields, a sentence for people, and the file, packed (RFC 9990, RFC 8460).

The reports of DMARC and of TLS travel alike; what is theirs alone comes in
from them. The caller names the moment and the message's id, so that sending a
report again sends the same. The mail is generated and says so (RFC 3834), so
that nobody's vacation answers it. Signing it is the caller's.

Raises ``ValueError`` for names and addresses that cannot stand in a header.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.message.trace import format_date

_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
_REPORT_ID: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}")
_BASE64_LINE: Final = 57
"""Octets that make a line of 76 characters (RFC 2045 §6.8)."""


@dataclass(frozen=True, slots=True)
class ReportMail:
    """What one kind of report says of itself. ``fields`` and ``words`` are whole lines of ASCII, without line ends.

    ``domain`` is whom the report is about, ``submitter`` who reports; ``media``
    is the file's media type, ``container`` that of the mail without its boundary.
    """

    title: str
    domain: str
    submitter: str
    report_id: str
    container: str
    media: str
    filename: str
    packed: bytes
    words: Sequence[str]
    fields: Sequence[str] = ()


def format_report_mail(
    mail: ReportMail, *, author: Address, recipients: Sequence[Address], now: float, message_id: str = ""
) -> bytes:
    """The mail, with CRLF line ends; ``now`` is in seconds since 1970.

    ``message_id`` has no brackets; by default it is made of the report's id
    and the submitter.
    """
    message_id = message_id or (mail.report_id if "@" in mail.report_id else f"{mail.report_id}@{mail.submitter}")
    if not (_DOMAIN.fullmatch(mail.submitter) and _DOMAIN.fullmatch(mail.domain)):
        raise ValueError("submitter and policy domain must be domain names in A-labels")
    if not (_REPORT_ID.fullmatch(mail.report_id) and _REPORT_ID.fullmatch(message_id)):
        raise ValueError("a report's id is of letters, digits and what an address may have")
    if not recipients or not all(address.is_ascii for address in (author, *recipients)):
        raise ValueError("a report goes from and to ASCII addresses, and to at least one")
    boundary = "report-" + hashlib.sha256(mail.packed).hexdigest()[:32]
    lines = [
        f"From: {mail.title} <{author}>",
        "To: " + ",\r\n ".join(f"<{address}>" for address in recipients),
        f"Subject: Report Domain: {mail.domain}",
        f" Submitter: {mail.submitter}",
        f" Report-ID: <{mail.report_id}>",
        f"Date: {format_date(now)}",
        f"Message-ID: <{message_id}>",
        *mail.fields,
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f"Content-Type: {mail.container};",
        f' boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        *mail.words,
        "",
        f"--{boundary}",
        f"Content-Type: {mail.media};",
        f' name="{mail.filename}"',
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment;",
        f' filename="{mail.filename}"',
        "",
        *_encode(mail.packed),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def _encode(octets: bytes) -> list[str]:
    steps = range(0, len(octets), _BASE64_LINE)
    return [binascii.b2a_base64(octets[at : at + _BASE64_LINE], newline=False).decode("ascii") for at in steps]
