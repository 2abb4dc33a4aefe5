"""The filter's side: a mail server's commands as events, in an order that makes sense, and the answers to them.

    server = MilterServer(actions, steps)
    server.receive_data(octets)       # raises MilterSyntaxError: end the connection
    event = server.next_event()       # None: nothing complete, or an answer is owed
    server.answer(Word.CONTINUE)      # where server.is_waiting
    server.data_to_send()

The offer is answered here. ``macros`` has what mail server and message are
said to be, by name without braces; a message's own are forgotten with it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from samotop.milter.commands import (
    Abort,
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
    Unknown,
    parse_command,
)
from samotop.milter.frames import CHUNK, MilterSyntaxError, take_frame
from samotop.milter.negotiation import Actions, Steps, plan_answer
from samotop.milter.responses import Answer, Change, ReplaceBody, ReplyCode, Word, format_response

MACROS_LIMIT: Final = 200
"""Names of macros that are kept: Postfix knows some forty."""
MACROS_OCTETS: Final = 64 * 1024

_CONNECTION_STAGES: Final = b"CH"
"""Macros of these stages hold for all messages of the connection."""


class State(Enum):
    """What has been told."""

    START = "start"
    AGREED = "agreed"
    CONNECTED = "connected"
    MAIL = "mail"
    HEADER = "header"
    BODY = "body"
    OVER = "over"


_NEXT: Final[dict[State, dict[type[Command], State]]] = {
    State.START: {},
    State.AGREED: {Connect: State.CONNECTED},
    State.CONNECTED: {Helo: State.CONNECTED, Unknown: State.CONNECTED, MailFrom: State.MAIL},
    State.MAIL: {
        RcptTo: State.MAIL,
        Unknown: State.MAIL,
        BeginContent: State.HEADER,
        HeaderField: State.HEADER,
        EndOfHeader: State.BODY,
        BodyChunk: State.BODY,
        EndOfBody: State.CONNECTED,
    },
    State.HEADER: {
        HeaderField: State.HEADER,
        EndOfHeader: State.BODY,
        BodyChunk: State.BODY,
        EndOfBody: State.CONNECTED,
    },
    State.BODY: {BodyChunk: State.BODY, EndOfBody: State.CONNECTED},
    State.OVER: {},
}

_SILENT: Final[dict[type[Command], Steps]] = {
    Connect: Steps.SILENT_CONNECT,
    Helo: Steps.SILENT_HELO,
    MailFrom: Steps.SILENT_MAIL,
    RcptTo: Steps.SILENT_RECIPIENT,
    BeginContent: Steps.SILENT_DATA,
    Unknown: Steps.SILENT_UNKNOWN,
    HeaderField: Steps.SILENT_HEADER,
    EndOfHeader: Steps.SILENT_END_OF_HEADER,
    BodyChunk: Steps.SILENT_BODY,
}


class MilterServer:
    """One mail server's connection. ``steps``: what this filter would rather not be told or answer."""

    def __init__(self, actions: Actions = Actions(0), steps: Steps = Steps(0)) -> None:
        self._actions = actions
        self._wished = steps
        self._steps = Steps(0)
        self._received = bytearray()
        self._sending = bytearray()
        self._of_connection: dict[bytes, bytes] = {}
        self._of_message: dict[bytes, bytes] = {}
        self._asked: Command | None = None
        self.state = State.START

    @property
    def is_waiting(self) -> bool:
        """Is an answer owed?"""
        return self._asked is not None

    @property
    def has_leading_space(self) -> bool:
        """Do values of fields come and go with the blank after their colon?"""
        return bool(self._steps & Steps.LEADING_SPACE)

    @property
    def buffered(self) -> int:
        """Octets that are not events yet."""
        return len(self._received)

    def macro(self, name: bytes) -> bytes:
        """A macro's value; empty where it was not told."""
        return self._of_message.get(name) or self._of_connection.get(name) or b""

    def receive_data(self, octets: bytes) -> None:
        self._received += octets

    def data_to_send(self) -> bytes:
        octets = bytes(self._sending)
        self._sending.clear()
        return octets

    def next_event(self) -> Command | None:
        """The next thing that was told. Raises ``MilterSyntaxError``."""
        while self._asked is None and self.state is not State.OVER:
            frame = take_frame(self._received)
            if frame is None:
                return None
            command = parse_command(*frame)
            if isinstance(command, Macros):
                self._note_macros(command)
            elif isinstance(command, Offer):
                self._agree(command)
            else:
                self._step(command)
                return command
        return None

    def answer(self, *responses: Word | ReplyCode | Change) -> None:
        """Changes, which are for the end of a message, and last the decision."""
        assert self._asked is not None, "asked first"
        if len(responses) > 1 and not isinstance(self._asked, EndOfBody):
            raise ValueError("a message is changed at its end")
        if not responses or not isinstance(responses[-1], Word | ReplyCode):
            raise ValueError("a decision comes last")
        for response in responses:
            if isinstance(response, ReplaceBody) and len(response.octets) > CHUNK:
                raise ValueError("a body is replaced by pieces of 64 KiB")
            self._sending += format_response(response)
        asked, self._asked = self._asked, None
        if isinstance(asked, EndOfBody):
            self._of_message.clear()

    def _agree(self, offer: Offer) -> None:
        if self.state is not State.START:
            raise MilterSyntaxError("a second offer")
        answer = plan_answer(offer.word, self._actions, self._wished)
        self._steps = answer.steps
        self.state = State.AGREED
        self._sending += format_response(Answer(answer))

    def _step(self, command: Command) -> None:
        if isinstance(command, Quit):
            if self.state is State.START:
                raise MilterSyntaxError("nothing was agreed on")
            self.state = State.AGREED if command.is_reused else State.OVER
            self._of_message.clear()
            self._of_connection.clear()
            return
        if isinstance(command, Abort):
            if self.state not in (State.START, State.AGREED):
                self.state = State.CONNECTED
            self._of_message.clear()
            return
        after = _NEXT[self.state].get(type(command))
        if after is None:
            raise MilterSyntaxError("a command that does not belong here")
        self.state = after
        if not self._steps & _SILENT.get(type(command), Steps(0)):
            self._asked = command

    def _note_macros(self, macros: Macros) -> None:
        kept = self._of_connection if macros.stage in _CONNECTION_STAGES else self._of_message
        for name, value in macros.pairs:
            kept[name.removeprefix(b"{").removesuffix(b"}")] = value
        if len(kept) > MACROS_LIMIT or sum(len(n) + len(v) for n, v in kept.items()) > MACROS_OCTETS:
            raise MilterSyntaxError("too many macros")
