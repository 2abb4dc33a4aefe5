"""The mail server's side: one message is told to a filter from its connection to its end, in one go.

    client = MilterClient(asked, header_section)
    client.data_to_send()             # to the filter; whenever something was fed
    client.receive_data(octets)       # from the filter; raises MilterSyntaxError
    while client.takes_body: client.feed_body(chunk)
    client.finish()                   # no more body
    client.outcome                    # None until the filter has decided

The whole session is told when the content is complete, so that no client waits
for a filter before that. What the filter does not want to be told is left out,
and what it does not answer is not waited for.

Changes that were not offered are left undone and counted: rspamd sends them to
everybody, libmilter to nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from samotop.milter.changes import name_of, split_fields, value_of
from samotop.milter.commands import (
    BeginContent,
    BodyChunk,
    Command,
    Connect,
    EndOfBody,
    EndOfHeader,
    HeaderField,
    Helo,
    Macros,
    MailFrom,
    Offer,
    Quit,
    RcptTo,
    format_command,
)
from samotop.milter.frames import CHUNK, MilterSyntaxError, take_frame
from samotop.milter.negotiation import OUR_VERSION, Actions, Negotiation, Steps, agree
from samotop.milter.responses import (
    AddHeader,
    Answer,
    Change,
    ChangeHeader,
    InsertHeader,
    Quarantine,
    ReplaceBody,
    ReplyCode,
    Response,
    Word,
    parse_response,
)

OFFERED: Final = Actions.ADD_HEADER | Actions.CHANGE_HEADER | Actions.REPLACE_BODY | Actions.QUARANTINE
"""What is done for a filter. Envelopes are not changed by filters here: who gets a message is routing's."""
UNDERSTOOD: Final = Steps(0x1FFFFF) & ~Steps.WANTS_REFUSED_RECIPIENTS
CHANGES_LIMIT: Final = 1000
"""Of one message: honest filters make some dozens."""
CHANGES_OCTETS: Final = 1024 * 1024
"""Of all fields that a filter writes."""
VALUE_LIMIT: Final = 512 * 1024
"""Octets of a field's value that is told: half of what fits into a frame."""

_ACTION: Final[dict[type[Change], Actions]] = {
    AddHeader: Actions.ADD_HEADER,
    InsertHeader: Actions.ADD_HEADER,
    ChangeHeader: Actions.CHANGE_HEADER,
    ReplaceBody: Actions.REPLACE_BODY,
    Quarantine: Actions.QUARANTINE,
}
_STEPS: Final[dict[type[Command], tuple[bytes, Steps, Steps]]] = {
    Connect: (b"C", Steps.NO_CONNECT, Steps.SILENT_CONNECT),
    Helo: (b"H", Steps.NO_HELO, Steps.SILENT_HELO),
    MailFrom: (b"M", Steps.NO_MAIL, Steps.SILENT_MAIL),
    RcptTo: (b"R", Steps.NO_RECIPIENT, Steps.SILENT_RECIPIENT),
    BeginContent: (b"T", Steps.NO_DATA, Steps.SILENT_DATA),
    HeaderField: (b"", Steps.NO_HEADER, Steps.SILENT_HEADER),
    EndOfHeader: (b"N", Steps.NO_END_OF_HEADER, Steps.SILENT_END_OF_HEADER),
    BodyChunk: (b"", Steps.NO_BODY, Steps.SILENT_BODY),
    EndOfBody: (b"E", Steps(0), Steps(0)),
}
"""The stage's letter for its macros; who does not want it; who does not answer it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the filter wants said; ``lines`` in its own words, where it has any."""

    code: int
    lines: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is told before the content. ``macros`` by the letter of their stage."""

    connect: Connect
    hello: bytes
    mail: MailFrom
    recipients: tuple[RcptTo, ...]
    macros: Mapping[bytes, tuple[tuple[bytes, bytes], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the filter decided. ``recipients`` has a refusal or ``None`` for each, in their order.

    ``body`` replaces the message's. ``has_space``: values of fields bring the
    blank after the colon. ``undone`` counts changes that were not offered.
    """

    refusal: Refusal | None = None
    recipients: tuple[Refusal | None, ...] = ()
    changes: tuple[Change, ...] = ()
    body: bytes | None = field(default=None, repr=False)
    has_space: bool = False
    is_discarded: bool = False
    quarantine: bytes | None = None
    undone: int = 0


class MilterClient:
    """One message's way through one filter."""

    def __init__(self, asked: Asked, header: bytes, *, body_limit: int = 32 * 1024 * 1024) -> None:
        self._asked = asked
        self._body_limit = body_limit
        self._received = bytearray()
        self._sending = bytearray(format_command(Offer(Negotiation(OUR_VERSION, OFFERED, UNDERSTOOD))))
        self._word: Negotiation | None = None
        self._waits_for: Command | None = Offer(Negotiation(OUR_VERSION, OFFERED, UNDERSTOOD))
        self._todo: deque[Command] = deque((asked.connect, Helo(asked.hello), asked.mail, *asked.recipients))
        self._header = header
        self._refused: list[Refusal | None] = []
        self._changes: list[Change] = []
        self._octets = 0
        self._body: bytearray | None = None
        self._quarantine: bytes | None = None
        self._undone = 0
        self._skips_body = self._is_finished = self._is_all_told = False
        self.outcome: Outcome | None = None

    @property
    def is_waiting(self) -> bool:
        """Has the filter to say something before anything else is sent?"""
        return self._waits_for is not None and self.outcome is None

    @property
    def takes_body(self) -> bool:
        """Should more of the body be fed now?"""
        return self._waits_for is None and self.outcome is None and not self._is_finished and not self._skips_body

    def data_to_send(self) -> bytes:
        octets = bytes(self._sending)
        self._sending.clear()
        return octets

    def feed_body(self, chunk: bytes) -> None:
        """More of the body, while ``takes_body``."""
        self._todo.extend(BodyChunk(chunk[at : at + CHUNK]) for at in range(0, len(chunk), CHUNK))
        self._go_on()

    def finish(self) -> None:
        """There is no more body."""
        self._is_finished = True
        self._go_on()

    def receive_data(self, octets: bytes) -> None:
        """What the filter said. Raises ``MilterSyntaxError``; the connection is of no use then."""
        self._received += octets
        while self.outcome is None and (frame := take_frame(self._received)) is not None:
            self._take(parse_response(*frame))
            self._go_on()

    # -- telling ------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        while self._waits_for is None and self.outcome is None and self._todo:
            self._tell(self._todo.popleft())
        if self._is_finished and not self._is_all_told and self._waits_for is None and self.outcome is None:
            self._is_all_told = True
            self._tell(EndOfBody())

    def _tell(self, command: Command) -> None:
        assert self._word is not None, "agreed first"
        letter, unwanted, silent = _STEPS[type(command)]
        steps = self._word.steps
        if isinstance(command, BodyChunk) and self._skips_body:
            return
        if isinstance(command, BeginContent) and self._word.version < 4:
            return
        if not steps & unwanted:
            if pairs := self._asked.macros.get(letter):
                self._sending += format_command(Macros(letter, pairs))
            self._sending += format_command(command)
            if not steps & silent:
                self._waits_for = command
        if isinstance(command, RcptTo) and self._waits_for is None:
            self._note_recipient(None)

    def _note_recipient(self, refusal: Refusal | None) -> None:
        self._refused.append(refusal)
        if len(self._refused) < len(self._asked.recipients):
            return
        if all(self._refused):
            self._end(next((one for one in self._refused if one is not None and one.code < 500), self._refused[0]))
            return
        assert self._word is not None, "agreed first"
        keeps_space = bool(self._word.steps & Steps.LEADING_SPACE)
        self._todo.append(BeginContent())
        for raw in split_fields(self._header):
            if name := name_of(raw):
                value = value_of(raw, keeps_space=keeps_space)[:VALUE_LIMIT]
                self._todo.append(HeaderField(name.replace(b"\0", b" "), value))
        self._todo.append(EndOfHeader())

    # -- listening ----------------------------------------------------------------------------------

    def _take(self, response: Response) -> None:
        asked = self._waits_for
        if asked is None:
            raise MilterSyntaxError("an answer to nothing")
        if response is Word.PROGRESS:
            return
        if isinstance(asked, Offer):
            self._agree(asked, response)
        elif isinstance(response, Word | ReplyCode):
            self._waits_for = None
            self._decide(asked, response)
        elif isinstance(response, Answer) or not isinstance(asked, EndOfBody):
            raise MilterSyntaxError("this does not belong here")
        else:
            self._note_change(response)

    def _agree(self, asked: Offer, response: Response) -> None:
        if isinstance(response, Answer):
            self._word = agree(asked.word, response.word)
            self._skips_body = bool(self._word.steps & Steps.NO_BODY)
            self._waits_for = None
        elif response is Word.ACCEPT or response is Word.CONTINUE:
            self._end(None)  # it does not want to see anything
        else:
            raise MilterSyntaxError("the filter does not take our offer")

    def _decide(self, asked: Command, response: Word | ReplyCode) -> None:
        if isinstance(response, ReplyCode):
            refusal: Refusal | None = Refusal(response.code, response.lines)
        elif response in _REFUSALS:
            refusal = _REFUSALS[response]
        elif response is Word.ACCEPT:
            self._end(None)
            return
        elif response is Word.DISCARD:
            self._end(None, is_discarded=True)
            return
        elif response is Word.SKIP and isinstance(asked, BodyChunk):
            self._skips_body = True
            return
        elif response is Word.CONTINUE:
            refusal = None
        else:
            raise MilterSyntaxError("this does not belong here")
        if isinstance(asked, RcptTo) and not (refusal is not None and refusal.code == 421):
            self._note_recipient(refusal)
        elif refusal is not None or isinstance(asked, EndOfBody):
            self._end(refusal)

    def _note_change(self, change: Change) -> None:
        assert self._word is not None, "agreed first"
        action = _ACTION.get(type(change))
        if action is None or not OFFERED & action:
            self._undone += 1
        elif isinstance(change, Quarantine):
            self._quarantine = change.reason
        elif isinstance(change, ReplaceBody):
            self._body = self._body or bytearray()
            self._body += change.octets
            if len(self._body) > self._body_limit:
                raise MilterSyntaxError("another body that is too long")
        elif isinstance(change, AddHeader | InsertHeader | ChangeHeader):
            self._octets += len(change.name) + len(change.value)
            self._changes.append(change)
        if len(self._changes) + self._undone > CHANGES_LIMIT or self._octets > CHANGES_OCTETS:
            raise MilterSyntaxError("too many changes")

    def _end(self, refusal: Refusal | None, *, is_discarded: bool = False) -> None:
        """The filter has decided; nothing more is told but the end."""
        self._todo.clear()
        self._waits_for = None
        self._sending += format_command(Quit())
        missing = len(self._asked.recipients) - len(self._refused)
        steps = self._word.steps if self._word is not None else Steps(0)
        self.outcome = Outcome(
            refusal,
            (*self._refused, *[None] * missing),
            tuple(self._changes),
            None if self._body is None else bytes(self._body),
            bool(steps & Steps.LEADING_SPACE),
            is_discarded,
            self._quarantine,
            self._undone,
        )


_REFUSALS: Final = {
    Word.REJECT: Refusal(550),
    Word.TEMPFAIL: Refusal(451),
    Word.SHUTDOWN: Refusal(421),
    Word.CONNECTION_FAILED: Refusal(451),
}
