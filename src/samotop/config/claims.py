"""What one table says of another: listeners that want one socket, mailboxes that claim one address.

Works on what ``tables`` has read so far, so that these faults come with the
others. Yields ``(path, what, remedy)``; decides nothing about precedence,
which is ``routing``'s: exact addresses before patterns before domains.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from samotop.config.aliasclaims import check_aliases, foreign_aliases
from samotop.config.companions import check_companions
from samotop.config.locate import Path
from samotop.config.patterns import overlap
from samotop.config.places import collide
from samotop.config.policy import Policy
from samotop.config.shapes import CHECKING_PROTOCOLS, Config, Listen, Mailbox, MtaSts, Rewrite, Route
from samotop.errors import SetupError
from samotop.net.endpoint import Endpoint, Inherited, Stdio, Tcp, Unix
from samotop.policy.dnsbl import LISTS_LIMIT
from samotop.routing.rewriting import Rewriter
from samotop.routing.rules import Rewrite as RoutingRewrite

Found = tuple[Path, str, str]


def check_claims(values: Mapping[str, Any]) -> Iterator[Found]:
    """All that is wrong between the tables; ``values`` are the fields of ``Config`` that could be read."""
    yield from _check_listeners(values.get("listeners", ()), values.get("workers", 1))
    yield from _check_web(values.get("listeners", ()), values.get("mta_sts"))
    yield from _check_checking(values.get("listeners", ()))
    yield from _check_routes(values.get("routes", ()), values.get("workers", 1))
    yield from _check_rewrites(values.get("rewrites", ()))
    yield from check_companions(values.get("companions", ()))
    mailboxes = [mailbox for mailbox in values.get("mailboxes", ()) if mailbox is not None]
    yield from _check_addresses(mailboxes)
    yield from _check_smart(mailboxes)
    yield from _check_catchalls(mailboxes)
    yield from check_aliases(values)
    yield from _check_policy(values.get("policy"))


def unknown_owners(config: Config, accounts: Collection[str]) -> Iterator[Found]:
    """Mailboxes whose owner has no account, and such a postmaster: their mail would have no place."""
    if config.postmaster and config.postmaster not in accounts:
        yield (
            ("postmaster",),
            f'the postmaster, "{config.postmaster}", has no account',
            f'samotop account add {config.postmaster}, or write the right postmaster = "..."',
        )
    for mailbox in config.mailboxes:
        if mailbox.owner not in accounts:
            yield (
                ("mailbox", mailbox.name, "owner"),
                f'the owner of [mailbox.{mailbox.name}], "{mailbox.owner}", has no account',
                f'samotop account add {mailbox.owner}, or write the right owner = "..."',
            )


def _check_policy(policy: Policy | None) -> Iterator[Found]:
    if policy is not None and len(policy.dnsbl) > LISTS_LIMIT:
        yield ("policy", "dnsbl"), f"there are more than {LISTS_LIMIT} block lists", "ask those that you trust most"


def _check_listeners(listeners: tuple[Listen | None, ...], workers: int) -> Iterator[Found]:
    for number, listener in enumerate(listeners):
        if listener is None:
            continue
        path: Path = ("listen", number, "address")
        for first, other in enumerate(listeners[:number]):
            if other is not None and collide(listener.address, other.address):
                yield path, f'"{listener.address}" wants what listener {first + 1} already has', "change or remove one"
                break
        if isinstance(listener.address, Stdio | Inherited) and workers > 1:
            yield path, f'several workers cannot share "{listener.address}"', "write workers = 1, or host:port"
        if isinstance(listener.address, Tcp) and listener.address.port == 0 and workers > 1:
            yield path, "with port 0 each of several workers would have a port of its own", "write the port's number"


def _check_web(listeners: tuple[Listen | None, ...], own: MtaSts | None) -> Iterator[Found]:
    for number, listener in enumerate(listeners):
        if listener is None or listener.protocol != "web":
            continue
        if listener.tls not in ("none", "implicit"):
            yield (
                ("listen", number, "tls"),
                "HTTPS begins with TLS, or goes without",
                'write tls = "implicit" or "none"',
            )
        if listener.proxy:
            what = "the PROXY protocol is not spoken on web listeners"
            yield ("listen", number, "proxy"), what, "remove it, and let the proxy pass HTTP on"
        if isinstance(listener.address, Stdio):
            yield ("listen", number, "address"), "the web is not served over stdio", 'write "127.0.0.1:2443"'
    if own is not None and bool(own.certificate) != bool(own.key):
        yield ("mta_sts",), "certificate and key belong together", "write both, or neither for those of [tls]"


def _check_checking(listeners: tuple[Listen | None, ...]) -> Iterator[Found]:
    """Listeners where others ask us: who asks is believed about whose message it is."""
    for number, listener in enumerate(listeners):
        if listener is None or listener.protocol not in CHECKING_PROTOCOLS:
            continue
        if listener.tls != "none":
            yield ("listen", number, "tls"), f"{listener.protocol} is spoken without TLS", 'write tls = "none"'
        if isinstance(listener.address, Stdio):
            what = f"{listener.protocol} is not spoken over stdio"
            yield ("listen", number, "address"), what, 'write "127.0.0.1:2332", or the path of a UNIX socket'
        elif not _is_local(listener.address) and not listener.proxy:
            what = "from other machines nobody may ask yet"
            yield ("listen", number, "address"), what, 'write 127.0.0.1, or who may: proxy = ["192.0.2.7"]'


def _is_local(endpoint: Endpoint) -> bool:
    """Can only this machine reach it? Nobody knows what systemd opened."""
    if isinstance(endpoint, Tcp):
        return endpoint.host in ("localhost", "::1") or endpoint.host.startswith("127.")
    return isinstance(endpoint, Unix)


def _check_routes(routes: tuple[Route | None, ...], workers: int) -> Iterator[Found]:
    for number, route in enumerate(routes):
        if route is not None and route.via.kind == "console" and workers > 1:
            yield ("route", number, "via"), "several workers have no console", "write workers = 1, or another via"
        if route is not None and route.cut_through and not route.via.is_next_hop:
            what = f'a route via "{route.via.kind}" has no next hop that could be asked while the sender waits'
            yield ("route", number, "cut_through"), what, "remove it, or write a via of smtp, smtps, lmtp or child"


def _check_rewrites(rewrites: tuple[Rewrite | None, ...]) -> Iterator[Found]:
    """A template may name only groups that the expression has: ``routing`` says."""
    for number, rewrite in enumerate(rewrites):
        if rewrite is not None:
            try:
                Rewriter([RoutingRewrite(rewrite.match, rewrite.to)])
            except SetupError as error:
                yield ("rewrite", number, "to"), f"to: {error.args[0]}", error.remedy


def foreign_claims(config: Config) -> Iterator[str]:
    """Claims in domains that are not served: they hold, and they are the usual slip of the pen."""
    ours = frozenset(config.domains)
    for mailbox in config.mailboxes:
        for claim in (*mailbox.addresses, *mailbox.smart, *mailbox.domains):
            if not _is_ours(claim.rpartition("@")[2], ours):
                yield f'[mailbox.{mailbox.name}] claims "{claim}", which is in no domain of domains'
    for table, address in foreign_aliases(config):
        if not _is_ours(address.rpartition("@")[2], ours):
            yield f'{table} claims "{address}", which is in no domain of domains'


def _is_ours(domain: str, ours: frozenset[str]) -> bool:
    """Is it one of our domains, or below one?"""
    while domain not in ours:
        _, dot, domain = domain.partition(".")
        if not dot:
            return False
    return True


def _check_addresses(mailboxes: list[Mailbox]) -> Iterator[Found]:
    seen: dict[str, Mailbox] = {}
    for mailbox in mailboxes:
        for number, address in enumerate(mailbox.addresses):
            other = seen.setdefault(address, mailbox)
            if other.owner != mailbox.owner:
                path: Path = ("mailbox", mailbox.name, "addresses", number)
                yield path, f'"{address}" already belongs to [mailbox.{other.name}]', "an address has one owner"


def _check_catchalls(mailboxes: list[Mailbox]) -> Iterator[Found]:
    seen: dict[str, Mailbox] = {}
    for mailbox in mailboxes:
        for number, domain in enumerate(mailbox.domains):
            other = seen.setdefault(domain, mailbox)
            if other.owner != mailbox.owner:
                path: Path = ("mailbox", mailbox.name, "domains", number)
                what = f'the unclaimed addresses of "{domain}" already belong to [mailbox.{other.name}]'
                yield path, what, "a domain has one owner for them"


def _check_smart(mailboxes: list[Mailbox]) -> Iterator[Found]:
    """Patterns of two owners must not meet. Sorted by what stands before the first star, only neighbours can."""
    patterns = sorted(
        (
            (pattern.partition("*")[0].partition("@")[0], pattern, order, number)
            for order, mailbox in enumerate(mailboxes)
            for number, pattern in enumerate(mailbox.smart)
        ),
    )
    for place, (start, pattern, order, number) in enumerate(patterns):
        for other_start, other, other_order, other_number in patterns[place + 1 :]:
            if not other_start.startswith(start):
                break
            if mailboxes[order].owner == mailboxes[other_order].owner or not overlap(pattern, other):
                continue
            (last, last_number, last_pattern), (first, _, first_pattern) = sorted(
                ((order, number, pattern), (other_order, other_number, other)), reverse=True
            )
            path: Path = ("mailbox", mailboxes[last].name, "smart", last_number)
            what = (
                f'"{last_pattern}" and "{first_pattern}" of [mailbox.{mailboxes[first].name}] match the same addresses'
            )
            yield path, what, "make one of them narrower: a pattern's addresses have one owner"
