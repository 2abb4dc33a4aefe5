"""Who has logged in writes as themselves, and not without end (RFC 6409 §6.1, §3.4).

* The reverse-path must be an address of the account, or null, as notices of
  reading have it.
* Where From names an address at one of our domains, that too: our users must
  not pass for each other, and what we sign must be true. From at a domain that
  is not ours is left to its own domain's policy, and is not signed by us.
* An account sends so many messages a day, to so many people: what a stolen
  password is worth to a spammer.

Facts and counts in, verdict out: whom an address belongs to is asked of
``owns``, what was sent today is in ``Usage``. Nothing here is for peers that
have not logged in. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from samotop.address import Address
from samotop.facts import ContentFacts, MailFacts, RecipientFacts
from samotop.message.fields import Header
from samotop.message.mailboxes import MailboxSyntaxError, parse_mailboxes
from samotop.verdict import ABSTAIN, Verdict

_CHECK: Final = "submission"
_NOT_YOURS: Final = Verdict.reject(
    _CHECK, "the sender is not the account's", status="5.7.1", said="This sender address does not belong to your login"
)
_NOT_YOUR_NAME: Final = Verdict.reject(
    _CHECK, "From is not the account's", status="5.7.1", said="The From address does not belong to your login"
)
_NO_AUTHOR: Final = Verdict.reject(
    _CHECK, "not exactly one From", status="5.6.0", said="The message must have exactly one From field with an address"
)
_TOO_MANY: Final = Verdict.defer(
    _CHECK, "messages of today used up", status="4.7.1", said="You have sent as many messages today as you may"
)
_TOO_FAR: Final = Verdict.defer(
    _CHECK, "recipients of today used up", status="4.7.1", said="You have written to as many people today as you may"
)

Owns = Callable[[str, Address], bool]
"""Does an address belong to an account?"""


@dataclass(frozen=True, slots=True)
class SubmissionRules:
    """Of one account and day (UTC); 0 is no limit. ``recipients`` are different ones, each counted once."""

    messages: int = 1000
    recipients: int = 500


@dataclass(slots=True)
class Usage:
    """What one account has sent on one day. ``known`` are digests of recipients, which tell nobody who they are.

    ``messages`` and ``recipients`` are those of before, from the store, and of now.
    """

    day: int
    messages: int = 0
    recipients: int = 0
    known: set[bytes] = field(default_factory=set)


def check_sender(facts: MailFacts, owns: Owns) -> Verdict:
    """550 5.7.1 for a reverse-path that is not the login's."""
    login, path = facts.peer.login, facts.reverse_path
    if login is None or not isinstance(path, Address) or owns(login, path):
        return ABSTAIN
    return _NOT_YOURS


def check_author(facts: ContentFacts, owns: Owns, domains: Iterable[str]) -> Verdict:
    """550 5.7.1 where From names somebody else of ours; 554 5.6.0 without exactly one From (RFC 5322 §3.6)."""
    login = facts.peer.login
    if login is None:
        return ABSTAIN
    header = Header(facts.content.header)
    fields = [one for one in header if one.name.lower() == b"from"]
    try:
        authors = parse_mailboxes(fields[0].value) if len(fields) == 1 else ()
    except MailboxSyntaxError:
        authors = ()
    if not authors:
        return _NO_AUTHOR
    ours = frozenset(domains)
    for author in authors:
        address = author.address
        if address.domain.lower().removesuffix(".") in ours and not owns(login, address):
            return _NOT_YOUR_NAME
    return ABSTAIN


def check_usage(facts: RecipientFacts, usage: Usage, digest: bytes, rules: SubmissionRules) -> Verdict:
    """450 4.7.1 where the account has sent as much today as it may. ``digest`` stands for the recipient."""
    if facts.peer.login is None:
        return ABSTAIN
    if rules.messages and usage.messages >= rules.messages:
        return _TOO_MANY
    if rules.recipients and usage.recipients >= rules.recipients and digest not in usage.known:
        return _TOO_FAR
    return ABSTAIN
