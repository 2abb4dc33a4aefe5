"""Ways to hand messages on.

Those that send have one interface, ``await transport.send(...)`` with an outcome
for each recipient (``transport.sending``): ``SmtpTransport`` for SMTP and LMTP,
``SendmailTransport``, ``RecordingTransport`` for tests, and ``LocalSender`` for any
of the local ones below; ``open_sender`` makes one of a URL. ``read_directory``
gives back what ``Directory`` has kept.

The local ones (Maildir, mbox, directory, journal, console, discard) implement
``ports.LocalTransport``, which delivery calls: in a worker thread, blocking,
durable when it returns, and never doubling what it is handed again.
"""

from __future__ import annotations

from samotop.transport.choosing import open_sender
from samotop.transport.console import Console
from samotop.transport.directory import Directory
from samotop.transport.discard import Discard
from samotop.transport.journal import Journal
from samotop.transport.locally import LocalSender
from samotop.transport.maildir import Maildir
from samotop.transport.mbox import Mbox
from samotop.transport.opening import open_transport
from samotop.transport.program import SendmailTransport
from samotop.transport.recording import RecordingTransport
from samotop.transport.rendering import Rendering
from samotop.transport.sending import Outcome, RecipientOutcome, Transport
from samotop.transport.smtp.sender import SmtpTransport
from samotop.transport.stored import read_directory, read_stored

__all__ = [
    "Console",
    "Directory",
    "Discard",
    "Journal",
    "LocalSender",
    "Maildir",
    "Mbox",
    "Outcome",
    "RecipientOutcome",
    "RecordingTransport",
    "Rendering",
    "SendmailTransport",
    "SmtpTransport",
    "Transport",
    "open_sender",
    "open_transport",
    "read_directory",
    "read_stored",
]
