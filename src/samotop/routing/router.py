"""From a forward-path to its destination.

In this order, and the first that answers decides:

1. **Rewritings**: the first expression that matches the whole address replaces it (``rewriting``).
2. **Routes**, in the order written. A route matches by domain (``example.org``), by address
   (``bob@example.org``), or by a pattern of either (``*.example.org``, ``list-*@example.org``); ``*`` is everything.
3. **Addresses** that a mailbox claims, one by one (*user*).
4. **Account names** at every domain served, for accounts of which no mailbox claims addresses or patterns (*user*).
5. **Patterns** of mailboxes, in the order written (*smart*).
   Then **tags**: ``alice+TAG@`` belongs to whom ``alice@`` would, by 3 or 4.
6. **postmaster@ and abuse@** our domains, where a postmaster is configured.
7. **Unclaimed addresses** of a domain (*domain*).
8. **postmaster@ and abuse@** once more: somebody must get them (RFC 5321 §4.5.1, RFC 2142 §2): the first mailbox's
   owner, or the first account by name. ``<postmaster>`` without a domain is postmaster@ the first domain.

A claim counts only while the accounts store knows its owner: an account that is
gone has no addresses. A domain is ours if it is served or if a mailbox claims
something in it; what is left there is ``Unknown``, everything else is ``Foreign``.

A route by a pattern that names no domain (``*``, ``list-*@*``) and leads to a
next hop is for foreign domains only where the peer may relay
(``Via.needs_permission``): written down carelessly, it must not open the relay.

The local part never becomes a file name: mailboxes are named by accounts.
Raises ``SetupError`` when it is made; ``resolve`` raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from samotop.address import Address
from samotop.ports.accounts import Accounts
from samotop.routing.destinations import FOREIGN, UNKNOWN, Destination, Local, Via
from samotop.routing.patterns import Glob, fold_domain, fold_local, parse_address_glob, parse_domain_glob
from samotop.routing.rewriting import Rewriter
from samotop.routing.rules import Mailbox, Route, RoutingRules

REQUIRED_NAMES: Final = frozenset(("postmaster", "abuse"))
"""Local parts that every domain answers for (RFC 5321 §4.5.1, RFC 2142 §2 and §4)."""

_EVERYTHING: Final = Glob.parse("*")


class Router:
    """Resolves addresses by ``rules``; asks ``accounts`` whether an owner exists."""

    def __init__(self, rules: RoutingRules, accounts: Accounts) -> None:
        self._exists = accounts.exists
        self._names = accounts.names
        self._rewriter = Rewriter(rules.rewrites) if rules.rewrites else None
        self._routes = _Routes(rules.routes) if rules.routes else None
        self._served = frozenset(_domain(domain) for domain in rules.domains)
        self._ours = set(self._served)
        self.first_domain = _domain(rules.domains[0]) if rules.domains else ""
        """What an address without a domain is in."""
        self._first_owners = (rules.postmaster, *(mailbox.owner for mailbox in rules.mailboxes))
        self._postmaster = rules.postmaster
        self._exact: dict[str, str] = {}
        self._claiming: set[str] = set()
        self._smart: list[tuple[Glob, Glob, str]] = []
        self._rest: dict[str, str] = {}
        self._mailboxes = rules.mailboxes
        for mailbox in rules.mailboxes:
            self._add(mailbox)

    def _add(self, mailbox: Mailbox) -> None:
        if mailbox.addresses or mailbox.smart:
            self._claiming.add(mailbox.owner)
        for address in mailbox.addresses:
            local, domain = parse_address_glob(address)
            self._ours.add("*".join(domain.pieces))
            self._exact.setdefault(f"{'*'.join(local.pieces)}@{'*'.join(domain.pieces)}", mailbox.owner)
        for pattern in mailbox.smart:
            local, domain = parse_address_glob(pattern)
            if domain.is_plain:
                self._ours.add(domain.pieces[0])
            self._smart.append((local, domain, mailbox.owner))
        for text in mailbox.domains:
            domain_name = _domain(text)
            self._ours.add(domain_name)
            self._rest.setdefault(domain_name, mailbox.owner)

    def rewrite(self, address: Address) -> Address:
        """The address that mail for ``address`` goes on to: another one where a rewriting matches."""
        if self._rewriter is None:
            return address
        return self._rewriter.rewrite(address) or address

    def is_ours(self, domain: str) -> bool:
        """Is this domain served, or is something in it claimed?"""
        return fold_domain(domain) in self._ours

    def address_of(self, account: str) -> Address | None:
        """An address by which mail gets into the account's mailbox; ``None`` where there is none."""
        for local, domain in self._likely_addresses(account):
            address = Address(local, domain)
            if self.resolve(address) == Local(account):
                return address
        return None

    def _likely_addresses(self, account: str) -> Iterator[tuple[str, str]]:
        """Its name where that is an address, else what its mailboxes claim; for a star any text does."""
        if account not in self._claiming:
            for domain in dict.fromkeys((self.first_domain, *sorted(self._served))):
                yield account, domain
        mailboxes = [mailbox for mailbox in self._mailboxes if mailbox.owner == account]
        for claim in (claim for mailbox in mailboxes for claim in (*mailbox.addresses, *mailbox.smart)):
            local, _, domain = claim.rpartition("@")
            yield local.replace("*", "" if local.strip("*") else account), domain.replace("*.", "").replace("*", "")
        for domain in (domain for mailbox in mailboxes for domain in mailbox.domains):
            yield account, domain

    def resolve(self, address: Address) -> Destination:
        """Where mail for ``address`` goes, now."""
        if self._rewriter is not None:
            rewritten = self._rewriter.rewrite(address)
            if rewritten is None:
                return UNKNOWN
            address = rewritten
        domain = fold_domain(address.domain) if address.domain else self.first_domain
        if domain is None:
            return UNKNOWN
        local = fold_local(address.local)
        is_ours = domain in self._ours
        if self._routes is not None:
            route = self._routes.find(local, domain)
            if route is not None:
                return Via(route, route.via.is_next_hop and not is_ours and self._routes.names_no_domain(route))
        owner = self._exact.get(f"{local}@{domain}")
        if owner is not None and self._exists(owner):
            return Local(owner)
        if not is_ours and not self._smart:
            return FOREIGN
        if domain in self._served and local not in self._claiming and self._exists(local):
            return Local(local)
        return self._resolve_rest(local, domain, is_ours)

    def _resolve_rest(self, local: str, domain: str, is_ours: bool) -> Destination:
        for local_glob, domain_glob, owner in self._smart:
            if domain_glob.matches(domain) and local_glob.matches(local) and self._exists(owner):
                return Local(owner)
        if not is_ours:
            return FOREIGN
        base, plus, _ = local.partition("+")
        if plus and base:
            tagged = self._exact.get(f"{base}@{domain}", "" if base in self._claiming else base)
            if tagged and (domain in self._served or f"{base}@{domain}" in self._exact) and self._exists(tagged):
                return Local(tagged)
        is_required = local in REQUIRED_NAMES
        if is_required and self._postmaster and self._exists(self._postmaster):
            return Local(self._postmaster)
        rest = self._rest.get(domain)
        if rest is not None and self._exists(rest):
            return Local(rest)
        return self._somebody() if is_required else UNKNOWN

    def _somebody(self) -> Destination:
        """Who gets what must not be refused."""
        for owner in self._first_owners:
            if owner and self._exists(owner):
                return Local(owner)
        names = self._names()
        return Local(min(names)) if names else UNKNOWN


class _Routes:
    """Routes in their order; those without a ``*`` are found by name."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._routes = routes
        self._named: dict[str, int] = {}
        self._patterns: list[tuple[int, Glob, Glob]] = []
        self._open: set[Route] = set()
        for number, route in enumerate(routes):
            if "@" in route.match:
                local, domain = parse_address_glob(route.match)
            else:
                local, domain = _EVERYTHING, parse_domain_glob(route.match)
            if domain.is_everything:
                self._open.add(route)
            if domain.is_plain and (local.is_plain or local.is_everything):
                name = domain.pieces[0] if local.is_everything else f"{local.pieces[0]}@{domain.pieces[0]}"
                self._named.setdefault(name, number)
            else:
                self._patterns.append((number, local, domain))

    def find(self, local: str, domain: str) -> Route | None:
        """The first route that matches."""
        last = len(self._routes)
        first = min(self._named.get(domain, last), self._named.get(f"{local}@{domain}", last))
        for number, local_glob, domain_glob in self._patterns:
            if number > first:
                break
            if domain_glob.matches(domain) and local_glob.matches(local):
                return self._routes[number]
        return self._routes[first] if first < last else None

    def names_no_domain(self, route: Route) -> bool:
        return route in self._open


def _domain(text: str) -> str:
    glob = parse_domain_glob(text)
    return "*".join(glob.pieces)
