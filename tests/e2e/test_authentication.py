"""A server that finds out who writes: real names from knotd, real messages over a socket, results in the Maildir."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from samotop.msgauth import dkim
from tests.fakes.knot import Knot, start_knot
from tests.fakes.serving import Home, MakeHome, Served, StartServer, homes, make_home, start_server
from tests.fakes.talk import Talk

__all__ = ["homes", "make_home", "start_knot", "start_server"]

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONFIG = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "none"

[[listen]]
protocol = "lmtp"
address = "{lmtp}"

[policy]
exempt = []
trusted_sealers = ["lists.example"]
authentication_wait = "2s"

[consent]
unknown = "accept"

[dns]
servers = ["SERVER"]
dnssec = "off"
"""

KEY = dkim.generate_key("ed25519")
SIGNER = dkim.Signer("signed.example", [dkim.SigningKey("s1", KEY)])

ZONES = {
    "signed.example": {
        "signed.example": {"TXT": ['"v=spf1 -all"']},
        "_dmarc.signed.example": {"TXT": ['"v=DMARC1; p=reject"']},
        "s1._domainkey.signed.example": {"TXT": [f'"{dkim.format_key_record(KEY)}"']},
    },
    "here.example": {
        "here.example": {"TXT": ['"v=spf1 ip4:127.0.0.1 -all"']},
        "_dmarc.here.example": {"TXT": ['"v=DMARC1; p=reject"']},
        "mail.here.example": {"A": ["127.0.0.1"]},
    },
    "elsewhere.example": {
        "elsewhere.example": {"TXT": ['"v=spf1 ip4:192.0.2.1 -all"']},
    },
    "127.in-addr.arpa": {"1.0.0.127.in-addr.arpa": {"PTR": ["mail.here.example."]}},
}

MESSAGE = (
    b"From: Bob <bob@%s>\r\nTo: alice@example.org\r\nSubject: Hello\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example>\r\n\r\nHello Alice\r\n"
)
"""``%s``: the author's domain."""


@pytest.fixture
def served(make_home: MakeHome, start_server: StartServer, start_knot: Callable[..., Knot]) -> tuple[Home, Served]:
    knot = start_knot(ZONES)
    home = make_home(CONFIG.replace("SERVER", f"127.0.0.1:{knot.port}"))
    return home, start_server(home)


def send(served: Served, reverse_path: str, content: bytes) -> str:
    """The reply to the content."""
    with Talk(served.address()) as talk:
        talk.say("EHLO mail.here.example")
        replies = talk.say_all(f"MAIL FROM:<{reverse_path}>", "RCPT TO:<alice@example.org>", "DATA")
        assert replies[-1].startswith("354"), replies
        return talk.content(content)


def results_of(stored: bytes) -> str:
    """Our Authentication-Results field, unfolded."""
    header = stored.partition(b"\n\n")[0].decode()
    (field,) = [
        one for one in header.replace("\n\t", " ").replace("\n ", " ").splitlines() if one.startswith("Authent")
    ]
    return field


def test_a_signed_message_is_delivered_with_what_was_found(served: tuple[Home, Served]) -> None:
    home, server = served
    content = MESSAGE % b"signed.example"
    signed = dkim.sign(content, SIGNER, now=None) + content
    assert send(server, "bounces@elsewhere.example", signed).startswith("250")
    stored = home.wait_for_one(b"Hello Alice")
    results = results_of(stored)
    assert results.startswith("Authentication-Results: mx.example.org;")
    assert "iprev=pass" in results
    assert "spf=fail" in results and "smtp.mailfrom=bounces@elsewhere.example" in results
    assert "dkim=pass" in results and "header.d=signed.example" in results
    assert "dmarc=pass" in results and "header.from=signed.example" in results
    assert b"Received: from mail.here.example (mail.here.example [127.0.0.1])" in stored


def test_a_forged_author_is_refused_where_the_domain_wants_that(served: tuple[Home, Served]) -> None:
    home, server = served
    content = MESSAGE % b"signed.example"
    assert send(server, "bob@elsewhere.example", content).startswith("550 5.7.26 ")
    tampered = dkim.sign(content, SIGNER, now=None) + content.replace(b"Alice", b"Malice")
    assert send(server, "bob@elsewhere.example", tampered).startswith("550 5.7.26 ")
    assert send(server, "bob@here.example", MESSAGE % b"here.example").startswith("250"), "SPF is aligned"
    home.wait_for_mail(1)


def test_a_failed_spf_alone_refuses_nothing(served: tuple[Home, Served]) -> None:
    home, server = served
    assert send(server, "bob@elsewhere.example", MESSAGE % b"elsewhere.example").startswith("250")
    assert "spf=fail" in results_of(home.wait_for_one(b"Hello Alice"))


def test_results_in_our_name_that_came_with_the_message_are_removed(served: tuple[Home, Served]) -> None:
    """RFC 8601 §5: or a stranger could write what we found."""
    home, server = served
    forged = b"Authentication-Results: MX.example.org; dmarc=pass header.from=bank.example\r\n"
    others = b"Authentication-Results: mx.example.net; spf=pass\r\n"
    content = forged + others + MESSAGE % b"here.example"
    assert send(server, "bob@here.example", content).startswith("250")
    stored = home.wait_for_one(b"Hello Alice")
    assert b"bank.example" not in stored
    assert others.replace(b"\r\n", b"\n") in stored
    assert stored.count(b"Authentication-Results:") == 2


def test_a_dns_that_does_not_answer_delays_and_loses_nothing(
    make_home: MakeHome, start_server: StartServer, start_knot: Callable[..., Knot]
) -> None:
    """Nobody listens there: the message is accepted after the wait, its results unknown."""
    knot = start_knot(ZONES)
    knot.stop()
    home = make_home(CONFIG.replace("SERVER", f"127.0.0.1:{knot.port}"))
    server = start_server(home, allowed=["dns_silent"])
    assert send(server, "bob@here.example", MESSAGE % b"here.example").startswith("250")
    assert len(server.events("dns_silent")) == 1, "the operator is told"
    results = results_of(home.wait_for_one(b"Hello Alice"))
    assert "spf=temperror" in results and "dmarc=temperror" in results


def test_exempt_peers_are_not_looked_up(make_home: MakeHome, start_server: StartServer, start_knot) -> None:
    knot = start_knot(ZONES)
    home = make_home(
        CONFIG.replace("SERVER", f"127.0.0.1:{knot.port}").replace("exempt = []", 'exempt = ["127.0.0.1"]')
    )
    assert send(start_server(home), "bob@elsewhere.example", MESSAGE % b"signed.example").startswith("250")
    assert b"Authentication-Results" not in home.wait_for_one(b"Hello Alice")
