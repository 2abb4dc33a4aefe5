"""What a mail server tells a filter: one value for each, with its octets.

Strings are octets as they came: names are ASCII, addresses may be UTF-8
(RFC 6531). A field's value comes without what stands between its colon and the
first character, unless both sides agreed to ``LEADING_SPACE``, and is folded
with LF alone, as Sendmail has it.

``parse_command`` raises ``MilterSyntaxError``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from samotop.milter.frames import NUL, MilterSyntaxError, format_frame, join_strings, split_strings
from samotop.milter.negotiation import Negotiation, format_negotiation, parse_negotiation

ARGUMENTS_LIMIT: Final = 64
"""Of MAIL and RCPT: the address and its parameters, of which a dozen exist."""

_PORT: Final = struct.Struct("!H")


@dataclass(frozen=True, slots=True)
class Offer:
    """The mail server offers: the first thing that is said."""

    word: Negotiation


@dataclass(frozen=True, slots=True)
class Macros:
    """What else is known when ``stage`` (a command's letter) is told: names and values."""

    stage: bytes
    pairs: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Connect:
    """``family`` is ``4``, ``6``, ``L`` (a UNIX socket) or ``U`` for who has no address."""

    name: bytes
    family: bytes
    port: int = 0
    address: bytes = b""


@dataclass(frozen=True, slots=True)
class Helo:
    name: bytes


@dataclass(frozen=True, slots=True)
class MailFrom:
    """``path`` as the client wrote it, in angle brackets; ``parameters`` like ``SIZE=100``."""

    path: bytes
    parameters: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class RcptTo:
    path: bytes
    parameters: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class BeginContent:
    """DATA was said."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A command that the mail server does not know."""

    line: bytes


@dataclass(frozen=True, slots=True)
class HeaderField:
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class EndOfHeader:
    """The blank line."""


@dataclass(frozen=True, slots=True)
class BodyChunk:
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndOfBody:
    """All of the message was told; ``octets`` may be the last of it."""

    octets: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Abort:
    """This message comes to nothing; another may follow on the connection."""


@dataclass(frozen=True, slots=True)
class Quit:
    """The end; ``is_reused``: another client's connection follows (``QUIT_NC``)."""

    is_reused: bool = False


Command = (
    Offer
    | Macros
    | Connect
    | Helo
    | MailFrom
    | RcptTo
    | BeginContent
    | Unknown
    | HeaderField
    | EndOfHeader
    | BodyChunk
    | EndOfBody
    | Abort
    | Quit
)


def parse_command(letter: bytes, rest: bytes) -> Command:
    """One frame's value."""
    parse = _PARSE.get(letter)
    if parse is None:
        raise MilterSyntaxError("a command that does not exist")
    return parse(rest)


def format_command(command: Command) -> bytes:
    """Its frame."""
    match command:
        case Offer(word):
            return format_frame(b"O", format_negotiation(word))
        case Macros(stage, pairs):
            return format_frame(b"D", stage + join_strings(*(one for pair in pairs for one in pair)))
        case Connect(name, family, port, address):
            rest = b"" if family == b"U" else _PORT.pack(port) + join_strings(address)
            return format_frame(b"C", join_strings(name) + family + rest)
        case Helo(name):
            return format_frame(b"H", join_strings(name))
        case MailFrom(path, parameters):
            return format_frame(b"M", join_strings(path, *parameters))
        case RcptTo(path, parameters):
            return format_frame(b"R", join_strings(path, *parameters))
        case Unknown(line):
            return format_frame(b"U", join_strings(line))
        case HeaderField(name, value):
            return format_frame(b"L", join_strings(name, value))
        case BodyChunk(octets):
            return format_frame(b"B", octets)
        case EndOfBody(octets):
            return format_frame(b"E", octets)
        case Quit(is_reused):
            return format_frame(b"K" if is_reused else b"Q")
        case BeginContent():
            return format_frame(b"T")
        case EndOfHeader():
            return format_frame(b"N")
        case Abort():
            return format_frame(b"A")


def _macros(rest: bytes) -> Macros:
    if not rest:
        raise MilterSyntaxError("macros of no stage")
    strings = split_strings(rest[1:])
    if len(strings) % 2:
        raise MilterSyntaxError("a macro without a value")
    return Macros(rest[:1], tuple(zip(strings[::2], strings[1::2], strict=True)))


def _connect(rest: bytes) -> Connect:
    name, nul, after = rest.partition(NUL)
    family, after = after[:1], after[1:]
    if not nul or family not in (b"U", b"L", b"4", b"6"):
        raise MilterSyntaxError("a connection of no family")
    if family == b"U":
        if after not in (b"", NUL):  # libmilter's own test client closes it with a NUL
            raise MilterSyntaxError("an address where there is none")
        return Connect(name, family)
    if len(after) < _PORT.size:
        raise MilterSyntaxError("a port is cut off")
    (address,) = split_strings(after[_PORT.size :], 1, 1)
    return Connect(name, family, _PORT.unpack_from(after)[0], address)


def _field(rest: bytes) -> HeaderField:
    name, value = split_strings(rest, 2, 2)
    if not name:
        raise MilterSyntaxError("a field without a name")
    return HeaderField(name, value)


def _mail(rest: bytes) -> MailFrom:
    path, *parameters = split_strings(rest, 1, ARGUMENTS_LIMIT)
    return MailFrom(path, tuple(parameters))


def _rcpt(rest: bytes) -> RcptTo:
    path, *parameters = split_strings(rest, 1, ARGUMENTS_LIMIT)
    return RcptTo(path, tuple(parameters))


def _nothing(value: Command) -> Callable[[bytes], Command]:
    def parse(rest: bytes) -> Command:
        if rest:
            raise MilterSyntaxError("more than belongs to this command")
        return value

    return parse


_PARSE: Final[dict[bytes, Callable[[bytes], Command]]] = {
    b"A": _nothing(Abort()),
    b"B": BodyChunk,
    b"C": _connect,
    b"D": _macros,
    b"E": EndOfBody,
    b"H": lambda rest: Helo(*split_strings(rest, 1, 1)),
    b"K": _nothing(Quit(is_reused=True)),
    b"L": _field,
    b"M": _mail,
    b"N": _nothing(EndOfHeader()),
    b"O": lambda rest: Offer(parse_negotiation(rest)),
    b"Q": _nothing(Quit()),
    b"R": _rcpt,
    b"T": _nothing(BeginContent()),
    b"U": lambda rest: Unknown(*split_strings(rest, 1, 1)),
}
