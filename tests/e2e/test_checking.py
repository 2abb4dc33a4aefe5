"""Samotop asked by others: by Postfix as a milter, by rspamd's own client and curl over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from samotop.milter.client import Asked, MilterClient
from samotop.milter.commands import Connect, MailFrom, RcptTo
from samotop.milter.responses import ChangeHeader, InsertHeader
from tests.fakes.companions import COMPANIONS
from tests.fakes.peers.postfix import Postfix
from tests.fakes.peers.server import Ours, make_peer_certificate
from tests.fakes.serving import Home, MakeHome, Served, StartServer
from tests.fakes.talk import Talk, message
from tests.fakes.zoneserver import ZoneServer

CONFIG = """\
hostname = "mx.example.org"
domains = ["peer.example"]

[dns]
servers = ["{dns}"]
dnssec = "off"

[[listen]]
protocol = "milter"
address = "127.0.0.1:0"

[[listen]]
protocol = "checkv2"
address = "127.0.0.1:0"

[reports]
dmarc = false

[consent]
unknown = "{unknown}"
"""
ZONES = {
    "client.test": {"TXT": ['"v=spf1 ip4:192.0.2.1 -all"'], "MX": ["10 mail.client.test."]},
    "mail.client.test": {"A": ["192.0.2.1"]},
    "_dmarc.client.test": {"TXT": ['"v=DMARC1; p=reject"']},
    "1.2.0.192.in-addr.arpa": {"PTR": ["mail.client.test."]},
}
MORE = """
milter_default_action = tempfail
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_recipient_restrictions = reject_unauth_destination
"""
GOOD, BAD = "192.0.2.1", "192.0.2.66"
FORGED = b"X-Samotop-Verdict: accept; forged\r\nAuthentication-Results: mx.example.org; spf=pass\r\n"

Serve = Callable[..., tuple[Home, Served]]


@pytest.fixture
def names() -> Iterator[ZoneServer]:
    with ZoneServer(ZONES) as server:
        yield server


@pytest.fixture
def serve(make_home: MakeHome, start_server: StartServer, names: ZoneServer) -> Serve:
    def start(unknown: str = "accept") -> tuple[Home, Served]:
        text = CONFIG.replace("{dns}", names.address).replace("{unknown}", unknown)
        home = make_home(text, accounts=("user", "second"))
        return home, start_server(home)

    return start


@pytest.fixture
def postfix(needs: Callable[..., str]) -> Iterator[Callable[[str], Postfix]]:
    """``postfix(address)``: Postfix with the milter there, that lets its clients say which peer they are (XCLIENT)."""
    started: list[Postfix] = []

    def start(address: str) -> Postfix:
        server = Postfix(make_peer_certificate("Root"), needs, MORE + f"smtpd_milters = inet:{address}\n")
        server.start(Ours(1, 1, 1, 1, "x"))
        started.append(server)
        server.wait_until_ready()
        return server

    yield start
    for one in started:
        one.stop()


def tell(server: Postfix, address: str, content: bytes, *recipients: str) -> list[str]:
    """One message from a client at ``address``; the replies to its recipients and to its end."""
    with Talk(f"127.0.0.1:{server.port}") as talk:
        talk.ehlo("mail.client.test")
        assert talk.say(f"XCLIENT ADDR={address} NAME=mail.client.test").startswith("220")
        talk.ehlo("mail.client.test")
        assert talk.say("MAIL FROM:<sender@client.test>").startswith("250")
        replies = [talk.say(f"RCPT TO:<{one}>") for one in recipients]
        if any(one.startswith("250") for one in replies):
            assert talk.say("DATA").startswith("354")
            talk.send(content + b".\r\n")
            replies.append(talk.reply())
        return replies


@pytest.mark.slow
def test_postfix_asks_us_as_a_milter(serve: Serve, postfix: Callable[[str], Postfix]) -> None:
    """Evidence and verdict get into what it delivers, forged ones out; a forged author is refused."""
    _home, ours = serve()
    theirs = postfix(ours.address("milter"))
    assert tell(theirs, GOOD, FORGED + message("good"), "user@peer.example")[-1].startswith("250")
    stored = theirs.wait_for_one("good")
    assert stored.count(b"X-Samotop-Verdict: ") == 1 and b"forged" not in stored
    assert stored.count(b"Authentication-Results: mx.example.org;") == 1
    assert b"spf=pass" in stored and b"dmarc=pass" in stored
    said = tell(theirs, BAD, message("bad"), "user@peer.example")
    assert any(one.startswith("550 5.7.") for one in said), said
    ours.close()


@pytest.mark.slow
def test_postfix_hears_of_a_stranger(serve: Serve, postfix: Callable[[str], Postfix]) -> None:
    """The owner of the mailbox is asked: the contact request is here, the message there, with a word on it."""
    home, ours = serve("request")
    theirs = postfix(ours.address("milter"))
    said = tell(theirs, GOOD, message("stranger"), "user@peer.example")
    assert said[-1].startswith("250"), said
    assert b"X-Samotop-Verdict: hold; folder=Requests" in theirs.wait_for_one("stranger")
    assert "client.test" in home.run("contact", "list", "--account", "user").stdout
    ours.close()


def ask_milter(address: str, content: bytes, *recipients: bytes, peer: bytes = GOOD.encode()) -> Any:
    """As a mail server asks; the outcome."""
    asked = Asked(
        Connect(b"mail.client.test", b"4", 25, peer),
        b"mail.client.test",
        MailFrom(b"<sender@client.test>"),
        tuple(RcptTo(one) for one in recipients),
    )
    header, _, body = content.partition(b"\r\n\r\n")
    client, is_told = MilterClient(asked, header + b"\r\n\r\n"), False
    with Talk(address, greets=False) as talk:
        while client.outcome is None:
            if client.takes_body and not is_told:
                client.feed_body(body)
                is_told = True
            elif not client.is_waiting:
                client.finish()
            talk.send(client.data_to_send())
            if client.is_waiting:
                client.receive_data(talk.socket.recv(65536) or pytest.fail("it has hung up"))
    return client.outcome


def test_mail_for_others_is_none_of_our_business(serve: Serve) -> None:
    """A mail server's users write to the world, and it relays: nothing is refused, nothing added."""
    _home, ours = serve()
    found = ask_milter(ours.address("milter"), message("x"), b"<a@elsewhere.test>", peer=BAD.encode())
    assert (found.refusal, found.changes) == (None, ())
    ours.close()


def test_what_is_forged_goes_out_from_the_end(serve: Serve) -> None:
    """They are counted as they stand: the second goes before the first."""
    _home, ours = serve()
    found = ask_milter(ours.address("milter"), FORGED + FORGED + message("x"), b"<user@peer.example>")
    changes = [(type(one), one.index, one.name.lower()) for one in found.changes]
    deleted = [one[1:] for one in changes if one[0] is ChangeHeader]
    assert deleted == [
        (2, b"authentication-results"),
        (2, b"x-samotop-verdict"),
        (1, b"authentication-results"),
        (1, b"x-samotop-verdict"),
    ]
    assert [one[1:] for one in changes if one[0] is InsertHeader] == [
        (0, b"x-samotop-verdict"),
        (0, b"authentication-results"),
    ]
    ours.close()


def check(needs: Callable[..., str], address: str, content: bytes, *fields: str, path: str = "checkv2") -> Any:
    words = [word for field in fields for word in ("-H", field)]
    url = f"http://{address}/{path}"
    command = [needs("curl"), "-s", "--max-time", "20", "--data-binary", "@-", *words, url]
    done = subprocess.run(command, input=content, capture_output=True, timeout=30, check=True)
    return json.loads(done.stdout)


def test_a_client_of_rspamd_asks_over_http(serve: Serve, needs: Callable[..., str]) -> None:
    """With LF or CRLF; who writes in another's name is refused, and the words for it are given."""
    _home, ours = serve()
    fields = ["Helo: mail.client.test", "From: sender@client.test", "Rcpt: user@peer.example", "Queue-Id: 4ABC"]
    for content in (message("x"), message("x").replace(b"\r\n", b"\n")):
        found = check(needs, ours.address("checkv2"), content, f"IP: {GOOD}", *fields)
        assert (found["action"], found["is_skipped"], found["required_score"]) == ("no action", False, 15.0)
        assert found["symbols"]["SAMOTOP_SPF"]["options"] == ["pass"]
        assert "dmarc=pass" in found["milter"]["add_headers"]["Authentication-Results"]["value"]
    found = check(needs, ours.address("checkv2"), message("x"), f"IP: {BAD}", *fields)
    assert (found["action"], found["score"]) == ("reject", 15.0)
    assert found["messages"]["smtp_message"].startswith("5.7.")
    found = check(needs, ours.address("checkv2"), message("x"), f"IP: {BAD}", "User: somebody", *fields)
    assert (found["action"], found["is_skipped"]) == ("no action", True)
    ours.close()


def test_rspamds_own_client_asks(serve: Serve, tmp_path: Path) -> None:
    program = COMPANIONS / "usr" / "bin" / "rspamc"
    if not program.exists():
        pytest.skip("needs rspamc: tools/companions.sh unpacks it")
    _home, ours = serve()
    file = tmp_path / "message"
    file.write_bytes(message("x"))
    library = COMPANIONS / "usr" / "lib"
    paths = f"{library}/x86_64-linux-gnu:{library}/rspamd"
    words = ["-h", ours.address("checkv2"), "-i", BAD, "-F", "sender@client.test", "-r", "user@peer.example"]
    done = subprocess.run(
        [program, *words, "--helo", "mail.client.test", "-j", file],
        env={**os.environ, "LD_LIBRARY_PATH": paths},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert '"action":"reject"' in done.stdout.replace(" ", ""), done.stdout + done.stderr
    ours.close()


REQUESTS = [
    (b"GET /checkv2 HTTP/1.1\r\n\r\n", b"405"),
    (b"POST /other HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", b"404"),
    (b"POST /checkv2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
    (b"POST /checkv2 HTTP/1.1\r\nContent-Encoding: zstd\r\n\r\n", b"415"),
    (b"POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", b"400"),
    (b"POST /checkv2 HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
    (b"POST /checkv2 HTTP/1.1\r\nContent-Length : 1\r\n\r\nx", b"400"),
    (b"x" * 70000, b"431"),
    (b"GET /ping HTTP/1.0\r\n\r\n", b"200"),
]


def test_what_is_no_check_is_answered_by_its_status(serve: Serve) -> None:
    """And fields without end, by the milter."""
    _home, ours = serve()
    for request, status in REQUESTS:
        with Talk(ours.address("checkv2"), greets=False) as talk:
            talk.send(request)
            assert talk.rest().split(b" ")[1] == status, request[:60]
    found = ask_milter(ours.address("milter"), FORGED * 101 + message("x"), b"<user@peer.example>")
    assert found.refusal is not None and found.refusal.lines == (b"5.6.0 Too many fields in its header",)
    ours.close()
