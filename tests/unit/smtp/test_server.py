"""The calls of ``ServerConnection``; what a client sees of it is in tests/dialogs."""

from __future__ import annotations

import pytest

from samotop.reply import Reply
from samotop.smtp import (
    Chunk,
    ContentEnd,
    Data,
    Hello,
    HungUp,
    Mail,
    Pause,
    Quit,
    Rcpt,
    Reset,
    Rules,
    ServerConnection,
    StartTls,
    Verb,
)
from samotop.smtp.states import ALLOWED, KNOWN, Phase
from samotop.smtp.verbs import COMMANDS

OK = Reply.of(250, "2.0.0", "Ok")
GO_AHEAD = Reply.of(354, None, "Go ahead")
GREETING = Reply.of(220, None, "mx.example.org ESMTP")
BUSY = Reply.of(421, "4.3.2", "Stopping")


def begin(
    *, is_lmtp: bool = False, offers_starttls: bool = False, verbs: dict[str, str] | None = None
) -> ServerConnection:
    engine = ServerConnection("mx.example.org", is_lmtp=is_lmtp, offers_starttls=offers_starttls, verbs=verbs)
    engine.send(GREETING)
    engine.data_to_send()
    return engine


def answer_all(engine: ServerConnection) -> list[object]:
    """Answer everything with a yes, up to the content's end; returns the events."""
    events: list[object] = []
    while not isinstance(event := engine.next_event(), Pause):
        events.append(event)
        if isinstance(event, Hello):
            engine.send(engine.hello_reply())
        elif isinstance(event, Data):
            engine.send(GO_AHEAD)
        elif isinstance(event, ContentEnd | StartTls | Verb):
            break
        elif engine.is_waiting:
            engine.send(OK)
    return events


def transact(engine: ServerConnection, recipients: int = 1) -> None:
    hello = b"LHLO" if engine.is_lmtp else b"EHLO"
    engine.receive_data(hello + b" x\r\nMAIL FROM:<a@example.net>\r\n")
    engine.receive_data(b"".join(b"RCPT TO:<r%d@example.org>\r\n" % number for number in range(recipients)))
    engine.receive_data(b"DATA\r\nhi\r\n.\r\n")


def test_nothing_is_read_before_the_greeting() -> None:
    """A caller that waits to see who talks early still has the octets, and sees how many they are."""
    engine = ServerConnection("mx.example.org")
    engine.receive_data(b"EHLO x\r\n")
    assert engine.next_event() is Pause.WAITING
    assert engine.buffered == 8
    assert engine.data_to_send() == b""
    engine.send(GREETING)
    assert engine.next_event() == Hello("x", True)


def test_an_event_that_asks_stops_everything_until_it_is_answered() -> None:
    """The next command may depend on the answer, so it is not looked at."""
    engine = begin()
    engine.receive_data(b"EHLO x\r\nNOOP\r\n")
    assert engine.next_event() == Hello("x", True)
    assert engine.is_waiting
    assert engine.next_event() is Pause.WAITING
    assert engine.data_to_send() == b""
    engine.send(engine.hello_reply())
    assert not engine.is_waiting
    assert engine.next_event() is Pause.NEED_DATA
    assert engine.data_to_send() == engine.hello_reply().wire + OK.wire


def test_answering_nothing_is_a_bug_of_the_caller() -> None:
    engine = begin()
    with pytest.raises(RuntimeError):
        engine.send(OK)
    with pytest.raises(RuntimeError):
        engine.send_each([OK])
    with pytest.raises(RuntimeError):
        engine.challenge(b"")
    with pytest.raises(RuntimeError):
        engine.tls_started()


def test_events_of_one_transaction() -> None:
    engine = begin()
    transact(engine)
    kinds = [type(event) for event in answer_all(engine)]
    assert kinds == [Hello, Mail, Rcpt, Data, Chunk, ContentEnd]
    assert [str(recipient.address) for recipient in engine.recipients] == ["r0@example.org"]
    engine.send(OK)
    assert engine.recipients == ()
    assert engine.transaction is None
    assert engine.phase is Phase.READY


def test_lmtp_takes_exactly_one_reply_for_each_recipient() -> None:
    """RFC 2033 §4.2; a wrong number would shift all replies that follow."""
    engine = begin(is_lmtp=True)
    transact(engine, recipients=3)
    answer_all(engine)
    engine.data_to_send()
    for wrong in ([], [OK], [OK] * 2, [OK] * 4):
        with pytest.raises(RuntimeError):
            engine.send_each(wrong)
    full = Reply.of(452, "4.2.2", "Full")
    engine.send_each([OK, full, OK])
    assert engine.data_to_send() == OK.wire + full.wire + OK.wire


def test_one_answer_to_lmtp_content_is_said_for_each() -> None:
    engine = begin(is_lmtp=True)
    transact(engine, recipients=3)
    answer_all(engine)
    engine.data_to_send()
    engine.send(OK)
    assert engine.data_to_send() == OK.wire * 3


def test_421_among_the_replies_to_a_content_ends_the_session_after_all_of_them() -> None:
    """RFC 5321 §3.8: whoever says 421 closes."""
    engine = begin(is_lmtp=True)
    transact(engine, recipients=3)
    answer_all(engine)
    engine.data_to_send()
    engine.send_each([OK, BUSY, OK])
    assert engine.data_to_send() == OK.wire + BUSY.wire + OK.wire
    assert engine.next_event() is Pause.CLOSED


def test_content_refused_at_its_first_octets_is_swallowed_and_never_ends() -> None:
    """Also where the end came in the same read: what the caller has given up must not come back to it."""
    engine = begin()
    transact(engine)
    seen: list[object] = []
    no = Reply.of(554, "5.7.1", "No")
    while not isinstance(event := engine.next_event(), Pause):
        seen.append(type(event))
        if isinstance(event, Chunk):
            engine.fail_content(no)
        elif isinstance(event, Data):
            engine.send(GO_AHEAD)
        else:
            engine.send(OK)
    assert seen == [Hello, Mail, Rcpt, Data, Chunk]
    assert engine.data_to_send().endswith(no.wire)
    assert engine.transaction is None


def test_hanging_up_is_the_last_word_wherever_the_session_is() -> None:
    """A time-out or a stop may come while an event waits, or while one is still to be told."""
    engine = begin()
    engine.receive_data(b"EHLO x\r\nMAIL FROM:<a@example.net>\r\nEHLO y\r\n")
    assert isinstance(engine.next_event(), Hello)
    engine.send(engine.hello_reply())
    assert isinstance(engine.next_event(), Mail)
    engine.send(OK)
    assert engine.next_event() == Reset()  # and Hello is to follow
    engine.data_to_send()
    engine.hang_up(BUSY)
    assert engine.data_to_send() == BUSY.wire
    assert engine.next_event() is Pause.CLOSED
    assert not engine.is_waiting
    engine.receive_data(b"NOOP\r\n")
    assert engine.buffered == 0
    engine.hang_up(BUSY)
    assert engine.data_to_send() == b""


def test_hung_up_says_with_what() -> None:
    """So that the operator can be told why a session ended."""
    engine = begin()
    engine.receive_data(b"NOOP\n")
    event = engine.next_event()
    assert isinstance(event, HungUp)
    assert event.reply.wire == engine.data_to_send()
    assert engine.next_event() is Pause.CLOSED


def test_quit_is_told() -> None:
    engine = begin()
    engine.receive_data(b"QUIT\r\n")
    assert engine.next_event() == Quit()
    assert engine.next_event() is Pause.CLOSED


def test_a_batch_is_answered_in_one_write() -> None:
    """RFC 2920 §3.2: replies to a pipelined group are sent together."""
    engine = begin()
    engine.receive_data(b"NOOP\r\n" * 3)
    assert engine.next_event() is Pause.NEED_DATA
    assert engine.data_to_send() == OK.wire * 3
    assert engine.data_to_send() == b""


def test_nothing_is_read_between_220_and_the_handshake() -> None:
    """RFC 3207 §4.2, CVE-2011-0411: also what arrives only after our 220."""
    engine = begin(offers_starttls=True)
    engine.receive_data(b"EHLO x\r\nSTARTTLS\r\nNOOP\r\n")
    assert answer_all(engine)[-1] == StartTls()
    engine.send(Reply.of(220, "2.0.0", "Go"))
    assert engine.buffered == 0
    engine.receive_data(b"NOOP\r\n")
    assert engine.next_event() is Pause.WAITING
    engine.tls_started()
    assert engine.buffered == 0
    assert engine.is_encrypted
    assert engine.hello == ""
    assert engine.next_event() is Pause.NEED_DATA


def test_ehlo_within_a_transaction_tells_of_the_reset_first_and_then_asks() -> None:
    """The reset waits for nothing; a caller that answers whenever something waits must not answer it."""
    engine = begin()
    engine.receive_data(b"EHLO x\r\nMAIL FROM:<a@example.net>\r\nEHLO y\r\n")
    engine.next_event()
    engine.send(engine.hello_reply())
    engine.next_event()
    engine.send(OK)
    assert engine.next_event() == Reset()
    assert not engine.is_waiting
    with pytest.raises(RuntimeError):
        engine.send(OK)
    assert engine.next_event() == Hello("y", True)
    assert engine.is_waiting


def test_restart_begins_anew() -> None:
    """XCLIENT: somebody else is the peer now, and is greeted."""
    engine = begin(verbs={"XCLIENT": "XCLIENT ADDR"})
    engine.receive_data(b"EHLO x\r\nXCLIENT ADDR=192.0.2.1\r\n")
    assert answer_all(engine)[-1] == Verb("XCLIENT", b"ADDR=192.0.2.1")
    engine.restart()
    assert engine.phase is Phase.GREETING
    assert engine.is_waiting
    engine.send(GREETING)
    engine.receive_data(b"MAIL FROM:<a@example.net>\r\n")
    assert engine.next_event() is Pause.NEED_DATA
    assert engine.data_to_send().endswith(b"503 5.5.1 Say EHLO first\r\n")


def test_parameters_count_where_the_client_was_told_of_them() -> None:
    """A caller may answer EHLO in its own words; what it leaves out is not there."""
    engine = begin()
    engine.receive_data(b"EHLO x\r\n")
    engine.next_event()
    engine.send(Reply(250, None, ("mx.example.org", "SIZE 1000")))
    engine.receive_data(b"MAIL FROM:<a@example.net> BODY=8BITMIME\r\nMAIL FROM:<a@example.net> SIZE=5\r\n")
    mail = engine.next_event()
    assert isinstance(mail, Mail)
    assert mail.parameters.size == 5
    assert b"555 5.5.4 parameter BODY" in engine.data_to_send()


def test_errors_of_a_verb_from_outside_count() -> None:
    """A flood of them ends as any other flood of errors does."""
    engine = ServerConnection("mx.example.org", Rules(errors=3), verbs={"XPING": ""})
    engine.send(GREETING)
    engine.receive_data(b"XPING\r\n" * 2 + b"FOO\r\n")
    for _ in range(2):
        assert isinstance(engine.next_event(), Verb)
        engine.send(Reply.of(501, "5.5.4", "No"))
    assert isinstance(engine.next_event(), HungUp)


def test_every_command_has_its_function_and_its_place() -> None:
    """Three tables speak of verbs; none knows one that another does not."""
    assert set(COMMANDS) == KNOWN
    assert frozenset().union(*ALLOWED.values()) == KNOWN
