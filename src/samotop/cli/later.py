"""What a configuration may say already and this release does not do yet: told plainly, never passed over."""

from __future__ import annotations

from samotop.config.claims import foreign_claims
from samotop.config.shapes import Config, Listen
from samotop.errors import SetupError

SERVED = ("smtp", "submission", "lmtp", "web", "milter", "checkv2")
"""Protocols that this release listens for."""


def is_served(listen: Listen) -> bool:
    return listen.protocol in SERVED


def awaited(config: Config) -> list[str]:
    """One sentence for each thing that is configured and not there yet, looks like a slip, or should be known."""
    notes = [
        f"{one.protocol} is not available in this release; listener {one.address} skipped"
        for one in config.listeners
        if not is_served(one)
    ]
    notes += [
        f'mail for "{one.match}" is not stored: while its next hop is away, senders are asked to come back'
        for one in config.routes
        if one.cut_through
    ]
    return notes + list(foreign_claims(config))


def check_served(config: Config) -> None:
    """Raise ``SetupError`` for what cannot be served at all, not even in part."""
    if config.store != "sqlite":
        raise SetupError("a store in PostgreSQL is not available in this release", remedy='write store = "sqlite"')
    if not any(is_served(one) for one in config.listeners):
        raise SetupError(
            "there is no listener that this release can serve",
            remedy=f"add a [[listen]] with one of the protocols {', '.join(SERVED)}",
        )
