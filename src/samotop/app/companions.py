"""The companions of one server process: whom ``[[companion]]`` names, asked before a message is accepted.

They are asked first and all at once, so that a message that one of them
refuses leaves no contact request behind; their changes are made one after the
other, in the order of the file. Where none is named everything is as without them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from dataclasses import replace

from samotop.companions.asking import CompanionRules
from samotop.companions.clamd import ClamdCompanion
from samotop.companions.milter import MilterCompanion
from samotop.config.companions import Companion as CompanionTable
from samotop.config.shapes import Config
from samotop.facts import ContentFacts, DecideContent, Decision
from samotop.milter.changes import apply_changes
from samotop.observe.log import Log
from samotop.ports import Spool
from samotop.ports.companion import Companion, Opinion
from samotop.reception.rewriting import Rewriting, RewritingSpool
from samotop.reception.stages import Stages
from samotop.verdict import ABSTAIN, Action, Verdict


def open_companions(config: Config, spool: Spool, loop: asyncio.AbstractEventLoop, log: Log) -> Companions:
    """The companions of a process. ``spool`` is the door to the queue without them."""
    return Companions([_make(one, config.hostname, log) for one in config.companions], spool, loop, log)


def _make(table: CompanionTable, hostname: str, log: Log) -> Companion:
    rules = CompanionRules(table.timeout, is_needed=table.on_failure == "defer")
    if table.kind == "clamd":
        return ClamdCompanion(table.address, log, rules)
    return MilterCompanion(table.address, hostname, log, rules)


class Companions:
    """``spool`` is the door for what strangers and users send: there their changes are made."""

    def __init__(
        self, companions: Sequence[Companion], spool: Spool, loop: asyncio.AbstractEventLoop, log: Log
    ) -> None:
        self._companions = companions
        self._rewriting = RewritingSpool(spool, loop, log)
        self.spool: Spool = self._rewriting if companions else spool

    def join(self, stages: Stages) -> Stages:
        """The same stages with the companions at the end of the content."""
        if not self._companions:
            return stages
        decide = stages.content

        async def ask_first(facts: ContentFacts) -> Decision:
            return await self._decide(facts, decide)

        return replace(stages, content=ask_first)

    async def _decide(self, facts: ContentFacts, decide: DecideContent | None) -> Decision:
        opinions = await asyncio.gather(*(one.ask(facts) for one in self._companions))
        decision = combine([one.decision for one in opinions], len(facts.envelope.recipients))
        if _is_refused(decision):
            return decision
        entry_id = self._plan_changes(facts, opinions)
        if decide is not None:
            found = decide(replace(facts, id=entry_id))  # what is remembered of it, is so by its entry's id
            own = await found if inspect.isawaitable(found) else found
            decision = combine([ABSTAIN if own is None else own, decision], len(facts.envelope.recipients))
        return decision

    def _plan_changes(self, facts: ContentFacts, opinions: Sequence[Opinion]) -> str:
        """Have the companions' changes made if the message is taken; returns the id that its entry will have."""
        if not any(one.changes or one.body is not None for one in opinions):
            return facts.id
        before = header = facts.content.header
        body: bytes | None = None
        for one in opinions:
            header = apply_changes(header, one.changes, has_space=one.has_space) if one.changes else header
            body = body if one.body is None else one.body
        return self._rewriting.rewrite(facts.id, Rewriting(header, len(before), body))


def combine(decisions: Sequence[Decision], count: int) -> Decision:
    """One decision of several, for each of ``count`` recipients where any tells them apart.

    A refusal counts before anything else, a DEFER before a REJECT only where
    it comes first; then a HOLD; then the first that has an opinion.
    """
    if all(isinstance(one, Verdict) for one in decisions):
        return _strongest([one for one in decisions if isinstance(one, Verdict)])
    each = [[one] * count if isinstance(one, Verdict) else list(one) for one in decisions]
    return [_strongest(verdicts) for verdicts in zip(*each, strict=True)]


def _strongest(verdicts: Sequence[Verdict]) -> Verdict:
    for verdict in verdicts:
        if verdict.is_refusal:
            return verdict
    for action in (Action.DISCARD, Action.HOLD):  # the owner's own rule, then whoever wants it looked at
        for verdict in verdicts:
            if verdict.action is action:
                return verdict
    return next((one for one in verdicts if one.action is not Action.ABSTAIN), ABSTAIN)


def _is_refused(decision: Decision) -> bool:
    """For everybody?"""
    return decision.is_refusal if isinstance(decision, Verdict) else all(one.is_refusal for one in decision)
