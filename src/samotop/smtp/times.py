"""Times that a sender asks for with MAIL: not before (FUTURERELEASE, RFC 4865), not after (DELIVERBY, RFC 2852).

What EHLO shows of them, how their values are read, and what is refused: more
than was offered, a time that has passed, two wishes that exclude each other.
Keeping to them is the queue's part (``queue.deadlines``). ``now`` is passed
in, as seconds since 1970. The parsers raise ``BadParameter`` (501), and
``BeyondOffer`` (555) for what another server may take.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from samotop.envelope import DeliverBy, MailParameters
from samotop.errors import PeerError
from samotop.smtp.rules import Rules

_DAY: Final = 86400.0
_INTERVAL: Final = re.compile(rb"[1-9][0-9]{0,8}")
_BY: Final = re.compile(rb"([+-]?[0-9]{1,9});([NR])(T?)", re.IGNORECASE)
_DATE_TIME: Final = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)
"""RFC 3339 §5.6, which RFC 4865 means by its erratum 2040. A leap second is no time that ``datetime`` knows."""


class BadParameter(PeerError):
    """A value that its extension does not allow (501 5.5.4)."""


class BeyondOffer(PeerError):
    """A value that the extension knows and the EHLO reply excluded (555 5.5.4)."""


def format_offers(rules: Rules, now: float) -> tuple[str, ...]:
    """The lines of the EHLO reply. The latest time is that of the last midnight: one text, and one reply, a day."""
    lines = []
    if rules.hold:
        latest = datetime.fromtimestamp((now + rules.hold) // _DAY * _DAY, UTC)
        lines.append(f"FUTURERELEASE {rules.hold} {latest:%Y-%m-%dT%H:%M:%SZ}")
    if rules.deliver_by:
        lines.append(f"DELIVERBY {rules.deliver_by}")
    return tuple(lines)


def parse_hold_for(octets: bytes) -> int:
    """``HOLDFOR=600``: one to nine digits, and no 0 in front (RFC 4865 §4)."""
    if not _INTERVAL.fullmatch(octets):
        raise BadParameter("HOLDFOR is a number of seconds, above 0")
    return int(octets)


def parse_hold_until(octets: bytes) -> float:
    """``HOLDUNTIL=2030-01-01T00:00:00Z`` (RFC 4865 §4, RFC 3339 §5.6)."""
    if not _DATE_TIME.fullmatch(octets):
        raise BadParameter("HOLDUNTIL is a time as in 2030-01-01T00:00:00Z")
    try:
        return datetime.fromisoformat(octets.decode("ascii").upper()).timestamp()
    except (ValueError, OverflowError) as error:
        raise BadParameter("HOLDUNTIL is a time as in 2030-01-01T00:00:00Z") from error


def parse_deliver_by(octets: bytes) -> DeliverBy:
    """``BY=120;RT``: seconds, which may be below 0 for a notice alone (N); return (R); trace (T) (RFC 2852 §4)."""
    match = _BY.fullmatch(octets)
    if match is None:
        raise BadParameter("BY is seconds;R or seconds;N, with T behind it for a trace, as in BY=120;R")
    by = DeliverBy(int(match[1]), match[2] in b"Rr", bool(match[3]))
    if by.returns and by.seconds <= 0:
        raise BadParameter("BY with R needs a time that has not passed")
    return by


def check_times(parameters: MailParameters, rules: Rules, now: float) -> None:
    """Hold the wishes of one MAIL to each other and to what was offered. Raises as the module's page says."""
    hold_for, hold_until, by = parameters.hold_for, parameters.hold_until, parameters.deliver_by
    if hold_for is not None and hold_until is not None:
        raise BadParameter("HOLDFOR or HOLDUNTIL, not both")
    hold = hold_for if hold_until is None else hold_until - now
    if hold is not None:
        if hold <= 0:
            raise BadParameter("HOLDUNTIL has passed: leave it away")
        if hold > rules.hold:
            raise BadParameter(f"mail is held for {rules.hold} seconds at most")
    if by is None or not by.returns:
        return
    if by.seconds < rules.deliver_by:
        raise BeyondOffer(f"BY with R needs at least {rules.deliver_by} seconds here")
    if hold is not None and by.seconds <= hold:
        raise BadParameter("BY ends before the message is released")
