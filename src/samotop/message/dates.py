"""The Date field (RFC 5322 §3.3).

A date is written in the zone that it has; who wants none told gives one in
UTC. Reading is ``received.parse_date``, which knows the obsolete forms too.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_datetime(at: datetime) -> str:
    """``at`` as a message writes it. Raises ``ValueError`` without a time zone: a message never guesses one."""
    offset = at.utcoffset()
    if offset is None:
        raise ValueError("a date needs its time zone: datetime.now(UTC), or .astimezone() for the local one")
    if at.year < 1900:
        raise ValueError("a date before 1900 cannot be written (RFC 5322 §3.3)")
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} {sign}{hours:02}{minutes:02}"
    )
