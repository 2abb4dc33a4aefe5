"""For other people's test-suites, and ours: a server that catches mail, a transport that keeps it, a DNS and a
clock that do as they are told.

With pytest the fixtures ``mail_catcher`` and ``make_mail_catcher`` are there
as soon as samotop is installed.
"""

from __future__ import annotations

from samotop.testing.accounts import MemoryAccounts
from samotop.testing.catcher import CaughtMail, MailCatcher
from samotop.testing.clock import MovableClock
from samotop.testing.zones import ZoneResolver
from samotop.transport.recording import RecordingTransport, SentMail

__all__ = [
    "CaughtMail",
    "MailCatcher",
    "MemoryAccounts",
    "MovableClock",
    "RecordingTransport",
    "SentMail",
    "ZoneResolver",
]
