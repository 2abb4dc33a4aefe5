"""The next MAIL behind the end of a content whose reply has not come (RFC 2920 §3.1)."""

from __future__ import annotations

import pytest

from samotop.address import Address
from samotop.envelope import Envelope, Recipient
from samotop.smtp.client import (
    BadReply,
    ClientConnection,
    ClientRules,
    ContentShape,
    ContentWanted,
    HungUp,
    Pause,
    Ready,
    Stage,
    TransactionEnded,
    TransactionPlan,
)

BOB, CAROL = (Recipient(Address(name, "example.org")) for name in ("b", "c"))
LETTER = b"Subject: x\r\n\r\nx\r\n"
SECOND = b"MAIL FROM:<a@example.net>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n"
READY = b"250 Ok\r\n250 Ok\r\n354 Go\r\n"


def begin(
    *, offers: bytes = b"250 PIPELINING\r\n", is_lmtp: bool = False, rules: ClientRules = ClientRules()
) -> ClientConnection:
    client = ClientConnection("client.example.net", rules, is_lmtp=is_lmtp)
    client.receive_data(b"220 mx\r\n")
    assert client.next_event() is Pause.NEED_DATA
    client.data_to_send()
    client.receive_data(b"250-mx\r\n" + offers)
    assert isinstance(client.next_event(), Ready)
    return client


def plan(client: ClientConnection, recipient: Recipient) -> TransactionPlan:
    return client.plan(Envelope(Address("a", "example.net"), (recipient,)), ContentShape()).transactions[0]


def send_first(client: ClientConnection) -> None:
    """The first message, all of it, up to where its reply is awaited."""
    client.begin(plan(client, BOB))
    client.data_to_send()
    client.receive_data(READY)
    while client.next_event() != ContentWanted():
        client.data_to_send()
    client.send_content(LETTER)
    client.end_content()


def overlapping() -> ClientConnection:
    client = begin()
    send_first(client)
    assert client.can_overlap
    client.begin(plan(client, CAROL))
    assert client.data_to_send() == LETTER + b".\r\n" + SECOND
    return client


def ended(client: ClientConnection) -> tuple[Stage, int | None, bool, bool]:
    """Stage, reply code, whether accepted, whether uncertain, of the transaction that ends now."""
    event = client.next_event()
    assert isinstance(event, TransactionEnded)
    (one,) = event.result.recipients
    return one.stage, None if one.reply is None else one.reply.code, one.is_accepted, one.is_uncertain


@pytest.mark.parametrize("code", [250, 451, 554])
def test_each_message_has_its_own_reply(code: int) -> None:
    """Whatever becomes of the first content, its transaction is over: the second goes on without RSET."""
    client = overlapping()
    client.receive_data(b"%d Done\r\n" % code + READY)
    assert ended(client) == (Stage.FINAL, code, code == 250, False)
    assert client.next_event() == ContentWanted()
    client.send_content(LETTER)
    client.end_content()
    assert client.data_to_send() == LETTER + b".\r\n"
    client.receive_data(b"250 Done\r\n")
    assert ended(client) == (Stage.FINAL, 250, True, False)
    assert client.can_begin
    client.begin(plan(client, BOB))
    assert client.data_to_send().startswith(b"MAIL")


def test_a_refused_sender_leaves_the_first_alone() -> None:
    client = overlapping()
    client.receive_data(b"250 Done\r\n550 No\r\n503 No\r\n503 No\r\n")
    assert ended(client) == (Stage.FINAL, 250, True, False)
    assert ended(client) == (Stage.MAIL, 550, False, False)
    assert client.can_begin


def test_goodbye_for_a_reply_decides_nothing_of_the_next() -> None:
    """421 is the first one's reply. The second is told at MAIL: no server has it, another session may take it."""
    client = overlapping()
    client.receive_data(b"421 Bye\r\n")
    assert ended(client) == (Stage.FINAL, 421, False, False)
    assert ended(client) == (Stage.MAIL, 421, False, False)
    assert isinstance(client.next_event(), HungUp)


def test_goodbye_after_a_reply_is_the_next_ones() -> None:
    client = overlapping()
    client.receive_data(b"250 Done\r\n421 Bye\r\n")
    assert ended(client) == (Stage.FINAL, 250, True, False)
    assert ended(client) == (Stage.MAIL, 421, False, False)


def test_a_lost_connection_is_uncertain_for_the_first_alone() -> None:
    """Its whole content was sent; of the second, nothing but commands."""
    client = overlapping()
    client.receive_end()
    assert ended(client) == (Stage.FINAL, None, False, True)
    assert ended(client) == (Stage.MAIL, None, False, False)
    assert client.next_event() == HungUp(Stage.MAIL, None)


def test_nonsense_ends_both() -> None:
    client = overlapping()
    client.receive_data(b"hello\r\n")
    assert ended(client) == (Stage.FINAL, None, False, True)
    assert ended(client) == (Stage.MAIL, None, False, False)
    with pytest.raises(BadReply):
        client.next_event()


def test_one_message_ahead_and_no_more() -> None:
    """Two unanswered contents would be two uncertain messages where the connection breaks."""
    client = overlapping()
    assert not client.can_overlap
    with pytest.raises(RuntimeError):
        client.begin(plan(client, BOB))


@pytest.mark.parametrize(
    ("offers", "is_lmtp"),
    [(b"250 SIZE\r\n", False), (b"250 PIPELINING\r\n", True), (b"250-PIPELINING\r\n250 LIMITS MAILMAX=1\r\n", False)],
    ids=["no pipelining", "lmtp", "one message a session"],
)
def test_not_with_every_server(offers: bytes, is_lmtp: bool) -> None:
    """LMTP has a reply for each recipient; without PIPELINING each command waits for the reply before it."""
    client = begin(offers=offers, is_lmtp=is_lmtp)
    client.begin(plan(client, BOB))
    while client.next_event() is Pause.NEED_DATA:
        said = client.data_to_send()
        client.receive_data(b"250 Ok\r\n" * (said.count(b"\r\n") - said.count(b"DATA")))
        if b"DATA" in said:
            client.receive_data(b"354 Go\r\n")
    client.send_content(LETTER)
    client.end_content()
    assert not client.can_overlap


def test_not_where_the_rules_forbid_it() -> None:
    client = begin(rules=ClientRules(overlaps=False))
    send_first(client)
    assert not client.can_overlap


def test_not_before_the_content_is_complete() -> None:
    client = begin()
    client.begin(plan(client, BOB))
    assert not client.can_overlap
    client.data_to_send()
    client.receive_data(READY)
    assert client.next_event() == ContentWanted()
    client.send_content(LETTER)
    assert not client.can_overlap
