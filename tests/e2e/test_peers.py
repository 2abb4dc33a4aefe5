"""Real mail servers as they come from Debian, each sending to us and receiving from us.

One pair for each server and module (``tests.fakes.peers.pair``). A test names the servers that can do what it is
about; docs/peers.md is the table of that, and ``tests/unit/test_peers_page.py`` keeps it true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from samotop.message import Message
from tests.fakes.peers.exim import Exim
from tests.fakes.peers.opensmtpd import OpenSmtpd
from tests.fakes.peers.pair import Pair, mark, open_pair
from tests.fakes.peers.postfix import Postfix
from tests.fakes.peers.server import MailServer, make_peer_certificate
from tests.fakes.serving import Homes, poll
from tests.fakes.talk import Talk, message, trusting

pytestmark = pytest.mark.slow

BIG = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def pair(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    homes: Homes,
    needs: Callable[..., str],
) -> Iterator[Pair]:
    """Our server and the one that the test is about."""
    root = make_peer_certificate("Root")
    kinds: dict[str, Callable[[], MailServer]] = {
        "Postfix": lambda: Postfix(root, needs),
        "Exim": lambda: Exim(root),
        "OpenSMTPD": lambda: OpenSmtpd(root),
    }
    with open_pair(kinds[request.param](), tmp_path_factory.mktemp("pair"), homes) as pair:
        yield pair


def with_peers(*names: str) -> pytest.MarkDecorator:
    """The servers that can do what the test is about."""
    return pytest.mark.parametrize("pair", names, indirect=True, scope="module")


def received_by_us(stored: bytes) -> str:
    """Our Received field, the first one."""
    found = re.search(rb"(?m)^Received: (.*(?:\n[ \t].*)*)", stored)
    assert found is not None
    return re.sub(r"\s+", " ", found[1].decode())


def stuffed(content: bytes) -> bytes:
    """As DATA has it: a dot more where a line begins with one (RFC 5321 §4.5.2)."""
    return content.replace(b"\r\n.", b"\r\n..")


# --- it sends to us ---------------------------------------------------------------------------------------------------


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_sends_over_verified_tls(pair: Pair) -> None:
    """STARTTLS with our certificate verified: it refuses to send without."""
    marker = mark()
    pair.peer.submit(message(marker), "alice@example.org")
    received = received_by_us(pair.stored(marker))
    assert re.match(r"from mx\.peer\.example \(\[127\.0\.0\.1\]\) by mx\.example\.org with ESMTPS id ", received)


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_sends_logged_in(pair: Pair) -> None:
    """Submission: it logs in to us as its smarthost."""
    marker = mark()
    pair.peer.submit(message(marker), "bob@login.example.org", sender="<alice@example.org>")
    assert " with ESMTPSA id " in received_by_us(pair.stored(marker, "bob"))


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_sends_by_lmtp(pair: Pair) -> None:
    """LMTP: two recipients, an answer for each; one is unknown, and the peer tells its user so."""
    marker = mark()
    pair.peer.submit(message(marker), "alice@lmtp.example.org", "nobody@lmtp.example.org")
    assert " with LMTP id " in received_by_us(pair.stored(marker))
    assert b"nobody@lmtp.example.org" in pair.peer.wait_for_notification(marker)


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_sends_eight_bit_content(pair: Pair) -> None:
    """8BITMIME: Latin-1 arrives octet by octet."""
    marker = mark()
    body = "Grüße aus Köln\r\n".encode("latin-1")
    pair.peer.submit(message(marker, body), "alice@plain.example.org", mail=" BODY=8BITMIME")
    assert body.replace(b"\r\n", b"\n") in pair.stored(marker)
    assert "250-8BITMIME" in pair.to_us.server().decode()


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_sends_dots_and_long_lines(pair: Pair) -> None:
    """Lines that begin with a dot, and lines of 990 octets, arrive as they were."""
    marker = mark()
    body = b".\r\n..\r\n.x\r\n" + b"y" * 990 + b"\r\n"
    pair.peer.submit(stuffed(message(marker, body)), "alice@example.org")
    assert pair.stored(marker).endswith(body.replace(b"\r\n", b"\n"))


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_sends_a_big_message(pair: Pair) -> None:
    """Four megabytes over TLS."""
    marker = mark()
    body = (b"0123456789" * 7 + b"\r\n") * (BIG // 72)
    pair.peer.submit(message(marker, body), "alice@example.org")
    stored = pair.stored(marker)
    assert stored.partition(b"\n\n")[2] == body.replace(b"\r\n", b"\n")


@with_peers("Postfix", "Exim")
def test_sends_smtputf8(pair: Pair) -> None:
    """SMTPUTF8: an author and a header beyond ASCII."""
    marker = mark()
    content = f"From: <jörg@peer.example>\r\nSubject: Grüße {marker}\r\n\r\nGrüße\r\n".encode()
    pair.peer.submit(content, "alice@example.org", sender="<jörg@peer.example>", mail=" SMTPUTF8 BODY=8BITMIME")
    stored = pair.stored(marker)
    assert " with UTF8SMTPS id " in received_by_us(stored)
    assert stored.startswith("Return-Path: <jörg@peer.example>\n".encode())
    assert f"\nSubject: Grüße {marker}\n".encode() in stored


@with_peers("Postfix", "Exim")
def test_sends_dsn_wishes(pair: Pair) -> None:
    """DSN: NOTIFY, ORCPT, ENVID and RET arrive, and our notification of success comes back to its user."""
    marker = mark()
    pair.peer.submit(
        message(marker),
        "alice@plain.example.org",
        mail=f" RET=HDRS ENVID=e{marker}",
        rcpt=" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@example.com",
    )
    pair.stored(marker)
    mail, rcpt = pair.to_us.commands_of(marker)[:2]
    assert f"ENVID=e{marker}" in mail and "RET=HDRS" in mail
    assert "NOTIFY=SUCCESS,FAILURE" in rcpt and "ORCPT=rfc822;first@example.com" in rcpt
    told = pair.peer.wait_for_notification(f"e{marker}")
    assert b"Action: delivered" in told and b"Original-Recipient: rfc822; first@example.com" in told.replace(
        b";f", b"; f"
    )


@with_peers("Exim")
def test_sends_with_bdat(pair: Pair) -> None:
    """CHUNKING: we offer it, and it sends the content with BDAT."""
    marker = mark()
    pair.peer.submit(message(marker), "alice@plain.example.org")
    pair.stored(marker)
    commands = pair.to_us.commands_of(marker)
    assert any(command.startswith("BDAT ") for command in commands), commands
    assert "DATA" not in commands


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_tells_its_user_of_our_refusal(pair: Pair) -> None:
    """An unknown recipient: our 550 becomes its notification; the other recipient gets the message."""
    marker = mark()
    pair.peer.submit(message(marker), "nobody@example.org", "alice@example.org")
    pair.stored(marker)
    told = pair.peer.wait_for_notification(marker)
    assert b"nobody@example.org" in told and b"5.1.1" in told


# --- it receives from us ----------------------------------------------------------------------------------------------


@with_peers("Postfix", "Exim")
def test_receives_over_verified_tls(pair: Pair) -> None:
    """TLS is required of it, and its certificate is verified by the route's roots and name."""
    marker = mark()
    pair.send(message(marker), "user@peer.example", "second@peer.example")
    for user in ("user", "second"):
        stored = pair.peer.wait_for_one(marker, user)
        assert stored.count(b"Received: ") >= 2
        assert re.search(rb"TLS ?v?1[._]3", stored) or b"ESMTPS" in stored or b"esmtps" in stored
    poll(lambda: not pair.home.queue(), what="the queue to be empty")


@with_peers("Postfix", "Exim")
def test_gets_nothing_under_a_wrong_name(pair: Pair) -> None:
    """A certificate for another name than the route's: the message waits, and nothing of it has been sent."""
    marker = mark()
    pair.send(message(marker), "user@wrong.peer.example")
    (row,) = poll(lambda: [one for one in pair.home.queue() if one["attempts"]])
    assert row["state"] == "queued" and "4.7.5" in row["reason"]
    pair.home.run("queue", "drop", row["id"])
    assert not [one for one in pair.peer.mail() if marker.encode() in one]


@with_peers("Exim")
def test_receives_what_we_log_in_for(pair: Pair) -> None:
    """AUTH: the route has a name and a password, and the peer refuses that domain without."""
    marker = mark()
    pair.send(message(marker), "user@login.peer.example")
    pair.peer.wait_for_one(marker)


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_receives_eight_bit_content(pair: Pair) -> None:
    """8BITMIME: Latin-1, dots and a line of 990 octets arrive as they were."""
    marker = mark()
    body = b".\r\n..\r\n" + "Grüße\r\n".encode("latin-1") + b"y" * 990 + b"\r\n"
    pair.send(stuffed(message(marker, body)), "user@plain.peer.example", mail=" BODY=8BITMIME")
    assert pair.peer.wait_for_one(marker).endswith(body.replace(b"\r\n", b"\n"))


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_receives_a_big_message(pair: Pair) -> None:
    """Four megabytes over TLS."""
    marker = mark()
    body = (b"0123456789" * 7 + b"\r\n") * (BIG // 72)
    pair.send(message(marker, body), "user@plain.peer.example")
    stored = pair.peer.wait_for_one(marker)
    assert stored.partition(b"\n\n")[2] == body.replace(b"\r\n", b"\n")


@with_peers("Postfix", "Exim")
def test_receives_smtputf8(pair: Pair) -> None:
    """SMTPUTF8: a mailbox, an author and a header beyond ASCII."""
    marker = mark()
    content = f"From: <bob@example.org>\r\nTo: <jörg@peer.example>\r\nSubject: Grüße {marker}\r\n\r\nGrüße\r\n".encode()
    pair.send(content, "jörg@peer.example", mail=" SMTPUTF8 BODY=8BITMIME")
    assert f"\nSubject: Grüße {marker}\n".encode() in pair.peer.wait_for_one(marker, "jörg")


@with_peers("OpenSMTPD")
def test_is_sent_no_smtputf8(pair: Pair) -> None:
    """It does not offer SMTPUTF8: the sender is told, and the address is not rewritten (RFC 6531 §3.2)."""
    marker = mark()
    content = f"From: <bob@example.org>\r\nSubject: Grüße {marker}\r\n\r\nGrüße\r\n".encode()
    pair.send(content, "jörg@plain.peer.example", mail=" SMTPUTF8 BODY=8BITMIME")
    (one,) = pair.notification(marker).recipients
    assert one.action == "failed" and str(one.status) == "5.6.7"


@with_peers("OpenSMTPD")
def test_tells_us_of_success_in_its_own_form(pair: Pair) -> None:
    """It takes NOTIFY=SUCCESS and tells our user, but as multipart/mixed, not as a multipart/report (RFC 6522)."""
    marker = mark()
    pair.send(message(marker), "user@plain.peer.example", rcpt=" NOTIFY=SUCCESS")
    pair.peer.wait_for_one(marker)
    assert "NOTIFY=SUCCESS" in pair.to_peer.commands_of(marker)[1]
    stored = pair.stored(marker, "bob")
    assert b"message/delivery-status" in stored and b"multipart/report" not in stored
    assert b"From: Mailer Daemon" in stored
    (one,) = pair.notification(marker).recipients
    assert (one.final, one.action) == ("user@plain.peer.example", "delivered")


@with_peers("Postfix", "Exim")
def test_tells_us_of_success(pair: Pair) -> None:
    """DSN: it gets NOTIFY, ORCPT and ENVID, and its own notification of success comes back to our user."""
    marker = mark()
    pair.send(
        message(marker),
        "user@plain.peer.example",
        mail=f" RET=HDRS ENVID=e{marker}",
        rcpt=" NOTIFY=SUCCESS ORCPT=rfc822;first@example.com",
    )
    pair.peer.wait_for_one(marker)
    mail, rcpt = pair.to_peer.commands_of(marker)[:2]
    assert f"ENVID=e{marker}" in mail and "NOTIFY=SUCCESS" in rcpt and "ORCPT=rfc822;first@example.com" in rcpt
    told = pair.notification(marker)
    (one,) = told.recipients
    assert (one.action, one.final, one.original) == ("delivered", "user@plain.peer.example", "first@example.com")
    assert told.envelope_id == f"e{marker}"


@with_peers("Postfix", "Exim")
def test_receives_binary_content(pair: Pair) -> None:
    """BINARYMIME came in; it offers CHUNKING alone or not, and gets the octets in a form that it can take."""
    marker = mark()
    part = bytes(range(256)) * 4
    content = (
        f"From: <bob@example.org>\r\nSubject: {marker}\r\nMIME-Version: 1.0\r\n"
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    ).encode() + part
    pair.send(content, "user@plain.peer.example", mail=" BODY=BINARYMIME", is_binary=True)
    stored = pair.peer.wait_for_one(marker)
    assert Message.parse(stored).entity.decoded() == part


@with_peers("Postfix", "Exim", "OpenSMTPD")
def test_refuses_one_recipient_of_two(pair: Pair) -> None:
    """550 for one: our user is told of that one alone, the other gets the message."""
    marker = mark()
    pair.send(message(marker), "nobody@plain.peer.example", "user@plain.peer.example")
    pair.peer.wait_for_one(marker)
    (one,) = pair.notification(marker).recipients
    assert one.final == "nobody@plain.peer.example" and one.action == "failed"
    assert one.status is not None and str(one.status).startswith("5.")
    poll(lambda: not pair.home.queue(), what="the queue to be empty")


@with_peers("Postfix", "Exim")
def test_is_sent_nothing_that_requires_tls(pair: Pair) -> None:
    """REQUIRETLS: it does not offer that, so that the message is not sent at all (RFC 8689 §4.2.1)."""
    marker = mark()
    with Talk(pair.ours.address()) as talk:
        talk.ehlo()
        talk.start_tls(trusting())
        talk.ehlo()
        replies = talk.say_all("MAIL FROM:<bob@example.org> REQUIRETLS", "RCPT TO:<user@peer.example>", "DATA")
        assert replies[-1].startswith("354"), replies
        talk.content(message(marker))
    told = pair.notification(marker)
    assert str(told.recipients[0].status) == "5.7.30"
    assert not [one for one in pair.peer.mail() if marker.encode() in one]


@with_peers("Postfix", "Exim")
def test_puts_off_and_is_tried_again(pair: Pair) -> None:
    """450 for one recipient: the other has the message at once, that one gets it at the next attempt, once."""
    marker = mark()
    pair.send(message(marker), "later@peer.example", "user@peer.example", "full@peer.example")
    pair.peer.wait_for_one(marker)
    (row,) = poll(lambda: [one for one in pair.home.queue() if one["attempts"]])
    assert row["state"] == "queued"
    pair.peer.let_in()

    def is_there() -> list[bytes]:
        pair.home.run("queue", "retry", row["id"])
        return [one for one in pair.peer.mail("later") if marker.encode() in one]

    poll(is_there, what="the next attempt")
    pair.home.run("queue", "drop", row["id"])
    pair.peer.wait_for_one(marker)
