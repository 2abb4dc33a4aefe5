"""What an owner's learned filter adds to a judgement about a stranger. It never changes what the sender hears."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from samotop.consent.judge import Judgement, Place
from samotop.content import Content
from samotop.ports.junk import Guess

READ_LIMIT: Final = 256 * 1024
"""Octets of a message that a filter is asked about."""


def is_stranger(judgement: Judgement) -> bool:
    """Would a filter's opinion help the owner?"""
    return judgement.place is Place.REQUESTS or judgement.code == "accepted"


def weigh(judgement: Judgement, guess: Guess) -> Judgement:
    """What the filter's opinion changes: where a stranger's message goes, or how it is shown. Never what is replied."""
    if not guess.is_junk:
        return judgement
    place = Place.JUNK if judgement.place is Place.INBOX else judgement.place
    return replace(judgement, place=place, is_flagged=True, reason=f"{judgement.reason}; {guess}")


def read_beginning(content: Content) -> bytes:
    """As much as a filter looks at."""
    octets = bytearray()
    for chunk in content.chunks():
        octets += chunk
        if len(octets) >= READ_LIMIT:
            break
    return bytes(octets[:READ_LIMIT])
