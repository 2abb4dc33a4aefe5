"""Asks the ledger, for each recipient whose mailbox is here, and says what the owner's answer makes of a message.

At RCPT only what is certain is said: an address that takes no mail any more, and that somebody who was asked to come
back is back too early. Nobody's standing is looked at there, because RCPT knows claims alone. At the end of the
content everything is known, and ``consent.judge`` decides for each owner.

One reply has to do for all recipients of a message (but with LMTP). Where it cannot, nothing is lost and nobody
is told what is not so: who would have been put off or refused alone gets the message into their Requests, marked.

Deciders of ``stages``; called on the event loop. Rows of requests are written in a thread, before the message is
acknowledged. Where the ledger does not answer, the client is told to come back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from samotop.address import Address, NullPath
from samotop.consent.agreeing import Judged, agree
from samotop.consent.contact import Contact
from samotop.consent.evidence import Evidence, gather_evidence
from samotop.consent.identity import Identity, IdentityKind, find_identities
from samotop.consent.judge import Case, Judgement, Place, judge
from samotop.consent.learning import read_references
from samotop.consent.wishes import JUNK, REQUESTS, Unknown, Wishes
from samotop.errors import TryAgainLater
from samotop.facts import ContentFacts, RecipientFacts
from samotop.message.fields import Header, read_text
from samotop.msgauth.author import Author, find_author
from samotop.msgauth.results import Result
from samotop.policy.greylist import Attempt, GreylistRules, attempt_keys, has_waited
from samotop.ports.allowances import Allowances
from samotop.ports.attempts import Attempts
from samotop.ports.clock import Clock
from samotop.ports.contacts import ContactRequest, Contacts
from samotop.ports.junk import Guess, Guesser
from samotop.reception.guessing import is_stranger, read_beginning, weigh
from samotop.verdict import ABSTAIN, Verdict

CHECK: Final = "consent"
TEXT_LIMIT: Final = 200
"""Characters of a name or subject that a request keeps."""

_REFUSED: Final = "The owner of this mailbox does not take this message"
_ENDED: Final = "This address takes no mail any more"
_LATER: Final = "The owner of this mailbox does not know you yet; try again later"
_BUSY: Final = Verdict.defer(CHECK, "the ledger does not answer", status="4.3.0", said="Try again later")


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose mailbox an address is. ``tag`` is what stands behind the plus sign, empty without one."""

    owner: str
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is asked. ``find_owner`` is routing's: ``None`` for an address that is nobody's mailbox here."""

    contacts: Contacts
    allowances: Allowances
    attempts: Attempts
    find_owner: Callable[[Address], Owned | None]
    wishes: Callable[[str], Wishes]


@dataclass(frozen=True, slots=True)
class Found:
    """What is the same for all recipients of a message."""

    facts: ContentFacts
    now: float
    author: Author
    identities: tuple[Identity, ...]
    evidence: Evidence
    references: tuple[str, ...]
    spf_domain: str


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

    def check_recipient(self, facts: RecipientFacts) -> Verdict:
        """550 for an address that has ended, 450 for who is back too early; else no opinion."""
        if self._is_exempt(facts):
            return ABSTAIN
        owned = self._ledger.find_owner(facts.recipient.address)
        if owned is None:
            return ABSTAIN
        now = self._clock.time()
        try:
            if owned.tag and (ended := self._ledger.allowances.tag_use(owned.owner, owned.tag, now).ended):
                return Verdict.reject(CHECK, f"tag-ended: this address {ended}", said=_ENDED)
            keys = attempt_keys(
                gather_evidence(None, facts.peer).network, "", facts.mail.reverse_path, facts.recipient.address
            )
            attempts = [self._ledger.attempts.find(key) for key in keys]
        except TryAgainLater:
            return _BUSY
        if self._is_early(attempts, now, self._ledger.wishes(owned.owner)):
            return Verdict.defer(CHECK, "greylist: is back too early", said=_LATER)
        return ABSTAIN

    def _is_early(self, attempts: Sequence[Attempt | None], now: float, wishes: Wishes) -> bool:
        """Was it put off a moment ago? Then its content need not come again."""
        if wishes.unknown is not Unknown.REQUEST or not wishes.greylists:
            return False
        known = [one for one in attempts if one is not None and one.holds(now, self._rules)]
        return bool(known) and not has_waited(known, now, self._rules)

    async def check_content(self, facts: ContentFacts) -> Sequence[Verdict] | Verdict:
        """A verdict for each recipient; HOLD with a folder is delivered there."""
        if self._is_exempt(facts):
            return ABSTAIN
        recipients = facts.envelope.recipients
        owned = [self._ledger.find_owner(one.address) for one in recipients]
        if not any(owned):
            return ABSTAIN
        found = self._gather(facts)
        try:
            judged: Judged = [None if one is None else self._judge(found, n, one) for n, one in enumerate(owned)]
            if facts.mail.connection.protocol != "lmtp":
                judged = agree(judged)
            judged = await self._beside(lambda: self._conclude(found, owned, judged))
        except TryAgainLater:
            return _BUSY
        return [ABSTAIN if one is None else format_verdict(one) for one in judged]

    def _gather(self, facts: ContentFacts) -> Found:
        header = facts.content.header
        known = facts.authentication
        author = known.author if known is not None and known.author is not None else find_author(header)
        spf = None if known is None else known.spf
        proven = spf.domain if spf is not None and spf.result is Result.PASS else ""
        return Found(
            facts,
            self._clock.time(),
            author,
            find_identities(author, header),
            gather_evidence(known, facts.peer),
            read_references(header),
            proven,
        )

    def _judge(self, found: Found, number: int, owned: Owned) -> Judgement:
        ledger, owner, now = self._ledger, owned.owner, found.now
        who = next((one for one in found.identities if one.kind is IdentityKind.ADDRESS), None)
        is_notification = isinstance(found.facts.mail.reverse_path, NullPath)
        attempts = [ledger.attempts.find(key) for key in self._keys(found, number)]
        case = Case(
            now,
            found.identities,
            found.evidence,
            ledger.contacts.find(owner, found.identities, now),
            is_notification=is_notification,
            is_answer=bool(found.references)
            and ledger.allowances.is_answer(owner, found.references, None if is_notification else who, now),
            expected=ledger.allowances.expectation(owner, found.evidence.domain, now),
            tag=ledger.allowances.tag_use(owner, owned.tag, now) if owned.tag else None,
            first_seen=self._first_seen(owner, found),
            has_waited=has_waited(attempts, now, self._rules),
            no_author=found.author.reason,
        )
        return judge(case, ledger.wishes(owner))

    def _first_seen(self, owner: str, found: Found) -> float | None:
        if not found.identities:
            return None
        request = self._ledger.contacts.find_request(owner, found.identities[0])
        return None if request is None else request.first_seen

    def _keys(self, found: Found, number: int) -> tuple[str, ...]:
        facts = found.facts
        recipient = facts.envelope.recipients[number].address
        return attempt_keys(found.evidence.network, found.spf_domain, facts.mail.reverse_path, recipient)

    def _conclude(self, found: Found, owned: Sequence[Owned | None], judged: Judged) -> Judged:
        """Ask the owners' filters about strangers, and remember what is to be: in a thread."""
        guesses: list[Guess | None] = [None] * len(judged)
        if self._guesser is not None and any(one is not None and is_stranger(one) for one in judged):
            octets = read_beginning(found.facts.content)
            for number, (one, judgement) in enumerate(zip(owned, judged, strict=True)):
                if one is not None and judgement is not None and is_stranger(judgement):
                    guesses[number] = self._guesser.guess(one.owner, octets) or Guess(
                        0.5, False, self._guesser.features(octets)
                    )
        concluded = [
            one if one is None or guess is None else weigh(one, guess)
            for one, guess in zip(judged, guesses, strict=True)
        ]
        self._write(found, owned, concluded, guesses)
        return concluded

    def _write(
        self,
        found: Found,
        owned: Sequence[Owned | None],
        judged: Sequence[Judgement | None],
        guesses: Sequence[Guess | None],
    ) -> None:
        """What is to be remembered: durable before anybody is told."""
        ledger = self._ledger
        for number, (one, judgement) in enumerate(zip(owned, judged, strict=True)):
            if one is None or judgement is None:
                continue
            if judgement.learned is not None:
                learned: Contact = judgement.learned
                if judgement.code == "tag-taken":
                    learned = ledger.allowances.take_tag(one.owner, one.tag, learned, found.now)
                ledger.contacts.decide(one.owner, [learned])
            if judgement.place is Place.REQUESTS or judgement.code == "undecided":
                request = self._request(found, judgement, one.tag)
                guess = guesses[number]
                ledger.contacts.note_request(
                    one.owner, request if guess is None else replace(request, features=guess.features)
                )
            keys = self._keys(found, number)
            if judgement.place is Place.DEFERRED and judgement.code != "undecided":
                ledger.attempts.note(keys, found.now)
            elif judgement.place is not Place.REFUSED and any(ledger.attempts.find(key) for key in keys):
                ledger.attempts.note_passed(keys, found.now)

    def _request(self, found: Found, judgement: Judgement, tag: str) -> ContactRequest:
        header = Header(found.facts.content.header)
        mailboxes = found.author.mailboxes
        name = read_text(mailboxes[0].display_name.encode("utf-8", "replace")) if mailboxes else ""
        who = judgement.by or (found.identities[0] if found.identities else NOBODY)
        entries = (found.facts.id,) if judgement.place is Place.REQUESTS else ()
        return ContactRequest(
            who,
            found.identities,
            found.evidence,
            name[:TEXT_LIMIT],
            (header.get("subject") or "")[:TEXT_LIMIT],
            judgement.code,
            judgement.reason,
            judgement.is_flagged,
            found.now,
            found.now,
            entries=entries,
            tag=tag,
        )


NOBODY: Final = Identity(IdentityKind.ADDRESS, "nobody@invalid")
"""Under whom messages without an author, and notifications, are kept together."""


def format_verdict(judgement: Judgement) -> Verdict:
    """What reception does of it. The client is told nothing that tells about the owner's contacts."""
    reason = f"{judgement.code}: {judgement.reason}"
    if judgement.place is Place.INBOX:
        return Verdict.accept(CHECK, reason)
    if judgement.place is Place.REQUESTS:
        return Verdict.hold(CHECK, reason, folder=REQUESTS)
    if judgement.place is Place.JUNK:
        return Verdict.hold(CHECK, reason, folder=JUNK)
    if judgement.place is Place.DEFERRED:
        return Verdict.defer(CHECK, reason, said=_LATER)
    return Verdict.reject(CHECK, reason, said=_ENDED if judgement.code == "tag-ended" else _REFUSED)
