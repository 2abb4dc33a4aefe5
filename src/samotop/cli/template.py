"""The text of a new samotop.toml: what was asked for, with comments, and nothing else set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samotop.config.effective import format_value
from samotop.config.shapes import Listen


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``samotop init`` was asked for, as it was typed."""

    hostname: str
    domains: Sequence[str]
    listeners: Sequence[Listen | tuple[str, str]]
    """A default listener, or protocol and address as given."""
    unknown: str = "request"
    smarthost: str | None = None
    trusted: Sequence[str] = ()
    routes: Sequence[tuple[str, str]] = ()


def format_template(wanted: Wanted) -> str:
    """TOML that reads back to what was wanted; whether that is valid is for ``config.read`` to say."""
    parts = [
        "# samotop.toml: the one file to edit. `samotop check` tells every mistake in it,\n"
        "# `samotop config` prints what holds, docs/configuration.md has all keys.\n",
        "# Our name in the greeting; the world's reverse DNS should say the same.\n"
        f"hostname = {format_value(wanted.hostname)}\n",
        "# The domains whose mail is delivered here. An account NAME owns NAME@ of each,\n"
        "# unless it has a [mailbox.NAME] of its own.\n"
        f"domains = {format_value(list(wanted.domains))}\n",
        *(_listen(one) for one in wanted.listeners),
        "[consent]\n"
        "# What happens to a correspondent whom the owner does not know: accept, request or defer.\n"
        f"unknown = {format_value(wanted.unknown)}\n",
    ]
    if wanted.smarthost is not None or wanted.trusted:
        parts.append(_relay(wanted))
    parts += [f"[[route]]\nmatch = {format_value(match)}\nvia = {format_value(via)}\n" for match, via in wanted.routes]
    return "\n".join(parts)


def _listen(one: Listen | tuple[str, str]) -> str:
    if isinstance(one, Listen):
        return (
            f'[[listen]]\nprotocol = "{one.protocol}"\n'
            f'address = "{one.address}"\ntls = "{one.tls}"  # none | starttls | required | implicit\n'
        )
    protocol, address = one
    return f"[[listen]]\nprotocol = {format_value(protocol)}\naddress = {format_value(address)}\n"


def _relay(wanted: Wanted) -> str:
    text = "[relay]\n"
    if wanted.smarthost is not None:
        text += f"# Takes the mail for all remote recipients.\nsmarthost = {format_value(wanted.smarthost)}\n"
    if wanted.trusted:
        text += f"# Who may relay without a login.\ntrusted = {format_value(list(wanted.trusted))}\n"
    return text
