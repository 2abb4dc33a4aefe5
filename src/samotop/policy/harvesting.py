"""Who tries names to find out which exist (recipient harvesting): slowly answered, then turned away.

Each unknown recipient takes a token of its network's bucket (``policy.buckets``). As long as there are some, nothing
happens: everybody's address books are old. Then each answer comes later than the last, up to ``SLOWEST`` seconds; and
after ``PATIENCE`` of these the session ends with 421 4.7.1, which honest servers take for "later". Known recipients
are never put off by it.

Facts, a time and a count in, a ``Harvest`` out; who waits is ``app.policing``. Raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.consent.evidence import network_of
from samotop.facts import RecipientFacts
from samotop.policy.buckets import Buckets
from samotop.policy.cause import Cause
from samotop.verdict import Verdict

SLOWEST: Final = 15.0
"""Seconds; a client waits 5 minutes for the answer to RCPT (RFC 5321 §4.5.3.2.3)."""
PATIENCE: Final = 10
WAITING_LIMIT: Final = 200
"""Answers that wait at the same time: each holds a session. Who would be one more is turned away at once."""

HARVEST: Final = Cause(
    "harvesting-limit",
    "4.7.1",
    "too many unknown recipients from its network",
    "Too many recipients that do not exist; try again later",
    "take dead addresses off the list",
    "harvest",
    closes=True,
)
CAUSES: Final = (HARVEST,)

_HARVEST: Final = HARVEST.refuse()


@dataclass(frozen=True, slots=True)
class Harvest:
    """What an unknown recipient costs: the answer waits ``delay`` seconds; ``verdict`` replaces it where there is
    one."""

    delay: float = 0.0
    verdict: Verdict | None = None


NO_HARVEST: Final = Harvest()
_OVER: Final = Harvest(0.0, _HARVEST)


def note_unknown(facts: RecipientFacts, buckets: Buckets, now: float, waiting: int = 0) -> Harvest:
    """A recipient was refused as unknown. ``waiting`` answers wait already."""
    key = network_of(facts.peer)
    if not key:
        return NO_HARVEST
    owed = buckets.owe(key, now, PATIENCE + 1)
    if not owed:
        return NO_HARVEST
    if owed > PATIENCE or waiting >= WAITING_LIMIT:
        return _OVER
    return Harvest(min(SLOWEST, 2.0 ** (owed - 1)))
