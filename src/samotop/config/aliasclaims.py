"""What is wrong with aliases and lists: claimed twice, never reached, leading nowhere, or in a circle.

``check_aliases`` sees the tables alone, ``check_targets`` asks the accounts
too. Both yield ``(path, what, remedy)`` as ``claims`` does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from samotop.config.aliases import AliasTable, ListTable, ReadFile, alias_rules
from samotop.config.locate import Path
from samotop.config.shapes import Config
from samotop.errors import SetupError
from samotop.routing.addressbook import ADDRESSES_LIMIT, AddressBook, TooManyAddresses
from samotop.routing.aliases import MailingList, fold_text, parse_text
from samotop.routing.destinations import Via
from samotop.routing.router import Router
from samotop.routing.rules import Mailbox, Rewrite, Route, RoutingRules

Found = tuple[Path, str, str]

_CLAIMED_REMEDY: Final = "an address stands in one place; remove one of them"


class _Accounts:
    """``ports.Accounts`` of a fixed set of names."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)

    def get(self, name: str) -> None:
        return None

    def exists(self, name: str) -> bool:
        return name in self._names

    def names(self) -> frozenset[str]:
        return self._names


def check_aliases(values: Mapping[str, Any]) -> Iterator[Found]:
    """What the tables say of each other; ``values`` are the fields of ``Config`` that could be read."""
    domains: tuple[str, ...] = values.get("domains", ())
    aliases: tuple[AliasTable | None, ...] = values.get("aliases", ())
    lists: tuple[ListTable | None, ...] = values.get("lists", ())
    yield from _check_tables(aliases, lists)
    yield from _check_twice(domains, aliases, lists)
    if not domains or not (aliases or lists):
        return
    mailboxes = [one for one in values.get("mailboxes", ()) if one is not None]
    routes = [one for one in values.get("routes", ()) if one is not None]
    rewrites = [one for one in values.get("rewrites", ()) if one is not None]
    claimed = {address: one for one in mailboxes for address in one.addresses}
    rules = RoutingRules(
        domains,
        rewrites=tuple(Rewrite(one.match, one.to) for one in rewrites),
        routes=tuple(Route(one.match, one.via) for one in routes),
    )
    try:
        router = Router(rules, _Accounts(()))
    except SetupError:  # a rewriting that cannot be used has been told of already
        return
    for number, one in enumerate(aliases):
        if one is None:
            continue
        for whole in _wholes(one, domains):
            yield from _check_reach(("alias", number, "address"), whole, router)
            box = claimed.get(whole)
            if box is not None and (box.owner or box.name) not in one.to and whole not in one.to:
                what = f'"{whole}" also belongs to [mailbox.{box.name}], which the alias would leave without its mail'
                yield (
                    ("alias", number, "address"),
                    what,
                    f'add "{box.owner or box.name}" to the alias\'s to, or remove one',
                )
    for number, each in enumerate(lists):
        if each is not None:
            for whole in _list_addresses(each):
                yield from _check_reach(("list", number, "address"), whole, router)
                if whole in claimed:
                    what = f'"{whole}" already belongs to [mailbox.{claimed[whole].name}]'
                    yield ("list", number, "address"), what, _CLAIMED_REMEDY


def check_targets(config: Config, accounts: Collection[str], read_file: ReadFile) -> Iterator[Found]:
    """Whom aliases and lists name and who is not there; aliases of which nobody gets anything."""
    if not config.aliases and not config.lists:
        return
    rules = RoutingRules(
        config.domains,
        tuple(Mailbox(one.owner or one.name, one.addresses, one.smart, one.domains) for one in config.mailboxes),
        tuple(Rewrite(one.match, one.to) for one in config.rewrites),
        tuple(Route(one.match, one.via) for one in config.routes),
        config.postmaster,
    )
    router = Router(rules, _Accounts(accounts))
    book = AddressBook(alias_rules(config.domains, config.aliases, config.lists, read_file), router)
    for number, one in enumerate(config.aliases):
        for place, target in enumerate(one.to):
            yield from _check_target(("alias", number, "to", place), target, book, accounts)
        try:
            for whole in _wholes(one, config.domains):
                if next(book.walk(parse_text(whole)), None) is None:
                    yield (
                        ("alias", number, "address"),
                        f'nobody gets mail for "{whole}": all of its targets lead back to it, or nowhere',
                        "name an account, or an address elsewhere",
                    )
                    break
                for _ in book.walk(parse_text(whole)):
                    pass
        except TooManyAddresses:
            what = f'"{one.address}" stands for more than {ADDRESSES_LIMIT} addresses'
            yield ("alias", number, "to"), what, "name fewer"
    for number, each in enumerate(config.lists):
        yield from _check_target(("list", number, "owner"), each.owner, book, accounts)
        for place, target in enumerate(each.members):
            yield from _check_target(("list", number, "members", place), target, book, accounts)


def foreign_aliases(config: Config) -> Iterator[tuple[str, str]]:
    """The tables' names and the addresses of those that stand in a domain."""
    for one in config.aliases:
        if "@" in one.address:
            yield "[[alias]]", one.address
    for each in config.lists:
        yield "[[list]]", each.address


def _check_target(path: Path, target: str, book: AddressBook, accounts: Collection[str]) -> Iterator[Found]:
    if "@" not in target:
        if target not in accounts:
            yield path, f'there is no account "{target}"', f"samotop account add {target}, or write the right name"
        elif book.router.address_of(target) is None:
            what = f'no address leads into the mailbox of "{target}": routes or others take all of them'
            yield path, what, f'give it one: [mailbox.{target}] addresses = ["..."]'
        return
    if next(book.walk(parse_text(target)), None) is None:
        yield path, f'nobody has the address "{target}"', "write the right one, or an account's name"


def _check_tables(aliases: tuple[AliasTable | None, ...], lists: tuple[ListTable | None, ...]) -> Iterator[Found]:
    for number, one in enumerate(aliases):
        if one is not None and not one.to:
            yield ("alias", number, "to"), f'"{one.address}" stands for nobody', 'write to = ["alice"]'
        if one is not None and len(one.to) > ADDRESSES_LIMIT:
            yield ("alias", number, "to"), f"there are more than {ADDRESSES_LIMIT} targets", "name fewer"
    for number, each in enumerate(lists):
        if each is None:
            continue
        if bool(each.members) == bool(each.members_file):
            what = "members and members_file say the same" if each.members else "the list has no members"
            yield ("list", number), what, 'write members = ["alice"], or members_file = "lists/friends.txt"'
        if len(each.members) > ADDRESSES_LIMIT:
            what = f"there are more than {ADDRESSES_LIMIT} members"
            yield ("list", number, "members"), what, "larger lists want a program of their own"


def _check_twice(
    domains: tuple[str, ...], aliases: tuple[AliasTable | None, ...], lists: tuple[ListTable | None, ...]
) -> Iterator[Found]:
    seen: dict[str, str] = {}
    for number, each in enumerate(lists):
        for whole in _list_addresses(each) if each is not None else ():
            if whole in seen:
                yield ("list", number, "address"), f'"{whole}" is {seen[whole]} already', _CLAIMED_REMEDY
            seen.setdefault(whole, f"an address of list {number + 1}")
    for number, one in enumerate(aliases):
        for whole in _wholes(one, domains) if one is not None else ():
            if whole in seen:
                yield ("alias", number, "address"), f'"{whole}" is {seen[whole]} already', _CLAIMED_REMEDY
            seen.setdefault(whole, f"alias {number + 1}")


def _check_reach(path: Path, whole: str, router: Router) -> Iterator[Found]:
    address = parse_text(whole)
    destination = router.resolve(address)
    if isinstance(destination, Via):
        what = f'mail for "{whole}" never gets here: the route "{destination.route.match}" takes it'
        yield path, what, "make the route narrower, or remove one of them"
    elif router.rewrite(address) != address:
        yield path, f'mail for "{whole}" never gets here: a [[rewrite]] changes the address', "remove one of them"


def _wholes(alias: AliasTable, domains: tuple[str, ...]) -> list[str]:
    if "@" in alias.address:
        return [fold_text(alias.address)]
    return [fold_text(f"{alias.address}@{domain}") for domain in domains]


def _list_addresses(table: ListTable) -> list[str]:
    one = MailingList(table.address, (), "")
    return [one.key, *(fold_text(str(address)) for address in (one.owner_address, one.bounces_address))]
