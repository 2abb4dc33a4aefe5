"""Asks the ledger, for each recipient whose mailbox is here, and says what the owner's answer makes of a message.

At RCPT only what is certain is said: an address that takes no mail any more; somebody whom the owner has rejected, and
whom SPF proves; that owners with different wishes are asked one by one; and that somebody who was asked to come back
is back too early, or while the owner has still not decided. Nobody else's standing is looked at there, because RCPT
knows claims alone: what is asked of the ledger there, and in which order, is the same for all of them. At the end of
the content everything is known, and ``consent.judge`` decides for each owner.

Deciders of ``stages``; called on the event loop. The end of the content is decided and remembered in a thread, before
the message is acknowledged. Where the ledger does not answer, the client is told to come back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from samotop.address import NullPath
from samotop.consent.agreeing import agree
from samotop.consent.claims import claimed_identities, find_rejection
from samotop.consent.evidence import gather_evidence
from samotop.consent.identity import Identity, IdentityKind, find_identities
from samotop.consent.judge import Case, Judgement, judge
from samotop.consent.learning import read_references
from samotop.consent.wishes import Unknown, Wishes
from samotop.errors import TryAgainLater
from samotop.facts import ContentFacts, RecipientFacts
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.author import find_author
from samotop.msgauth.results import Result
from samotop.policy.greylist import GreylistRules, has_waited, retry_keys
from samotop.ports.clock import Clock
from samotop.ports.junk import Guess, Guesser
from samotop.reception.guessing import is_stranger, read_beginning, weigh
from samotop.reception.ledger import Ledger, Owned
from samotop.reception.placing import CHECK, ENDED, LATER, REFUSED, format_verdicts
from samotop.reception.requesting import Copy, Found, find_first_seen, keys_of, remember
from samotop.verdict import ABSTAIN, Verdict

COMPARED: Final = 20
"""Recipients of a message among which one is looked for whose owner's wish the next must share. Beyond them wishes may
mix, and then nothing is lost but the different reply."""

_BUSY: Final = Verdict.defer(CHECK, "the ledger does not answer", status="4.3.0", said="Try again later")
_APART: Final = Verdict.defer(
    CHECK,
    "apart: owners who wish different things are asked one by one",
    status="4.5.3",
    said="This recipient in a transaction of its own, please",
)
_EARLY: Final = Verdict.defer(CHECK, "greylist: is back too early", said=LATER)
_WAITING: Final = Verdict.defer(CHECK, "undecided: waits at the sender until you decide", said=LATER)


Judged = Sequence[Judgement]
"""One for each copy."""


class Consent:
    """``is_exempt`` tells peers that the ledger is not asked about; ``beside`` runs a job in a thread."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        beside: Callable[[Callable[[], Judged]], Awaitable[Judged]],
        is_exempt: Callable[[RecipientFacts | ContentFacts], bool],
        rules: GreylistRules = GreylistRules(),
        guesser: Guesser | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._beside = beside
        self._is_exempt = is_exempt
        self._rules = rules
        self._guesser = guesser

    # --- at RCPT --------------------------------------------------------------------------------

    def check_recipient(self, facts: RecipientFacts) -> Verdict:
        """What is certain; else no opinion."""
        if self._is_exempt(facts):
            return ABSTAIN
        try:
            owned = self._ledger.find_owner(facts.recipient.address)
            if owned is None:
                return ABSTAIN
            return self._check_recipient(facts, owned, self._clock.time())
        except TryAgainLater:
            return _BUSY

    def _check_recipient(self, facts: RecipientFacts, owned: Owned, now: float) -> Verdict:
        ledger, wishes = self._ledger, self._ledger.wishes(owned.owner)
        if owned.tag and (ended := ledger.allowances.tag_use(owned.owner, owned.tag, now).ended):
            return Verdict.reject(CHECK, f"tag-ended: this address {ended}", said=ENDED)
        proven = _proven_domain(facts.mail.authentication)
        if proven and (rejected := self._find_rejection(facts, owned, proven, now)):
            return Verdict.reject(CHECK, f"rejected: you rejected {rejected}", said=REFUSED)
        if facts.mail.connection.protocol != "lmtp" and self._differs(facts, wishes):
            return _APART
        network = gather_evidence(None, facts.peer).network
        path, recipient = facts.mail.reverse_path, facts.recipient.address
        if wishes.unknown is Unknown.ACCEPT:
            return ABSTAIN
        # Known again until the owner decides about anybody: then the content is looked at anew.
        size, serial = facts.mail.parameters.size, ledger.contacts.serial(owned.owner)
        keys = retry_keys(network, proven, path, size, recipient, serial)
        waiting = [one for key in keys if (one := ledger.attempts.find(key)) is not None]
        if wishes.unknown is Unknown.DEFER:
            return _WAITING if any(now < one.first_seen + wishes.defer_for for one in waiting) else ABSTAIN
        is_early = wishes.greylists and any(now < one.first_seen + self._rules.wait for one in waiting)
        return _EARLY if is_early else ABSTAIN

    def _find_rejection(self, facts: RecipientFacts, owned: Owned, proven: str, now: float) -> Identity | None:
        """Who asks has proven who they are: what they learn is about themselves."""
        claimed = claimed_identities(facts.mail.reverse_path)
        if not claimed:
            return None
        contacts = self._ledger.contacts.find(owned.owner, claimed, now)
        has_exceptions = self._ledger.contacts.has_approved_within(owned.owner, claimed[-1].name)
        found = find_rejection(claimed, contacts, proven, has_exceptions=has_exceptions)
        return None if found is None else found.identity

    def _differs(self, facts: RecipientFacts, wishes: Wishes) -> bool:
        """Does a recipient that was taken before belong to somebody with another wish? The configuration says."""
        ledger = self._ledger
        for recipient in facts.taken[:COMPARED]:
            other = ledger.find_owner(recipient.address)
            if other is not None:
                return ledger.wishes(other.owner).unknown is not wishes.unknown
        return False

    # --- at the end of the content --------------------------------------------------------------

    async def check_content(self, facts: ContentFacts) -> Sequence[Verdict] | Verdict:
        """A verdict for each recipient; HOLD with a folder is delivered there."""
        if self._is_exempt(facts):
            return ABSTAIN
        recipients = facts.envelope.recipients
        try:
            copies = self._find_copies(facts)
            if not copies:
                return ABSTAIN
            found = self._gather(facts)
            judged = await self._beside(lambda: self._decide(found, copies))
        except TryAgainLater:
            return _BUSY
        return format_verdicts(len(recipients), copies, judged)

    def _find_copies(self, facts: ContentFacts) -> list[Copy]:
        """Everybody who is asked about a copy."""
        is_notification = isinstance(facts.mail.reverse_path, NullPath)
        copies: list[Copy] = []
        for number, recipient in enumerate(facts.envelope.recipients):
            owned = self._ledger.find_owner(recipient.address)
            if owned is not None:
                copies.append(Copy(number, recipient.address, owned))
                continue
            for one in self._ledger.find_shares(recipient.address, is_notification):
                copies.append(Copy(number, one.address, one.owned, True, one.list_id))
        return copies

    def _gather(self, facts: ContentFacts) -> Found:
        header = facts.content.header
        known = facts.authentication
        author = known.author if known is not None and known.author is not None else find_author(header)
        return Found(
            facts,
            self._clock.time(),
            author,
            find_identities(author, header),
            gather_evidence(known, facts.peer),
            read_references(header),
            _proven_domain(known),
        )

    def _decide(self, found: Found, copies: Sequence[Copy]) -> Judged:
        """In a thread: what becomes of each copy; remembered before anybody is told."""
        facts = found.facts
        cases = [_through_list(found, copy) for copy in copies]
        judged = [self._judge(case, copy) for case, copy in zip(cases, copies, strict=True)]
        judged = [_keep(one) if copy.is_shared else one for one, copy in zip(judged, copies, strict=True)]
        if facts.mail.connection.protocol != "lmtp":
            others = len(facts.envelope.recipients) - len({copy.number for copy in copies})
            judged = [one for one in agree([*judged, *[None] * others]) if one is not None]
        guesses = self._guess(found, copies, judged)
        weighed = [one if guess is None else weigh(one, guess) for one, guess in zip(judged, guesses, strict=True)]
        for case, copy, judgement, guess in zip(cases, copies, weighed, guesses, strict=True):
            remember(self._ledger, case, copy, judgement, b"" if guess is None else guess.features)
        return weighed

    def _guess(self, found: Found, copies: Sequence[Copy], judged: Judged) -> list[Guess | None]:
        """What the owners' filters think of strangers."""
        guesses: list[Guess | None] = [None] * len(judged)
        guesser = self._guesser
        if guesser is None or not any(map(is_stranger, judged)):
            return guesses
        octets = read_beginning(found.facts.content)
        for number, (copy, judgement) in enumerate(zip(copies, judged, strict=True)):
            if is_stranger(judgement):
                guess = guesser.guess(copy.owned.owner, octets)
                guesses[number] = guess or Guess(0.5, False, guesser.features(octets))
        return guesses

    def _judge(self, found: Found, copy: Copy) -> Judgement:
        ledger, owner, tag, now = self._ledger, copy.owned.owner, copy.owned.tag, found.now
        who = next((one for one in found.identities if one.kind is IdentityKind.ADDRESS), None)
        is_notification = isinstance(found.facts.mail.reverse_path, NullPath)
        attempts = [ledger.attempts.find(key) for key in keys_of(found, copy)]
        case = Case(
            now,
            found.identities,
            found.evidence,
            ledger.contacts.find(owner, found.identities, now),
            is_notification=is_notification,
            is_answer=bool(found.references)
            and ledger.allowances.is_answer(owner, found.references, None if is_notification else who, now),
            expected=ledger.allowances.expectation(owner, found.evidence.domain, now),
            tag=ledger.allowances.tag_use(owner, tag, now) if tag else None,
            first_seen=find_first_seen(ledger, owner, found),
            has_waited=found.facts.is_allowed or has_waited(attempts, now, self._rules),
            no_author=found.author.reason,
        )
        return judge(case, ledger.wishes(owner))


def _keep(judgement: Judgement) -> Judgement:
    """A copy of several is put off or refused to nobody: the others would go without."""
    return agree([judgement, None])[0] or judgement


def _proven_domain(known: Authentication | None) -> str:
    """The domain that SPF proved, empty where it did not."""
    spf = None if known is None else known.spf
    return spf.domain if spf is not None and spf.result is Result.PASS else ""


def _through_list(found: Found, copy: Copy) -> Found:
    """What a list of ours sends is the list's, which we need no signature for."""
    if not copy.list_id:
        return found
    identity = Identity(IdentityKind.LIST, copy.list_id.lower())
    evidence = replace(found.evidence, signers=(identity.name, *found.evidence.signers))
    others = tuple([one for one in found.identities if one.kind is not IdentityKind.LIST])
    return replace(found, identities=(identity, *others), evidence=evidence)
