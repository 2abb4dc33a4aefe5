"""Local transports as delivery sees them: hand messages on, durably, many at a time.

A transport is called in a worker thread and may block. When ``hand_on``
returns, what it calls delivered is durable. Handing on the same entry to the
same place again (after a crash) must not double it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from samotop.content import Content
from samotop.envelope import Recipient
from samotop.queue.entry import Entry, Protection
from samotop.status import EnhancedStatus


@dataclass(frozen=True, slots=True)
class Handover:
    """One message for one place.

    ``mailbox`` is what routing made of the recipient: an account's name for
    local mailboxes, the plain forward-path for routes. ``content`` is as
    stored; the transport puts the trace fields in front (``message.trace``).
    ``is_first`` promises that nobody has ever handed this on before, so that
    the place need not be searched for it.
    """

    entry: Entry
    recipient: Recipient
    mailbox: str
    content: Content
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one handover: 2.y.z delivered, 4.y.z try again, 5.y.z never (status says which).

    The rest is of next hops. ``server`` is the host name of the one that said
    it, empty for ourselves; ``reply`` its reply as it came, code and all.
    ``is_relayed``: another server has it now; ``takes_wishes``: and has taken
    over the sender's wishes about notifications (RFC 3461 §5.2.1);
    ``keeps_time``: and the time that it set (RFC 2852 §4.1.4.1).
    ``retry_at`` (seconds since 1970) is when to try again where that is known:
    then nobody was asked, and it counts as no attempt. ``protection`` says
    which TLS the attempt had.
    """

    status: EnhancedStatus
    text: str = ""
    server: str = ""
    reply: str = ""
    is_relayed: bool = False
    takes_wishes: bool = False
    keeps_time: bool = False
    retry_at: float | None = None
    protection: Protection | None = None

    @property
    def is_delivered(self) -> bool:
        return self.status.klass == 2


class LocalTransport(Protocol):
    def hand_on(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Deliver all; one outcome each, in order. Raises nothing for a failing place: it is an outcome."""
        ...
