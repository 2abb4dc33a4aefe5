"""Frames, commands and responses as octets: what is written reads back, what is malformed is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    format_command,
    parse_command,
)
from samotop.milter.frames import FRAME_LIMIT, MilterSyntaxError, format_frame, take_frame
from samotop.milter.negotiation import ALL_ACTIONS, ALL_STEPS, Actions, Negotiation, Steps, agree, plan_answer
from samotop.milter.responses import (
    AddHeader,
    AddRecipient,
    Answer,
    ChangeFrom,
    ChangeHeader,
    ChooseMacros,
    DeleteRecipient,
    InsertHeader,
    Quarantine,
    ReplaceBody,
    ReplyCode,
    Response,
    Word,
    format_response,
    parse_response,
)

T = TypeVar("T")

text = st.binary(max_size=40).map(lambda octets: octets.replace(b"\0", b" "))
name = st.text("abcXYZ-0189", min_size=1, max_size=20).map(str.encode)
number = st.integers(0, 2**32 - 1)
words = st.builds(
    Negotiation,
    number,
    st.integers(0, int(ALL_ACTIONS)).map(Actions),
    st.integers(0, int(ALL_STEPS)).map(Steps),
    st.lists(st.tuples(number, text), max_size=3).map(tuple),
)
texts = st.lists(text, max_size=4).map(tuple)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Offer, words),
    st.builds(Macros, st.sampled_from([b"C", b"M", b"E"]), st.lists(st.tuples(text, text), max_size=4).map(tuple)),
    st.builds(Connect, text, st.sampled_from([b"4", b"6", b"L"]), st.integers(0, 65535), text),
    st.builds(Connect, text, st.just(b"U")),
    st.builds(Helo, text),
    st.builds(MailFrom, text, texts),
    st.builds(RcptTo, text, texts),
    st.builds(Unknown, text),
    st.builds(HeaderField, name, text),
    st.builds(BodyChunk, st.binary(max_size=50)),
    st.builds(EndOfBody, st.binary(max_size=50)),
    st.builds(Quit, st.booleans()),
    st.sampled_from([BeginContent(), EndOfHeader(), Abort()]),
)
line = st.text("abc %.19-", max_size=20).map(str.encode)
responses: st.SearchStrategy[Response] = st.one_of(
    st.sampled_from(list(Word)),
    st.builds(Answer, words),
    st.builds(ReplyCode, st.integers(400, 599), st.lists(line, min_size=1, max_size=4).map(tuple)),
    st.builds(AddHeader, name, text),
    st.builds(InsertHeader, number, name, text),
    st.builds(ChangeHeader, number, name, text),
    st.builds(ReplaceBody, st.binary(max_size=50)),
    st.builds(ChangeFrom, text, st.none() | text),
    st.builds(AddRecipient, text, st.none() | text),
    st.builds(DeleteRecipient, text),
    st.builds(Quarantine, text),
    st.builds(ChooseMacros, number, text),
)


@given(commands)
def test_a_command_reads_back(command: Command) -> None:
    buffer = bytearray(format_command(command))
    frame = take_frame(buffer)
    assert frame is not None and not buffer
    assert parse_command(*frame) == command


@given(responses)
def test_a_response_reads_back(response: Response) -> None:
    """A text with a per cent sign too, which is doubled on the wire."""
    buffer = bytearray(format_response(response))
    frame = take_frame(buffer)
    assert frame is not None and not buffer
    assert parse_response(*frame) == response


@given(st.binary(max_size=1), st.binary(max_size=60))
def test_what_is_read_is_written_again(letter: bytes, rest: bytes) -> None:
    """One meaning for one frame: whatever can be read says the same when it is written and read again."""
    with suppress(MilterSyntaxError):
        command = parse_command(letter, rest)
        assert _again(format_command(command), parse_command) == command
    with suppress(MilterSyntaxError):
        response = parse_response(letter, rest)
        assert _again(format_response(response), parse_response) == response


def _again(octets: bytes, parse: Callable[[bytes, bytes], T]) -> T:
    frame = take_frame(bytearray(octets))
    assert frame is not None
    return parse(*frame)


@pytest.mark.parametrize("cut", range(10))
def test_a_frame_that_has_not_come_is_waited_for(cut: int) -> None:
    whole = format_command(Helo(b"mail"))
    assert take_frame(bytearray(whole[:cut])) is None


@pytest.mark.parametrize("length", [0, FRAME_LIMIT + 1, 0xFFFFFFFF])
def test_a_frame_of_an_impossible_length_is_refused_at_once(length: int) -> None:
    """Before its octets come: they are what would fill our memory."""
    with pytest.raises(MilterSyntaxError):
        take_frame(bytearray(length.to_bytes(4, "big")))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"Z",
        b"Hx",
        b"Hx\0y\0",
        b"Cx\0" + b"4\0",
        b"Cx\0" + b"9\0\0a\0",
        b"C",
        b"Cx\0Uabc",
        b"D",
        b"DCj\0",
        b"Lonly\0",
        b"L\0value\0",
        b"M",
        b"M" + b"a\0" * 65,
        b"Ax",
        b"Qx",
        b"O\0\0\0\6",
        b"O" + b"\0\0\0\6" * 3 + b"\0\0\0\1names",
    ],
)
def test_a_malformed_command_is_refused(frame: bytes) -> None:
    with pytest.raises(MilterSyntaxError):
        parse_command(frame[:1], frame[1:])


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"Z",
        b"cx",
        b"y550 no end",
        b"y250 fine\0",
        b"y550-a\r\n450 b\0",
        b"y550-a\r\n550-b\0",
        b"y550 a\r\n550 b\0",
        b"y550 " + b"a\r\n550 " * 40 + b"\0",
        b"hname\0",
        b"hna me\0value\0",
        b"hna:me\0value\0",
        b"i\0\0\0",
        b"ename\0a\0b\0",
    ],
)
def test_a_malformed_response_is_refused(frame: bytes) -> None:
    with pytest.raises(MilterSyntaxError):
        parse_response(frame[:1], frame[1:])


def test_no_frame_is_made_that_nobody_would_read() -> None:
    with pytest.raises(ValueError, match="too long"):
        format_frame(b"B", bytes(FRAME_LIMIT))
    with pytest.raises(ValueError, match="NUL"):
        format_command(Helo(b"a\0b"))
    with pytest.raises(ValueError, match="refusal"):
        format_response(ReplyCode(250, (b"fine",)))


def test_only_what_was_offered_is_agreed_on() -> None:
    """rspamd names more actions than it was offered; steps and versions beyond the offer are a fault."""
    offer = Negotiation(6, Actions.ADD_HEADER, Steps.NO_BODY)
    found = agree(offer, Negotiation(6, ALL_ACTIONS, Steps.NO_BODY))
    assert found.actions == Actions.ADD_HEADER
    for answer in (Negotiation(6, Actions(0), Steps.NO_HELO), Negotiation(7, Actions(0), Steps(0))):
        with pytest.raises(MilterSyntaxError):
            agree(offer, answer)
    with pytest.raises(MilterSyntaxError):
        agree(offer, Negotiation(1, Actions(0), Steps(0)))


def test_a_filter_answers_with_what_it_needs_and_what_the_server_can() -> None:
    offer = Negotiation(2, ALL_ACTIONS, ALL_STEPS)
    assert plan_answer(offer, Actions.ADD_HEADER, Steps.SILENT_HEADER | Steps.NO_BODY) == Negotiation(
        2, Actions.ADD_HEADER, Steps.NO_BODY
    )
    with pytest.raises(MilterSyntaxError):
        plan_answer(offer, Actions.CHANGE_FROM, Steps(0))
    with pytest.raises(MilterSyntaxError):
        plan_answer(Negotiation(1, ALL_ACTIONS, ALL_STEPS), Actions(0), Steps(0))
