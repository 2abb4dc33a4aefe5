"""Dovecot as it comes from Debian: we hand over to its LMTP server, and its LMTP proxy hands over to us."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.fakes.peers.dovecot import Dovecot
from tests.fakes.peers.pair import Pair, mark, open_pair
from tests.fakes.peers.server import make_peer_certificate
from tests.fakes.serving import Homes, poll
from tests.fakes.talk import message

pytestmark = pytest.mark.slow

BIG = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def dovecot() -> Dovecot:
    return Dovecot(make_peer_certificate("Root"))


@pytest.fixture(scope="module")
def pair(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory, homes: Homes) -> Iterator[Pair]:
    """Our server and Dovecot; a route to its UNIX socket beside those over TCP."""
    route = f'\n[[route]]\nmatch = "unix.peer.example"\nvia = "lmtp:{dovecot.socket}"\n'
    with open_pair(dovecot, tmp_path_factory.mktemp("pair"), homes, more=route) as pair:
        yield pair


def test_receives_over_verified_tls(pair: Pair) -> None:
    """LMTP over TCP: STARTTLS with its certificate verified, two recipients, two Maildirs."""
    marker = mark()
    pair.send(message(marker), "user@peer.example", "second@peer.example")
    for user in ("user", "second"):
        assert re.search(rb"with LMTPS?\s", pair.peer.wait_for_one(marker, user))
    poll(lambda: not pair.home.queue(), what="the queue to be empty")


def test_receives_over_a_unix_socket(pair: Pair, dovecot: Dovecot) -> None:
    """The route that people have who run Dovecot on the same machine; doveadm finds the message."""
    marker = mark()
    pair.send(message(marker), "user@unix.peer.example")
    pair.peer.wait_for_one(marker)
    found = dovecot.doveadm("fetch", "-u", "user", "hdr.subject", "mailbox", "INBOX", "header", "subject", marker)
    assert f"hdr.subject: {marker}" in found


def test_refuses_one_recipient_of_three(pair: Pair) -> None:
    """LMTP's answer for each recipient: one is unknown (5.1.1), one is over its quota (5.2.2), one has the message."""
    marker = mark()
    pair.send(message(marker), "nobody@peer.example", "full@peer.example", "user@peer.example")
    pair.peer.wait_for_one(marker)
    poll(lambda: len([one for one in pair.home.mail("bob") if marker.encode() in one.read_bytes()]) >= 1)
    told = {one.final: (one.action, str(one.status)) for one in pair.notification(marker).recipients}
    assert told["nobody@peer.example"] == ("failed", "5.1.1")
    assert told["full@peer.example"] == ("failed", "5.2.2")


def test_receives_eight_bit_content(pair: Pair) -> None:
    """8BITMIME: Latin-1, dots and a line of 990 octets arrive as they were."""
    marker = mark()
    body = b".\r\n..\r\n" + "Grüße\r\n".encode("latin-1") + b"y" * 990 + b"\r\n"
    pair.send(message(marker, body).replace(b"\r\n.", b"\r\n.."), "user@peer.example", mail=" BODY=8BITMIME")
    assert pair.peer.wait_for_one(marker).replace(b"\r\n", b"\n").endswith(body.replace(b"\r\n", b"\n"))


def test_receives_a_big_message(pair: Pair) -> None:
    """Four megabytes over TLS."""
    marker = mark()
    body = (b"0123456789" * 7 + b"\r\n") * (BIG // 72)
    pair.send(message(marker, body), "user@peer.example")
    assert pair.peer.wait_for_one(marker).partition(b"\n\n")[2] == body.replace(b"\r\n", b"\n")


def test_receives_binary_content(pair: Pair) -> None:
    """It offers CHUNKING: what came as BINARYMIME goes on in a form that it takes."""
    marker = mark()
    content = (
        f"From: <bob@example.org>\r\nSubject: {marker}\r\nMIME-Version: 1.0\r\n"
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    ).encode() + bytes(range(256))
    pair.send(content, "user@plain.peer.example", mail=" BODY=BINARYMIME", is_binary=True)
    pair.peer.wait_for_one(marker)
    assert re.search(rb"(?m)^250[- ]CHUNKING", pair.to_peer.server())


def test_is_vouched_for_where_it_tells_no_success(pair: Pair) -> None:
    """NOTIFY=SUCCESS: our user is told, by us, since it offers no DSN."""
    marker = mark()
    pair.send(message(marker), "user@peer.example", rcpt=" NOTIFY=SUCCESS")
    pair.peer.wait_for_one(marker)
    (one,) = pair.notification(marker).recipients
    assert one.action in ("relayed", "delivered") and one.final == "user@peer.example"


def test_sends_by_lmtp(pair: Pair) -> None:
    """Its LMTP proxy speaks to our LMTP listener: two recipients, one message for each."""
    marker = mark()
    pair.peer.submit(message(marker), "alice@lmtp.example.org", "bob@lmtp.example.org")
    for account in ("alice", "bob"):
        assert " with LMTP id " in " ".join(pair.stored(marker, account).decode().split())
