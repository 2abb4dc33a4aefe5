"""Aliases, forwarding and lists, through real servers: who gets a copy, under which sender, and what comes back."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest

from samotop.dsn import parse_notification
from tests.fakes.serving import PASSWORD, Home, MakeHome, Served, StartServer, poll
from tests.fakes.talk import Talk, message, trusting

OTHER = """\
hostname = "mx.example.net"
domains = ["example.net", "sender.example"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[reports]
dmarc = false

[consent]
unknown = "accept"
"""

OURS = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "submission"
address = "127.0.0.1:0"
tls = "required"

[[listen]]
protocol = "lmtp"
address = "{lmtp}"

[relay]
smarthost = "smtp://127.0.0.1:PORT"

[reports]
dmarc = false

[consent]
unknown = "accept"
"""

SENDER = "<bob@sender.example>"

TEAM = """
[[alias]]
address = "team@example.org"
to = ["alice", "bob@example.org", "alice@example.net"]
"""

FRIENDS = """
[[list]]
address = "friends@example.org"
name = "Friends of mail"
owner = "bob"
members = ["alice", "alice@example.net"]
post = "POST"
"""


@pytest.fixture
def other(make_home: MakeHome, start_server: StartServer) -> Served:
    """Everybody else: the senders' server and that of those we forward to."""
    return start_server(make_home(OTHER))


@pytest.fixture
def serve(make_home: MakeHome, start_server: StartServer, other: Served) -> Callable[..., Served]:
    """Starts our server with these tables. ``is_trusted``: our word proves who sends, as SPF would."""

    def start(tables: str, *, is_trusted: bool = False) -> Served:
        config = OURS.replace("PORT", str(other.port()))
        if is_trusted:
            config = config.replace("[relay]\n", '[relay]\ntrusted = ["127.0.0.1"]\n')
        return start_server(make_home(config + tables))

    return start


def send(served: Served, content: bytes, *recipients: str, sender: str = SENDER) -> str:
    with Talk(served.address()) as talk:
        talk.ehlo()
        return talk.mail(content, *recipients, sender=sender)


def submit(served: Served, content: bytes, recipient: str, *, sender: str = "alice@example.org") -> str:
    """As alice, who has logged in; the reply to the content, or to the first command that is refused."""
    with Talk(served.address("submission")) as talk:
        talk.ehlo()
        talk.start_tls(trusting())
        talk.ehlo()
        token = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()
        assert talk.say(f"AUTH PLAIN {token}").startswith("235")
        for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"):
            reply = talk.say(line)
            if not reply.startswith(("250", "354")):
                return reply
        return talk.content(content)


def return_path(stored: bytes) -> str:
    found = re.match(rb"Return-Path: <(.*)>\n", stored)
    assert found is not None, stored
    return found[1].decode()


def test_an_alias_reaches_accounts_and_another_server(serve: Callable[..., Served], other: Served) -> None:
    """The sender stays for mailboxes here, and is rewritten for the server that checks SPF."""
    served = serve(TEAM)
    send(served, message("one"), "team@example.org")
    for account in ("alice", "bob"):
        stored = served.home.wait_for_one(b"one", account)
        assert return_path(stored) == "bob@sender.example"
        assert f"Delivered-To: {account}@example.org\n".encode() in stored
    forwarded = other.home.wait_for_one(b"one")
    assert re.fullmatch(r"SRS0=[A-Z2-7]{12}=[A-Z2-7]{2}=sender\.example=bob@example\.org", return_path(forwarded))
    assert b"\nDelivered-To: team@example.org\n" in forwarded
    poll(lambda: not served.home.queue(), what="the queue to be empty")


def test_what_fails_behind_an_alias_comes_back_to_the_sender(serve: Callable[..., Served], other: Served) -> None:
    """Refused while we forward: our own notification goes to the rewritten sender, and so to whom it stands for."""
    served = serve('[[alias]]\naddress = "gone"\nto = ["nobody@example.net"]\n', is_trusted=True)
    send(served, message("two"), "gone@example.org")
    stored = other.home.wait_for_one(b"multipart/report", "bob")
    found = parse_notification(stored)
    assert found is not None
    (one,) = found.recipients
    assert (one.final, one.action, one.original) == ("nobody@example.net", "failed", "gone@example.org")
    assert return_path(stored) == "" and b"two" in stored
    poll(lambda: not served.home.queue(), what="the queue to be empty")


def test_a_rewritten_sender_takes_notifications_and_nothing_else(serve: Callable[..., Served], other: Served) -> None:
    """The next server notices later that it cannot deliver; a spammer who has seen the address gains nothing."""
    served = serve(TEAM)
    send(served, message("three"), "team@example.org")
    back = return_path(other.home.wait_for_one(b"three"))
    with Talk(served.address()) as talk:
        talk.ehlo()
        assert talk.mail(message("late"), back, sender="<>").startswith("250")
        talk.say("MAIL FROM:<x@spam.example>")
        assert talk.say(f"RCPT TO:<{back}>").startswith("550 5.7.1")
        talk.say("RSET")
        talk.say("MAIL FROM:<>")
        assert talk.say(f"RCPT TO:<{back.replace('=bob', '=eve')}>").startswith("550 5.1.1")
    other.home.wait_for_one(b"late", "bob")


def test_what_we_forwarded_is_known_when_it_comes_back(serve: Callable[..., Served], other: Served) -> None:
    """A forward to somebody who forwards to us: refused at the first return, and so told to the sender."""
    served = serve(TEAM)
    send(served, message("four"), "team@example.org")
    forwarded = other.home.wait_for_one(b"four").replace(b"\n", b"\r\n")
    assert "5.4.6 We have sent this message on before" in send(served, forwarded, "team@example.org")
    assert send(served, forwarded, "alice@example.org").startswith("250")


def test_a_large_message_is_copied_whole(serve: Callable[..., Served], other: Served) -> None:
    """Such contents lie in files of their own while they arrive, and so do their copies."""
    served = serve(TEAM)
    body = b"".join(b"%08d and some more words to fill it\r\n" % number for number in range(40_000))
    send(served, message("five", body), "team@example.org")
    for stored in (served.home.wait_for_one(b"five"), other.home.wait_for_one(b"five")):
        assert stored.endswith(b"\n\n" + body.replace(b"\r\n", b"\n"))


def test_success_is_told_for_an_alias_as_expanded(serve: Callable[..., Served], other: Served) -> None:
    """RFC 3461 §5.2.7.3: several addresses are one to the sender, who asked about one."""
    served = serve(TEAM, is_trusted=True)
    with Talk(served.address()) as talk:
        talk.ehlo()
        talk.say_all(f"MAIL FROM:{SENDER} ENVID=e1", "RCPT TO:<team@example.org> NOTIFY=SUCCESS,FAILURE", "DATA")
        assert talk.content(message("six")).startswith("250")
    found = parse_notification(other.home.wait_for_one(b"multipart/report", "bob"))
    assert found is not None and found.envelope_id == "e1"
    assert [(one.final, one.action) for one in found.recipients] == [("team@example.org", "expanded")]
    served.home.wait_for_one(b"six")


def test_who_is_not_proven_to_have_sent_it_is_told_nothing(serve: Callable[..., Served], other: Served) -> None:
    """Whoever forges a sender and asks for success would have us write to somebody else."""
    served = serve(TEAM)
    with Talk(served.address()) as talk:
        talk.ehlo()
        talk.say_all(f"MAIL FROM:{SENDER}", "RCPT TO:<team@example.org> NOTIFY=SUCCESS", "DATA")
        assert talk.content(message("six")).startswith("250")
    other.home.wait_for_one(b"six")
    poll(lambda: not served.home.queue(), what="the queue to be empty")
    assert not other.home.mail("bob")


def test_a_list_sends_to_its_members_in_its_own_name(serve: Callable[..., Served], other: Served) -> None:
    """What we add is the list's fields; what fails goes to the owner."""
    served = serve(FRIENDS.replace("POST", "members").replace('"alice@ex', '"nobody@example.net", "alice@ex'))
    post = b"From: <alice@example.org>\r\nSubject: seven\r\nList-Id: <parent.example.com>\r\n\r\nHello\r\n"
    assert submit(served, post, "friends@example.org").startswith("250")
    for stored in (served.home.wait_for_one(b"seven"), other.home.wait_for_one(b"seven")):
        assert return_path(stored) == "friends-bounces@example.org"
        for line in (
            "List-Id: Friends of mail <friends.example.org>",
            "List-Post: <mailto:friends@example.org>",
            "List-Unsubscribe: <mailto:friends-owner@example.org?subject=unsubscribe>",
            "List-Owner: <mailto:friends-owner@example.org>",
            "Precedence: list",
            "Subject: seven",
            "From: <alice@example.org>",
        ):
            assert f"\n{line}\n".encode() in stored
        assert b"parent.example.com" not in stored
    found = parse_notification(served.home.wait_for_one(b"multipart/report", "bob"))
    assert found is not None and [one.final for one in found.recipients] == ["nobody@example.net"]
    again = other.home.wait_for_one(b"seven").replace(b"\n", b"\r\n")
    assert "5.4.6 We have sent this message on before" in send(served, again, "friends@example.org")


def test_who_may_write_to_a_list(serve: Callable[..., Served]) -> None:
    """From is a claim: a member is who has logged in. Programs and notifications never."""
    served = serve(FRIENDS.replace("POST", "members"))
    claimed = b"From: <alice@example.org>\r\nSubject: x\r\n\r\nHello\r\n"
    assert send(served, claimed, "friends@example.org").startswith("550 5.7.1")
    assert submit(served, b"Auto-Submitted: auto-replied\r\n" + claimed, "friends@example.org").startswith("550 5.7.1")
    with Talk(served.address()) as talk:
        talk.ehlo()
        talk.say("MAIL FROM:<>")
        assert talk.say("RCPT TO:<friends@example.org>").startswith("550 5.7.1")
        assert talk.say("RCPT TO:<friends-bounces@example.org>").startswith("250")
        assert talk.say("RCPT TO:<friends-help@example.org>").startswith("550 5.1.1")


def test_announcements_are_their_owners_and_open_lists_everybodys(serve: Callable[..., Served]) -> None:
    """``post = "nobody"`` means nobody but the owner, who is not alice."""
    served = serve(FRIENDS.replace("POST", "nobody") + FRIENDS.replace("POST", "anyone").replace("friends", "open"))
    mine = b"From: <alice@example.org>\r\nSubject: eight\r\n\r\nHello\r\n"
    assert submit(served, mine, "friends@example.org").startswith("550 5.7.1")
    assert send(served, message("nine"), "open@example.org").startswith("250")
    assert b"List-Id: Friends of mail <open.example.org>" in served.home.wait_for_one(b"nine")


def test_with_lmtp_each_recipient_is_answered(serve: Callable[..., Served]) -> None:
    """A refused list takes nothing from the others; and their mail says whom it was for."""
    served = serve(FRIENDS.replace("POST", "members") + TEAM)
    with Talk(served.address("lmtp")) as talk:
        talk.say("LHLO front")
        recipients = ("alice@example.org", "friends@example.org", "team@example.org")
        talk.say_all(f"MAIL FROM:{SENDER}", *[f"RCPT TO:<{one}>" for one in recipients], "DATA")
        first = talk.content(message("ten"))
        codes = [first[:3], *[talk.reply()[:3] for _ in recipients[1:]]]
    assert codes == ["250", "550", "250"]
    served.home.wait_for_one(b"ten")
    served.home.wait_for_one(b"ten", "bob")


def test_members_in_a_file_are_taken_up_while_the_server_runs(
    serve: Callable[..., Served], make_home: MakeHome
) -> None:
    """The owner edits a text; a file that cannot be read changes nothing."""
    table = FRIENDS.replace("POST", "anyone").replace(
        'members = ["alice", "alice@example.net"]', 'members_file = "friends.txt"'
    )
    home = make_home(OURS.replace("PORT", "9") + table)
    assert "friends.txt" in home.run("check", status=1).stderr
    (home.path / "friends.txt").write_text("# nobody but\nalice  # is in it\nno address\n")
    said = home.run("check", status=1).stderr
    assert "friends.txt:3" in said and "neither an account nor an address" in said
    (home.path / "friends.txt").write_text("alice\n")
    assert "no mistakes" in home.run("check").stdout
    served = serve_home(home)
    try:
        (home.path / "friends.txt").write_text("bob\n")
        poll(lambda: served.events("members_read"), what="the file to be read")
        send(served, message("eleven"), "friends@example.org")
        home.wait_for_one(b"eleven", "bob")
        assert not home.mail("alice")
    finally:
        served.close()


def serve_home(home: Home) -> Served:
    served = Served(home, log=home.path / "log")
    served.wait_until_ready()
    return served


def test_who_shares_an_alias_writes_as_it(serve: Callable[..., Served]) -> None:
    """Only where the operator says so."""
    served = serve(TEAM + TEAM.replace("team", "shared") + "shared = true\n")
    for name, code in (("shared", "250"), ("team", "550")):
        content = f"From: <{name}@example.org>\r\nSubject: x\r\n\r\nHello\r\n".encode()
        assert submit(served, content, "bob@example.org", sender=f"{name}@example.org").startswith(code)


def test_check_names_targets_that_are_not_there(make_home: MakeHome) -> None:
    """With the line of each."""
    home = make_home(
        OURS.replace("PORT", "9")
        + '[[alias]]\naddress = "team"\nto = [\n"alice",\n"carol",\n"nobody@example.org",\n]\n'
        + '[[alias]]\naddress = "a"\nto = ["b@example.org"]\n[[alias]]\naddress = "b"\nto = ["a@example.org"]\n'
    )
    said = home.run("check", status=1).stderr
    assert 'there is no account "carol"' in said and 'nobody has the address "nobody@example.org"' in said
    assert 'nobody gets mail for "a@example.org": all of its targets lead back to it' in said
