"""Greylisting: somebody unknown and unproven is asked to come back (RFC 6647).

A mail server tries again; most of what only sends spam does not. Attempts are known again by the network that they
come from (/24 or /64, so that a provider's pool of servers counts as one) or the domain that SPF proved, by the
reverse-path's domain (so that VERP passes: every message has a local part of its own), and by the forward-path.

Who passes is remembered, and passes at once the next time. Pure: ``has_waited`` is a fact for ``consent``, the memory
is behind ``ports.attempts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from samotop.address import Address, ReversePath

DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class GreylistRules:
    """Seconds. ``wait`` is short: what matters is that they come back (RFC 6647 §4: a minute to a day).

    ``within`` is how long after the first attempt the second counts: senders' intervals grow. ``keep`` is how long
    somebody who has passed is remembered after the last message: monthly mail passes.
    """

    wait: float = 120.0
    within: float = 2 * DAY
    keep: float = 36 * DAY


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is remembered of one key. ``passed_at`` is 0 while nothing has passed; times are seconds since 1970."""

    first_seen: float
    passed_at: float = 0.0

    def holds(self, now: float, rules: GreylistRules) -> bool:
        """Is it still remembered?"""
        return now < self.passed_at + rules.keep if self.passed_at else now <= self.first_seen + rules.within


def has_waited(attempts: Sequence[Attempt | None], now: float, rules: GreylistRules = GreylistRules()) -> bool:
    """Is greylisting satisfied, by any of the keys under which somebody is known?"""
    return any(
        one is not None and one.holds(now, rules) and (one.passed_at > 0 or now - one.first_seen >= rules.wait)
        for one in attempts
    )


def attempt_keys(network: str, spf_domain: str, reverse_path: ReversePath, forward_path: Address) -> tuple[str, ...]:
    """Under what an attempt is known again: where it came from, and which domain SPF proved, if any."""
    sender = reverse_path.domain.lower() if isinstance(reverse_path, Address) else "<>"
    return _keys(network, spf_domain, f"{sender}\0{_recipient(forward_path)}")


def retry_keys(
    network: str, spf_domain: str, reverse_path: ReversePath, size: int, forward_path: Address, serial: int
) -> tuple[str, ...]:
    """Under what one message is known again that waits at its sender until the owner decides.

    The whole reverse-path and the declared ``size`` tell it from others of the same sender's, who may be known.
    ``serial`` counts the owner's decisions: after the next one nothing is remembered, whomever it was about, so that
    nobody learns about whom.
    """
    sender = str(reverse_path) if isinstance(reverse_path, Address) else "<>"
    return _keys(network, spf_domain, f"{sender}\0{size}\0{_recipient(forward_path)}\0{serial}")


def _recipient(forward_path: Address) -> str:
    return f"{forward_path.local.lower()}@{forward_path.domain.lower()}"


def _keys(network: str, spf_domain: str, rest: str) -> tuple[str, ...]:
    keys = [f"net\0{network}\0{rest}"] if network else []
    return (*keys, f"spf\0{spf_domain}\0{rest}") if spf_domain else tuple(keys)
