"""Keeps what was decided, where the operator wants that (``[policy] record``): beside the loop, and within bounds.

On the loop a decision is described (``policy.record``), nothing more; who is meant is hidden in a thread, which
writes a batch a second. What cannot be written is lost and counted: no mail waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from samotop.observe.log import Log
from samotop.policy.pseudonyms import Pseudonyms
from samotop.policy.record import Facts, Record, describe, format_record
from samotop.policy.stage import Stage
from samotop.ports.clock import Clock
from samotop.store.decisions import DecisionFiles
from samotop.store.secrets import keep_secret
from samotop.verdict import Verdict

SECRET_NAME: Final = "record.secret"
WAITING_LIMIT: Final = 10_000
"""Decisions in memory that are not written yet; more of them are lost."""


class Recorder:
    """``note`` is called for every decision, ``flush`` now and then. Made in a thread."""

    def __init__(self, home: Path, keep: float, clock: Clock, log: Log) -> None:
        self._files = DecisionFiles(home, keep)
        self._pseudonyms = Pseudonyms(keep_secret(home / "keys" / SECRET_NAME))
        self._clock = clock
        self._log = log
        self._waiting: list[Record] = []
        self._task: asyncio.Task[None] | None = None

    def note(self, stage: Stage, facts: Facts, found: Verdict | Sequence[Verdict]) -> None:
        """Refusals at every stage, and all that is decided at the end of a content."""
        is_wanted = stage is Stage.CONTENT or (isinstance(found, Verdict) and found.is_refusal)
        if is_wanted and len(self._waiting) < WAITING_LIMIT:
            self._waiting.append(describe(stage.value, facts, found, self._clock.time()))

    def flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to write what waits."""
        if self._waiting and (self._task is None or self._task.done()):
            batch, self._waiting = self._waiting, []
            self._task = loop.create_task(self._write(batch))

    async def _write(self, batch: Sequence[Record]) -> None:
        now = self._clock.time()

        def write() -> bool:
            return self._files.append([format_record(one, self._pseudonyms) for one in batch], now)

        try:
            if not await asyncio.to_thread(write):
                self._log.debug("record_full", count=len(batch))
        except OSError as error:
            self._log.error("record_unwritable", error=error)

    async def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write the rest."""
        if self._task is not None:
            await self._task
        self.flush(loop)
        if self._task is not None:
            await self._task
