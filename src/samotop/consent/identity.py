"""Who claims to write, in the forms under which an owner can decide about them.

A message has up to three identities, looked up in this order: the mailing list
that sent it, its author's address, the author's domain. The first about which the owner has
decided counts. Names are folded as addresses compare: local parts in NFC and lower case,
domains as A-labels in lower case. All of this is a claim; ``evidence`` is what proves it.

Two From fields, an unreadable one, or none are no author (``msgauth.author``), and so no identity.
Raises ``ValueError`` from ``parse_identity`` alone, for what a person has typed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Final

from samotop.address import Address
from samotop.dns.names import normalize_name
from samotop.message.header import iterate_fields
from samotop.msgauth.author import Author

NAME_LIMIT: Final = 400
"""Characters of an identity's name: a local part of 64 octets in UTF-8, a domain, and room for what others allow."""

_DOMAIN: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_LIST_ID: Final = re.compile(rb"<([!-;=?-~]{1,255})>[ \t\r\n]*\Z|\A[ \t\r\n]*([!-;=?-~]{1,255})[ \t\r\n]*\Z")


class IdentityKind(Enum):
    """What is named."""

    LIST = "list"
    ADDRESS = "address"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Identity:
    """``name`` is ``bob@example.net``, ``example.net``, or a list's identifier such as ``friends.example.org``."""

    kind: IdentityKind
    name: str

    def __str__(self) -> str:
        return f"list:{self.name}" if self.kind is IdentityKind.LIST else self.name


def address_identity(address: Address) -> Identity | None:
    """An address as an identity; ``None`` where it has no domain or is too long."""
    name = f"{fold(address.local)}@{_fold_domain(address)}"
    if not address.domain or len(name) > NAME_LIMIT:
        return None
    return Identity(IdentityKind.ADDRESS, name)


def find_identities(author: Author | None, header: bytes) -> tuple[Identity, ...]:
    """Everybody whom a message claims to be from, in the order in which they are looked up."""
    found: list[Identity] = []
    list_id = find_list_id(header)
    if list_id:
        found.append(Identity(IdentityKind.LIST, list_id))
    if author is not None and len(author.addresses) == 1:
        one = address_identity(author.addresses[0])
        if one is not None:
            found.append(one)
    if author is not None and author.domain and len(author.domain) <= NAME_LIMIT:
        found.append(Identity(IdentityKind.DOMAIN, author.domain))
    return tuple(found)


def find_list_id(header: bytes) -> str:
    """The identifier in List-Id (RFC 2919 §3), in lower case; empty without one, or with several."""
    values = [field.value for field in iterate_fields(header) if field.name.lower() == b"list-id"]
    if len(values) != 1:
        return ""
    found = _LIST_ID.search(values[0])
    return (found[1] or found[2]).decode("ascii").lower() if found else ""


def parse_identity(text: str) -> Identity:
    """What a person types: ``bob@example.net``, ``example.net``, ``list:friends.example``. Raises ``ValueError``."""
    text = text.strip()
    if len(text) > NAME_LIMIT:
        raise ValueError(f"longer than {NAME_LIMIT} characters")
    if text.lower().startswith("list:"):
        name = text[5:].strip().strip("<>").lower()
        if not name or not name.isascii() or any(c.isspace() for c in name):
            raise ValueError("expected list:IDENTIFIER, as the List-Id field has it between < and >")
        return Identity(IdentityKind.LIST, name)
    local, at, domain = text.rpartition("@")
    try:
        name = normalize_name(domain)
    except ValueError as error:
        raise ValueError(f"{domain!r} is no domain: {error}") from None
    if not _DOMAIN.fullmatch(name) or (at and (not local or not local.isprintable())):
        raise ValueError("expected an address such as bob@example.net, or a domain such as example.net")
    if not at:
        return Identity(IdentityKind.DOMAIN, name)
    return Identity(IdentityKind.ADDRESS, f"{fold(local)}@{name}")


def fold(local: str) -> str:
    """A local part as it is compared: nobody should get around a decision by writing ``Bob@``."""
    return local.lower() if local.isascii() else unicodedata.normalize("NFC", local).lower()


def _fold_domain(address: Address) -> str:
    if address.is_literal:
        return address.domain.lower()
    try:
        return normalize_name(address.domain)
    except ValueError:
        return address.domain.lower()
