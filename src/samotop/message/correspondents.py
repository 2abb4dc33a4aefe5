"""Those who write and those who are written to, as a caller names them and as a field does (RFC 5322 §3.6.2, §3.6.3).

A caller gives ``"Bob <bob@example.org>"`` (several with commas between), an
``Address`` or a ``Mailbox``, or any number of these. They are read by the
strict grammar: an address that two servers could read differently is refused
here with a ``ValueError`` that says why, before anything is sent.

A domain beyond ASCII is written with A-labels (RFC 5891) where the local part
is ASCII: then every server can take it. Where the local part is not, the
address stays as it is and needs SMTPUTF8 (RFC 6531).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from samotop.address import Address
from samotop.errors import PeerError
from samotop.message.folding import format_phrase
from samotop.message.mailboxes import Mailbox, MailboxSyntaxError, parse_mailboxes
from samotop.message.text import check_text
from samotop.smtp.paths import parse_mailbox

Correspondent = str | Address | Mailbox
"""One who is named; a ``str`` may name several, with commas between them."""
Correspondents = Correspondent | Iterable[Correspondent]


def read_correspondents(given: Correspondents, what: str) -> tuple[Mailbox, ...]:
    """Whom the caller names, in order. Raises ``ValueError`` that begins with ``what``."""
    each = (given,) if isinstance(given, (str, Address, Mailbox)) else given
    found: list[Mailbox] = []
    for one in each:
        if isinstance(one, str):
            found.extend(_parse(one, what))
        elif isinstance(one, Mailbox):
            check_text(one.display_name, what)
            check_text(one.group, what)
            found.append(replace(one, address=_check(one.address, what)))
        elif isinstance(one, Address):
            found.append(Mailbox("", _check(one, what)))
        else:
            raise ValueError(f"{what}: expected a str, an Address or a Mailbox, not {type(one).__name__}")
    return tuple(found)


def read_one(given: Correspondent, what: str) -> Mailbox:
    """The one whom the caller names. Raises ``ValueError``."""
    found = read_correspondents(given, what)
    if len(found) != 1:
        raise ValueError(f"{what}: expected one address, not {len(found)}")
    return found[0]


def _parse(text: str, what: str) -> tuple[Mailbox, ...]:
    check_text(text, what)
    try:
        found = parse_mailboxes(text.encode("utf-8"))
    except MailboxSyntaxError as error:
        raise ValueError(f"{what}: {error}") from None
    if text.isascii():
        return found
    return tuple(replace(one, address=_to_ascii(one.address, what)) for one in found)


def _check(address: Address, what: str) -> Address:
    """The address, if it means the same to a server (RFC 5321 §4.1.2)."""
    try:
        is_same = parse_mailbox(str(address).encode("utf-8", "replace")) == address
    except PeerError as error:
        raise ValueError(f"{what}: {error}") from None
    if not is_same:
        raise ValueError(f"{what}: the address would be read differently")
    return _to_ascii(address, what)


def _to_ascii(address: Address, what: str) -> Address:
    if address.domain.isascii() or not address.local.isascii():
        return address
    import idna  # most programs never meet one

    try:
        domain = idna.encode(address.domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise ValueError(f"{what}: the domain is no internationalised domain name") from None
    return Address(address.local, domain)


def format_mailboxes(mailboxes: Sequence[Mailbox], *, utf8: bool = False) -> list[str]:
    """Mailboxes as the pieces of an address list, those in a group together (RFC 5322 §3.4)."""
    pieces: list[str] = []
    for group, members in itertools.groupby(mailboxes, key=lambda one: one.group):
        if group:
            words = format_phrase(group, utf8=utf8)
            pieces.extend(words[:-1])
            pieces.append(words[-1] + ":")
        for one in members:
            if one.display_name:
                pieces.extend(format_phrase(one.display_name, utf8=utf8))
                pieces.append(f"<{one.address}>,")
            else:
                pieces.append(f"{one.address},")
        if group:
            pieces[-1] = pieces[-1][:-1] + ";,"
    if pieces:
        pieces[-1] = pieces[-1][:-1]
    return pieces


def collect_addresses(*lists: Iterable[Mailbox]) -> tuple[Address, ...]:
    """The addresses of all lists, each once: two that differ only in the domain's case are one."""
    found: dict[tuple[str, str], Address] = {}
    for one in itertools.chain(*lists):
        found.setdefault((one.address.local, one.address.domain.lower()), one.address)
    return tuple(found.values())
