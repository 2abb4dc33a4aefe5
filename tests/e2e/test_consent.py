"""The owner decides: real names from knotd, real sessions, the command line, and what lies in the Maildir."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from samotop.milter.commands import Command, EndOfBody
from samotop.milter.negotiation import Actions
from samotop.milter.responses import AddHeader, Word
from samotop.milter.server import MilterServer
from samotop.msgauth import dkim
from tests.fakes.companions import ScriptedMilter
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

[policy]
exempt = []
authentication_wait = "2s"

[consent]
unknown = "UNKNOWN"

[dns]
servers = ["SERVER"]
dnssec = "off"
"""

KEY = dkim.generate_key("ed25519")
SIGNER = dkim.Signer("signed.example", [dkim.SigningKey("s1", KEY)])

ZONES = {
    "signed.example": {
        "signed.example": {"TXT": ['"v=spf1 -all"']},
        "s1._domainkey.signed.example": {"TXT": [f'"{dkim.format_key_record(KEY)}"']},
    },
    "nothing.example": {"nothing.example": {"A": ["192.0.2.9"]}},
}

MESSAGE = (
    b"From: Bob <bob@signed.example>\r\nTo: alice@example.org\r\nSubject: Lunch\r\n"
    b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d@signed.example>\r\n\r\nHello Alice, number %d\r\n"
)


def signed(number: int) -> bytes:
    content = MESSAGE % (number, number)
    return dkim.sign(content, SIGNER, now=None) + content


Make = Callable[..., tuple[Home, Served]]


@pytest.fixture
def make(make_home: MakeHome, start_server: StartServer, start_knot: Callable[..., Knot]) -> Make:
    def make(unknown: str, more: str = "", *accounts: str) -> tuple[Home, Served]:
        knot = start_knot(ZONES)
        home = make_home(CONFIG.replace("SERVER", f"127.0.0.1:{knot.port}").replace("UNKNOWN", unknown))
        for account in accounts:
            home.add_account(account)
        home.append(more)
        return home, start_server(home)

    return make


def send(served: Served, content: bytes, *recipients: str, sender: str = "bounce@signed.example") -> str:
    """The reply to the content, or the refusing one to RCPT."""
    with Talk(served.address()) as talk:
        talk.ehlo()
        assert talk.say(f"MAIL FROM:<{sender}>").startswith("250")
        for recipient in recipients or ("alice@example.org",):
            reply = talk.say(f"RCPT TO:<{recipient}>")
            if not reply.startswith("250"):
                return reply
        assert talk.say("DATA").startswith("354")
        return talk.content(content)


def inbox(home: Home) -> list[bytes]:
    return [path.read_bytes() for path in sorted(home.path.glob("mail/alice/new/*"))]


def requests(home: Home) -> list[bytes]:
    return [path.read_bytes() for path in sorted(home.path.glob("mail/alice/.Requests/new/*"))]


def listed(home: Home, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        home.run("contact", "list", "--account", "alice", "--json", *arguments).stdout
    )
    return found


def test_a_proven_stranger_asks_and_the_owner_lets_them_in(make: Make) -> None:
    home, served = make("request")
    assert send(served, signed(1)).startswith("250")
    poll(lambda: requests(home), what="the request")
    (request,) = listed(home)
    assert (request["who"], request["standing"], request["subject"]) == ("bob@signed.example", "pending", "Lunch")
    assert request["evidence"]["domain"] == "signed.example"
    assert b"X-Samotop-Verdict: unknown: unknown; DKIM of signed.example (not encrypted" in requests(home)[0]
    found = home.run("contact", "approve", "--account", "alice", "bob@signed.example")
    assert "Moved 1 message from Requests to the inbox." in found.stdout
    assert [b"number 1" in one for one in inbox(home)] == [True]
    assert requests(home) == []
    assert send(served, signed(2)).startswith("250")
    poll(lambda: len(inbox(home)) == 2, what="the second message in the inbox")
    (contact,) = listed(home)
    assert (contact["standing"], contact["bound"]["domain"]) == ("approved", "signed.example")


def test_a_rejection_is_heard_by_the_next_message(make: Make) -> None:
    home, served = make("request")
    assert send(served, signed(1)).startswith("250")
    home.run("contact", "reject", "--account", "alice", "bob@signed.example")
    reply = send(served, signed(2))
    assert reply == "550 5.7.1 The owner of this mailbox does not take this message"
    home.run("contact", "forget", "--account", "alice", "bob@signed.example")
    assert send(served, signed(3)).startswith("250")


def test_a_forged_friend_hears_what_a_stranger_hears(make: Make) -> None:
    """And the owner is told what differs."""
    home, served = make("request")
    home.run("contact", "approve", "--account", "alice", "bob@signed.example")
    friend = send(served, MESSAGE % (1, 1))
    stranger = send(
        served, (MESSAGE % (2, 2)).replace(b"bob@signed.example", b"eve@nothing.example"), sender="e@nothing.example"
    )
    assert friend == stranger == "450 4.7.1 The owner of this mailbox does not know you yet; try again later"
    assert inbox(home) == requests(home) == []


def test_who_is_back_too_early_need_not_send_the_content_again(make: Make) -> None:
    _, served = make("request")
    assert send(served, MESSAGE % (1, 1)).startswith("450 4.7.1")
    with Talk(served.address()) as talk:
        talk.ehlo()
        replies = talk.say_all("MAIL FROM:<bounce@signed.example>", "RCPT TO:<alice@example.org>")
        assert replies[1].startswith("450 4.7.1")


def test_a_decision_is_heard_at_once_by_who_was_put_off(make: Make) -> None:
    """Also by who would be back too early: a code that is expected is on its way now."""
    home, served = make("request")
    assert send(served, MESSAGE % (1, 1)).startswith("450 4.7.1")
    home.run("contact", "reject", "--account", "alice", "bob@signed.example")
    assert send(served, MESSAGE % (2, 2)).startswith("550 5.7.1")
    home.run("contact", "forget", "--account", "alice", "bob@signed.example")
    home.run("contact", "expect", "--account", "alice", "--for", "15m")
    assert send(served, signed(3)).startswith("250")
    poll(lambda: inbox(home), what="the expected message in the inbox")


def test_the_message_waits_at_its_sender_until_the_owner_decides(make: Make) -> None:
    home, served = make("defer")
    assert send(served, signed(1)).startswith("450 4.7.1")
    assert [one["who"] for one in listed(home)] == ["bob@signed.example"]
    assert list(home.path.glob("mail/alice/**/new/*")) == []
    home.run("contact", "approve", "--account", "alice", "bob@signed.example")
    assert send(served, signed(1)).startswith("250")
    poll(lambda: inbox(home), what="the retry in the inbox")


def test_nothing_is_asked_where_the_owner_takes_everybody(make: Make) -> None:
    home, served = make("accept")
    assert send(served, MESSAGE % (1, 1)).startswith("250")
    poll(lambda: inbox(home), what="the message in the inbox")
    home.run("contact", "reject", "--account", "alice", "bob@signed.example")
    assert send(served, MESSAGE % (2, 2)).startswith("550 5.7.1")


def test_expected_strangers_come_in_for_a_time(make: Make) -> None:
    home, served = make("request")
    home.run("contact", "expect", "--account", "alice", "--domain", "signed.example", "--for", "15m")
    assert send(served, signed(1)).startswith("250")
    poll(lambda: inbox(home), what="the expected message in the inbox")
    assert requests(home) == []


def test_an_invitation_approves_and_a_revoked_address_is_refused_at_rcpt(make: Make) -> None:
    home, served = make("request")
    invitation = home.run("contact", "invite", "--account", "alice").stdout.strip()
    assert send(served, signed(1), invitation).startswith("250")
    poll(lambda: inbox(home), what="the invited message in the inbox")
    assert [(one["who"], one["origin"]) for one in listed(home)] == [("bob@signed.example", "invited")]
    home.run("contact", "revoke", "--account", "alice", "shop")
    with Talk(served.address()) as talk:
        talk.ehlo()
        replies = talk.say_all("MAIL FROM:<bounce@signed.example>", "RCPT TO:<alice+shop@example.org>")
        assert replies[1] == "550 5.7.1 This address takes no mail any more"


def test_one_reply_for_owners_who_differ_loses_nothing_and_lies_to_nobody(make: Make) -> None:
    home, served = make("request")
    home.add_account("carol")
    home.run("contact", "reject", "--account", "carol", "bob@signed.example")
    home.run("contact", "approve", "--account", "alice", "bob@signed.example")
    assert send(served, signed(1), "alice@example.org", "carol@example.org").startswith("250")
    poll(lambda: inbox(home), what="alice's copy")
    held = poll(lambda: list(home.path.glob("mail/carol/.Requests/new/*")), what="carol's copy")
    assert b"rejected: you rejected bob@signed.example; others were to get this message" in held[0].read_bytes()


def test_contacts_are_imported_from_an_address_book(make: Make, tmp_path: Any) -> None:
    home, served = make("request")
    book = tmp_path / "book.vcf"
    book.write_text("BEGIN:VCARD\nVERSION:3.0\nFN:Bob\nEMAIL;TYPE=work:bob@signed.example\nEND:VCARD\n")
    found = home.run("contact", "import", "--account", "alice", str(book))
    assert found.stdout == "Approved 1 of 1; the others were decided already.\n"
    assert send(served, signed(1)).startswith("250")
    poll(lambda: inbox(home), what="the message in the inbox")


def test_a_forged_message_waits_flagged_and_no_decision_lets_it_in(make: Make) -> None:
    """Neither the sweep after the next decision nor the list of requests takes it for the friend's."""
    home, served = make("accept")
    home.run("contact", "approve", "--account", "alice", "bob@signed.example")
    assert send(served, MESSAGE % (1, 1)).startswith("250")
    poll(lambda: requests(home), what="the forged message in Requests")
    assert [(one["standing"], one.get("flagged")) for one in listed(home)] == [("pending", True), ("approved", None)]
    home.run("contact", "approve", "--account", "alice", "carol@nothing.example")
    assert send(served, signed(2)).startswith("250")
    poll(lambda: inbox(home), what="the friend's message in the inbox")
    assert [b"number 2" in one for one in inbox(home)] == [True]
    assert len(requests(home)) == 1


def test_copies_of_an_alias_go_where_each_owner_says(make: Make) -> None:
    """Also where the alias is an account's own address, which keeps a copy there and sends one on."""
    names = ("team", "alice")
    more = "".join(f'[[alias]]\naddress = "{name}@example.org"\nto = ["alice", "carol"]\n' for name in names)
    home, served = make("request", more, "carol")
    home.run("contact", "approve", "--account", "carol", "bob@signed.example")
    for number, recipient in enumerate(("team@example.org", "alice@example.org"), 1):
        assert send(served, signed(number), recipient).startswith("250")
        poll(partial(_has, home, "alice/.Requests", number), what="alice's copy")
        poll(partial(_has, home, "carol", number), what="carol's copy")
    assert inbox(home) == []


def _has(home: Home, box: str, count: int) -> bool:
    return len(list(home.path.glob(f"mail/{box}/new/*"))) == count


def test_owners_with_different_wishes_get_transactions_of_their_own(make: Make) -> None:
    more = '[mailbox.carol]\naddresses = ["carol@example.org"]\nunknown = "accept"\n'
    _, served = make("request", more, "carol")
    with Talk(served.address()) as talk:
        talk.ehlo()
        recipients = [f"RCPT TO:<{one}@example.org>" for one in ("alice", "carol")]
        replies = talk.say_all("MAIL FROM:<b@signed.example>", *recipients)
        assert [one[:9] for one in replies[1:]] == ["250 2.1.5", "452 4.5.3"]


def test_what_a_milter_has_changed_is_found_when_its_author_is_approved(make: Make, tmp_path: Path) -> None:
    """A changed message is stored under another id than it came with; the request knows that one."""

    def answer(command: Command, _: MilterServer) -> tuple[AddHeader | Word, ...]:
        return (AddHeader(b"X-Spam", b"no"), Word.ACCEPT) if isinstance(command, EndOfBody) else (Word.CONTINUE,)

    with ScriptedMilter(tmp_path / "m", answer, Actions(0x33)) as milter:
        home, served = make("request", f'[[companion]]\nkind = "milter"\naddress = "unix:{milter.path}"\n')
        assert send(served, signed(1)).startswith("250")
        poll(lambda: requests(home), what="the request")
        assert "Moved 1 message" in home.run("contact", "approve", "--account", "alice", "bob@signed.example").stdout
        assert b"X-Spam: no\n" in inbox(home)[0]
        served.close()
