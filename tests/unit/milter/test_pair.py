"""Our two sides of the milter protocol against each other, whole, octet by octet, and where they disagree."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from samotop.milter.changes import apply_changes, split_fields
from samotop.milter.client import Asked, MilterClient, Outcome, Refusal
from samotop.milter.commands import (
    BodyChunk,
    Command,
    Connect,
    EndOfBody,
    HeaderField,
    Helo,
    Macros,
    MailFrom,
    Offer,
    Quit,
    RcptTo,
    format_command,
)
from samotop.milter.frames import MilterSyntaxError
from samotop.milter.negotiation import ALL_ACTIONS, ALL_STEPS, OUR_VERSION, Actions, Negotiation, Steps
from samotop.milter.responses import (
    AddHeader,
    AddRecipient,
    Answer,
    ChangeHeader,
    InsertHeader,
    Quarantine,
    ReplaceBody,
    ReplyCode,
    Response,
    Word,
    format_response,
)
from samotop.milter.server import MilterServer, State

HEADER = b"From: a@example.net\r\nSubject: one\r\n two\r\nX-Old: 1\r\n\r\n"
BODY = b"line\r\n" * 30000
ASKED = Asked(
    Connect(b"mail.example.net", b"4", 25, b"192.0.2.1"),
    b"mail.example.net",
    MailFrom(b"<a@example.net>", (b"SIZE=10",)),
    (RcptTo(b"<one@example.org>"), RcptTo(b"<two@example.org>")),
    {b"C": ((b"j", b"mx.example.org"),), b"M": ((b"i", b"QUEUEID"),)},
)
UNTOLD = Steps(0x37F) | Steps.WANTS_REFUSED_RECIPIENTS
"""Steps that are left out, and what is not offered."""
Says = Callable[[Command], tuple[Response, ...]]


def fine(command: Command) -> tuple[Response, ...]:
    return (Word.CONTINUE,)


def converse(
    says: Says = fine,
    *,
    actions: Actions = ALL_ACTIONS & ~Actions(0x1CC),
    steps: Steps = Steps(0),
    piece: int = 1 << 20,
) -> tuple[Outcome, list[Command], MilterServer]:
    """Run both sides to the end; the outcome, and what the filter was told."""
    client, server = MilterClient(ASKED, HEADER), MilterServer(actions, steps)
    told: list[Command] = []
    body = [BODY[at : at + 40000] for at in range(0, len(BODY), 40000)]
    while client.outcome is None:
        if client.takes_body and body:
            client.feed_body(body.pop(0))
        elif not client.is_waiting:
            client.finish()
        octets = client.data_to_send()
        for at in range(0, len(octets), piece):
            server.receive_data(octets[at : at + piece])
            while (event := server.next_event()) is not None:
                told.append(event)
                if server.is_waiting:
                    server.answer(*says(event))  # type: ignore[arg-type]  # what is no decision stands in front
        answer = server.data_to_send()
        assert octets or answer, "nobody says anything"
        for at in range(0, len(answer), piece):
            client.receive_data(answer[at : at + piece])
    server.receive_data(client.data_to_send())
    while (event := server.next_event()) is not None:
        told.append(event)
    return client.outcome, told, server


@pytest.mark.parametrize("piece", [1 << 20, 1, 7])
@pytest.mark.parametrize("steps", [Steps(0), ALL_STEPS & ~UNTOLD, Steps.LEADING_SPACE])
def test_a_whole_message_is_told_and_accepted(piece: int, steps: Steps) -> None:
    """Where every step is answered, and where none is: the filter is told the same."""
    outcome, told, _ = converse(steps=steps, piece=piece)
    assert outcome == Outcome(recipients=(None, None), has_space=bool(steps & Steps.LEADING_SPACE))
    assert told[:5] == [ASKED.connect, Helo(ASKED.hello), ASKED.mail, *ASKED.recipients]
    space = b" " if steps & Steps.LEADING_SPACE else b""
    fields = [one for one in told if isinstance(one, HeaderField)]
    assert fields[1] == HeaderField(b"Subject", space + b"one\n two")
    assert b"".join(one.octets for one in told if isinstance(one, BodyChunk | EndOfBody)) == BODY
    assert told[-1] == Quit()


def test_what_is_not_wanted_is_not_told() -> None:
    steps = Steps(0x7F) | Steps.NO_DATA
    _, told, _ = converse(steps=steps & ~Steps.NO_CONNECT & ~Steps.NO_MAIL & ~Steps.NO_RECIPIENT)
    assert [type(one).__name__ for one in told] == ["Connect", "MailFrom", "RcptTo", "RcptTo", "EndOfBody", "Quit"]


@pytest.mark.parametrize("stage", [Connect, Helo, MailFrom, HeaderField, BodyChunk, EndOfBody])
@pytest.mark.parametrize(
    ("says", "refusal"),
    [
        (Word.REJECT, Refusal(550)),
        (Word.TEMPFAIL, Refusal(451)),
        (ReplyCode(554, (b"5.7.1 100% no", b"5.7.1 really")), Refusal(554, (b"5.7.1 100% no", b"5.7.1 really"))),
    ],
)
def test_a_refusal_at_any_stage_ends_it(stage: type[Command], says: Response, refusal: Refusal) -> None:
    outcome, _, _ = converse(lambda command: (says,) if isinstance(command, stage) else (Word.CONTINUE,))
    assert outcome.refusal == refusal


@pytest.mark.parametrize("stage", [Connect, MailFrom, RcptTo, BodyChunk])
def test_who_accepts_early_is_told_no_more(stage: type[Command]) -> None:
    outcome, told, _ = converse(lambda command: (Word.ACCEPT,) if isinstance(command, stage) else (Word.CONTINUE,))
    assert outcome.refusal is None
    assert isinstance(told[-2], stage)


def test_a_recipient_is_refused_alone() -> None:
    def says(command: Command) -> tuple[Response, ...]:
        return (Word.TEMPFAIL if command == ASKED.recipients[1] else Word.CONTINUE,)

    outcome, _, _ = converse(says)
    assert (outcome.refusal, outcome.recipients) == (None, (None, Refusal(451)))


def test_who_may_come_back_for_one_recipient_may_come_back_for_all() -> None:
    """All were refused: one for good, one for now."""

    def says(command: Command) -> tuple[Response, ...]:
        if isinstance(command, RcptTo):
            return (Word.TEMPFAIL if command == ASKED.recipients[1] else Word.REJECT,)
        return (Word.CONTINUE,)

    assert converse(says)[0].refusal == Refusal(451)


def test_a_filter_that_has_seen_enough_gets_no_more_of_the_body() -> None:
    def says(command: Command) -> tuple[Response, ...]:
        return (Word.SKIP if isinstance(command, BodyChunk) else Word.CONTINUE,)

    _, told, _ = converse(says)
    assert sum(isinstance(one, BodyChunk) for one in told) == 1


def test_changes_come_at_the_end() -> None:
    changes = (AddHeader(b"X-New", b"2"), InsertHeader(0, b"X-First", b"a\n b"), ChangeHeader(1, b"x-old", b""))
    said: tuple[Response, ...] = (
        Word.PROGRESS,
        *changes,
        ReplaceBody(b"other"),
        ReplaceBody(b" body"),
        Quarantine(b"odd"),
        AddRecipient(b"<x@example.org>"),
        Word.CONTINUE,
    )
    outcome, _, _ = converse(lambda command: said if isinstance(command, EndOfBody) else (Word.CONTINUE,))
    assert (outcome.changes, outcome.body, outcome.quarantine, outcome.undone) == (changes, b"other body", b"odd", 1)
    assert apply_changes(HEADER, outcome.changes) == (
        b"X-First: a\r\n b\r\nFrom: a@example.net\r\nSubject: one\r\n two\r\nX-New: 2\r\n\r\n"
    )


def test_a_discarded_message_is_no_refusal() -> None:
    outcome, _, _ = converse(lambda c: (Word.DISCARD,) if isinstance(c, EndOfBody) else (Word.CONTINUE,))
    assert (outcome.is_discarded, outcome.refusal) == (True, None)


def test_macros_are_known_for_as_long_as_they_hold() -> None:
    """The connection's until its end, a message's until its own."""
    server = MilterServer()

    def told(*commands: Command) -> list[bytes]:
        server.receive_data(b"".join(map(format_command, commands)))
        while server.next_event() is not None or server.is_waiting:
            server.answer(Word.CONTINUE)
        return [server.macro(b"j"), server.macro(b"client_addr"), server.macro(b"i")]

    offer = Offer(Negotiation(OUR_VERSION, ALL_ACTIONS, ALL_STEPS))
    macros = Macros(b"C", ((b"j", b"mx"), (b"{client_addr}", b"::1")))
    assert told(offer, macros, ASKED.connect) == [b"mx", b"::1", b""]
    assert told(Macros(b"M", ((b"i", b"ID"),)), ASKED.mail) == [b"mx", b"::1", b"ID"]
    assert told(EndOfBody()) == [b"mx", b"::1", b""]
    assert server.state is State.CONNECTED


@pytest.mark.parametrize(
    "says",
    [
        (Answer(Negotiation(6, Actions(0), Steps(0))),),
        (AddHeader(b"X", b"1"),),
        (Word.SKIP,),
    ],
)
def test_what_does_not_belong_to_a_stage_is_refused(says: tuple[Response, ...]) -> None:
    client = MilterClient(ASKED, HEADER)
    client.receive_data(format_response(Answer(Negotiation(6, Actions.ADD_HEADER, Steps(0)))))
    with pytest.raises(MilterSyntaxError):
        client.receive_data(b"".join(map(format_response, says)))


@pytest.mark.parametrize("count", [1001, 2])
def test_a_filter_that_changes_without_end_is_refused(count: int) -> None:
    client = MilterClient(Asked(ASKED.connect, b"x", ASKED.mail, ASKED.recipients), HEADER)
    steps = ALL_STEPS & ~UNTOLD
    client.receive_data(format_response(Answer(Negotiation(6, Actions.ADD_HEADER, steps))))
    client.finish()
    change = AddHeader(b"X", b"1" * (1 if count > 1000 else 600_000))
    with pytest.raises(MilterSyntaxError):
        client.receive_data(format_response(change) * count)


@pytest.mark.parametrize(
    "commands",
    [
        [Helo(b"x")],
        [Offer(Negotiation(6, ALL_ACTIONS, ALL_STEPS)), MailFrom(b"<>")],
        [Offer(Negotiation(6, ALL_ACTIONS, ALL_STEPS))] * 2,
        [Offer(Negotiation(6, Actions(0), ALL_STEPS))],
        [Quit()],
    ],
)
def test_an_order_that_makes_no_sense_is_refused(commands: list[Command]) -> None:
    server = MilterServer(Actions.ADD_HEADER)
    server.receive_data(b"".join(map(format_command, commands)))
    with pytest.raises(MilterSyntaxError):
        server.next_event()


def test_a_value_cannot_break_out_of_its_field() -> None:
    """A filter writes fields; another field, or the end of the header, is none of its business."""
    changed = apply_changes(HEADER, [AddHeader(b"X", b"a\r\nBcc: b\n\n\r\nbody\0")])
    assert split_fields(changed)[-1] == b"X: a\r\n\tBcc: b\r\n\tbody \r\n"
    assert changed.count(b"\r\n\r\n") == 1


def test_a_changed_field_is_found_by_its_name_and_place() -> None:
    section = b"A: 1\r\nB: 2\r\na: 3\r\n\r\n"
    assert apply_changes(section, [ChangeHeader(2, b"A", b"4")]) == b"A: 1\r\nB: 2\r\nA: 4\r\n\r\n"
    assert apply_changes(section, [ChangeHeader(3, b"A", b"4")]) == section[:-2] + b"A: 4\r\n\r\n"
    assert apply_changes(section, [ChangeHeader(3, b"A", b"")]) == section
    assert apply_changes(b"\r\n", [AddHeader(b"A", b" 1")], has_space=True) == b"A: 1\r\n\r\n"
