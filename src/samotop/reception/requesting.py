"""What is remembered of a message from a stranger: the request, the attempt, and who was let in by what they brought.

Written before anybody is told, in a thread: a crash in between costs the client one attempt more, and the owner
a request that is asked a second time. Raises ``TryAgainLater`` where the ledger does not answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.consent.contact import Contact
from samotop.consent.evidence import Evidence
from samotop.consent.identity import Identity, IdentityKind
from samotop.consent.judge import Judgement, Place
from samotop.consent.wishes import Unknown
from samotop.facts import ContentFacts
from samotop.message.fields import Header, read_text
from samotop.msgauth.author import Author
from samotop.policy.greylist import attempt_keys, retry_keys
from samotop.ports.contacts import ContactRequest
from samotop.reception.ledger import Ledger, Owned

TEXT_LIMIT: Final = 200
"""Characters of a name or subject that a request keeps."""
NOBODY: Final = Identity(IdentityKind.ADDRESS, "nobody@invalid")
"""Under whom messages without an author, and notifications, are kept together."""


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


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy that somebody is asked about. ``number`` is the recipient's place, ``address`` whom the copy is for.

    ``is_shared``: the recipient is an alias or list, and others get copies of their own. ``list_id`` is that of the
    list of ours that it comes by, empty for none.
    """

    number: int
    address: Address
    owned: Owned
    is_shared: bool = False
    list_id: str = ""


def keys_of(found: Found, copy: Copy) -> tuple[str, ...]:
    """Under what greylisting knows this attempt again."""
    reverse_path = found.facts.mail.reverse_path
    return attempt_keys(found.evidence.network, found.spf_domain, reverse_path, _named(found, copy))


def remember(ledger: Ledger, found: Found, copy: Copy, judgement: Judgement, features: bytes = b"") -> None:
    """Write down what the next attempt, and the owner, are to find. ``features``: what the owner's filter may learn."""
    owner = copy.owned.owner
    if judgement.learned is not None:
        learned: Contact = judgement.learned
        if judgement.code == "tag-taken":
            learned = ledger.allowances.take_tag(owner, copy.owned.tag, learned, found.now)
        ledger.contacts.decide(owner, [learned])
    waits_at_sender = judgement.place is Place.DEFERRED and ledger.wishes(owner).unknown is Unknown.DEFER
    if judgement.place is Place.REQUESTS or waits_at_sender:
        request = ledger.contacts.note_request(owner, _request(found, copy, judgement, features))
        if waits_at_sender:
            ledger.attempts.note(_retry_keys(ledger, found, copy), request.first_seen)
            return
    keys = keys_of(found, copy)
    if judgement.place is Place.DEFERRED:
        ledger.attempts.note(keys, found.now)
        noted = [one.first_seen for key in keys if (one := ledger.attempts.find(key)) is not None]
        first = min(noted, default=found.now)  # none where the memory has no more room
        ledger.attempts.note(_retry_keys(ledger, found, copy), first)
    elif judgement.place is not Place.REFUSED and any(ledger.attempts.find(key) for key in keys):
        ledger.attempts.note_passed(keys, found.now)


def _retry_keys(ledger: Ledger, found: Found, copy: Copy) -> tuple[str, ...]:
    """Under what RCPT knows this message again, until the owner decides about anybody."""
    mail = found.facts.mail
    named, serial = _named(found, copy), ledger.contacts.serial(copy.owned.owner)
    size = mail.parameters.size
    return retry_keys(found.evidence.network, found.spf_domain, mail.reverse_path, size, named, serial)


def find_first_seen(ledger: Ledger, owner: str, found: Found) -> float | None:
    """Since when somebody with this evidence has been asking in one of these names."""
    asking = [ledger.contacts.find_request(owner, one, found.evidence) for one in found.identities or (NOBODY,)]
    return min((one.first_seen for one in asking if one is not None), default=None)


def _named(found: Found, copy: Copy) -> Address:
    """The recipient as RCPT named it, which is what the next attempt names."""
    return found.facts.envelope.recipients[copy.number].address


def _request(found: Found, copy: Copy, judgement: Judgement, features: bytes) -> ContactRequest:
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
        tag=copy.owned.tag,
        features=features,
    )
