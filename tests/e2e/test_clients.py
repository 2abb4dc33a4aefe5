"""Programs that people really send mail with, against a server as people really start it."""

from __future__ import annotations

import smtplib
import ssl
import subprocess
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from tests.fakes.serving import HOSTNAME, PASSWORD, MakeHome, Served, StartServer
from tests.fakes.talk import Talk, check_stored, message, trusting

Mark = Callable[[], str]
Run = Callable[..., str]


def run(*words: str, typed: bytes = b"") -> str:
    """Run a program to its end; its output. Fails unless it exits with 0."""
    done = subprocess.run(words, input=typed, capture_output=True, timeout=60)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, said
    return said


@pytest.fixture
def swaks(needs: Callable[..., str]) -> Run:
    """``swaks(server, marker, ...)`` sends one message; the transcript."""
    program = needs("swaks", package="swaks")

    def send(marker: str, *words: str, to: str = "alice@example.org") -> str:
        common = ["--helo", "client.test", "--from", "sender@client.test", "--to", to, "--timeout", "20"]
        return run(program, *common, "--header", f"Subject: {marker}", "--body", "Hello", *words)

    return send


def at(server: Served, protocol: str = "smtp", number: int = 0) -> list[str]:
    return ["--server", "127.0.0.1", "--port", str(server.port(protocol, number))]


# --- swaks ------------------------------------------------------------------------------------------------------------


def test_swaks_plain(server: Served, swaks: Run, mark: Mark) -> None:
    """The simplest case, from EHLO to the Maildir."""
    marker = mark()
    said = swaks(marker, *at(server))
    assert "queued as" in said
    received = check_stored(server.home.wait_for_one(marker.encode()))
    assert received.startswith("from client.test ([127.0.0.1]) by mx.example.org with ESMTP id ")
    assert "for <alice@example.org>" in received


def test_swaks_starttls(server: Served, swaks: Run, mark: Mark) -> None:
    """The Received field says that the way to us was encrypted (RFC 3848: ESMTPS)."""
    marker = mark()
    said = swaks(marker, *at(server), "-tls")
    assert "TLSv1.3" in said
    assert " with ESMTPS id " in check_stored(server.home.wait_for_one(marker.encode()))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize(("number", "tls"), [(0, "-tls"), (1, "-tlsc")], ids=["starttls", "implicit"])
def test_swaks_logs_in(server: Served, swaks: Run, mark: Mark, mechanism: str, number: int, tls: str) -> None:
    """Submission over STARTTLS and over implicit TLS; where we submit from is nobody's business."""
    marker = mark()
    login = ["-a", mechanism, "-au", "alice", "-ap", PASSWORD]
    words = [*at(server, "submission", number), tls, *login, "--from", "alice@example.org"]
    said = swaks(marker, *words, to="bob@example.org")
    assert " 235 2.7.0" in said
    stored = server.home.wait_for_mail(1, "bob", with_=marker.encode())[0]
    received = check_stored(stored, to="bob@example.org", sender="alice@example.org")
    assert " with ESMTPSA id " in received
    assert "127.0.0.1" not in received and "client.test" not in received


def test_swaks_with_a_wrong_password(server: Served, needs: Callable[..., str]) -> None:
    """535, and nothing else is accepted in that session."""
    program = needs("swaks", package="swaks")
    words = [*at(server, "submission"), "-tls", "-a", "PLAIN", "-au", "alice", "-ap", "wrong", "--timeout", "20"]
    done = subprocess.run([program, "--to", "alice@example.org", *words], capture_output=True, timeout=60)
    assert done.returncode == 28  # swaks: authentication failed
    assert b" 535 5.7.8" in done.stdout


def test_submission_asks_for_tls_and_a_login(server: Served) -> None:
    """530 for MAIL before STARTTLS, and before AUTH."""
    with Talk(server.address("submission")) as talk:
        assert "AUTH" not in talk.ehlo()
        assert talk.say("MAIL FROM:<alice@example.org>").startswith("530 5.7.0")
        assert talk.say("AUTH PLAIN AGFsaWNlAHdyb25n").startswith("530 5.7.0")
        talk.start_tls(trusting())
        assert "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" in talk.ehlo()
        assert talk.say("MAIL FROM:<alice@example.org>").startswith("530 5.7.0")


def test_swaks_pipelining(server: Served, swaks: Run, mark: Mark) -> None:
    """MAIL, RCPT and DATA in one packet are answered one by one, in order."""
    marker = mark()
    swaks(marker, *at(server), "--pipeline")
    check_stored(server.home.wait_for_one(marker.encode()))


def test_swaks_lmtp_over_a_unix_socket(server: Served, swaks: Run, mark: Mark) -> None:
    """A mail server in front of us hands over by LMTP; each recipient has its answer."""
    marker = mark()
    path = server.address("lmtp").removeprefix("unix:")
    said = swaks(marker, "--protocol", "LMTP", "--socket", path, to="alice@example.org,bob@example.org")
    assert said.count("queued as") == 2
    for account in ("alice", "bob"):
        (stored,) = server.home.wait_for_mail(1, account, with_=marker.encode())
        received = check_stored(stored, to=f"{account}@example.org")
        assert " with LMTP id " in received
        assert " for <" not in received, "one copy must not tell of the other's recipient"


PROXIED = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
proxy = ["127.0.0.1"]

[consent]
unknown = "accept"
"""


@pytest.fixture
def proxied(make_home: MakeHome, start_server: StartServer) -> Served:
    return start_server(make_home(PROXIED, accounts=["alice"]))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    ("family", "source", "shown"),
    [("4", "192.0.2.9", "[192.0.2.9]"), ("6", "2001:db8::9", "[IPv6:2001:db8::9]")],
    ids=["IPv4", "IPv6"],
)
def test_swaks_behind_a_proxy(
    proxied: Served, swaks: Run, mark: Mark, version: str, family: str, source: str, shown: str
) -> None:
    """Who is behind a PROXY header is the peer that Received names."""
    marker = mark()
    to = "127.0.0.1" if family == "4" else "::1"
    words = ["--proxy-version", version, "--proxy-source", source, "--proxy-source-port", "4711"]
    words += ["--proxy-dest", to, "--proxy-dest-port", "25"]
    if version == "1":
        words += ["--proxy-family", f"TCP{family}"]
    else:
        words += ["--proxy-family", "AF_INET" + family.replace("4", ""), "--proxy-protocol", "STREAM"]
        words += ["--proxy-command", "PROXY"]
    swaks(marker, *at(proxied), *words)
    assert f"from client.test ({shown}) by " in check_stored(proxied.home.wait_for_one(marker.encode()))


def test_swaks_speaks_xclient(proxied: Served, swaks: Run, mark: Mark) -> None:
    """After XCLIENT the session begins anew, with the peer that it names."""
    marker = mark()
    swaks(marker, *at(proxied), "--xclient-addr", "192.0.2.77", "--xclient-name", "far.example.net")
    assert "(far.example.net [192.0.2.77])" in check_stored(proxied.home.wait_for_one(marker.encode()))


def test_strangers_may_not_speak_for_others(server: Served, mark: Mark) -> None:
    """PROXY and XCLIENT are for the listener's proxy networks alone: to everybody else they are bad commands."""
    with Talk(server.address()) as talk:
        assert talk.say("PROXY TCP4 192.0.2.9 127.0.0.1 4711 25").startswith("500")
        assert "XCLIENT" not in talk.ehlo()
        assert talk.say("XCLIENT ADDR=192.0.2.9").startswith("500")


# --- Python -----------------------------------------------------------------------------------------------------------


def test_smtplib_with_starttls_and_login(server: Served, mark: Mark) -> None:
    """The standard library's client, which verifies our certificate by its own file."""
    marker = mark()
    context = ssl.create_default_context(cafile=str(server.home.certificate()))
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=20) as client:
        client._host = HOSTNAME  # type: ignore[attr-defined]  # the name to verify: it connected by address
        client.starttls(context=context)
        client.login("bob", PASSWORD)
        client.sendmail("bob@example.org", ["alice@example.org"], message(marker))
    check_stored(server.home.wait_for_one(marker.encode()), sender="bob@example.org")


def test_smtplib_with_implicit_tls(server: Served, mark: Mark) -> None:
    marker = mark()
    with smtplib.SMTP_SSL("127.0.0.1", server.port("submission", 1), timeout=20, context=trusting()) as client:
        client.login("alice@example.org", PASSWORD)
        client.sendmail("alice@example.org", ["bob@example.org"], message(marker))
    (stored,) = server.home.wait_for_mail(1, "bob", with_=marker.encode())
    check_stored(stored, to="bob@example.org", sender="alice@example.org")


def test_smtplib_with_eight_bit_content(server: Served, mark: Mark) -> None:
    """Latin-1 is no valid UTF-8; it arrives as it was sent."""
    marker = mark()
    body = "Grüße aus Köln\r\n".encode("latin-1")
    with smtplib.SMTP("127.0.0.1", server.port(), timeout=20) as client:
        client.sendmail("sender@client.test", ["alice@example.org"], message(marker, body), ["BODY=8BITMIME"])
    assert body.replace(b"\r\n", b"\n") in server.home.wait_for_one(marker.encode())


def test_smtplib_with_smtputf8(server: Served, mark: Mark) -> None:
    """An address beyond ASCII, and a header in UTF-8 (RFC 6531, RFC 6532)."""
    marker = mark()
    sent = EmailMessage()
    sent["From"] = "jörg@client.test"
    sent["To"] = "alice@example.org"
    sent["Subject"] = f"Grüße {marker}"
    sent.set_content("Grüße")
    with smtplib.SMTP("127.0.0.1", server.port(), timeout=20) as client:
        client.send_message(sent)
    stored = server.home.wait_for_one(marker.encode())
    received = check_stored(stored, sender="jörg@client.test")
    assert " with UTF8SMTP id " in received
    assert f"Subject: Grüße {marker}\n".encode() in stored


async def test_aiosmtplib(server: Served, mark: Mark) -> None:
    """The asyncio client: STARTTLS, login, one session for two messages."""
    markers = [mark(), mark()]
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1", port=server.port("submission"), start_tls=True, tls_context=trusting(), timeout=20
    )
    async with client:
        await client.login("alice", PASSWORD)
        for marker in markers:
            await client.sendmail("alice@example.org", ["bob@example.org"], message(marker))
    for marker in markers:
        (stored,) = server.home.wait_for_mail(1, "bob", with_=marker.encode())
        check_stored(stored, to="bob@example.org", sender="alice@example.org")


# --- curl and smtp-source ---------------------------------------------------------------------------------------------


def test_curl_with_starttls_and_login(server: Served, mark: Mark, needs: Callable[..., str], tmp_path: Path) -> None:
    """curl verifies name and certificate, and picks the mechanism itself."""
    program = needs("curl", package="curl")
    marker, port = mark(), server.port("submission")
    file = tmp_path / "message"
    file.write_bytes(message(marker))
    run(
        *(program, "--silent", "--show-error", "--max-time", "30", "--ssl-reqd"),
        *("--cacert", str(server.home.certificate()), "--resolve", f"{HOSTNAME}:{port}:127.0.0.1"),
        *("--user", f"alice:{PASSWORD}", "--mail-from", "alice@example.org", "--mail-rcpt", "bob@example.org"),
        *("--upload-file", str(file), f"smtp://{HOSTNAME}:{port}/client.test"),
    )
    (stored,) = server.home.wait_for_mail(1, "bob", with_=marker.encode())
    check_stored(stored, to="bob@example.org", sender="alice@example.org")


def test_curl_in_the_clear(server: Served, mark: Mark, needs: Callable[..., str]) -> None:
    """What `samotop serve --demo` tells people to type."""
    program, marker = needs("curl", package="curl"), mark()
    words = ["--mail-from", "sender@client.test", "--mail-rcpt", "alice@example.org", "-T", "-"]
    run(program, "-sS", "--max-time", "30", f"smtp://127.0.0.1:{server.port()}", *words, typed=message(marker))
    check_stored(server.home.wait_for_one(marker.encode()))


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_smtp_source(make_home: MakeHome, start_server: StartServer, needs: Callable[..., str], protocol: str) -> None:
    """500 messages from 20 sessions at once: every one arrives, none twice."""
    program = needs("smtp-source", package="postfix")
    home = make_home(accounts=["alice"])
    server = start_server(home)
    target = server.address(protocol)
    words = ["-L"] if protocol == "lmtp" else []
    target = target if target.startswith("unix:") else f"inet:{target}"
    run(program, *words, "-s", "20", "-m", "500", "-f", "sender@client.test", "-t", "alice@example.org", target)
    stored = home.wait_for_mail(500)
    for octets in stored:
        check_stored(octets)
    assert server.terminate() == 0
    assert home.queue() == []
    assert len(home.mail()) == 500


def test_sockets_by_hand(server: Served, mark: Mark) -> None:
    """A transcript, reply by reply: what a person at a terminal sees."""
    marker = mark()
    with Talk(server.address()) as talk:
        assert talk.greeting == "220 mx.example.org ESMTP"
        extensions = talk.ehlo().splitlines()
        assert extensions[0] == "250-mx.example.org"
        assert {one[4:] for one in extensions[1:]} >= {"PIPELINING", "8BITMIME", "SMTPUTF8", "STARTTLS", "CHUNKING"}
        assert not any("AUTH" in one for one in extensions), "no password in the clear"
        assert talk.say("MAIL FROM:<sender@client.test>") == "250 2.1.0 Ok"
        assert talk.say("RCPT TO:<alice@example.org>") == "250 2.1.5 Ok"
        assert talk.say("DATA").startswith("354 ")
        assert talk.content(message(marker)).startswith("250 2.0.0 Ok: queued as ")
        assert talk.say("QUIT").startswith("221 2.0.0")
        assert talk.rest() == b""
    check_stored(server.home.wait_for_one(marker.encode()))
