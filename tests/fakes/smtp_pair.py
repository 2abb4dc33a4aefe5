"""A client's engine and a server's engine talking to each other in memory, their octets cut in any way.

``Server`` is the session of the dialogs, which may offer less than ours does.
``converse`` carries octets to and fro, answers the client's events as a plain
sender would, and notes everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from samotop.reply import Reply
from samotop.smtp.client import (
    BadReply,
    ClientConnection,
    ContentWanted,
    Event,
    Pause,
    Plan,
    Ready,
    TransactionEnded,
    TransactionPlan,
    TransactionResult,
)
from samotop.smtp.events import Event as ServerEvent
from samotop.smtp.events import Hello
from tests.dialogs.player import Session
from tests.dialogs.script import Dialog

TURNS_LIMIT = 10_000

Cut = Callable[[bytes], Iterable[bytes]]
Plans = Callable[[ClientConnection], Plan]


def whole(octets: bytes) -> Iterator[bytes]:
    yield octets


def octet_by_octet(octets: bytes) -> Iterator[bytes]:
    for number in range(len(octets)):
        yield octets[number : number + 1]


def cut_at(*places: int) -> Cut:
    """Cuts every turn at these places, as far as it is long enough."""

    def cut(octets: bytes) -> Iterator[bytes]:
        for start, end in pairwise([0, *(place for place in places if place < len(octets)), len(octets)]):
            yield octets[start:end]

    return cut


class Server(Session):
    """The dialogs' session; ``keywords``: offer these alone."""

    def __init__(self, dialog: Dialog = Dialog(), keywords: Iterable[str] | None = None) -> None:
        self.keywords = None if keywords is None else frozenset(keywords)
        super().__init__(dialog)

    def _react(self, event: ServerEvent) -> None:
        if isinstance(event, Hello) and self.keywords is not None:
            name, *lines = self.engine.hello_reply().lines
            kept = [line for line in lines if line.partition(" ")[0] in self.keywords]
            self.engine.send(Reply(250, None, (name, *kept)))
        else:
            super()._react(event)


class Course:
    """What came of a conversation, and what of it is still to be sent."""

    def __init__(self, client: ClientConnection, plans: Plans, chunks: Sequence[bytes]) -> None:
        self.events: list[Event] = []
        self.results: list[TransactionResult] = []
        self.turns: list[bytes] = []
        """What the client sent, turn by turn."""
        self.error: BadReply | None = None
        self._client = client
        self._plans = plans
        self._left: list[TransactionPlan] = []
        self._chunks = chunks
        self._rest = iter(chunks)

    def react(self) -> None:
        """Answer all events that there are."""
        while True:
            try:
                event = self._client.next_event()
            except BadReply as error:
                self.error = error
                continue
            if isinstance(event, Pause):
                return
            self.events.append(event)
            match event:
                case Ready():
                    self._left += self._plans(self._client).transactions
                    self._begin_or_quit()
                case ContentWanted():
                    self._send()
                case TransactionEnded(result):
                    self.results.append(result)
                    self._begin_or_quit()

    def _begin_or_quit(self) -> None:
        if self._left and self._client.can_begin:
            self._rest = iter(self._chunks)
            self._client.begin(self._left.pop(0))
        else:
            self._client.quit()

    def _send(self) -> None:
        while self._client.wants_content:
            chunk = next(self._rest, None)
            if chunk is None:
                self._client.end_content()
                return
            self._client.send_content(chunk)


def converse(
    client: ClientConnection, server: Session, plans: Plans, chunks: Sequence[bytes], cut: Cut = whole
) -> Course:
    """Send the chunks, as one content, by each of the transactions planned, then say QUIT."""
    course = Course(client, plans, chunks)
    heard = server.feed(b"")
    for _ in range(TURNS_LIMIT):
        for piece in cut(heard):
            client.receive_data(piece)
            course.react()
        said = client.data_to_send()
        if not said:
            return course
        course.turns.append(said)
        heard = b"".join([server.feed(piece) for piece in cut(said)])
    raise AssertionError("the conversation has no end")
