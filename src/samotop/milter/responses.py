"""What a filter answers: one value for each, with its octets.

A decision ends its stage; changes come at the end of the message, before the
decision. ``parse_response`` raises ``MilterSyntaxError``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from samotop.milter.frames import (
    MilterSyntaxError,
    format_frame,
    format_number,
    join_strings,
    split_strings,
    take_number,
)
from samotop.milter.negotiation import Negotiation, format_negotiation, parse_negotiation

REPLY_LINES: Final = 32
"""Lines of a filter's own reply: libmilter's bound."""

_REPLY_LINE: Final = re.compile(rb"([45][0-9]{2})(?:([ -])([^\r\n\0]*))?")
_FIELD_NAME: Final = re.compile(rb"[!-9;-~]{1,200}")


class Word(Enum):
    """Answers of a letter. ``SHUTDOWN`` (421) and ``CONNECTION_FAILED`` end the client's session."""

    CONTINUE = b"c"
    ACCEPT = b"a"
    REJECT = b"r"
    TEMPFAIL = b"t"
    DISCARD = b"d"
    SKIP = b"s"
    PROGRESS = b"p"
    SHUTDOWN = b"4"
    CONNECTION_FAILED = b"f"


@dataclass(frozen=True, slots=True)
class Answer:
    """The filter answers the offer."""

    word: Negotiation


@dataclass(frozen=True, slots=True)
class ReplyCode:
    """Refuse in the filter's own words: ``code`` 4yz or 5yz, ``lines`` of text with their enhanced status."""

    code: int
    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AddHeader:
    """Add a field at the end of the header section."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class InsertHeader:
    """Insert a field at a place: 0 is in front of all."""

    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ChangeHeader:
    """Change the ``index``-th field of this name, from 1; delete it where the value is empty."""

    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ReplaceBody:
    """A piece of another body: the first replaces it, the others follow."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChangeFrom:
    path: bytes
    parameters: bytes | None = None


@dataclass(frozen=True, slots=True)
class AddRecipient:
    path: bytes
    parameters: bytes | None = None


@dataclass(frozen=True, slots=True)
class DeleteRecipient:
    path: bytes


@dataclass(frozen=True, slots=True)
class Quarantine:
    reason: bytes


@dataclass(frozen=True, slots=True)
class ChooseMacros:
    """Macros that the filter wants at a stage."""

    stage: int
    names: bytes


Change = (
    AddHeader
    | InsertHeader
    | ChangeHeader
    | ReplaceBody
    | ChangeFrom
    | AddRecipient
    | DeleteRecipient
    | Quarantine
    | ChooseMacros
)
Response = Word | Answer | ReplyCode | Change


def parse_response(letter: bytes, rest: bytes) -> Response:
    """One frame's value."""
    parse = _PARSE.get(letter)
    if parse is not None:
        return parse(rest)
    try:
        word = Word(letter)
    except ValueError:
        raise MilterSyntaxError("an answer that does not exist") from None
    if rest:
        raise MilterSyntaxError("more than belongs to this answer")
    return word


def format_response(response: Response) -> bytes:
    """Its frame."""
    match response:
        case Word():
            return format_frame(response.value)
        case Answer(word):
            return format_frame(b"O", format_negotiation(word))
        case ReplyCode():
            return format_frame(b"y", join_strings(_format_reply(response)))
        case AddHeader(name, value):
            return format_frame(b"h", join_strings(name, value))
        case InsertHeader(index, name, value):
            return format_frame(b"i", format_number(index) + join_strings(name, value))
        case ChangeHeader(index, name, value):
            return format_frame(b"m", format_number(index) + join_strings(name, value))
        case ReplaceBody(octets):
            return format_frame(b"b", octets)
        case ChangeFrom(path, parameters):
            return format_frame(b"e", _with_parameters(path, parameters))
        case AddRecipient(path, parameters):
            return format_frame(b"+" if parameters is None else b"2", _with_parameters(path, parameters))
        case DeleteRecipient(path):
            return format_frame(b"-", join_strings(path))
        case Quarantine(reason):
            return format_frame(b"q", join_strings(reason))
        case ChooseMacros(stage, names):
            return format_frame(b"l", format_number(stage) + join_strings(names))


def _with_parameters(path: bytes, parameters: bytes | None) -> bytes:
    return join_strings(path) if parameters is None else join_strings(path, parameters)


def _format_reply(reply: ReplyCode) -> bytes:
    """As in SMTP; a per cent sign is doubled, since Sendmail takes the text for a pattern."""
    if not 400 <= reply.code <= 599 or not 0 < len(reply.lines) <= REPLY_LINES:
        raise ValueError("a refusal has 4yz or 5yz, and some lines")
    code = b"%d" % reply.code
    last = len(reply.lines) - 1
    lines = [
        code + (b" " if number == last else b"-") + line.replace(b"%", b"%%") for number, line in enumerate(reply.lines)
    ]
    return b"\r\n".join(lines)


def _parse_reply(rest: bytes) -> ReplyCode:
    (text,) = split_strings(rest, 1, 1)
    lines = text.removesuffix(b"\r\n").split(b"\r\n", REPLY_LINES)
    found = [_REPLY_LINE.fullmatch(line) for line in lines]
    if len(found) > REPLY_LINES:
        raise MilterSyntaxError("a reply of too many lines")
    said: list[bytes] = []
    code = b""
    for number, match in enumerate(found):
        if match is None or (code and match[1] != code) or ((match[2] == b"-") != (number < len(found) - 1)):
            raise MilterSyntaxError("a reply that is none")
        code = match[1]
        said.append((match[3] or b"").replace(b"%%", b"%"))
    return ReplyCode(int(code), tuple(said))


def _named(rest: bytes) -> tuple[bytes, bytes]:
    name, value = split_strings(rest, 2, 2)
    if not _FIELD_NAME.fullmatch(name):
        raise MilterSyntaxError("this cannot be the name of a field")
    return name, value


def _parse_insert(rest: bytes) -> InsertHeader:
    index, after = take_number(rest)
    return InsertHeader(index, *_named(after))


def _parse_change(rest: bytes) -> ChangeHeader:
    index, after = take_number(rest)
    return ChangeHeader(index, *_named(after))


def _parse_choice(rest: bytes) -> ChooseMacros:
    stage, after = take_number(rest)
    return ChooseMacros(stage, *split_strings(after, 1, 1))


_PARSE: Final[dict[bytes, Callable[[bytes], Response]]] = {
    b"O": lambda rest: Answer(parse_negotiation(rest)),
    b"y": _parse_reply,
    b"h": lambda rest: AddHeader(*_named(rest)),
    b"i": _parse_insert,
    b"m": _parse_change,
    b"b": ReplaceBody,
    b"e": lambda rest: ChangeFrom(*split_strings(rest, 1, 2)),
    b"+": lambda rest: AddRecipient(*split_strings(rest, 1, 1)),
    b"2": lambda rest: AddRecipient(*split_strings(rest, 2, 2)),
    b"-": lambda rest: DeleteRecipient(*split_strings(rest, 1, 1)),
    b"q": lambda rest: Quarantine(*split_strings(rest, 1, 1)),
    b"l": _parse_choice,
}
