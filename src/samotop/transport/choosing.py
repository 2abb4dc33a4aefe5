"""From one text to a transport that sends, for a program's own configuration.

    smtp://... smtps://... lmtp:... child:COMMAND      a server (transport.smtp.address)
    sendmail: or sendmail:/path/to/program             a program like /usr/sbin/sendmail
    maildir:PATH mbox:PATH directory:PATH journal:PATH console discard

Raises ``SetupError`` for any other text.
"""

from __future__ import annotations

import shlex
import socket

from samotop.errors import SetupError
from samotop.net.clock import SystemClock
from samotop.routing.via import parse_via
from samotop.transport.locally import LocalSender
from samotop.transport.opening import open_transport
from samotop.transport.program import SendmailTransport
from samotop.transport.sending import Transport
from samotop.transport.smtp.sender import SmtpTransport


def open_sender(url: str) -> Transport:
    """Make the transport that ``url`` names; nothing is opened yet."""
    kind, _, rest = url.strip().partition(":")
    if kind in ("smtp", "smtps", "lmtp", "child"):
        return SmtpTransport.from_url(url)
    if kind == "sendmail":
        words = shlex.split(rest)
        return SendmailTransport(words) if words else SendmailTransport()
    try:
        target = parse_via(url)
    except SetupError as error:
        remedy = (
            "write smtp://host, smtps://user@host, lmtp:/path, sendmail:, maildir:PATH, mbox:PATH or directory:PATH"
        )
        raise SetupError(error.args[0], remedy=remedy) from None
    return LocalSender(open_transport(target, hostname=socket.gethostname(), clock=SystemClock()))
