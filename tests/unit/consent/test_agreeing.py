"""One reply for several owners: nothing is lost, and nobody is told what is not so."""

from __future__ import annotations

from itertools import product

import pytest

from samotop.consent.agreeing import agree
from samotop.consent.judge import Judgement, Place

TAKEN = (Place.INBOX, Place.REQUESTS, Place.JUNK)


def judgement(place: Place) -> Judgement:
    return Judgement(place, place.value, f"because {place.value}")


@pytest.mark.parametrize("places", list(product([*Place, None], repeat=2)))
def test_what_one_reply_cannot_say_is_held(places: tuple[Place | None, ...]) -> None:
    judged = [None if place is None else judgement(place) for place in places]
    agreed = agree(judged)
    after = [None if one is None else one.place for one in agreed]
    if all(place in (Place.REFUSED, Place.DEFERRED) for place in places):
        assert after == list(places)
        return
    for before, now, one in zip(places, after, agreed, strict=True):
        if before in (Place.REFUSED, Place.DEFERRED):
            assert now is Place.REQUESTS
            assert one is not None
            assert one.is_flagged
            assert one.reason.startswith(f"because {before.value}; ")
        else:
            assert now is before


def test_one_recipient_is_always_answered_as_judged() -> None:
    for place in Place:
        assert agree([judgement(place)]) == [judgement(place)]
