"""The checks of one server process: made from the configuration, with the files of who is allowed and blocked.

What is decided is in ``policy.stage``; here is what it needs of the world: files that are read again when they
change, answers that wait (``policy.harvesting``), a line in the log for each refusal, and the record for
``samotop policy replay``. Made in a thread, because it reads files; everything else is called on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from samotop.address import Address
from samotop.app.recording import Recorder
from samotop.app.watching import WatchedFiles
from samotop.config.named import read_named
from samotop.config.shapes import Config
from samotop.facts import ContentFacts, RecipientFacts
from samotop.net.networks import in_networks
from samotop.observe.log import Log
from samotop.policy.allowed import Entries, Named
from samotop.policy.cause import code_of
from samotop.policy.stage import Checks, Stage, Tools
from samotop.ports.clock import Clock
from samotop.routing.destinations import Local
from samotop.routing.router import Router
from samotop.status import EnhancedStatus
from samotop.terms import owner_levels, policy_rules
from samotop.verdict import Action, Verdict

NOBODY: Final = EnhancedStatus(5, 1, 1)
"""The status of an unknown recipient (RFC 3463 §3.2)."""

Sleep = Callable[[float], Awaitable[None]]


class Policing:
    """``checks`` decide. ``sleep`` makes an answer wait."""

    def __init__(
        self,
        config: Config,
        home: Path,
        router: Router,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._loop = loop
        self._log = log
        self._router = router
        self._sleep = sleep
        self._waiting = 0
        self._allowed = watch(home, config.policy.allow_files)
        self._blocked = watch(home, config.policy.block_files)
        self._named = Named(self._allowed.value, self._blocked.value, bool(self._blocked))
        self._look: asyncio.Task[None] | None = None
        self._recorder = Recorder(home, config.policy.record_for, clock, log) if config.policy.record else None
        self._levels = owner_levels(config)
        find = self._owner_level if self._levels else None
        tools = Tools(policy_rules(config), self._named, clock.monotonic, find)
        inside = (*config.policy.exempt, *config.relay.trusted)
        self.checks = Checks(tools, lambda address: in_networks(address, inside))

    def _owner_level(self, address: Address) -> str:
        destination = self._router.resolve(address)
        return self._levels.get(destination.account, "none") if isinstance(destination, Local) else "none"

    # --- what is decided ------------------------------------------------------------------------

    def noting(self, stage: Stage, decide: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The same decider, whose refusals are told to the log."""

        def decided(facts: Any) -> Any:
            found = decide(facts)
            if type(found) is Verdict:  # nearly always
                if found.is_refusal or self._recorder is not None:
                    self._note(stage, facts, found)
                return found
            if isinstance(found, Awaitable):
                return self._await(stage, facts, found)
            self._note(stage, facts, found)
            return found

        return decided

    async def _await(self, stage: Stage, facts: Any, waiting: Awaitable[Any]) -> Any:
        found = await waiting
        self._note(stage, facts, found)
        return found

    def _note(self, stage: Stage, facts: Any, found: Verdict | Sequence[Verdict]) -> None:
        if self._recorder is not None:
            self._recorder.note(stage, facts, found)
        for verdict in (found,) if isinstance(found, Verdict) else found:
            if verdict.is_refusal:
                action = verdict.action.value
                self._log.info("refused", stage=stage.value, check=code_of(verdict), action=action)

    def complete(self, facts: ContentFacts) -> ContentFacts:
        """The facts with what the checks have found, for who decides after them."""
        return replace(facts, findings=self.checks.findings(facts), is_allowed=self.checks.allows_author(facts))

    def refuse_recipient(self, facts: RecipientFacts, verdict: Verdict) -> Verdict | Awaitable[Verdict]:
        """A recipient is refused; who tries many names is answered slowly, or no more."""
        if verdict.status != NOBODY:
            return verdict
        cost = self.checks.harvest(facts, self._waiting)
        if cost.verdict is not None:
            return cost.verdict
        return self._answer_late(verdict, cost.delay) if cost.delay else verdict

    async def _answer_late(self, verdict: Verdict, delay: float) -> Verdict:
        self._waiting += 1
        try:
            await self._sleep(delay)
        finally:
            self._waiting -= 1
        return verdict

    # --- files ----------------------------------------------------------------------------------

    def look(self) -> None:
        """Take up files that have changed, and write what is recorded."""
        if self._recorder is not None:
            self._recorder.flush(self._loop)
        if self._look is None or self._look.done():
            files = [one for one in (self._allowed, self._blocked) if one]
            self._look = self._loop.create_task(self._take_up(files)) if files else None

    async def _take_up(self, files: Sequence[WatchedFiles[Entries]]) -> None:
        changed = await asyncio.to_thread(lambda: [one for one in files if one.has_changed()])
        for one in changed:
            bad = await asyncio.to_thread(one.read)
            if bad:
                self._log.error("named_unreadable", count=bad)
            else:
                self._log.info("named_read", count=len(one.value))
        self._named.allowed, self._named.blocked = self._allowed.value, self._blocked.value

    async def stop(self) -> None:
        if self._look is not None:
            await self._look
        if self._recorder is not None:
            await self._recorder.stop(self._loop)


def watch(home: Path, names: Sequence[str]) -> WatchedFiles[Entries]:
    """The entries of these files together."""
    paths = [home / name for name in dict.fromkeys(names)]

    def load() -> tuple[Entries, int]:
        found = read_named(*paths)
        return found.entries, len(found.faults)

    return WatchedFiles(paths, load)


def tell_findings(verdict: Verdict, findings: Sequence[str]) -> Verdict:
    """The verdict with what was found beside it, for who reads the trace."""
    if not findings or verdict.action not in (Action.ACCEPT, Action.HOLD):
        return verdict
    return replace(verdict, reason=f"{verdict.reason} ({', '.join(findings)})")
