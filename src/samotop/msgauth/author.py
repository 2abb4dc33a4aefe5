"""Who wrote a message by its own word: the From field, read so that it means one thing (RFC 5322 §3.6.2).

A message has one From field. With two of them readers choose differently, so
two are no author, as is none, and one that ``message.mailboxes`` cannot read.
``Author`` then says why, and ``addresses`` is empty: nobody may be believed.

One field may name several people. As long as their addresses share one domain,
that is the domain which DMARC looks at; with several domains there is no
single one, ``domain`` is empty and ``domains`` has each of them once, in order
(RFC 9989 §5.3.1, §11.5): ``dmarc.evaluate_author`` then demands that each of
them passes.

This is a claim and no proof. Raises nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.dns.names import normalize_name
from samotop.message.header import iterate_fields
from samotop.message.mailboxes import Mailbox, MailboxSyntaxError, parse_mailboxes

# What a lenient reader may take for a From field though it is none: space before the colon, or in front of the name.
_NEARLY_FROM: Final = re.compile(rb"[ \t\x00-\x1f]*+from[ \t]*+:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Author:
    """What the From field says. ``reason`` is empty if there is an author, else why there is none.

    ``addresses`` stand as in the field. ``domains`` are distinct, as names are
    compared: A-labels in lower case; an address literal stays in its brackets.
    """

    mailboxes: tuple[Mailbox, ...] = ()
    domains: tuple[str, ...] = ()
    reason: str = ""

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(mailbox.address for mailbox in self.mailboxes)

    @property
    def domain(self) -> str:
        """The one domain of all addresses; empty where there is none or several."""
        return self.domains[0] if len(self.domains) == 1 else ""


def find_author(header: bytes) -> Author:
    """Read the author out of a header section, with or without the blank line at its end."""
    found: list[bytes] = []
    for field in iterate_fields(header):
        if field.name.lower() == b"from":
            if field.raw[4:5] != b":":
                return Author(reason="a From field has a space before its colon")
            found.append(field.value)
        elif not field.name and _NEARLY_FROM.match(field.raw):
            return Author(reason="a line looks like a From field and is none")
    if len(found) != 1:
        return Author(reason=f"{len(found)} From fields" if found else "no From field")
    try:
        mailboxes = parse_mailboxes(found[0])
    except MailboxSyntaxError as error:
        return Author(reason=f"From: {error}")
    if not mailboxes:
        return Author(reason="From: a group without a member")
    try:
        domains = tuple(dict.fromkeys(_compare_form(mailbox.address) for mailbox in mailboxes))
    except ValueError as error:
        return Author(reason=f"From: {error}")
    return Author(mailboxes, domains)


def _compare_form(address: Address) -> str:
    return address.domain.lower() if address.is_literal else normalize_name(address.domain)
