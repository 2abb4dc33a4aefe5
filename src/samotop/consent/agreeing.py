"""Several owners, one message, one reply: what can be said in it, and what becomes of the rest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from samotop.consent.judge import Judgement, Place

Judged = Sequence[Judgement | None]
"""For each recipient in order; ``None`` for one that is nobody's mailbox here."""


def agree(judged: Sequence[Judgement | None]) -> list[Judgement | None]:
    """Judgements that one reply can say.

    All refused, or all put off, can be said; so can any mix of inbox and requests. Of another mix, who would
    have been refused or put off gets the message into their Requests, marked, with the reason why.
    """
    places = {None if one is None else one.place for one in judged}
    if places <= {Place.REFUSED} or places <= {Place.DEFERRED} or places <= {Place.REFUSED, Place.DEFERRED}:
        return list(judged)
    return [
        replace(one, place=Place.REQUESTS, is_flagged=True, reason=f"{one.reason}; others were to get this message")
        if one is not None and one.place in (Place.REFUSED, Place.DEFERRED)
        else one
        for one in judged
    ]
