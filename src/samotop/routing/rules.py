"""Routing's parameters: what the operator and the owners say about addresses."""

from __future__ import annotations

from dataclasses import dataclass

from samotop.routing.via import Target


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What ``owner``, an account's name, claims.

    ``addresses`` are whole addresses. ``smart`` are patterns of addresses, in
    which ``*`` stands for any characters, also none, but not for ``@``.
    ``domains`` are those of which it gets every unclaimed address.
    """

    owner: str
    addresses: tuple[str, ...] = ()
    smart: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """``match`` is a regular expression for the whole address, in any case; ``to`` the address instead (``\\1``)."""

    match: str
    to: str


@dataclass(frozen=True, slots=True)
class Route:
    """``match`` is a domain, an address, or a pattern of either with ``*``; ``via`` what it leads to.

    ``is_cut_through``: the next hop is asked while the sender waits, and nothing is stored.
    """

    match: str
    via: Target
    is_cut_through: bool = False


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """``domains`` are served here. ``postmaster`` is the account that gets postmaster@ and abuse@, perhaps empty."""

    domains: tuple[str, ...]
    mailboxes: tuple[Mailbox, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    routes: tuple[Route, ...] = ()
    postmaster: str = ""
