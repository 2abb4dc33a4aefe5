"""Times that the sender sets, counted from the arrival."""

from __future__ import annotations

import pytest

from samotop.envelope import DeliverBy, MailParameters
from samotop.queue.deadlines import HOLD_LIMIT, give_up_time, release_time, remaining_by, warning_time
from samotop.queue.schedule import ScheduleRules

AT = 1000.0
RULES = ScheduleRules(max_age=500.0, warn_after=100.0)


@pytest.mark.parametrize(
    ("parameters", "release"),
    [
        (MailParameters(), AT),
        (MailParameters(hold_for=60), AT + 60),
        (MailParameters(hold_until=AT + 70), AT + 70),
        (MailParameters(hold_until=AT - 70), AT),
        (MailParameters(hold_for=10**9), AT + HOLD_LIMIT),
        (MailParameters(hold_until=1e18), AT + HOLD_LIMIT),
    ],
)
def test_future_release_is_bounded(parameters: MailParameters, release: float) -> None:
    """RFC 4865 §4.2: a time in the past is now; no time keeps a message for ever."""
    assert release_time(parameters, AT) == release


def test_late_counts_from_the_release() -> None:
    """A message for next week is not late today."""
    parameters = MailParameters(hold_for=1000)
    assert give_up_time(parameters, AT, RULES) == AT + 1500
    assert warning_time(parameters, AT, RULES) == AT + 1100


def test_deliver_by_only_shortens() -> None:
    """Nobody makes us try longer than we do."""
    assert give_up_time(MailParameters(deliver_by=DeliverBy(10)), AT, RULES) == AT + 10
    assert give_up_time(MailParameters(deliver_by=DeliverBy(10**9)), AT, RULES) == AT + 500
    assert give_up_time(MailParameters(deliver_by=DeliverBy(10, returns=False)), AT, RULES) == AT + 500


def test_the_next_hop_is_told_what_is_left() -> None:
    """RFC 2852 §4: the time that was spent here is taken off; never 0 in mode R, negative only in mode N."""
    assert remaining_by(MailParameters(), AT, AT) is None
    assert remaining_by(MailParameters(deliver_by=DeliverBy(100)), AT, AT + 40) == 60
    assert remaining_by(MailParameters(deliver_by=DeliverBy(100)), AT, AT + 400) == 1
    assert remaining_by(MailParameters(deliver_by=DeliverBy(100, returns=False)), AT, AT + 400) == -300
