"""Servers that say what they must not, at every moment: bounded, never believed, and no message is lost by it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from samotop.address import Address
from samotop.envelope import Envelope, Recipient
from samotop.reply import REPLY_LINES_LIMIT
from samotop.sasl import PlainClient
from samotop.smtp.client import (
    REPLY_LINE_LIMIT,
    BadReply,
    ClientConnection,
    ClientRules,
    ContentShape,
    Event,
    HungUp,
    Pause,
    Refused,
    Stage,
    TransactionEnded,
    TransactionResult,
    UnexpectedReply,
)

ENVELOPE = Envelope(
    Address("a", "example.net"), (Recipient(Address("b", "example.org")), Recipient(Address("c", "example.org")))
)
EHLO = b"250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"


def listen(client: ClientConnection, octets: bytes = b"") -> tuple[list[Event], BadReply | None]:
    """All events up to the next pause, and what was raised."""
    client.receive_data(octets)
    events: list[Event] = []
    error: BadReply | None = None
    while True:
        try:
            event = client.next_event()
        except BadReply as raised:
            assert error is None, "raised once"
            error = raised
            continue
        if isinstance(event, Pause):
            client.data_to_send()
            return events, error
        events.append(event)


def at_greeting() -> ClientConnection:
    return ClientConnection("client.example.net", is_encrypted=True)


def at_hello() -> ClientConnection:
    client = at_greeting()
    listen(client, b"220 mx\r\n")
    return client


def at_idle() -> ClientConnection:
    client = at_hello()
    listen(client, EHLO)
    return client


def at_starttls() -> ClientConnection:
    client = ClientConnection("client.example.net")
    listen(client, b"220 mx\r\n")
    listen(client, EHLO)
    client.start_tls()
    client.data_to_send()
    return client


def at_auth() -> ClientConnection:
    client = at_idle()
    client.authenticate(PlainClient("alice", "secret"))
    client.data_to_send()
    return client


def at_mail(*, uses_chunking: bool = False) -> ClientConnection:
    client = ClientConnection("client.example.net", ClientRules(prefers_chunking=uses_chunking, chunk=4))
    listen(client, b"220 mx\r\n")
    listen(client, EHLO)
    client.begin(client.plan(ENVELOPE, ContentShape()).transactions[0])
    client.data_to_send()
    return client


def at_rcpt() -> ClientConnection:
    client = at_mail()
    listen(client, b"250 Ok\r\n")
    return client


def at_data() -> ClientConnection:
    client = at_rcpt()
    listen(client, b"250 Ok\r\n550 No\r\n")
    return client


def at_content() -> ClientConnection:
    client = at_data()
    listen(client, b"354 Go\r\n")
    client.send_content(b"hi\r\n")
    client.data_to_send()
    return client


def at_chunk() -> ClientConnection:
    client = at_mail(uses_chunking=True)
    listen(client, b"250 Ok\r\n" * 3)
    client.send_content(b"hi\r\n")
    client.data_to_send()
    return client


def at_final() -> ClientConnection:
    client = at_content()
    client.end_content()
    client.data_to_send()
    return client


def at_reset() -> ClientConnection:
    client = at_idle()
    client.reset()
    client.data_to_send()
    return client


def at_quit() -> ClientConnection:
    client = at_idle()
    client.quit()
    client.data_to_send()
    return client


MOMENTS: dict[Stage, Callable[[], ClientConnection]] = {
    Stage.GREETING: at_greeting,
    Stage.HELLO: at_hello,
    Stage.IDLE: at_idle,
    Stage.STARTTLS: at_starttls,
    Stage.AUTH: at_auth,
    Stage.MAIL: at_mail,
    Stage.RCPT: at_rcpt,
    Stage.DATA: at_data,
    Stage.CONTENT: at_content,
    Stage.FINAL: at_final,
    Stage.RESET: at_reset,
    Stage.QUIT: at_quit,
}
every_moment = pytest.mark.parametrize("stage", MOMENTS, ids=lambda stage: stage.value)

NONSENSE = {
    "no reply": b"HTTP/1.1 200 OK\r\n",
    "an empty line": b"\r\n",
    "no code": b"hello\r\n",
    "a code of 1yz": b"150 Wait\r\n",
    "a code of 6yz": b"650 What\r\n",
    "two codes in one reply": b"250-Ok\r\n550 No\r\n",
    "a bare CR": b"250 Ok\r250 Ok\r\n",
    "a NUL": b"250\0Ok\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n",
    "a line without end": b"250 " + b"x" * REPLY_LINE_LIMIT,
    "a reply without end": b"250-x\r\n" * (REPLY_LINES_LIMIT + 1),
}

IN_TRANSACTION = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT, Stage.FINAL)


def result_of(events: list[Event]) -> TransactionResult | None:
    found = [event.result for event in events if isinstance(event, TransactionEnded)]
    assert len(found) <= 1
    return found[0] if found else None


def test_the_moments_are_what_they_say() -> None:
    assert {stage: make().stage for stage, make in MOMENTS.items()} == {stage: stage for stage in MOMENTS}
    assert at_chunk().stage is Stage.CONTENT


@every_moment
@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_nonsense_ends_the_session(name: str, stage: Stage, step: int) -> None:
    """The result comes first, then the error, once; after that nothing is heard or said."""
    client = MOMENTS[stage]()
    events: list[Event] = []
    errors: list[BadReply] = []
    octets = NONSENSE[name]
    for start in range(0, len(octets), step):
        more, error = listen(client, octets[start : start + step])
        events += more
        errors += [error] if error is not None else []
    assert len(errors) == 1
    result = result_of(events)
    assert (result is not None) == (stage in IN_TRANSACTION)
    if result is not None:
        assert not any(one.is_accepted for one in result.recipients)
        assert result.is_uncertain == (stage is Stage.FINAL)
    assert client.is_closed and client.stage is Stage.CLOSED and client.timeout is None
    assert listen(client, b"250 Ok\r\n") == ([], None)
    assert client.data_to_send() == b""
    client.quit()
    assert client.data_to_send() == b""


@every_moment
def test_goodbye_may_come_at_any_moment(stage: Stage) -> None:
    """421 (RFC 5321 §3.8): what it decides it decides, and no more."""
    client = MOMENTS[stage]()
    events, error = listen(client, b"421 4.3.2 Stopping\r\n")
    assert error is None
    assert isinstance(events[-1], HungUp)
    assert events[-1].stage is stage and events[-1].reply is not None and events[-1].reply.code == 421
    result = result_of(events)
    assert (result is not None) == (stage in IN_TRANSACTION)
    if result is not None:
        assert [one.reply.code if one.reply else 0 for one in result.recipients] in ([421, 421], [421, 550])
        assert not result.is_uncertain
    assert client.next_event() is Pause.CLOSED


@every_moment
def test_the_end_may_come_at_any_moment(stage: Stage) -> None:
    """Only after the last octet of the content is there a doubt."""
    client = MOMENTS[stage]()
    client.receive_end()
    events, error = listen(client)
    assert error is None
    assert events[-1] == HungUp(stage, None)
    result = result_of(events)
    assert (result is not None) == (stage in IN_TRANSACTION)
    if result is not None:
        assert result.is_uncertain == (stage is Stage.FINAL)
        assert [one.is_uncertain for one in result.recipients] == [stage is Stage.FINAL, False]
    assert client.next_event() is Pause.CLOSED


@every_moment
@pytest.mark.parametrize("code", [200, 211, 220, 221, 235, 250, 299, 300, 334, 354, 399, 400, 421, 450, 500, 554, 599])
def test_every_code_at_every_moment_is_taken_or_refused(stage: Stage, code: int) -> None:
    """A table of what moves a session on: everything else is a refusal by the server, or an error of it."""
    client = MOMENTS[stage]()
    events, error = listen(client, b"%d Words\r\n" % code)
    expected = {
        Stage.GREETING: {220},
        Stage.HELLO: {250},
        Stage.IDLE: set[int](),
        Stage.STARTTLS: {220},
        Stage.AUTH: {235, 334},
        Stage.MAIL: set(range(200, 300)),
        Stage.RCPT: set(range(200, 300)),
        Stage.DATA: {354},
        Stage.CONTENT: set[int](),
        Stage.FINAL: set(range(200, 300)),
        Stage.RESET: set(range(200, 300)),
        Stage.QUIT: set(range(200, 600)),
    }[stage]
    if code in expected or code == 421:
        assert error is None
    elif code >= 400 and stage is not Stage.IDLE:
        assert error is None
        taken = any(isinstance(event, Refused | TransactionEnded | HungUp) for event in events)
        assert taken or client.stage in (Stage.RCPT, Stage.HELLO, Stage.DATA)
    else:
        assert isinstance(error, UnexpectedReply)
        assert str(code) in str(error) or "nobody asked" in str(error)
    accepted = [one for event in events if isinstance(event, TransactionEnded) for one in event.result.accepted]
    assert bool(accepted) == (stage is Stage.FINAL and 200 <= code < 300)


@pytest.mark.parametrize("stage", [Stage.HELLO, Stage.MAIL, Stage.AUTH, Stage.RESET, Stage.FINAL])
def test_a_reply_before_its_command_is_no_answer(stage: Stage) -> None:
    """What the server said before it was asked can be no answer: it was guessed, or put there by somebody else."""
    client = MOMENTS[stage]()
    listen(client, EHLO if stage is Stage.HELLO else b"250 Ok\r\n" if stage is not Stage.AUTH else b"235 Ok\r\n")
    if stage is Stage.MAIL:
        listen(client, b"250 Ok\r\n550 No\r\n354 Go\r\n")
        client.send_content(b"hi\r\n")
        client.end_content()
        events, error = listen(client, b"250 Ok\r\n")  # and data_to_send was not called yet
        result = result_of(events)
        assert result is not None and not result.accepted and not result.is_uncertain
    else:
        client.receive_data(b"250 Ok\r\n")
        client.noop()
        events, error = listen(client)
    assert isinstance(error, UnexpectedReply)
    assert client.is_closed


@pytest.mark.parametrize("left", [b"250 Ok\r\n", b"250-mo", b"354 Go\r\n", b"nonsense"])
def test_a_transaction_begins_with_nothing_left_over(left: bytes) -> None:
    """Else a false reply would answer MAIL, and every later one the command after its own."""
    client = at_idle()
    client.receive_data(left)
    client.begin(client.plan(ENVELOPE, ContentShape()).transactions[0])
    events, error = listen(client)
    assert isinstance(error, BadReply)
    result = result_of(events)
    assert result is not None and not result.accepted and not result.is_uncertain
    assert client.data_to_send() == b""


def test_goodbye_before_a_transaction_is_goodbye() -> None:
    client = at_idle()
    client.receive_data(b"421 4.4.2 Idle\r\n")
    client.begin(client.plan(ENVELOPE, ContentShape()).transactions[0])
    events, error = listen(client)
    assert error is None
    result = result_of(events)
    assert result is not None and {one.reply.code for one in result.recipients if one.reply} == {421}
    assert isinstance(events[-1], HungUp)


def test_a_flood_is_bounded() -> None:
    """A caller that reads before it looks keeps no more than the rules allow."""
    client = at_mail()
    for _ in range(1000):
        client.receive_data(b"250 Ok\r\n" * 1000)
    assert len(client.buffer) <= ClientRules().buffered
    events, error = listen(client)
    assert isinstance(error, BadReply)
    assert result_of(events) is not None


def test_a_slow_reply_is_looked_at_once() -> None:
    """Octet by octet, a reply of the greatest length costs calls in proportion to its octets, not their square."""

    def count(lines: int) -> int:
        client = at_mail()
        octets = b"250-x\r\n" * lines
        calls = 0

        def trace(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(trace)
        try:
            for number in range(len(octets)):
                client.receive_data(octets[number : number + 1])
                client.next_event()
        finally:
            sys.setprofile(None)
        return calls

    assert count(80) < 5 * count(20)


def test_an_endless_login_ends() -> None:
    """A server may not keep us answering."""
    from samotop.sasl import ExternalClient

    class Patient(ExternalClient):
        def step(self, challenge: bytes) -> bytes:
            return challenge

    client = at_idle()
    client.authenticate(Patient())
    said = client.data_to_send()
    for _ in range(100):
        client.receive_data(b"334 AAAA\r\n")
        assert client.next_event() in (Pause.NEED_DATA,)
        said = client.data_to_send()
        if said == b"*\r\n":
            break
    assert said == b"*\r\n"


def test_errors_and_events_tell_no_secret() -> None:
    """Errors are logged by somebody, some day."""
    client = at_idle()
    client.authenticate(PlainClient("alice", "secret"))
    assert "secret" not in repr(client)
    client.data_to_send()
    events, error = listen(client, b"334 c2VjcmV0\r\n")
    assert (events, error) == ([], None)
    events, error = listen(client, b"501 c2VjcmV0 secret\r\n")
    assert isinstance(events[0], Refused) and "secret" not in events[0].reason
    client = at_auth()
    _, error = listen(client, b"250 secret\r\n")
    assert error is not None and "secret" not in str(error)
