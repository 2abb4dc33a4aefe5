"""The built-in deciders of a server: what ``policy`` says of the facts, with what only the stores know.

One method for each stage, called on the event loop. Only the ledger is waited for, at the end of a content.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from samotop.address import Address
from samotop.app.consent import Consenting
from samotop.app.expansions import Expansions
from samotop.config.shapes import Config
from samotop.facts import ContentFacts, Decision, MailFacts, RecipientFacts
from samotop.net.networks import in_networks
from samotop.policy import recipient
from samotop.policy.dmarc import check_dmarc
from samotop.policy.loops import check_loops
from samotop.policy.submission import SubmissionRules, check_author, check_sender, check_usage
from samotop.ports.clock import Clock
from samotop.reception.stages import Stages
from samotop.reception.usage import Usages
from samotop.routing.destinations import Local
from samotop.routing.router import Router
from samotop.verdict import ABSTAIN, Action, Verdict


class Deciders:
    """``observers`` are told of each message that strangers sent, and what was decided of it."""

    def __init__(
        self,
        config: Config,
        router: Router,
        usages: Usages,
        clock: Clock,
        expansions: Expansions | None = None,
        consenting: Consenting | None = None,
    ) -> None:
        self._config = config
        self._router = router
        self._usages = usages
        self._clock = clock
        self._expansions = expansions
        self._consenting = consenting
        self._submission = SubmissionRules(config.limits.messages_per_day, config.limits.recipients_per_day)
        self.observers: list[Callable[[ContentFacts, Verdict], None]] = []

    @property
    def stages(self) -> Stages:
        return Stages(mail=self.check_mail, recipient=self.check_recipient, content=self.check_content)

    def _owns(self, login: str, address: Address) -> bool:
        return self._router.resolve(address) == Local(login) or (
            self._expansions is not None and self._expansions.may_write_as(login, address)
        )

    def check_mail(self, facts: MailFacts) -> Verdict:
        return check_sender(facts, self._owns)

    def check_content(self, facts: ContentFacts) -> Decision | Awaitable[Decision]:
        decision = self._check_content(facts)
        consenting = self._consenting
        if consenting is None or (isinstance(decision, Verdict) and decision.is_refusal):
            return decision
        if facts.peer.login is not None:
            return self._learn(consenting, facts, decision)
        return decision if consenting.is_exempt(facts) else self._ask(consenting, facts, decision)

    async def _learn(self, consenting: Consenting, facts: ContentFacts, decision: Decision) -> Decision:
        await consenting.learn(facts)
        return decision

    async def _ask(self, consenting: Consenting, facts: ContentFacts, decision: Decision) -> Decision:
        found = await consenting.consent.check_content(facts)
        if isinstance(found, Verdict):
            return found if found.is_refusal else decision
        if isinstance(decision, Verdict):
            return found if decision.action is Action.ABSTAIN else decision
        return [theirs if ours.action is Action.ABSTAIN else ours for ours, theirs in zip(decision, found, strict=True)]

    def _check_content(self, facts: ContentFacts) -> Decision:
        verdict = check_loops(facts)
        if verdict.action is Action.ABSTAIN:
            verdict = check_author(facts, self._owns, self._config.domains)
        if verdict.is_refusal:
            return verdict
        if facts.peer.login is not None:
            recipients = [one.address for one in facts.envelope.recipients]
            self._usages.note(facts.peer.login, recipients, self._clock.time())
        verdict = check_dmarc(facts) if self._config.policy.dmarc == "enforce" else ABSTAIN
        for note in self.observers:
            note(facts, verdict)
        if self._expansions is None or verdict.is_refusal:
            return verdict
        return self._expansions.check_content(facts)

    def check_recipient(self, facts: RecipientFacts) -> Verdict:
        peer = facts.peer
        if peer.login is not None:
            usage = self._usages.usage(peer.login, self._clock.time())
            digest = self._usages.digest(facts.recipient.address)
            verdict = check_usage(facts, usage, digest, self._submission)
            if verdict.is_refusal:
                return verdict
        verdict = self._check_destination(facts)
        if verdict.is_refusal or self._consenting is None:
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
