"""Checks as a sender meets them: real names from knotd, real sessions, the log and the replay on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from tests.fakes.knot import Knot, start_knot
from tests.fakes.serving import Home, MakeHome, Served, StartServer, homes, make_home, poll, start_server
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
proxy = ["127.0.0.1"]

[consent]
unknown = "accept"

[dns]
servers = ["SERVER"]
dnssec = "off"

[policy]
exempt = []
authentication_wait = "2s"
"""

ZONES = {
    "honest.example": {
        "honest.example": {"TXT": ['"v=spf1 a:mail.honest.example -all"']},
        "mail.honest.example": {"A": ["192.0.2.9"]},
    },
    "2.0.192.in-addr.arpa": {"9.2.0.192.in-addr.arpa": {"PTR": ["mail.honest.example."]}},
    "zen.example": {
        "8.2.0.192.zen.example": {"A": ["127.0.0.2"]},
        "9.2.0.192.zen.example": {"A": ["127.255.255.254"]},
    },
    "example.org": {"example.org": {"A": ["192.0.2.10"]}},
}

MESSAGE = (
    b"From: Bob <bob@honest.example>\r\nTo: alice@example.org\r\nSubject: %s\r\n"
    b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@honest.example>\r\n\r\nHello\r\n"
)

Make = Callable[..., tuple[Home, Served]]


@pytest.fixture
def make(make_home: MakeHome, start_server: StartServer, start_knot: Callable[..., Knot]) -> Make:
    def make(policy: str = "", more: str = "", files: Sequence[str] = ()) -> tuple[Home, Served]:
        knot = start_knot(ZONES)
        home = make_home(CONFIG.replace("SERVER", f"127.0.0.1:{knot.port}") + policy + "\n" + more)
        for name in files:
            (home.path / name).write_text("# nobody yet\n")
        return home, start_server(home)

    return make


class Stranger(Talk):
    """A client from elsewhere: a trusted proxy says so."""

    def __init__(self, served: Served, ip: str, name: str = "mail.honest.example") -> None:
        super().__init__(served.address(), greets=False)
        self.send(f"PROXY TCP4 {ip} 192.0.2.1 4711 25\r\n".encode())
        self.greeting = self.reply()
        self.hello = self.say(f"EHLO {name}") if self.greeting.startswith("220") else ""

    def envelope(self, path: str = "bob@honest.example", *recipients: str) -> str:
        """The first refusal, or the answer to the last recipient."""
        reply = self.say(f"MAIL FROM:<{path}>")
        for one in recipients or ("alice@example.org",):
            if reply.startswith("250"):
                reply = self.say(f"RCPT TO:<{one}>")
        return reply


def test_names_and_block_lists_refuse_at_the_first_recipient(make: Make) -> None:
    """And the one who is refused by mistake can still write to the postmaster."""
    _, served = make('require_reverse = true\nspf = "enforce"\ndnsbl = ["zen.example"]')
    with Stranger(served, "192.0.2.9") as talk:
        assert talk.envelope().startswith("250"), "a list that does not answer us has no opinion"
    with Stranger(served, "192.0.2.8") as talk:
        assert talk.envelope() == "550 5.7.1 Your address is listed at zen.example (policy: dnsbl-listed)"
        assert talk.say("RCPT TO:<postmaster@example.org>").startswith("250")
    with Stranger(served, "192.0.2.7") as talk:
        assert talk.envelope().endswith("(policy: reverse-none)")
    with Stranger(served, "192.0.2.9") as talk:
        assert talk.envelope("bob@mail.honest.example").startswith("250"), "there is no SPF record that fails"
    refused = poll(lambda: served.events("refused"), what="the log")
    assert (refused[0]["stage"], refused[0]["check"]) == ("recipient", "dnsbl-listed")


def test_a_hard_fail_is_enforced_before_the_content(make: Make) -> None:
    _, served = make('spf = "enforce"')
    with Stranger(served, "192.0.2.7") as talk:
        assert talk.envelope().startswith("550 5.7.23 ")


def test_who_calls_itself_by_our_names_lies(make: Make) -> None:
    _, served = make()
    with Stranger(served, "192.0.2.9", "mx.example.org") as talk:
        assert talk.hello == "550 5.7.1 That is our name or address, not yours (policy: hello-ours)"
    with Stranger(served, "192.0.2.9", "example.org") as talk:
        assert talk.envelope().endswith("(policy: hello-domain)")
    with Stranger(served, "192.0.2.10", "example.org") as talk:
        assert talk.envelope().startswith("250"), "it may be the domain's web server, and its address says so"


def test_what_is_found_is_told_to_the_owner(make: Make) -> None:
    home, served = make()
    with Stranger(served, "192.0.2.7", "localhost") as talk:
        assert talk.envelope().startswith("250")
        assert talk.say("DATA").startswith("354")
        assert talk.content(MESSAGE % b"found").startswith("250")
    message = home.wait_for_one(b"Subject: found")
    (line,) = [one for one in message.splitlines() if one.startswith(b"X-Samotop-Verdict:")]
    assert line.endswith(b"(not encrypted, no reverse name, hello is no name, SPF fail)")


def test_lists_are_taken_up_while_the_server_runs(make: Make) -> None:
    home, served = make(
        'block_files = ["blocked"]\nallow_files = ["allowed"]\nrequire_tls = "any"', files=("blocked", "allowed")
    )
    with Stranger(served, "192.0.2.9") as talk:
        assert talk.envelope().startswith("530 5.7.0 ")
    (home.path / "blocked").write_text("bad.example\n198.51.100.0/24\n")
    (home.path / "allowed").write_text("192.0.2.0/24\n")
    poll(lambda: len(served.events("named_read")) == 2, what="both lists")
    with Stranger(served, "198.51.100.4") as talk:
        assert talk.greeting.startswith("554 5.7.1 ")
    with Stranger(served, "203.0.113.1") as talk:
        assert talk.envelope().startswith("530 5.7.0 ")
        assert talk.envelope("x@mail.bad.example").endswith("(policy: blocked-sender)")
    with Stranger(served, "192.0.2.9") as talk:
        assert talk.envelope().startswith("250"), "who is allowed need not encrypt"


def test_an_owner_may_insist_on_encryption(make: Make) -> None:
    _, served = make(more='[mailbox.alice]\naddresses = ["alice@example.org"]\nrequire_tls = "any"')
    with Stranger(served, "192.0.2.9") as talk:
        assert talk.envelope().startswith("550 5.7.10 ")
        assert talk.say("RCPT TO:<bob@example.org>").startswith("250")


def test_attachments_and_notifications(make: Make) -> None:
    _, served = make('block_types = [".exe"]\nno_bounces = ["bob@example.org"]')
    attached = MESSAGE.replace(b"\r\n\r\n", b'\r\nContent-Type: application/pdf; name="x.exe"\r\n\r\n') % b"x"
    with Stranger(served, "192.0.2.9") as talk:
        assert talk.envelope().startswith("250")
        assert talk.say("DATA").startswith("354")
        assert talk.content(attached).endswith("(policy: content-type)")
        assert talk.envelope("", "bob@example.org").startswith("550 5.7.1 ")
        assert talk.say("RCPT TO:<alice@example.org>").startswith("250")
        assert talk.say("RCPT TO:<postmaster@example.org>").startswith("250"), "spared"


def test_who_tries_names_is_turned_away(make: Make) -> None:
    _, served = make('harvest = "1/d"')
    with Stranger(served, "192.0.2.9") as talk:
        replies = [talk.envelope("bob@honest.example", "n1@example.org"), talk.say("RCPT TO:<n2@example.org>")]
    assert all(one.startswith("550 5.1.1") for one in replies), "the second one second later"


def test_a_stricter_rule_is_tried_before_it_holds(make: Make) -> None:
    """Nothing in the record says who wrote to whom."""
    home, served = make("record = true")
    for ip in ("192.0.2.9", "192.0.2.7"):
        with Stranger(served, ip) as talk:
            assert talk.envelope().startswith("250")
            assert talk.say("DATA").startswith("354")
            assert talk.content(MESSAGE % b"recorded").startswith("250")
    home.wait_for_mail(2)
    with Stranger(served, "192.0.2.9", "mx.example.org") as talk:
        assert talk.hello.startswith("550")
    assert served.terminate() == 0
    (record,) = (home.path / "policy").iterdir()
    octets = record.read_bytes()
    assert record.stat().st_mode & 0o077 == 0
    assert not any(word in octets for word in (b"bob", b"alice", b"honest", b"192.0.2", b"recorded"))
    assert home.run("policy", "replay").stdout.startswith("3 decisions replayed, 0 would change.")
    home.write(home.config.read_text().replace("record = true", 'require_reverse = true\nhello = "off"'))
    found = json.loads(home.run("policy", "replay", "--json").stdout)
    assert (found["decisions"], found["unreadable"]) == (3, 0)
    assert [(one["before"], one["after"]) for one in found["changes"]] == [(None, "reverse-none"), ("hello-ours", None)]
    assert "1  passes -> reverse-none" in home.run("policy", "replay", str(record)).stdout


def test_without_a_record_there_is_nothing_to_replay(make_home: MakeHome) -> None:
    home = make_home()
    assert "record = true" in home.run("policy", "replay", status=None).stderr
