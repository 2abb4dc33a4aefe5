"""Aliases and lists as values: what the operator and the owners write down, read for ``addressbook``.

An alias stands for others (RFC 5321 §3.9.1), a list sends to its members in its
own name (§3.9.2). Form only: whether an account exists is asked later, at each
message. Raises ``SetupError`` for what is no address.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from samotop.address import Address
from samotop.errors import SetupError
from samotop.routing.patterns import fold_domain, fold_local


class Posting(Enum):
    """Who may write to a list."""

    MEMBERS = "members"
    ANYONE = "anyone"
    NOBODY = "nobody"
    """But its owner: announcements."""


@dataclass(frozen=True, slots=True)
class Alias:
    """``address`` is whole, or a local part for every domain served.

    ``to`` are accounts (no ``@``) and addresses, here or elsewhere. With ``is_shared`` the accounts among
    them may also write as this address.
    """

    address: str
    to: tuple[str, ...]
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class MailingList:
    """``members`` and ``owner`` are accounts (no ``@``) or addresses. ``name`` is for people, perhaps empty."""

    address: str
    members: tuple[str, ...]
    owner: str
    name: str = ""
    post: Posting = Posting.MEMBERS

    @property
    def key(self) -> str:
        """The address as addresses of ours are compared."""
        return fold_text(self.address)

    @property
    def id(self) -> str:
        """What List-Id says: the address, with a dot for its ``@`` (RFC 2919 §2)."""
        return self.key.replace("@", ".")

    @property
    def owner_address(self) -> Address:
        return self._beside("owner")

    @property
    def bounces_address(self) -> Address:
        return self._beside("bounces")

    def _beside(self, role: str) -> Address:
        local, _, domain = self.address.rpartition("@")
        return Address(f"{local}-{role}", domain)


@dataclass(frozen=True, slots=True)
class AliasRules:
    """``domains`` are those served: an alias without a domain is in each of them."""

    domains: tuple[str, ...]
    aliases: tuple[Alias, ...] = ()
    lists: tuple[MailingList, ...] = ()


def parse_text(text: str) -> Address:
    """``local@domain`` as an address. Raises ``SetupError``."""
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise SetupError(f'"{text}" is no address', remedy='write it like "alice@example.org"')
    return Address(local, domain)


def fold_text(text: str) -> str:
    """``local@domain`` as addresses of ours are compared."""
    local, _, domain = text.rpartition("@")
    return f"{fold_local(local)}@{fold_domain(domain) or domain.lower()}"
