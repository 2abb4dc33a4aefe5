"""What a sender may wish for beyond the envelope's parameters: later release, delivery by a time.

FUTURERELEASE (RFC 4865) and DELIVERBY (RFC 2852).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_SECONDS_LIMIT: Final = 999_999_999
"""Nine digits is what both extensions have for an interval (RFC 2852 §4, RFC 4865 §4)."""


@dataclass(frozen=True, slots=True)
class DeliverBy:
    """Deliver within ``seconds``, which may be below 0 when it is late already.

    After that the message is returned (``returns``), or else its sender is
    told of the delay and it goes on. ``traces``: each hop that cannot promise
    it says so (RFC 2852 §4).
    """

    seconds: int
    returns: bool = False
    traces: bool = False

    def __post_init__(self) -> None:
        if not -_SECONDS_LIMIT <= self.seconds <= _SECONDS_LIMIT:
            raise ValueError("an interval has at most nine digits")
        if self.returns and self.seconds <= 0:
            raise ValueError("a message that is late already is returned, not sent (RFC 2852 §4)")

    def format(self) -> bytes:
        """``120;RT``, the value of BY."""
        return b"%d;%s%s" % (self.seconds, b"R" if self.returns else b"N", b"T" if self.traces else b"")


@dataclass(frozen=True, slots=True)
class Wishes:
    """``hold_for`` in seconds or ``hold_until``, a time with its zone, and ``deliver_by``. Raises ``ValueError``."""

    hold_for: int | None = None
    hold_until: datetime | None = None
    deliver_by: DeliverBy | None = None

    def __post_init__(self) -> None:
        if self.hold_for is not None and self.hold_until is not None:
            raise ValueError("hold for some time or until a time, not both (RFC 4865 §4)")
        if self.hold_for is not None and not 0 < self.hold_for <= _SECONDS_LIMIT:
            raise ValueError("an interval has one to nine digits")
        if self.hold_until is not None and self.hold_until.tzinfo is None:
            raise ValueError("a time without its zone")

    @property
    def holds(self) -> bool:
        return self.hold_for is not None or self.hold_until is not None

    def format_hold(self) -> bytes:
        """``HOLDFOR=60`` or ``HOLDUNTIL=2030-01-01T00:00:00Z``; empty for neither."""
        if self.hold_for is not None:
            return b"HOLDFOR=%d" % self.hold_for
        if self.hold_until is not None:
            return b"HOLDUNTIL=" + _format_time(self.hold_until).encode()
        return b""

    def is_hold_within(self, seconds: int | None, until: str) -> bool:
        """Does the server hold it that long? ``seconds`` and ``until`` are its limits, as it wrote them."""
        if self.hold_for is not None:
            return seconds is None or self.hold_for <= seconds
        if self.hold_until is None:
            return True
        try:
            latest = datetime.fromisoformat(until)
        except ValueError:
            return True  # no limit that we understand: the server will say
        return latest.tzinfo is None or self.hold_until <= latest


NO_WISHES: Final = Wishes()


def _format_time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
