"""The built-in deciders of a server: what ``policy`` says of the facts, with what only the stores know.

One method for each stage, called on the event loop. Only the ledger is waited for, at the end of a content.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from samotop.address import Address
from samotop.app.consent import Consenting
from samotop.app.expansions import Expansions
from samotop.app.policing import Policing, tell_findings
from samotop.config.shapes import Config
from samotop.facts import ContentFacts, Decision, MailFacts, RecipientFacts
from samotop.net.networks import in_networks
from samotop.policy import recipient
from samotop.policy.stage import Stage
from samotop.policy.submission import SubmissionRules, check_author, check_sender, check_usage
from samotop.ports.clock import Clock
from samotop.reception.stages import Stages
from samotop.reception.usage import Usages
from samotop.routing.destinations import Local
from samotop.routing.router import Router
from samotop.verdict import Action, Verdict


class Deciders:
    """``observers`` are told of each message that strangers sent, and what was decided of it."""

    def __init__(
        self,
        config: Config,
        router: Router,
        usages: Usages,
        clock: Clock,
        policing: Policing,
        expansions: Expansions | None = None,
        consenting: Consenting | None = None,
    ) -> None:
        self._config = config
        self._router = router
        self._usages = usages
        self._clock = clock
        self._policing = policing
        self._expansions = expansions
        self._consenting = consenting
        self._submission = SubmissionRules(config.limits.messages_per_day, config.limits.recipients_per_day)
        self.observers: list[Callable[[ContentFacts, Verdict], None]] = []

    @property
    def stages(self) -> Stages:
        policing, checks = self._policing, self._policing.checks
        return Stages(
            connection=policing.noting(Stage.CONNECTION, checks.connection),
            hello=policing.noting(Stage.HELLO, checks.hello),
            mail=policing.noting(Stage.MAIL, self.check_mail),
            recipient=policing.noting(Stage.RECIPIENT, self.check_recipient),
            content=policing.noting(Stage.CONTENT, self.check_content),
        )

    def _owns(self, login: str, address: Address) -> bool:
        return self._router.resolve(address) == Local(login) or (
            self._expansions is not None and self._expansions.may_write_as(login, address)
        )

    def check_mail(self, facts: MailFacts) -> Verdict:
        verdict = self._policing.checks.mail(facts)
        return verdict if verdict.is_refusal else check_sender(facts, self._owns)

    def check_content(self, facts: ContentFacts) -> Decision | Awaitable[Decision]:
        decision = self._check_content(facts)
        if isinstance(decision, Verdict) and decision.is_refusal:
            return decision
        if self._policing.checks.reads_body:
            return self._read(facts, decision)
        return self._consent(facts, decision)

    async def _read(self, facts: ContentFacts, decision: Decision) -> Decision:
        """What looks at the whole content does so in a thread."""
        verdict = await asyncio.to_thread(self._policing.checks.body, facts)
        if verdict.is_refusal:
            return verdict
        found = self._consent(facts, decision)
        return await found if isinstance(found, Awaitable) else found

    def _consent(self, facts: ContentFacts, decision: Decision) -> Decision | Awaitable[Decision]:
        consenting = self._consenting
        if consenting is None:
            return decision
        if facts.peer.login is not None:
            consenting.learn(facts)
            return decision
        if consenting.is_exempt(facts):
            return decision
        return self._ask(consenting, self._policing.complete(facts), decision)

    async def _ask(self, consenting: Consenting, facts: ContentFacts, decision: Decision) -> Decision:
        await consenting.lessons.written()
        found = await consenting.consent.check_content(facts)
        if isinstance(found, Verdict):
            return found if found.is_refusal else decision
        found = [tell_findings(one, facts.findings) for one in found]
        if isinstance(decision, Verdict):
            return found if decision.action is Action.ABSTAIN else decision
        return [theirs if ours.action is Action.ABSTAIN else ours for ours, theirs in zip(decision, found, strict=True)]

    def _check_content(self, facts: ContentFacts) -> Decision:
        verdict = self._policing.checks.content(facts)
        if verdict.is_refusal and verdict.check != "dmarc":
            return verdict
        author = check_author(facts, self._owns, self._config.domains)
        if author.is_refusal:
            return author
        if facts.peer.login is not None:
            recipients = [one.address for one in facts.envelope.recipients]
            self._usages.note(facts.peer.login, recipients, self._clock.time())
        for note in self.observers:
            note(facts, verdict)
        if self._expansions is None or verdict.is_refusal:
            return verdict
        return self._expansions.check_content(facts)

    def check_recipient(self, facts: RecipientFacts) -> Verdict | Awaitable[Verdict]:
        peer = facts.peer
        verdict = self._policing.checks.recipient(facts)
        if verdict.is_refusal:
            return verdict
        if peer.login is not None:
            usage = self._usages.usage(peer.login, self._clock.time())
            digest = self._usages.digest(facts.recipient.address)
            verdict = check_usage(facts, usage, digest, self._submission)
            if verdict.is_refusal:
                return verdict
        verdict = self._check_destination(facts)
        if verdict.is_refusal:
            return self._policing.refuse_recipient(facts, verdict)
        if self._consenting is None:
            return verdict
        asked = self._consenting.consent.check_recipient(facts)
        return asked if asked.is_refusal else verdict

    def _check_destination(self, facts: RecipientFacts) -> Verdict:
        peer = facts.peer
        may_relay = peer.login is not None or in_networks(peer.address, self._config.relay.trusted)
        if self._expansions is None:
            return recipient.check_recipient(facts, self._router.resolve(facts.recipient.address), may_relay)
        verdict = self._expansions.check_recipient(facts)
        if verdict.is_refusal:
            return verdict
        return recipient.check_recipient(facts, self._expansions.resolve(facts.recipient.address), may_relay)
