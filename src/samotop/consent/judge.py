"""From who claims to write, what proves it and what the owner has decided, to where the message goes.

    judge(case, wishes) -> Judgement      one of: inbox, requests, deferred, refused; with the reason in words

The identities are looked at in their order: the list, the author's address, the author's domain. The first about
which the owner has decided counts, and none after it: somebody who claims an approved address without its evidence
is not let in because the domain is approved too, nor because they bring an answer or a code, where a domain or key has
proven them before. Then what makes an exception for the unknown: an answer to the
owner's own message, an invitation, an address made for one correspondent, a time in which strangers are expected.
Then the owner's wishes for everybody else.

Who claims an approved identity without its evidence gets the answers of somebody unknown, one by one, so that
nobody can find out whom the owner knows; the owner sees what differs. A rejection counts for whom it was about:
where the rejected had proven who they are, somebody else with their name is a stranger.

Each judgement has a stable ``code``, which a reply and the trace may cite. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from samotop.consent.contact import Binding, Contact, Origin, Standing, bind, compare
from samotop.consent.evidence import NO_EVIDENCE, Evidence
from samotop.consent.identity import Identity, IdentityKind
from samotop.consent.wishes import DEFAULT_WISHES, Bounces, Unknown, Wishes


class Place(Enum):
    """Where a message goes."""

    INBOX = "inbox"
    REQUESTS = "requests"
    JUNK = "junk"
    """From a stranger whom the owner would take, if the owner's filter did not call it junk."""
    DEFERRED = "deferred"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TagUse:
    """The address that was written to is one made for one correspondent (``alice+TAG@``).

    ``holder`` is the contact that it is bound to, ``None`` while nobody has used it. ``is_keyed``: it cannot have been
    guessed. ``is_invitation``: whoever uses it is approved. ``ended`` says why it takes no mail any more (revoked,
    expired, forged); empty while it does.
    """

    tag: str
    holder: Contact | None = None
    is_keyed: bool = False
    is_invitation: bool = False
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that is known about one message for one owner. Times are seconds since 1970.

    ``first_seen`` is when this correspondent's first attempt was; ``None`` for the first. ``is_answer``: it answers
    a message that the owner sent to this author. ``expected`` is why strangers are expected now, empty where
    they are not. ``has_waited``: greylisting is satisfied. ``no_author`` is why there is no author.
    """

    now: float
    identities: tuple[Identity, ...] = ()
    evidence: Evidence = NO_EVIDENCE
    contacts: Mapping[Identity, Contact] = field(default_factory=dict)
    is_notification: bool = False
    is_answer: bool = False
    expected: str = ""
    tag: TagUse | None = None
    first_seen: float | None = None
    has_waited: bool = False
    no_author: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """``learned`` is a contact to write into the ledger. ``is_flagged``: the owner is warned when looking at it."""

    place: Place
    code: str
    reason: str
    learned: Contact | None = None
    is_flagged: bool = False
    by: Identity | None = None


def judge(case: Case, wishes: Wishes = DEFAULT_WISHES) -> Judgement:
    """Decide about one message for one owner."""
    if case.tag is not None and case.tag.ended:
        return Judgement(Place.REFUSED, "tag-ended", f"this address {case.tag.ended}")
    contact, missing = _find_decided(case)
    if contact is not None and contact.standing is Standing.REJECTED:
        return Judgement(Place.REFUSED, "rejected", f"you rejected {contact.identity}", by=contact.identity)
    if contact is not None and not missing:
        return Judgement(Place.INBOX, "approved", f"you approved {contact.identity}", by=contact.identity)
    if contact is not None and _needs_proof(case, contact):
        return _judge_claim(case, wishes, contact, missing)
    if case.is_answer:
        learned = _rebind(case, contact)
        return Judgement(Place.INBOX, "answer", "it answers a message that you sent there", learned)
    if case.tag is not None and case.tag.is_invitation and case.identities:
        who = case.identities[0]
        return Judgement(Place.INBOX, "invited", "they brought your code", _approve(case, who, Origin.INVITED), by=who)
    if contact is not None:
        return _judge_claim(case, wishes, contact, missing)
    if case.is_notification:
        return _judge_notification(wishes)
    return _judge_exceptions(case) or _judge_unknown(case, wishes)


def _find_decided(case: Case) -> tuple[Contact | None, str]:
    """The contact that counts, and what its evidence lacks."""
    for identity in case.identities:
        contact = case.contacts.get(identity)
        if contact is None or not contact.holds(case.now):
            continue
        missing = compare(contact, case.evidence)
        if contact.standing is Standing.APPROVED:
            return contact, missing
        if contact.standing is Standing.REJECTED:
            is_about_proof = contact.binding != Binding() and not contact.binding.is_weak
            if not (missing and is_about_proof):
                return contact, ""
    return None, ""


def _needs_proof(case: Case, contact: Contact) -> bool:
    """Does neither an answer nor an invitation stand in for the evidence that is missing?

    Message-IDs are public where lists are archived, and invitations are passed on: neither makes somebody else of
    whom a domain or key has proven before. A notification names its author as it likes; only a domain's own, which
    come from whoever runs its servers, mostly unsigned, may answer.
    """
    if case.is_notification:
        return contact.identity.kind is not IdentityKind.DOMAIN
    return bool(contact.binding.domain or contact.binding.key)


def _judge_claim(case: Case, wishes: Wishes, contact: Contact, missing: str) -> Judgement:
    """As somebody unknown, but for the inbox, and for what the owner is told."""
    found = _judge_unknown(case, wishes)
    place = Place.REQUESTS if found.place is Place.INBOX else found.place
    return Judgement(place, "differs", missing, is_flagged=True, by=contact.identity)


def _rebind(case: Case, contact: Contact | None) -> Contact | None:
    """Who answers knows what was sent to them alone: where they sign nothing, they are known by their network now."""
    if case.is_notification or contact is None or contact.binding != Binding() or case.evidence.is_proven:
        return None
    return replace(contact, binding=bind(contact.identity, case.evidence))


def _judge_notification(wishes: Wishes) -> Judgement:
    words = "a notification about a message that you have not sent"
    if wishes.bounces is Bounces.REFUSE:
        return Judgement(Place.REFUSED, "backscatter", words)
    if wishes.unknown is Unknown.ACCEPT:
        return Judgement(Place.INBOX, "accepted", "you take mail from strangers")
    return Judgement(Place.REQUESTS, "backscatter", words, is_flagged=True)


def _judge_exceptions(case: Case) -> Judgement | None:
    """What lets somebody unknown in. Each needs somebody who can be known again."""
    who = case.identities[0] if case.identities else None
    if who is None:
        return None
    if case.tag is not None:
        return _judge_tag(case, case.tag, who)
    if case.expected and case.evidence.is_proven:
        return Judgement(Place.INBOX, "expected", case.expected, by=who)
    return None


def _judge_tag(case: Case, tag: TagUse, who: Identity) -> Judgement | None:
    holder = tag.holder
    if holder is None:
        # Whoever comes first has it, where nobody can have guessed it. Of any other the owner is asked: everybody can
        # think of a tag, and approving who used it binds it to them.
        if not tag.is_keyed:
            return None
        words = f"the first to use {tag.tag}"
        return Judgement(Place.INBOX, "tag-taken", words, _approve(case, who, Origin.TAG), by=who)
    if any(identity == holder.identity for identity in case.identities) and not compare(holder, case.evidence):
        return Judgement(Place.INBOX, "tag", f"you gave {tag.tag} to them", by=who)
    if case.evidence.is_proven and case.evidence.domain == holder.binding.domain:
        return Judgement(Place.INBOX, "tag", f"you gave {tag.tag} to {case.evidence.domain}", by=who)
    words = f"uses {tag.tag}, which you gave to {holder.identity}: they passed it on, or lost it"
    return Judgement(Place.REQUESTS, "tag-leaked", words, is_flagged=True)


def _judge_unknown(case: Case, wishes: Wishes) -> Judgement:
    if wishes.unknown is Unknown.ACCEPT:
        return Judgement(Place.INBOX, "accepted", "you take mail from strangers")
    evidence = case.evidence
    if wishes.unknown is Unknown.DEFER:
        waited = 0.0 if case.first_seen is None else case.now - case.first_seen
        if waited < wishes.defer_for:
            return Judgement(Place.DEFERRED, "undecided", "waits at the sender until you decide")
        return Judgement(
            Place.REQUESTS, "undecided", "has waited at the sender for long enough", is_flagged=not evidence.is_proven
        )
    if case.no_author:
        return Judgement(Place.REQUESTS, "no-author", f"has no author: {case.no_author}", is_flagged=True)
    if evidence.is_proven:
        return Judgement(Place.REQUESTS, "unknown", f"unknown; {evidence}")
    if wishes.greylists and not case.has_waited:
        return Judgement(Place.DEFERRED, "greylist", "unknown and unproven: asked to come back")
    return Judgement(Place.REQUESTS, "unproven", f"unknown; {evidence}", is_flagged=True)


def _approve(case: Case, who: Identity, origin: Origin) -> Contact:
    return Contact(who, Standing.APPROVED, bind(who, case.evidence), origin, case.now)
