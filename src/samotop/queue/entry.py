"""One message in the queue: its envelope, its pending recipients, its state.

Values only. The store keeps them (docs/queue-states.md), delivery reads them
and says what became of them; neither shares anything else with the other.
Times are seconds since 1970 (UTC), as floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from samotop.envelope import Envelope, Recipient


class State(Enum):
    """The states an entry can be in; a finished one has no row at all."""

    QUEUED = "queued"
    """Due now, or at ``due`` after a deferred attempt."""
    HELD = "held"
    """Not delivered until somebody releases it."""
    DAMAGED = "damaged"
    """Its content cannot be read: kept for the operator, never delivered."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What our trace fields will say of this message's arrival (RFC 5321 §4.4).

    ``protocol`` is the word after "with" (ESMTP, ESMTPSA, LMTP...: RFC 3848,
    RFC 6531), empty for a message that we wrote ourselves. ``peer_name`` is the
    confirmed reverse name, empty while nobody looked it up. ``results`` is the whole Authentication-Results field that
    goes in front of the message, folded and with its CRLF, as
    ``message.authres.format_results`` writes it (RFC 8601); empty without one.
    """

    hello: str
    peer_address: str
    protocol: str
    received_at: float
    tls: str = ""
    login: str = ""
    peer_name: str = ""
    results: str = ""


@dataclass(frozen=True, slots=True)
class Protection:
    """Which way the last attempt at another server went, which TLS it had to have, and which it had; for people.

    ``hop`` is the next hop, ``host`` the one of its servers that was called,
    empty where none was. ``demanded`` and ``reached`` are the words of
    ``tlspolicy.levels.Level``; nothing is ``reached`` where the attempt did not
    come that far. ``by`` says who demands it (``levels.Source``), ``why`` is that in a sentence.
    """

    hop: str
    host: str = ""
    demanded: str = ""
    by: str = ""
    why: str = ""
    reached: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A recipient that delivery still owes an outcome.

    ``attempts`` counts tries so far; ``last`` is the last reply or error in
    words, for ``queue show``. ``due`` is when this recipient's next attempt
    may begin: 0 where the entry's own time says it. ``is_warned`` once the
    sender was told of the delay. ``protection`` is of the last attempt at
    another server, ``None`` where there was none.
    """

    recipient: Recipient
    attempts: int = 0
    last: str = ""
    due: float = 0.0
    is_warned: bool = False
    protection: Protection | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One message in the queue.

    ``id`` is unique for ever, sorts by time and is safe in file names
    ([0-9A-Z]). ``size`` counts the content's octets. ``due`` is when the next
    attempt may begin.
    """

    id: str
    envelope: Envelope
    pending: tuple[Pending, ...]
    trace: Trace
    size: int
    state: State = State.QUEUED
    due: float = 0.0
    reason: str = ""
    """Why it is held or damaged, or what the last attempt said."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What an attempt left of an entry. No ``pending`` means finished: row, key and so content go."""

    id: str
    pending: tuple[Pending, ...] = ()
    state: State = State.QUEUED
    due: float = 0.0
    reason: str = ""
