"""What a domain's servers have shown before: a level that only rises, until it is forgotten.

Most domains publish no policy. Yet who has had TLS for months does not lose it
overnight; an attacker on the way takes it off. So what was seen once is
demanded from then on, for as long as it is seen again and again: a domain that
nobody wrote to for ``lifetime`` is unknown again. Trust on first use protects
nobody on the first use, and not from somebody who answers for the DNS.

Pure: the store keeps the values (``ports.policies``). Raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from samotop.tlspolicy.levels import Level


@dataclass(frozen=True, slots=True)
class FirstUseRules:
    """Times are in seconds."""

    is_used: bool = True
    lifetime: float = 30 * 86400.0
    """What nobody confirms for a month is forgotten: longer than people are away, and an end to an honest change."""
    renewal: float = 86400.0
    """What is confirmed is written down again once a day, not at each message."""
    most: int = 100_000
    """Domains in memory, some 100 octets each; of more, those go that nobody confirmed for the longest time."""


@dataclass(frozen=True, slots=True)
class Memory:
    """``domain`` has shown ``level`` (ENCRYPTED, VERIFIED or DANE), at ``seen_at`` for the last time."""

    domain: str
    level: Level
    seen_at: float


def recall_level(memory: Memory | None, now: float, rules: FirstUseRules = FirstUseRules()) -> Level:
    """The level to count on; NONE where there is no memory, or none that still holds."""
    if memory is None or not rules.is_used or now - memory.seen_at >= rules.lifetime:
        return Level.NONE
    return memory.level


def remember_level(
    memory: Memory | None, domain: str, reached: Level, now: float, rules: FirstUseRules = FirstUseRules()
) -> Memory | None:
    """What to keep after a delivery over a connection that reached ``reached``; ``None``: nothing new to write.

    A lower level than the one remembered changes nothing: it neither lowers it
    nor keeps it alive. A pinned key says nothing of
    authorities and counts as encrypted.
    """
    if not rules.is_used or reached.rank < Level.ENCRYPTED.rank:
        return None
    level = Level.ENCRYPTED if reached is Level.PINNED else reached
    known = recall_level(memory, now, rules)
    if level.rank < known.rank:
        return None
    if memory is not None and level is known:
        return replace(memory, seen_at=now) if now - memory.seen_at >= rules.renewal else None
    return Memory(domain, level, now)
