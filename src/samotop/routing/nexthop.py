"""From a destination to its next hop: whose hosts to ask for, or which server the operator named (RFC 5321 §5.1).

``find_next_hop`` says where mail for one recipient goes on; recipients with
the same next hop share connections and transactions. ``order_hosts`` puts the
hosts that DNS named into the order in which they are tried, and finds loops:
where we are one of them ourselves, the others that are no better than we are
must not be asked, since they would hand the mail back (RFC 5321 §5.1).

Pure: DNS answers and randomness are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from samotop.address import Address
from samotop.dns.records import Mx
from samotop.routing.destinations import Destination, Foreign, Via
from samotop.routing.patterns import fold_domain

LOOP: Final = "5.4.6"
"""Routing loop detected (RFC 3463 §3.5)."""


class HopKind(Enum):
    """How a next hop's address is found."""

    DOMAIN = "domain"
    """By the domain's MX records."""
    LITERAL = "literal"
    """It is an IP address (RFC 5321 §4.1.3)."""
    SERVER = "server"
    """The operator named it, in a route or as the smarthost."""


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where mail goes on. ``name`` is a domain as ``fold_domain`` writes it, an IP address, or a URL (``via.Target``).

    ``str()`` is for people: a URL without its password.
    """

    kind: HopKind
    name: str

    def __hash__(self) -> int:
        return hash(self.name)  # looked up several times for each message, and an enum's hash costs a call

    @property
    def is_lmtp(self) -> bool:
        return self.kind is HopKind.SERVER and self.name.startswith("lmtp:")

    def __str__(self) -> str:
        if self.kind is not HopKind.SERVER or "@" not in self.name:
            return self.name
        parts = urlsplit(self.name)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def find_next_hop(destination: Destination, address: Address, smarthost: str = "") -> NextHop | None:
    """The next hop of ``address``, which routing has led to ``destination``; ``None`` where it stays here.

    Also ``None`` for a domain that is none: nobody can be asked for it.
    """
    if isinstance(destination, Via) and destination.route.via.is_next_hop:
        target = destination.route.via
        return NextHop(HopKind.SERVER, f"child:{target.argument}" if target.kind == "child" else target.argument)
    if not isinstance(destination, Foreign):
        return None
    if smarthost:
        return NextHop(HopKind.SERVER, smarthost)
    if address.is_literal:
        literal = address.literal
        return None if literal is None else NextHop(HopKind.LITERAL, str(literal))
    domain = fold_domain(address.domain)
    return NextHop(HopKind.DOMAIN, domain) if domain else None


@dataclass(frozen=True, slots=True)
class HostOrder:
    """The hosts to try, best first. None and ``is_loop``: the mail leads back to us."""

    hosts: tuple[str, ...]
    is_loop: bool = False


def order_hosts(exchanges: Sequence[Mx], ourselves: frozenset[str], random: Callable[[], float]) -> HostOrder:
    """Order hosts by preference, those of equal preference by chance so that they share the load.

    ``ourselves`` are our own names, in lower case without a closing dot. With
    one of them in the list, it and all of the same or a greater preference
    value are left out.
    """
    ours = min((one.preference for one in exchanges if one.host in ourselves), default=None)
    better = [one for one in exchanges if ours is None or one.preference < ours]
    shuffled = sorted(better, key=lambda one: (one.preference, random()))
    hosts = tuple(dict.fromkeys(one.host for one in shuffled))
    return HostOrder(hosts, is_loop=not hosts and ours is not None)
