"""Which addresses stand for others: aliases, lists with their -owner and -bounces, and rewritten senders (SRS).

``AddressBook`` goes before ``Router``, when a message is accepted; what comes
out of it is final, and delivery asks ``Router`` alone. An alias or list is
found after rewritings and routes, and before everything that a mailbox claims:
an alias with an account's own address forwards the account's mail, and keeps a
copy where the account is among its targets.

``walk`` follows an address to where it ends. It ends at once at an address on
whose way it has been already: then that means the mailbox of this name, if
there is one, and nothing else. So nothing goes round in circles, and
``alice@`` may stand for ``alice@`` and somebody else.

A target that leads nowhere now, because its account is gone, is left out. Raises
``TooManyAddresses`` from ``walk`` beyond ``ADDRESSES_LIMIT``, ``SetupError`` when it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from samotop.address import Address
from samotop.errors import TryAgainLater
from samotop.routing.aliases import Alias, AliasRules, MailingList, fold_text, parse_text
from samotop.routing.destinations import (
    UNKNOWN,
    Destination,
    Expanding,
    Foreign,
    Local,
    Reached,
    Returning,
    Unknown,
    Via,
)
from samotop.routing.patterns import fold_domain, fold_local
from samotop.routing.router import Router
from samotop.routing.srs import SrsRules, is_rewritten, restore_sender

DEPTH_LIMIT: Final = 10
"""Aliases on the way to an address: nobody understands more."""
ADDRESSES_LIMIT: Final = 1000
"""Addresses that one recipient stands for: what is larger wants a program for mailing lists."""


class TooManyAddresses(TryAgainLater):
    """A recipient stands for more than ``ADDRESSES_LIMIT`` addresses. Its sender may try again: the operator errs."""


class Role(Enum):
    """What an address of a list is for."""

    POST = "post"
    OWNER = "owner"
    BOUNCES = "bounces"


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a walk ends. ``way`` are the aliases and lists that led here, as addresses are compared.

    ``leaves``: it goes on to another server, which is not one for our own domains. ``through`` is the last list on the
    way.
    """

    address: Address
    way: tuple[str, ...] = ()
    leaves: bool = False
    through: MailingList | None = None


@dataclass(frozen=True, slots=True)
class _ListAddress:
    list: MailingList
    role: Role


class AddressBook:
    """``srs`` is ``None`` where nobody's sender has ever been rewritten."""

    def __init__(self, rules: AliasRules, router: Router, srs: SrsRules | None = None) -> None:
        self.srs = srs
        self.router = router
        self._names: dict[str, Alias | _ListAddress] = {}
        self.replace(rules)

    def replace(self, rules: AliasRules) -> None:
        """From now on these hold."""
        names: dict[str, Alias | _ListAddress] = {}
        for one in rules.lists:
            for address, role in (
                (parse_text(one.address), Role.POST),
                (one.owner_address, Role.OWNER),
                (one.bounces_address, Role.BOUNCES),
            ):
                names.setdefault(fold_text(f"{address.local}@{address.domain}"), _ListAddress(one, role))
        for alias in rules.aliases:
            wholes = [alias.address] if "@" in alias.address else [f"{alias.address}@{one}" for one in rules.domains]
            for whole in wholes:
                names.setdefault(fold_text(whole), alias)
        self._names = names

    def resolve(self, address: Address, day: int) -> Reached:
        """Where mail for a recipient goes, as who asks at RCPT must know it. ``day`` since 1970, UTC."""
        restored = self.restore(address, day)
        if restored is not None:
            return restored
        found = self._find(self.key(address))
        if found is None or self._is_routed(address):
            return self.router.resolve(address)
        return UNKNOWN if next(self.walk(address), None) is None else Expanding()

    def restore(self, address: Address, day: int) -> Returning | Unknown | None:
        """Whose rewritten sender this is; ``Unknown`` where it is nobody's any more; ``None`` where it is none."""
        srs = self.srs
        if srs is None or not is_rewritten(address.local) or not self.router.is_ours(address.domain):
            return None
        original = restore_sender(
            Address(address.local, srs.domain), srs, day
        )  # our first domain may have been another
        return UNKNOWN if original is None else Returning(original)

    def expands(self, address: Address) -> bool:
        """Does this address stand for others?"""
        return self._find(self.key(address)) is not None and not self._is_routed(address)

    def lists(self, address: Address) -> tuple[MailingList, ...]:
        """The lists to which mail for ``address`` is a post."""
        found = [one for _, one in self._stations(address)]
        return tuple([one.list for one in found if isinstance(one, _ListAddress) and one.role is Role.POST])

    def way(self, address: Address) -> frozenset[str]:
        """All aliases and lists that mail for ``address`` comes by, but what lies beyond a list."""
        return frozenset([key for key, _ in self._stations(address)])

    def walk(self, address: Address, *, is_notification: bool = False) -> Iterator[Leaf]:
        """All addresses that ``address`` stands for. A list sends no notifications on: its owner gets them."""
        return self._bounded(self._walk(address, (), None, is_notification, set()))

    def members(self, list: MailingList) -> Iterator[Leaf]:
        """Whom a list reaches."""
        return self._bounded(self._targets(list.members, (list.key,), list, False, {list.key}))

    def owner(self, list: MailingList) -> Iterator[Leaf]:
        """Who owns a list."""
        return self._bounded(self._targets((list.owner,), (list.key,), None, False, {list.key}))

    def is_account_of(self, address: Address, account: str) -> bool:
        return self.router.resolve(address) == Local(account)

    def may_write_as(self, account: str, address: Address) -> bool:
        """Does ``address`` belong to those whom ``account`` shares it with?"""
        found = self._find(self.key(address))
        if not isinstance(found, Alias) or not found.is_shared or self._is_routed(address):
            return False
        return any(self.is_account_of(leaf.address, account) for leaf in self.walk(address) if leaf.through is None)

    def key(self, address: Address) -> str:
        """An address as it is compared, rewritten if it is; empty for what is none."""
        rewritten = self.router.rewrite(address)
        domain = fold_domain(rewritten.domain) if rewritten.domain else self.router.first_domain
        return f"{fold_local(rewritten.local)}@{domain}" if domain else ""

    def _find(self, key: str) -> Alias | _ListAddress | None:
        return self._names.get(key)

    def _is_routed(self, address: Address) -> bool:
        return isinstance(self.router.resolve(address), Via)

    @staticmethod
    def _bounded(leaves: Iterator[Leaf]) -> Iterator[Leaf]:
        for count, leaf in enumerate(leaves):
            if count >= ADDRESSES_LIMIT:
                raise TooManyAddresses("an address stands for too many others")
            yield leaf

    def _walk(
        self,
        address: Address,
        way: tuple[str, ...],
        through: MailingList | None,
        is_notification: bool,
        seen: set[str],
    ) -> Iterator[Leaf]:
        """``seen`` are aliases and lists that were followed already: a second time they add nobody."""
        key = self.key(address)
        found = self._find(key)
        if found is None or key in way or self._is_routed(address):
            destination = self.router.resolve(address)
            if not isinstance(destination, Unknown):
                yield Leaf(address, way, self._leaves(address, destination), through)
            return
        if key in seen or len(way) >= DEPTH_LIMIT:
            return
        seen.add(key)
        targets: tuple[str, ...]
        if isinstance(found, Alias):
            targets = found.to
        elif found.role is Role.POST and not is_notification:
            targets, through = found.list.members, found.list
        else:
            targets = (found.list.owner,)
        yield from self._targets(targets, (*way, key), through, is_notification, seen)

    def _targets(
        self,
        targets: tuple[str, ...],
        way: tuple[str, ...],
        through: MailingList | None,
        is_notification: bool,
        seen: set[str],
    ) -> Iterator[Leaf]:
        for target in targets:
            if "@" in target:
                yield from self._walk(parse_text(target), way, through, is_notification, seen)
            elif (address := self.router.address_of(target)) is not None:
                yield Leaf(address, way, False, through)

    def _leaves(self, address: Address, destination: Destination) -> bool:
        if isinstance(destination, Via):
            return destination.route.via.is_next_hop and not self.router.is_ours(address.domain)
        return isinstance(destination, Foreign)

    def _stations(self, address: Address) -> Iterator[tuple[str, Alias | _ListAddress]]:
        """The aliases and lists that mail for ``address`` comes by, each once; nothing behind a list."""
        seen: set[str] = set()
        waiting = [address]
        while waiting:
            address = waiting.pop()
            key = self.key(address)
            found = self._find(key)
            if found is None or key in seen or self._is_routed(address):
                continue
            seen.add(key)
            yield key, found
            if isinstance(found, Alias):
                waiting.extend([parse_text(target) for target in reversed(found.to) if "@" in target])
