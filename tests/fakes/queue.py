"""The queue in memory, and the small parts that delivery's tests need beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from samotop.address import NULL_PATH, Address
from samotop.content import Content
from samotop.envelope import Body, Envelope, MailParameters, Recipient
from samotop.ports.transport import Handover
from samotop.queue.entry import Entry, Pending, Settled, State, Trace

MESSAGE = b"From: a@example.net\r\nSubject: hello\r\n\r\nFirst line\r\nSecond line\r\n"
RECEIVED_AT = 1_790_000_000.0


@dataclass
class MovableClock:
    """Both clocks at once; ``move`` is the only thing that makes time pass."""

    now: float = RECEIVED_AT

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


class FakeAccounts:
    """Accounts that exist while they are in ``known``."""

    def __init__(self, *names: str) -> None:
        self.known = set(names)

    def get(self, name: str) -> None:
        return None

    def exists(self, name: str) -> bool:
        return name in self.known

    def names(self) -> frozenset[str]:
        return frozenset(self.known)


@dataclass
class FakeLog:
    """Remembers what was told."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def debug(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))

    def info(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.told]


class FakeQueue:
    """Implements ``ports.Queue``. ``holds_settled`` keeps ``done`` back until ``tell``."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.contents: dict[str, Content] = {}
        self.settled: list[Settled] = []
        self.holds_settled = False
        self.untold: list[Callable[[], None]] = []
        self.looks = 0
        self.before_due: Callable[[], None] = lambda: None
        self.after_due: Callable[[], None] = lambda: None

    def put(self, entry: Entry, content: Content | bytes = MESSAGE) -> Entry:
        self.entries[entry.id] = entry
        octets = content  # lies on a disk, for all that is known of it: not at hand
        self.contents[entry.id] = Content(len(octets), lambda: iter((octets,))) if isinstance(octets, bytes) else octets
        return entry

    def due(self, now: float, limit: int, exclude: frozenset[str] = frozenset()) -> list[Entry]:
        self.looks += 1
        self.before_due()
        found = [
            entry
            for entry in sorted(self.entries.values(), key=lambda entry: entry.due)
            if entry.state is State.QUEUED and entry.due <= now and entry.id not in exclude
        ][:limit]
        self.after_due()
        return found

    def next_due(self, after: float) -> float | None:
        later = [e.due for e in self.entries.values() if e.state is State.QUEUED and e.due > after]
        return min(later, default=None)

    def open(self, entry: Entry) -> Content:
        if entry.id not in self.contents:
            raise ValueError("the entry is gone from the queue")
        return self.contents[entry.id]

    def settle(self, outcomes: Sequence[Settled], done: Callable[[], None]) -> None:
        for one in outcomes:
            self.settled.append(one)
            if not one.pending:
                self.entries.pop(one.id, None)
                self.contents.pop(one.id, None)
            elif one.id in self.entries:
                self.entries[one.id] = replace(
                    self.entries[one.id], pending=one.pending, state=one.state, due=one.due, reason=one.reason
                )
        if self.holds_settled:
            self.untold.append(done)
        else:
            done()

    def tell(self) -> None:
        untold, self.untold = self.untold, []
        for done in untold:
            done()


def make_entry(
    number: int = 1,
    *recipients: str,
    sender: str | None = "a@example.net",
    content: bytes = MESSAGE,
    body: Body = Body.SEVEN_BIT,
    login: str = "",
    received_at: float = RECEIVED_AT,
    due: float = 0.0,
) -> Entry:
    """An entry whose id ends in ``number``, for ``recipients`` (default: bob@example.org)."""
    named = tuple(Recipient(parse(text)) for text in recipients or ("bob@example.org",))
    envelope = Envelope(parse(sender) if sender else NULL_PATH, named, MailParameters(body=body))
    trace = Trace("mail.example.net", "192.0.2.7", "ESMTP", received_at, login=login)
    identity = f"01ARZ3NDEKTSV4{number:06}"
    return Entry(identity, envelope, tuple(Pending(one) for one in named), trace, len(content), due=due)


def parse(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def hand(
    entry: Entry, mailbox: str = "bob", content: bytes = MESSAGE, *, number: int = 0, is_first: bool = True
) -> Handover:
    """A handover of ``entry``'s recipient ``number``."""
    recipient = entry.envelope.recipients[number]
    return Handover(entry, recipient, mailbox, Content.from_bytes(content), is_first)
