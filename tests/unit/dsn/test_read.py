"""Notifications of others: the examples of RFC 3464, and what real servers make of them."""

from __future__ import annotations

import pytest

from samotop.dsn import parse_notification
from samotop.dsn.read import GROUPS_LIMIT


def make(status: str, *, kind: str = "message/delivery-status", report: str = "delivery-status") -> bytes:
    text = f"""From: MAILER-DAEMON@example.net
Content-Type: multipart/report; report-type={report}; boundary="b"

--b
Content-Type: text/plain

Sorry.

--b
Content-Type: {kind}

{status}

--b
Content-Type: message/rfc822

Subject: hello
Message-ID: <1@example.org>

text
--b--
"""
    return text.replace("\n", "\r\n").encode()


# RFC 3464, appendix E.1 and E.2, shortened.
SIMPLE = """Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;louisl@larry.slip.umd.edu
Final-Recipient: rfc822;louisl@larry.slip.umd.edu
Action: failed
Status: 4.0.0
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400"""
MULTIPLE = """Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;arathib@vnet.ibm.com
Final-Recipient: rfc822;arathib@vnet.ibm.com
Action: failed
Status: 5.0.0 (permanent failure)
Diagnostic-Code: smtp;
 550 'arathib@vnet.IBM.COM' is not a registered gateway user
Remote-MTA: dns; vnet.ibm.com

Original-Recipient: rfc822;johnh@hpnjld.njd.hp.com
Final-Recipient: rfc822;johnh@hpnjld.njd.hp.com
Action: delayed
Status: 4.0.0 (hpnjld.njd.jp.com: host name lookup failure)

Original-Recipient: rfc822;wsnell@sdcc13.ucsd.edu
Final-Recipient: rfc822;wsnell@sdcc13.ucsd.edu
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 user unknown
Remote-MTA: dns; sdcc13.ucsd.edu"""


def test_the_examples_of_the_rfc() -> None:
    """RFC 3464, appendix E: folded fields, comments, a failure with a 4.y.z status."""
    found = parse_notification(make(SIMPLE))
    assert found is not None and found.reporter == "cs.utk.edu"
    (one,) = found.recipients
    assert one.has_failed and str(one.status) == "4.0.0"
    assert one.diagnostic == "426 connection timed out"
    assert found.returned == b"Subject: hello\r\nMessage-ID: <1@example.org>\r\n\r\n"
    found = parse_notification(make(MULTIPLE))
    assert found is not None
    assert [one.action for one in found.recipients] == ["failed", "delayed", "failed"]
    assert str(found.recipients[0].status) == "5.0.0"
    assert found.recipients[0].diagnostic == "550 'arathib@vnet.IBM.COM' is not a registered gateway user"


@pytest.mark.parametrize(
    "octets",
    [
        b"Subject: Out of office\r\n\r\nI am away\r\n",
        make(SIMPLE, report="disposition-notification"),
        make(SIMPLE, kind="text/plain"),
        make("Reporting-MTA: dns; x"),
        make("Reporting-MTA: dns; x\n\nAction: failed"),
        make("Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b\nAction: exploded"),
        b"",
    ],
)
def test_what_is_none_is_none(octets: bytes) -> None:
    """An autoreply must not look like a bounce."""
    assert parse_notification(octets) is None


OPENSMTPD = """Received: from localhost (mx.example.net [local])
\tby mx.example.net (OpenSMTPD) with ESMTPA id 3f0a2c51
\tfor <bob@example.org>;
\tSun, 22 Nov 2026 10:00:00 +0000 (UTC)
Subject: Delivery status notification: failed
From: Mailer Daemon <MAILER-DAEMON@mx.example.net>
To: bob@example.org
Date: Sun, 22 Nov 2026 10:00:00 +0000 (UTC)
MIME-Version: 1.0
Content-Type: multipart/mixed;boundary="11929387645501743281/mx.example.net"

This is a MIME-encapsulated message.

--11929387645501743281/mx.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this email.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

nobody@example.com: 550 5.1.1 no such mailbox

    Below is a copy of the original message:

--11929387645501743281/mx.example.net
Content-Description: Delivery Report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; nobody@example.com
Action: failed
Status: 5.0.0

--11929387645501743281/mx.example.net
Content-Description: Message headers
Content-Type: text/rfc822-headers

Subject: hello
Message-ID: <1@example.org>

text

--11929387645501743281/mx.example.net--
""".replace("\n", "\r\n").encode()
"""As OpenSMTPD 6 and 7 write it: multipart/mixed, and "headers" that are the whole message."""


def test_opensmtpd_names_its_notification_mixed() -> None:
    """Its failures would be no failures otherwise."""
    found = parse_notification(OPENSMTPD)
    assert found is not None and found.reporter == "mx.example.net"
    (one,) = found.recipients
    assert (one.final, one.has_failed, str(one.status)) == ("nobody@example.com", True, "5.0.0")
    assert found.returned == b"Subject: hello\r\nMessage-ID: <1@example.org>\r\n\r\n"


@pytest.mark.parametrize(
    "octets",
    [
        OPENSMTPD.replace(b"text/rfc822-headers", b"text/x-notes"),
        OPENSMTPD.replace(b"text/plain", b"text/html"),
        OPENSMTPD.replace(b"multipart/mixed", b"multipart/alternative"),
        OPENSMTPD.replace(b"This is a MIME", b"--11929387645501743281/mx.example.net\r\n\r\nSee below.\r\n"),
        OPENSMTPD.replace(b"message/delivery-status", b"application/octet-stream"),
    ],
)
def test_a_status_that_somebody_attached_is_no_notification(octets: bytes) -> None:
    """Who forwards a bounce with a question about it has not bounced anything."""
    assert parse_notification(octets) is None


def test_an_action_in_any_case_with_a_comment() -> None:
    """As some servers write it."""
    found = parse_notification(make("Reporting-MTA: x\n\nFinal-Recipient: a@b\nAction: FAILED (really)"))
    assert found is not None
    assert found.recipients[0].action == "failed" and found.recipients[0].status is None


def test_the_number_of_recipients_is_bounded() -> None:
    """And many more than that cost no more than their octets."""
    group = "\n\nFinal-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.1.1"
    found = parse_notification(make("Reporting-MTA: dns; x" + group * (4 * GROUPS_LIMIT)))
    assert found is not None and len(found.recipients) == GROUPS_LIMIT
