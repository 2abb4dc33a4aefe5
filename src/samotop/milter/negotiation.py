"""What mail server and filter agree on first: the version, what the filter may change, which steps it wants.

The mail server offers, the filter answers with a part of it. A filter that
takes more than was offered is refused: it would count on something that will
not be done.

Version 2 is Sendmail 8.12's, 6 is 8.14's and everybody's today; 3 to 5 lie between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from samotop.milter.frames import (
    MilterSyntaxError,
    format_number,
    join_strings,
    split_strings,
    take_number,
)

OUR_VERSION: Final = 6
OLDEST_VERSION: Final = 2
LISTS_LIMIT: Final = 16
"""Lists of macros that a filter asks for: there are seven stages."""


class Actions(IntFlag):
    """What a filter may do to a message."""

    ADD_HEADER = 0x01
    REPLACE_BODY = 0x02
    ADD_RECIPIENT = 0x04
    DELETE_RECIPIENT = 0x08
    CHANGE_HEADER = 0x10
    QUARANTINE = 0x20
    CHANGE_FROM = 0x40
    ADD_RECIPIENT_PARAMETERS = 0x80
    CHOOSE_MACROS = 0x100


class Steps(IntFlag):
    """What a filter does not want to be told (``NO_``), does not answer (``SILENT_``), or else understands."""

    NO_CONNECT = 0x01
    NO_HELO = 0x02
    NO_MAIL = 0x04
    NO_RECIPIENT = 0x08
    NO_BODY = 0x10
    NO_HEADER = 0x20
    NO_END_OF_HEADER = 0x40
    SILENT_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    UNDERSTANDS_SKIP = 0x400
    WANTS_REFUSED_RECIPIENTS = 0x800
    SILENT_CONNECT = 0x1000
    SILENT_HELO = 0x2000
    SILENT_MAIL = 0x4000
    SILENT_RECIPIENT = 0x8000
    SILENT_DATA = 0x10000
    SILENT_UNKNOWN = 0x20000
    SILENT_END_OF_HEADER = 0x40000
    SILENT_BODY = 0x80000
    LEADING_SPACE = 0x100000


ALL_ACTIONS: Final = Actions(0x1FF)
ALL_STEPS: Final = Steps(0x1FFFFF)
_VERSION_2: Final = (Actions(0x3F), Steps(0x7F))
"""What was there before version 3: a filter that is older may set no more."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """One side's word. ``macros`` are a filter's wishes: a stage's number, and the names of macros."""

    version: int
    actions: Actions
    steps: Steps
    macros: tuple[tuple[int, bytes], ...] = ()


def parse_negotiation(octets: bytes) -> Negotiation:
    """Read what follows the letter O. Bits that have no name are left out: larger chunks are not for us."""
    version, rest = take_number(octets)
    actions, rest = take_number(rest)
    steps, rest = take_number(rest)
    macros: list[tuple[int, bytes]] = []
    while rest:
        stage, rest = take_number(rest)
        end = rest.find(b"\0")
        if end < 0 or len(macros) >= LISTS_LIMIT:
            raise MilterSyntaxError("a list of macros does not end")
        (names,) = split_strings(rest[: end + 1], 1, 1)
        macros.append((stage, names))
        rest = rest[end + 1 :]
    return Negotiation(version, Actions(actions) & ALL_ACTIONS, Steps(steps) & ALL_STEPS, tuple(macros))


def format_negotiation(word: Negotiation) -> bytes:
    numbers = b"".join(map(format_number, (word.version, word.actions, word.steps)))
    return numbers + b"".join(format_number(stage) + join_strings(names) for stage, names in word.macros)


def agree(offer: Negotiation, answer: Negotiation) -> Negotiation:
    """What a filter's answer to our offer comes to. Raises ``MilterSyntaxError`` where it is none.

    Actions beyond the offer are for the caller to look at: rspamd names all
    that it knows, whatever it is offered, and libmilter ends the connection itself.
    """
    if not OLDEST_VERSION <= answer.version <= offer.version:
        raise MilterSyntaxError("a version that was not offered")
    if answer.steps & ~offer.steps:
        raise MilterSyntaxError("steps that were not offered")
    return Negotiation(answer.version, answer.actions & offer.actions, answer.steps, answer.macros)


def plan_answer(offer: Negotiation, actions: Actions, steps: Steps) -> Negotiation:
    """A filter's answer to a mail server's offer. Raises ``MilterSyntaxError`` where the server lacks an action."""
    if offer.version < OLDEST_VERSION:
        raise MilterSyntaxError("a version from before 2")
    offered = (offer.actions, offer.steps)
    if offer.version == OLDEST_VERSION:
        offered = (offer.actions & _VERSION_2[0], offer.steps & _VERSION_2[1])
    if actions & ~offered[0]:
        raise MilterSyntaxError("the mail server does not offer what this filter needs to do")
    return Negotiation(min(offer.version, OUR_VERSION), actions, steps & offered[1])
