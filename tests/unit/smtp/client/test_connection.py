"""The calls of ``ClientConnection`` and their order; what is said and heard is in tests/dialogs/client."""

from __future__ import annotations

import pytest

from samotop.address import Address
from samotop.envelope import Envelope, Recipient
from samotop.sasl import PlainClient
from samotop.smtp.client import (
    TIMEOUTS,
    ClientConnection,
    ClientRules,
    ContentShape,
    ContentWanted,
    HungUp,
    InjectedReply,
    LineEnds,
    Pause,
    Ready,
    Stage,
    TlsAccepted,
    TransactionEnded,
    TransactionPlan,
    measure_whole,
)
from samotop.smtp.lines import BareLineEnding
from samotop.smtp.paths import BadPath

BOB = Recipient(Address("b", "example.org"))


def begin(rules: ClientRules = ClientRules(), *, offer: bytes = b"", is_encrypted: bool = False) -> ClientConnection:
    client = ClientConnection("client.example.net", rules, is_encrypted=is_encrypted)
    client.receive_data(b"220 mx\r\n")
    assert client.next_event() is Pause.NEED_DATA
    assert client.data_to_send() == b"EHLO client.example.net\r\n"
    client.receive_data(b"250-mx\r\n%s250 PIPELINING\r\n" % offer)
    assert isinstance(client.next_event(), Ready)
    assert client.next_event() is Pause.WAITING
    return client


def plan(client: ClientConnection) -> TransactionPlan:
    return client.plan(Envelope(Address("a", "example.net"), (BOB,)), ContentShape()).transactions[0]


def in_content(rules: ClientRules = ClientRules(), *, offer: bytes = b"") -> ClientConnection:
    client = begin(rules, offer=offer)
    client.begin(plan(client))
    client.data_to_send()
    client.receive_data(b"250 Ok\r\n250 Ok\r\n354 Go\r\n")
    assert client.next_event() == ContentWanted()
    return client


@pytest.mark.parametrize("hello", ["", "two words", "a\r\nQUIT", "héllo", "x" * 256, "\udc80"])
def test_what_cannot_be_said_is_no_name(hello: str) -> None:
    with pytest.raises(ValueError):
        ClientConnection(hello)


@pytest.mark.parametrize("hello", ["client.example.net", "[192.0.2.1]", "localhost"])
def test_what_can_be_said_is_one(hello: str) -> None:
    assert ClientConnection(hello).hello == hello.encode()


def test_calls_out_of_order_are_bugs() -> None:
    client = ClientConnection("client.example.net")
    for call in (client.start_tls, client.reset, client.noop, client.quit, client.proceed, client.end_content):
        with pytest.raises(RuntimeError):
            call()
    with pytest.raises(RuntimeError):
        client.tls_started()
    with pytest.raises(RuntimeError):
        client.begin(TransactionPlan(b"MAIL FROM:<>\r\n", (BOB,), (b"RCPT TO:<b@example.org>\r\n",)))
    with pytest.raises(RuntimeError):
        client.send_content(b"")
    with pytest.raises(RuntimeError):
        client.add_recipient(BOB)
    assert client.stage is Stage.GREETING
    assert client.data_to_send() == b""


def test_content_that_nobody_asked_for_is_a_bug() -> None:
    """Silence would lose a message."""
    client = begin()
    client.begin(plan(client))
    with pytest.raises(RuntimeError):
        client.send_content(b"hi\r\n")
    with pytest.raises(RuntimeError):
        client.begin(plan(client))


def test_content_after_the_end_is_none() -> None:
    """Who sends does not always know yet that the server has refused it."""
    client = in_content()
    client.receive_data(b"552 5.3.4 Too large\r\n")
    assert isinstance(client.next_event(), TransactionEnded)
    assert not client.wants_content
    client.send_content(b"hi\r\n")
    client.end_content()
    assert isinstance(client.next_event(), HungUp)
    assert client.data_to_send() == b""


def test_no_login_in_the_clear_unless_somebody_insists() -> None:
    mechanism = PlainClient("alice", "secret")
    client = begin()
    with pytest.raises(RuntimeError):
        client.authenticate(mechanism)
    assert client.data_to_send() == b""
    begin(ClientRules(allows_plaintext_login=True)).authenticate(mechanism)
    begin(is_encrypted=True).authenticate(mechanism)


def test_one_login_is_enough() -> None:
    client = begin(is_encrypted=True)
    client.authenticate(PlainClient("alice", "secret"))
    client.data_to_send()
    client.receive_data(b"235 Ok\r\n")
    client.next_event()
    assert client.is_authenticated
    with pytest.raises(RuntimeError):
        client.authenticate(PlainClient("alice", "secret"))


def test_tls_forgets_what_was_known() -> None:
    """RFC 3207 §4.2."""
    client = begin(ClientRules(allows_plaintext_login=True), offer=b"250-SIZE 5\r\n250-STARTTLS\r\n")
    client.authenticate(PlainClient("alice", "secret"))
    client.data_to_send()
    client.receive_data(b"235 Ok\r\n")
    client.next_event()
    assert client.capabilities.size == 5
    client.start_tls()
    client.data_to_send()
    client.receive_data(b"220 Go\r\n")
    assert client.next_event() == TlsAccepted()
    assert client.next_event() is Pause.WAITING
    assert (client.stage, client.timeout) == (Stage.STARTTLS, 120.0)
    client.tls_started()
    assert client.is_encrypted and not client.is_authenticated
    assert client.capabilities.size is None and not client.can_begin
    assert client.data_to_send() == b"EHLO client.example.net\r\n"
    with pytest.raises(RuntimeError):
        client.start_tls()


def test_octets_in_the_clear_during_the_handshake_are_an_attack() -> None:
    client = begin(offer=b"250-STARTTLS\r\n")
    client.start_tls()
    client.data_to_send()
    client.receive_data(b"220 Go\r\n")
    client.next_event()
    client.receive_data(b"250 mx\r\n")
    client.tls_started()
    with pytest.raises(InjectedReply):
        client.next_event()
    assert client.next_event() is Pause.CLOSED
    assert client.data_to_send() == b""


def test_stages_have_their_seconds() -> None:
    """RFC 5321 §4.5.3.2, in one table; a caller's own table counts where there is one."""
    waited_for = set(Stage) - {Stage.IDLE, Stage.CLOSED}
    assert set(TIMEOUTS) == waited_for
    assert ClientConnection("x").timeout == 300.0
    assert ClientConnection("x", ClientRules(timeouts={Stage.GREETING: 1.5})).timeout == 1.5
    assert begin().timeout is None
    client = in_content()
    assert (client.stage, client.timeout) == (Stage.CONTENT, 180.0)
    client.end_content()
    assert (client.stage, client.timeout) == (Stage.FINAL, 600.0)


def test_replies_are_counted_when_they_are_whole() -> None:
    """A deadline is for a whole reply: octets of one that drips must not move it."""
    client = begin()
    client.begin(plan(client))
    client.data_to_send()
    before = client.replies
    counts = []
    for octets in (b"250-2.1.0 More\r\n25", b"0 2.1.0 Ok\r\n250", b" Ok\r\n354 Go\r\n"):
        client.receive_data(octets)
        while not isinstance(client.next_event(), Pause):
            pass
        counts.append(client.replies - before)
    assert counts == [0, 1, 3]


def test_a_server_names_how_many_messages_it_takes() -> None:
    """MAILMAX (RFC 9422)."""
    client = begin(offer=b"250-LIMITS MAILMAX=1\r\n")
    client.begin(plan(client))
    client.data_to_send()
    client.receive_data(b"550 No\r\n503 No\r\n503 No\r\n")
    assert isinstance(client.next_event(), TransactionEnded)
    assert client.stage is Stage.IDLE
    assert not client.can_begin
    with pytest.raises(RuntimeError):
        client.begin(plan(client))
    client.quit()
    assert client.data_to_send() == b"QUIT\r\n"


@pytest.mark.parametrize("ending", [b"", b"\r"])
def test_a_line_end_that_must_not_be_sent_ends_the_session(ending: bytes) -> None:
    """DATA cannot be taken back: who closes now has sent no message (RFC 5321 §4.1.1.4)."""
    client = in_content()
    client.send_content(b"hi\r\n" + ending)
    with pytest.raises(BareLineEnding):
        client.send_content(b"a\nb") if not ending else client.end_content()
    event = client.next_event()
    assert isinstance(event, TransactionEnded)
    assert not event.result.accepted and not event.result.is_uncertain
    assert client.next_event() == HungUp(Stage.CONTENT, None)
    assert client.data_to_send() == b""


def test_other_line_ends_are_made_crlf_where_that_is_wanted() -> None:
    client = in_content(ClientRules(line_ends=LineEnds.NORMALIZE))
    for chunk in (b"a\n.b\r", b"\n\r", b".c"):
        client.send_content(chunk)
    client.end_content()
    assert client.data_to_send() == b"a\r\n..b\r\n\r\n..c\r\n.\r\n"


def test_an_address_made_by_hand_is_not_said() -> None:
    client = begin()
    client.begin(plan(client), holds_content=True)
    said = client.data_to_send()
    with pytest.raises(BadPath):
        client.add_recipient(Recipient(Address("a>\r\nDATA\r\n", "example.org")))
    assert client.data_to_send() == b""
    client.receive_data(b"250 Ok\r\n250 Ok\r\n")
    client.next_event()
    client.proceed()
    assert said.count(b"RCPT") == 1 and client.data_to_send() == b"DATA\r\n"


def test_nothing_is_doubtful_until_the_last_octet_was_given_out() -> None:
    """What stands in our own buffer has not been sent."""
    for takes in (False, True):
        client = in_content()
        client.send_content(b"hi\r\n")
        client.end_content()
        if takes:
            client.data_to_send()
        client.receive_end()
        event = client.next_event()
        assert isinstance(event, TransactionEnded)
        assert event.result.is_uncertain is takes


def test_one_too_many_is_for_the_next_transaction() -> None:
    """RFC 5321 §4.5.3.1.10: 452 to some of the recipients is a matter of their number."""
    client = begin()
    recipients = tuple(Recipient(Address(f"r{number}", "example.org")) for number in range(4))
    client.begin(client.plan(Envelope(Address("a", "example.net"), recipients), ContentShape()).transactions[0])
    client.data_to_send()
    client.receive_data(b"250 Ok\r\n250 Ok\r\n452 4.5.3 Enough\r\n452 4.2.2 Full\r\n552 Enough\r\n354 Go\r\n")
    client.next_event()
    client.end_content()
    client.data_to_send()
    client.receive_data(b"250 Ok\r\n")
    event = client.next_event()
    assert isinstance(event, TransactionEnded)
    assert event.result.left_over == (recipients[1], recipients[3])
    assert not event.result.is_accepted and [one.is_permanent for one in event.result.recipients][:3] == [False] * 3


def test_a_pipelined_message_costs_few_calls() -> None:
    """From ``begin`` to its result, not counting what the interpreter does by itself."""
    import sys

    client = begin()
    prepared = plan(client)
    calls = 0

    def trace(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(trace)
    try:
        client.begin(prepared)
        client.data_to_send()
        client.receive_data(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go\r\n")
        client.next_event()
        client.send_content(b"Subject: hi\r\n\r\nhi\r\n")
        client.end_content()
        client.data_to_send()
        client.receive_data(b"250 2.0.0 Queued as 1\r\n")
        event = client.next_event()
    finally:
        sys.setprofile(None)
    assert isinstance(event, TransactionEnded) and event.result.is_accepted
    assert calls < 110


@pytest.mark.parametrize("shape", [measure_whole(b"a\nb\r\n"), ContentShape(5), ContentShape(3)])
def test_a_whole_content_is_guarded_unless_it_was_measured(shape: ContentShape) -> None:
    """A shape that says of bare line ends, or is another content's, saves nothing of the looking."""
    client = in_content()
    octets = b"a\nb\r\n"
    if shape == ContentShape(5):
        octets = b"abc\r\n"
        client.send_whole(octets, shape)
        assert client.data_to_send() == b"abc\r\n.\r\n"
    else:
        with pytest.raises(BareLineEnding):
            client.send_whole(octets, shape)
