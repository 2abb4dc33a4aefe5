"""Reminds the operator, once a day in the log, of mail that nobody but the operator can move.

What is held or damaged waits for as long as it takes: it was acknowledged, and so nothing of it is dropped in silence.
But it takes room, and somebody waits for it. Called in a thread. Raises nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import apsw

from samotop.observe.log import Log
from samotop.ports.clock import Clock
from samotop.queue.deadlines import UNATTENDED_AFTER
from samotop.store.database import Database
from samotop.store.queue_admin import count_unattended

EVERY: Final = 86400.0
"""Seconds between two reminders; the first comes when the server has started."""


class Reminder:
    """For one process of a server."""

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._told_at = float("-inf")

    def look(self) -> None:
        """Remind, where it is time and there is something."""
        now = self._clock.monotonic()
        if now - self._told_at < EVERY:
            return
        with suppress(apsw.Error, OSError):  # told where state.db is looked at every second
            found = count_unattended(self._database, self._clock.time() - UNATTENDED_AFTER)
            self._told_at = now
            if found:
                self._log.warning("unattended_mail", count=found)
