"""Times that the sender has set: not before (FUTURERELEASE), not after (DELIVERBY).

Pure: times are passed in, as seconds since 1970. What the client asks for is
bounded where its parameters are read; here it counts from the arrival, as we
are asked by RFC 2852 §4 and RFC 4865 §4.
"""

from __future__ import annotations

from typing import Final

from samotop.envelope import MailParameters
from samotop.queue.schedule import ScheduleRules

HOLD_LIMIT: Final = 30 * 86400.0
"""Seconds that a message may be kept for later, and what ``EHLO`` tells: a month, as others offer."""
DELIVER_BY_LEAST: Final = 60
"""Seconds, the least that ``EHLO`` tells for a return by DELIVERBY: what one attempt at a slow next hop takes."""

UNATTENDED_AFTER: Final = 30 * 86400.0
"""Seconds after its arrival for which held or damaged mail waits before the operator is reminded of it."""


def release_time(parameters: MailParameters, received_at: float) -> float:
    """Before this no attempt is made: ``received_at`` where the sender set no time (RFC 4865 §4.2)."""
    if parameters.hold_for is not None:
        return received_at + min(float(parameters.hold_for), HOLD_LIMIT)
    if parameters.hold_until is not None:
        return max(received_at, min(parameters.hold_until, received_at + HOLD_LIMIT))
    return received_at


def give_up_time(parameters: MailParameters, received_at: float, rules: ScheduleRules) -> float:
    """After this the message goes back: ``max_age`` after it could first be sent, or earlier by DELIVERBY's mode R."""
    ends_at = release_time(parameters, received_at) + rules.max_age
    by = parameters.deliver_by
    if by is not None and by.returns:
        return min(ends_at, received_at + by.seconds)
    return ends_at


def warning_time(parameters: MailParameters, received_at: float, rules: ScheduleRules) -> float:
    """From here on the sender is told of a delay; DELIVERBY's mode N names the moment itself (RFC 2852 §4.1.4)."""
    by = parameters.deliver_by
    if by is not None and not by.returns:
        return received_at + by.seconds
    return release_time(parameters, received_at) + rules.warn_after


def remaining_by(parameters: MailParameters, received_at: float, now: float) -> int | None:
    """The seconds that BY tells the next hop; ``None`` without one. Never 0 in mode R (RFC 2852 §4)."""
    by = parameters.deliver_by
    if by is None:
        return None
    left = int(received_at + by.seconds - now)
    return max(1, left) if by.returns else left
