"""nodemailer as our users' programs have it: it submits to us, and what we store reads as what was sent."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from samotop.message import Message
from tests.fakes.peers.nodemailer import Nodemailer
from tests.fakes.peers.tap import open_tap
from tests.fakes.serving import HOSTNAME, PASSWORD, Served
from tests.fakes.talk import check_stored

pytestmark = pytest.mark.slow

Mark = Callable[[], str]


@pytest.fixture(scope="module")
def nodemailer(needs: Callable[..., str]) -> Nodemailer:
    return Nodemailer(needs)


def to_submission(server: Served, number: int = 0, **more: Any) -> dict[str, Any]:
    """A transport that logs in; it verifies our certificate by its own file."""
    return {
        "host": "127.0.0.1",
        "port": server.port("submission", number),
        "secure": number == 1,
        "auth": {"user": "alice", "pass": PASSWORD},
        "tls": {"ca": server.home.certificate().read_text(), "servername": HOSTNAME},
        **more,
    }


def letter(marker: str, **more: Any) -> dict[str, Any]:
    return {"from": "alice@example.org", "to": "bob@example.org", "subject": marker, "text": "Hello\n", **more}


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("number", [0, 1], ids=["starttls", "implicit"])
def test_logs_in(server: Served, mark: Mark, nodemailer: Nodemailer, mechanism: str, number: int) -> None:
    """Over STARTTLS and implicit TLS, our certificate verified, by PLAIN and by LOGIN."""
    marker = mark()
    (one,) = nodemailer.send(to_submission(server, number, authMethod=mechanism, requireTLS=True), [letter(marker)])
    assert one["accepted"] == ["bob@example.org"], one
    stored = server.home.wait_for_one(marker.encode(), "bob")
    assert " with ESMTPSA id " in check_stored(stored, to="bob@example.org", sender="alice@example.org")


def test_is_refused_with_a_wrong_password(server: Served, nodemailer: Nodemailer, mark: Mark) -> None:
    """535, which it tells as EAUTH."""
    (one,) = nodemailer.send(to_submission(server, auth={"user": "alice", "pass": "wrong"}), [letter(mark())])
    assert one["error"] == "EAUTH" and one["response"].startswith("535 5.7.8")


def test_is_refused_with_a_token(server: Served, nodemailer: Nodemailer, mark: Mark) -> None:
    """XOAUTH2 is no mechanism of ours: its login fails, nothing is sent."""
    auth = {"type": "OAuth2", "user": "alice", "accessToken": "token"}
    (one,) = nodemailer.send(to_submission(server, auth=auth), [letter(mark())])
    assert one["error"] == "EAUTH" and one["response"].startswith("504 5.5.4"), one


def test_sends_attachments_that_read_as_sent(server: Served, mark: Mark, nodemailer: Nodemailer) -> None:
    """Text, HTML, and a file of every octet with a name beyond ASCII."""
    marker, octets = mark(), bytes(range(256)) * 40
    file = {"filename": "Übersicht.bin", "content": base64.b64encode(octets).decode(), "encoding": "base64"}
    sent = letter(marker, text="Grüße\n", html="<p>Grüße</p>", attachments=[file])
    (one,) = nodemailer.send(to_submission(server), [sent])
    assert one["accepted"], one
    read = Message.parse(server.home.wait_for_one(marker.encode(), "bob"))
    assert read.text is not None and read.text.strip() == "Grüße"
    assert read.html is not None and "<p>Grüße</p>" in read.html
    (attachment,) = read.attachments
    assert (attachment.name, attachment.decoded()) == ("Übersicht.bin", octets)


def test_sends_smtputf8(server: Served, mark: Mark, nodemailer: Nodemailer) -> None:
    """SMTPUTF8: an author beyond ASCII, from anywhere to our reception."""
    marker = mark()
    transport = {"host": "127.0.0.1", "port": server.port(), "ignoreTLS": True}
    (one,) = nodemailer.send(transport, [letter(marker, **{"from": "jörg@client.test", "to": "alice@example.org"})])
    assert one["accepted"], one
    received = check_stored(server.home.wait_for_one(marker.encode()), sender="jörg@client.test")
    assert " with UTF8SMTP id " in received


def test_sends_dsn_wishes(server: Served, mark: Mark, nodemailer: Nodemailer) -> None:
    """DSN: NOTIFY=SUCCESS is said, and our notification comes back to the sender's mailbox."""
    marker = mark()
    dsn = {"id": marker, "return": "headers", "notify": ["success"], "recipient": "alice@example.org"}
    (one,) = nodemailer.send(to_submission(server), [letter(mark(), subject="wanted", dsn=dsn)])
    assert one["accepted"], one
    told = server.home.wait_for_one(f"Original-Envelope-Id: {marker}".encode())
    assert b"Action: delivered" in told


def test_sends_a_big_message(server: Served, mark: Mark, nodemailer: Nodemailer) -> None:
    """Four megabytes over TLS."""
    marker = mark()
    text = ("0123456789" * 7 + "\n") * 60_000
    (one,) = nodemailer.send(to_submission(server), [letter(marker, text=text)])
    assert one["accepted"], one
    read = Message.parse(server.home.wait_for_one(marker.encode(), "bob")).text
    assert read is not None and read.replace("\r\n", "\n").strip() == text.strip()


def test_sends_many_over_a_pool(server: Served, mark: Mark, nodemailer: Nodemailer) -> None:
    """Thirty messages at once over three connections that are used again, each once."""
    markers = [mark() for _ in range(30)]
    with open_tap(server.port()) as tap:
        transport = {"host": "127.0.0.1", "port": tap.port, "ignoreTLS": True, "pool": True, "maxConnections": 3}
        found = nodemailer.send(transport, [letter(one) for one in markers])
        assert all(one.get("accepted") for one in found), found
        assert tap.client().count(b"EHLO ") == 3
    for marker in markers:
        server.home.wait_for_one(marker.encode(), "bob")


def test_tells_which_recipient_was_refused(server: Served, mark: Mark, nodemailer: Nodemailer) -> None:
    """One of two is unknown: nodemailer tells them apart, the other has the message."""
    marker = mark()
    transport = {"host": "127.0.0.1", "port": server.port(), "ignoreTLS": True}
    (one,) = nodemailer.send(transport, [letter(marker, to=["nobody@example.org", "bob@example.org"])])
    assert (one["accepted"], one["rejected"]) == (["bob@example.org"], ["nobody@example.org"])
    server.home.wait_for_one(marker.encode(), "bob")
