"""For other people's test-suites, and ours: a server that catches mail, and a clock that only moves when told.

With pytest the fixtures ``mail_catcher`` and ``make_mail_catcher`` are there
as soon as samotop is installed.
"""

from __future__ import annotations

from samotop.testing.accounts import MemoryAccounts
from samotop.testing.catcher import CaughtMail, MailCatcher
from samotop.testing.clock import MovableClock

__all__ = ["CaughtMail", "MailCatcher", "MemoryAccounts", "MovableClock"]
