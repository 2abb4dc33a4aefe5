"""Who wrote a message by its own word: the From field, read so that it means one thing (RFC 5322 §3.6.2).

A message has one From field. With two of them readers choose differently, so
two are no author, as is none, and one that ``message.mailboxes`` cannot read.
``Author`` then says why, and ``addresses`` is empty: nobody may be believed.
A careless reader may show somebody all the same: ``claimed`` has the domains
that might be shown, so that what is unreadable on purpose gets around nobody's
policy.

One field may name several people. As long as their addresses share one domain,
that is the domain which DMARC looks at; with several domains there is no
single one, ``domain`` is empty and ``domains`` has each of them once, in order
(RFC 9989 §5.3.1, §11.5): ``dmarc.evaluate_author`` then demands that each of
them passes.

This is a claim and no proof. Raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.dns.names import normalize_name
from samotop.message.header import iterate_fields
from samotop.message.mailboxes import Mailbox, MailboxSyntaxError, parse_mailboxes

CLAIMED_LIMIT: Final = 16
"""Domains that are looked for where there is no author: more than are evaluated, so that too many are too many."""
COMMENT_DEPTH_LIMIT: Final = 4
"""Comments within comments that are looked behind, where there is no author."""

# What a lenient reader may take for a From field though it is none: something that is not seen around the name.
_NEARLY_FROM: Final = re.compile(rb"[\x00-\x20\x7f-\xff]*+from[\x00-\x20\x7f-\xff]*+:", re.IGNORECASE)
_COMMENT: Final = re.compile(rb"\([^()]*+\)")
_CLAIM: Final = re.compile(r"@[\s\x00]*+([\w-]++(?:[\s\x00]*+[.\u3002\uff0e\uff61][\s\x00]*+[\w-]++)*+)")


@dataclass(frozen=True, slots=True)
class Author:
    """What the From field says. ``reason`` is empty if there is an author, else why there is none.

    ``addresses`` stand as in the field. ``domains`` are distinct, as names are
    compared: A-labels in lower case; an address literal stays in its brackets.
    ``claimed`` has the domains of what looks like an address, where there is no author.
    """

    mailboxes: tuple[Mailbox, ...] = ()
    domains: tuple[str, ...] = ()
    reason: str = ""
    claimed: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(mailbox.address for mailbox in self.mailboxes)

    @property
    def domain(self) -> str:
        """The one domain of all addresses; empty where there is none or several."""
        return self.domains[0] if len(self.domains) == 1 else ""


def find_author(header: bytes) -> Author:
    """Read the author out of a header section, with or without the blank line at its end."""
    values: list[bytes] = []
    oddity = ""
    for field in iterate_fields(header):
        if field.name.lower() == b"from":
            if field.raw[4:5] != b":":
                oddity = oddity or "a From field has a space before its colon"
            values.append(field.value)
        elif not field.name and _NEARLY_FROM.match(field.raw):
            oddity = oddity or "a line looks like a From field and is none"
            values.append(field.raw.partition(b":")[2])
    if oddity or len(values) != 1:
        return _refuse(oddity or (f"{len(values)} From fields" if values else "no From field"), values)
    try:
        mailboxes = parse_mailboxes(values[0])
        domains = tuple(dict.fromkeys(_compare_form(mailbox.address) for mailbox in mailboxes))
    except (MailboxSyntaxError, ValueError) as error:
        return _refuse(f"From: {error}", values)
    if not mailboxes:
        return _refuse("From: a group without a member", values)
    return Author(mailboxes, domains)


def _refuse(reason: str, values: Iterable[bytes]) -> Author:
    """No author; whoever these values of From fields may be taken to be from is claimed."""
    octets = b"\r\n".join(values)
    for _ in range(COMMENT_DEPTH_LIMIT):
        octets, removed = _COMMENT.subn(b"", octets)
        if not removed:
            break
    claimed: dict[str, None] = {}
    for found in _CLAIM.finditer(octets.decode("utf-8", "replace")):
        claimed[found[1]] = None
        if len(claimed) >= CLAIMED_LIMIT:
            break
    return Author(reason=reason, claimed=tuple(dict.fromkeys(map(_normalize_claim, claimed))))


def _normalize_claim(domain: str) -> str:
    domain = "".join(domain.replace("\0", "").split())
    try:
        return normalize_name(domain)
    except ValueError:
        return domain.lower()  # nobody has a policy there; but it counts


def _compare_form(address: Address) -> str:
    return address.domain.lower() if address.is_literal else normalize_name(address.domain)
