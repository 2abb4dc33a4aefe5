"""Defects that older servers had, one test each: what they did wrong, we do right.

Each docstring says where the defect comes from: ``Samotop D1`` to ``D12`` are
defects in the source of the Rust server of our name (0.13.2), ``SAM-`` its
features, ``SEGIMAP`` and ``rust-smtp`` the servers that its README names.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.serving import MakeHome, Served, StartServer, poll
from tests.fakes.talk import Talk, check_stored, fields_of, message, trusting

Mark = Callable[[], str]

MAIL = "MAIL FROM:<sender@client.test>"
ALICE = "RCPT TO:<alice@example.org>"


@pytest.fixture
def talk(server: Served):
    """A session with the module's server, EHLO said."""
    with Talk(server.address()) as opened:
        opened.ehlo()
        yield opened


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


# --- the peer's address ----------------------------------------------------------------------------------------------


def test_the_peers_address_is_an_address(server: Served, mark: Mark, talk: Talk) -> None:
    """Samotop D1: kept as ``ip:port``, which SPF could not read, so that it checked 0.0.0.0."""
    marker = mark()
    talk.mail(message(marker), "alice@example.org")
    assert check_stored(server.home.wait_for_one(marker.encode())).startswith("from client.test ([127.0.0.1]) by ")


def test_an_ipv6_peers_address_is_an_address(make_home: MakeHome, start_server: StartServer, mark: Mark) -> None:
    """Samotop D1, IPv6: and the listener's own address reads back."""
    config = (
        'hostname = "mx.example.org"\ndomains = ["example.org"]\n[[listen]]\nprotocol = "smtp"\naddress = "[::1]:0"'
    )
    server = start_server(make_home(config, accounts=["alice"]))
    with Talk(server.address()) as talk:
        assert server.address().startswith("[::1]:")
        talk.ehlo("[IPv6:2001:db8::1]")
        talk.mail(message(mark()), "alice@example.org")
    received = check_stored(server.home.wait_for_mail()[0])
    assert received.startswith("from [IPv6:2001:db8::1] ([IPv6:::1]) by ")


def test_stored_mail_carries_its_trace(server: Served, mark: Mark, talk: Talk) -> None:
    """Samotop D2: headers that nothing ever wrote; no Received, no Return-Path. Forged ones of ours are removed."""
    marker = mark()
    forged = (
        b"Return-Path: <boss@example.org>\r\nDelivered-To: alice@example.org\r\n"
        b"Received: from bank.test by mx.example.org with ESMTPS id 1; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
        b"Received: from far.test by near.test with SMTP id 2; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    )
    talk.mail(forged + message(marker), "alice@example.org")
    stored = server.home.wait_for_one(marker.encode())
    check_stored(stored)
    assert [value[:13] for name, value in fields_of(stored) if name == "Received"][1:] == ["from far.test"]
    assert b"bank.test" not in stored


# --- content ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", ["", " BODY=8BITMIME", " BODY=7BIT"])
def test_a_body_that_is_no_utf8_arrives_unchanged(server: Served, mark: Mark, talk: Talk, declared: str) -> None:
    """Samotop D3: a Latin-1 line was "incomplete" for ever, the session stalled and its buffer grew."""
    marker = mark()
    body = bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n\xff\xfe\xe9\r\n\x00\r\n"
    assert talk.say(MAIL + declared).startswith("250")
    assert talk.say(ALICE).startswith("250")
    assert talk.say("DATA").startswith("354")
    assert talk.content(message(marker, body)).startswith("250 2.0.0")
    assert server.home.wait_for_one(marker.encode()).endswith(b"\n\n" + body.replace(b"\r\n", b"\n"))


def test_dots_are_unstuffed(server: Served, mark: Mark, talk: Talk) -> None:
    """SEGIMAP did not; Samotop's own sample session has these three lines."""
    marker = mark()
    talk.mail(message(marker, b"..\r\n..fooo\r\n.bar\r\n...\r\n"), "alice@example.org")
    assert server.home.wait_for_one(marker.encode()).endswith(b"\n\n.\n.fooo\nbar\n..\n")


def test_white_space_is_kept(server: Served, mark: Mark, talk: Talk) -> None:
    """SEGIMAP trimmed the beginning of each line, which breaks folded headers."""
    marker = mark()
    content = message(marker, b"  two\r\n\tone \r\n").replace(b"Subject: ", b"Subject: folded\r\n ")
    talk.mail(content, "alice@example.org")
    stored = server.home.wait_for_one(marker.encode())
    assert b"Subject: folded\n " + marker.encode() in stored
    assert stored.endswith(b"\n\n  two\n\tone \n")


def test_an_end_of_data_with_bare_line_feeds_smuggles_nothing(server: Served, mark: Mark) -> None:
    """SAM-17: bare LF in DATA was accepted and stored. SMTP smuggling (CVE-2023-51764 and its family)."""
    for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n\n.\r\n", b"\r\n\x00.\n"):
        marker = mark()
        inner = f"{MAIL}\r\n{ALICE}\r\nDATA\r\nSubject: smuggled {marker}\r\n\r\nx\r\n.\r\n".encode()
        with Talk(server.address()) as talk:
            talk.ehlo()
            talk.say_all(MAIL, ALICE, "DATA")
            talk.send(message(marker) + b"first" + end + inner)
            assert talk.reply().startswith("554 5.6.0"), end
            assert talk.rest() == b"", end
        with Talk(server.address()) as talk:  # a message sent afterwards arrives: so would have the smuggled one
            after = mark()
            talk.ehlo()
            talk.mail(message(after), "alice@example.org")
        server.home.wait_for_one(after.encode())
        assert not any(marker.encode() in path.read_bytes() for path in server.home.mail()), end


def test_bare_line_feeds_end_no_command(server: Served) -> None:
    """rust-smtp RSM-1, SAM-17: only CRLF ends a command; otherwise the session is over."""
    for line in (b"NOOP\n", b"NOOP\rNOOP\r\n", b"NOOP\n\r\n", b"NOOP\r\r\n"):
        with Talk(server.address()) as talk:
            talk.ehlo()
            talk.send(line)
            assert talk.reply().startswith("554 5.6.0"), line
            assert talk.rest() == b"", line


# --- LMTP ------------------------------------------------------------------------------------------------------------


def test_lmtp_has_one_reply_for_each_recipient(server: Served, mark: Mark) -> None:
    """Samotop D4: one result for all, and a single reply on failure."""
    with Talk(server.address("lmtp")) as talk:
        assert talk.greeting == "220 mx.example.org LMTP"
        assert talk.say("EHLO x").startswith("500"), "this is LMTP"
        talk.say("LHLO client.test")
        replies = talk.say_all(MAIL, ALICE, "RCPT TO:<nobody@example.org>", "RCPT TO:<bob@example.org>", "DATA")
        assert [one[:3] for one in replies] == ["250", "250", "550", "250", "354"]
        talk.send(message(mark()) + b".\r\n")
        assert [talk.reply()[:9], talk.reply()[:9]] == ["250 2.0.0"] * 2
        assert talk.say("NOOP").startswith("250 2.0.0 Ok")
        replies = talk.say_all(MAIL, ALICE, "RCPT TO:<bob@example.org>", "DATA")
        talk.send(b"X: " + b"x" * 70_000 + b"\r\n.\r\n")
        assert [talk.reply()[:9], talk.reply()[:9]] == ["554 5.6.0"] * 2, "a refusal is told to each as well"
        assert talk.say_all(MAIL, "RCPT TO:<nobody@example.org>", "DATA")[2].startswith("503"), "nobody to reply for"


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_plaintext_after_starttls_is_dropped(server: Served, mark: Mark) -> None:
    """Samotop D5: the buffer was kept over the handshake, so that commands could be slipped in (CVE-2011-0411)."""
    marker = mark()
    with Talk(server.address()) as talk:
        talk.ehlo("injected.test")
        injected = f"EHLO injected.test\r\n{MAIL}\r\n{ALICE}\r\nDATA\r\nSubject: {marker}\r\n\r\n.\r\n"
        talk.send(b"STARTTLS\r\n" + injected.encode())
        assert talk.reply().startswith("220")
        talk.socket = trusting().wrap_socket(talk.socket)
        assert talk.say("NOOP").startswith("250"), "the first thing heard over TLS is the answer to the first said"
        assert talk.say(MAIL).startswith("503"), "what was said in the clear is forgotten: EHLO again"
        assert "STARTTLS" not in talk.ehlo()
        assert talk.say("STARTTLS").startswith("503")
        talk.mail(message(mark()), "alice@example.org")
    assert not any(marker.encode() in path.read_bytes() for path in server.home.mail())


def test_starttls_where_there_is_none(make_home: MakeHome, start_server: StartServer) -> None:
    """Samotop D12: the reply is 502 with its status, and the session goes on; the greeting says ESMTP."""
    config = (
        'hostname = "mx.example.org"\ndomains = ["example.org"]\n'
        '[[listen]]\nprotocol = "smtp"\naddress = "127.0.0.1:0"\ntls = "none"'
    )
    server = start_server(make_home(config, accounts=["alice"]))
    with Talk(server.address()) as talk:
        assert talk.greeting == "220 mx.example.org ESMTP"
        assert "STARTTLS" not in talk.ehlo()
        assert talk.say("STARTTLS").startswith("502 5.5.1")
        assert talk.say("NOOP").startswith("250")
    assert not list((server.home.path / "tls").glob("*")), "no certificate is made where nobody is shown one"


# --- limits ----------------------------------------------------------------------------------------------------------


def test_an_over_long_command_is_refused_whole(talk: Talk) -> None:
    """Samotop D6: no limit on a line. What follows it is a command again."""
    assert talk.say("NOOP " + "x" * 5000).startswith("500 5.5.2")
    assert talk.say("NOOP").startswith("250")


def test_a_command_without_end_ends_the_session(talk: Talk) -> None:
    """Samotop D6: the buffer grew for ever."""
    talk.send(b"NOOP " + b"x" * 200_000)
    assert talk.reply().startswith("500 5.5.2")
    assert talk.rest() == b""


def test_over_long_lines_of_content_are_refused(server: Served, mark: Mark, talk: Talk) -> None:
    """Samotop D6; lines of up to 64 KiB are taken, because honest programs break the limit of 1000."""
    marker = mark()
    talk.mail(message(marker, b"y" * 60_000 + b"\r\n"), "alice@example.org")
    assert b"\n" + b"y" * 60_000 + b"\n" in server.home.wait_for_one(marker.encode())
    marker = mark()
    assert talk.mail(message(marker, b"y" * 70_000 + b"\r\n"), "alice@example.org").startswith("554 5.6.0")
    assert talk.say("NOOP").startswith("250"), "the session goes on"


def test_an_endless_header_is_refused(talk: Talk) -> None:
    """Samotop D6: 552 past 256 KiB, without waiting for its end to say so, and the session goes on."""
    header = b"X-Field: value\r\n" * 30_000
    assert talk.mail(header + b"\r\nbody\r\n", "alice@example.org").startswith("552 5.3.4")
    assert talk.say("NOOP").startswith("250")


def test_too_many_recipients_come_in_another_transaction(
    make_home: MakeHome, start_server: StartServer, mark: Mark
) -> None:
    """Samotop D6: 452 4.5.3 for each further one, the message goes to the others (RFC 5321 §4.5.3.1.10)."""
    home = make_home(accounts=["alice"])
    home.append(
        "[limits]\nrecipients = 5\nsize = 10000\nsessions_per_address = 3\n"
        '[mailbox.alice]\naddresses = ["alice@example.org"]\ndomains = ["example.org"]\n'
    )
    server = start_server(home)
    with Talk(server.address()) as talk:
        assert "LIMITS MAILMAX=1000 RCPTMAX=5" in talk.ehlo()
        talk.say(MAIL)
        replies = [talk.say(f"RCPT TO:<user{number}@example.org>") for number in range(7)]
        assert [one[:9] for one in replies] == ["250 2.1.5"] * 5 + ["452 4.5.3"] * 2
        talk.say("DATA")
        assert talk.content(message(mark())).startswith("250")
    stored = server.home.wait_for_mail()[0]
    addressed = [value for name, value in fields_of(stored) if name == "Delivered-To"]
    assert addressed == [f"user{number}@example.org" for number in range(5)], "one file for one mailbox"
    check_size(server)
    check_sessions(server)


def check_size(server: Served) -> None:
    """SIZE: declared too large is refused at MAIL, sent too large after the content (RFC 1870)."""
    with Talk(server.address()) as talk:
        assert "SIZE 10000" in talk.ehlo()
        assert talk.say(MAIL + " SIZE=10001").startswith("552 5.3.4")
        assert talk.say(MAIL + " SIZE=10000").startswith("250")
        assert talk.say("RSET").startswith("250")
        assert talk.mail(message("x", b"0123456789\r\n" * 1000), "alice@example.org").startswith("552 5.3.4")
        assert talk.say("NOOP").startswith("250")


def check_sessions(server: Served) -> None:
    """No fourth session from one address; one that ends makes room."""
    talks = [Talk(server.address()) for _ in range(3)]
    with Talk(server.address()) as fourth:
        assert fourth.greeting.startswith("421 4.7.0")
        assert fourth.rest() == b""
    assert talks[0].say("QUIT").startswith("221")

    def may_come() -> bool:
        with Talk(server.address()) as again:
            return again.greeting.startswith("220")

    poll(may_come)
    for talk in talks:
        talk.close()


def test_errors_end_the_session(talk: Talk) -> None:
    """Samotop D6: a client that guesses is not served for ever."""
    for _ in range(9):
        assert talk.say("HUH").startswith("500 5.5.1")
    assert talk.say("HUH").startswith("421 4.7.0")
    assert talk.rest() == b""


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["[IPv6:2001:db8::1]", "[IPv6:::1]", "[192.0.2.1]", "client.test"])
def test_address_literals_are_names_for_ehlo(server: Served, name: str) -> None:
    """Samotop D7: ``[IPv6:...]`` did not parse although it was printed so."""
    with Talk(server.address()) as talk:
        assert talk.ehlo(name).startswith("250")


@pytest.mark.parametrize("domain", ["[IPv6:2001:db8::1]", "[192.0.2.1]"])
def test_address_literals_in_paths(server: Served, mark: Mark, talk: Talk, domain: str) -> None:
    """Samotop D7: as a reverse-path they are kept, as a recipient's domain they are not ours."""
    marker = mark()
    assert talk.say(f"RCPT TO:<alice@{domain}>").startswith("503")
    assert talk.say(MAIL).startswith("250")
    assert talk.say(f"RCPT TO:<alice@{domain}>").startswith("550 5.7.1")
    assert talk.say("RCPT TO:<alice@[IPv6:2001:db8:::1]>").startswith("501 5.1.3")
    talk.say("RSET")
    talk.mail(message(marker), "alice@example.org", sender=f"<sender@{domain}>")
    check_stored(server.home.wait_for_one(marker.encode()), sender=f"sender@{domain}")


CLIMBING = [
    "../../etc/passwd",
    "../bob",
    "..",
    ".",
    "/etc/passwd",
    "alice/../bob",
    "alice/new",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2fbob",
    "..\\..\\bob",
    "=2e=2e=2fbob",
    "+/../bob",
    "alice/",
]


def test_no_recipient_becomes_a_path(
    make_home: MakeHome, start_server: StartServer, mark: Mark, tmp_path: Path
) -> None:
    """Samotop D8, SEGIMAP: the mailbox's path was built from the raw address.

    With a catch-all that takes every local part, in every way of writing it:
    each message lies in the catch-all's Maildir, and nothing appears anywhere else.
    """
    home = make_home(accounts=["alice", "bob"])
    home.append(
        '[mailbox.alice]\naddresses = ["alice@example.org"]\n[mailbox.rest]\nowner = "bob"\ndomains = ["example.org"]\n'
        '[[route]]\nmatch = "files.test"\nvia = "directory:files"\n[limits]\nerrors = 1000\n'
    )
    server = start_server(home)
    with Talk(server.address()) as talk:
        talk.ehlo()
        accepted = 0
        for domain in ("example.org", "files.test"):
            for local in CLIMBING:
                quoted = '"' + local.replace("\\", "\\\\") + '"'
                assert talk.say(MAIL).startswith("250")
                assert talk.say(f"RCPT TO:<{quoted}@{domain}>").startswith("250"), local
                plain = talk.say(f"RCPT TO:<{local}@{domain}>")
                # as an atom it is either no address at all or the same one
                assert re.match("250|501 5.1.3", plain), (local, plain)
                talk.say("DATA")
                assert talk.content(message(mark())).startswith("250")
                accepted += domain == "example.org"
        for octets in (b"a\x00b", b'"a\x00b"', b'"a\r\x00"', b'"\x00"', b"\xc3\x28", b'"..\xc0\xaf.."'):
            talk.say("RSET")
            talk.say(MAIL)
            with_octets = talk.say(b"RCPT TO:<" + octets + b"@example.org>")
            assert with_octets[:3] in ("500", "501", "553", "554"), (octets, with_octets)
            if with_octets.startswith("554"):
                talk = Talk(server.address())
                talk.ehlo()
        talk.close()
    poll(lambda: home.queue() == [], what="an empty queue")
    home.wait_for_mail(accepted, "bob")
    assert server.terminate() == 0
    assert not home.mail("alice")
    known = {"lock", "lock.workers", "samotop.toml", "state.db", "tls", "keys", "mail", "files", "spool", "lmtp.sock"}
    assert {path.name for path in home.path.iterdir()} - known <= {"state.db-wal", "state.db-shm"}
    assert {path.name for path in (home.path / "mail").iterdir()} == {"bob"}
    found = files_below(tmp_path) - files_below(home.path)
    assert {path.name for path in found} == {"h1.log"}, "nothing outside the home"
    assert len(list((home.path / "files").iterdir())) == len(files_below(home.path / "files")), "nothing deeper"


def test_the_null_reverse_path(server: Served, mark: Mark, talk: Talk) -> None:
    """Samotop D9: bounces looked like a temporary failure. ``<>`` is a value of its own."""
    marker = mark()
    talk.mail(message(marker), "alice@example.org", sender="<>")
    check_stored(server.home.wait_for_one(marker.encode()), sender="")
    assert talk.say(MAIL).startswith("250")
    assert talk.say("RCPT TO:<>").startswith("501 5.1.3")


def test_a_space_after_the_colon(server: Served, mark: Mark, talk: Talk) -> None:
    """Samotop D10: 500. Many clients write it, so it is taken."""
    marker = mark()
    assert talk.say("MAIL FROM: <sender@client.test>").startswith("250")
    assert talk.say("rcpt to: <alice@example.org>").startswith("250")
    assert talk.say("data").startswith("354")
    assert talk.content(message(marker)).startswith("250")
    check_stored(server.home.wait_for_one(marker.encode()))


@pytest.mark.parametrize("path", ["<x", "x>", "a@b.test", "<a@b.test>x", "<@a.test>", "<a b@c.test>", "<a@b..test>"])
def test_a_path_is_read_strictly(talk: Talk, path: str) -> None:
    """rust-smtp RSM-2, RSM-3: a missing ``>`` passed; brackets were optional."""
    assert talk.say(f"MAIL FROM:{path}")[:3] == "501"
    assert talk.say(MAIL).startswith("250"), "the session goes on"


# --- names -----------------------------------------------------------------------------------------------------------


def test_two_messages_in_the_same_second(make_home: MakeHome, start_server: StartServer, mark: Mark) -> None:
    """Samotop D11, SEGIMAP: file names of 32-bit time hashes, or of seconds: the second message replaced the first.

    Two, and two hundred from four sessions at once: all are there, each under a
    name and an id of its own.
    """
    home = make_home(accounts=["alice"])
    server = start_server(home)
    with Talk(server.address()) as talk:
        talk.ehlo()
        first, second = (talk.mail(message(mark()), "alice@example.org") for _ in range(2))
        assert first.startswith("250 2.0.0") and first != second
    replies: list[str] = []

    def send() -> None:
        with Talk(server.address()) as talk:
            talk.ehlo()
            lines = [MAIL, ALICE, "DATA"]
            for number in range(50):
                talk.say_all(*lines)
                replies.append(talk.content(message(f"{threading.get_ident()}-{number}")))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(replies)) == 200
    home.wait_for_mail(202)
    names = [path.name.split(".", 2) for path in home.mail()]
    assert len({name[1] for name in names}) == 202
    seconds = [int(name[0]) for name in names]
    assert max(map(seconds.count, seconds)) > 1, "the test is about messages of the same second"


# --- early talkers ---------------------------------------------------------------------------------------------------


def test_early_talkers_are_refused(make_home: MakeHome, start_server: StartServer, mark: Mark) -> None:
    """SAM-15 and its issue #13: who speaks before the greeting is refused; a polite client loses nothing."""
    home = make_home(accounts=["alice"])
    home.append('[policy]\nexempt = []\nbanner_wait = "300ms"\n')
    server = start_server(home)
    with Talk(server.address(), greets=False) as early:
        early.send(b"EHLO early.test\r\n")
        assert early.reply().startswith("554 5.5.1")
        assert early.rest() == b""
    with Talk(server.address()) as polite:
        assert polite.greeting == "220 mx.example.org ESMTP"
        polite.ehlo()
        polite.mail(message(mark()), "alice@example.org")
    home.wait_for_mail(1)


def test_exempt_peers_may_talk_early(make_home: MakeHome, start_server: StartServer) -> None:
    """SAM-15: programs on this machine pipeline everything; they do not wait, and nobody minds."""
    home = make_home(accounts=["alice"])
    home.append('[policy]\nbanner_wait = "60s"\n')
    server = start_server(home)
    with Talk(server.address(), greets=False) as talk:
        talk.send(b"EHLO early.test\r\nQUIT\r\n")
        assert talk.reply().startswith("220")
        assert talk.reply().startswith("250")
        assert talk.reply().startswith("221")


def test_exempt_peers_behind_a_proxy_may_talk_early(make_home: MakeHome, start_server: StartServer) -> None:
    """SAM-15: what a proxy hands over together with its header was not said early by whom we do not make wait."""
    config = (
        'hostname = "mx.example.org"\ndomains = ["example.org"]\n'
        '[[listen]]\nprotocol = "smtp"\naddress = "127.0.0.1:0"\nproxy = ["127.0.0.1"]\n'
        '[policy]\nexempt = ["192.0.2.0/24"]\nbanner_wait = "60s"\n'
    )
    server = start_server(make_home(config, accounts=["alice"]))
    with Talk(server.address(), greets=False) as talk:
        talk.send(b"PROXY TCP4 192.0.2.9 127.0.0.1 4711 25\r\nEHLO early.test\r\n")
        assert talk.reply().startswith("220")
        assert talk.reply().startswith("250")


# --- who may be written to -------------------------------------------------------------------------------------------


def test_unknown_recipients_are_refused_at_rcpt(server: Served, mark: Mark, talk: Talk) -> None:
    """The Rust server took every recipient (1.4): 550 5.1.1 while the client still can tell its user."""
    marker = mark()
    talk.say(MAIL)
    assert talk.say("RCPT TO:<nobody@example.org>").startswith("550 5.1.1")
    assert talk.say("DATA").startswith("503"), "no recipient, no content"
    assert talk.say(ALICE).startswith("250")
    assert talk.say("RCPT TO:<ALICE@EXAMPLE.ORG>").startswith("250"), "case does not matter here"
    talk.say("DATA")
    assert talk.content(message(marker)).startswith("250")
    server.home.wait_for_one(marker.encode())


def test_postmaster_is_always_there(server: Served, mark: Mark, talk: Talk) -> None:
    """RFC 5321 §4.5.1; SAM-02: the bare ``<postmaster>``."""
    marker = mark()
    talk.say(MAIL)
    for path in ("<postmaster>", "<PostMaster@example.org>", "<abuse@example.org>"):
        assert talk.say(f"RCPT TO:{path}").startswith("250"), path
    talk.say("DATA")
    assert talk.content(message(marker)).startswith("250")
    server.home.wait_for_one(marker.encode())


def test_strangers_may_not_relay(server: Served, talk: Talk) -> None:
    """550 5.7.1 for other people's domains, also by source route, percent and quoted at (open relay tests)."""
    talk.say(MAIL)
    for path in (
        "<victim@far.test>",
        "<@example.org:victim@far.test>",
        "<victim@far.test.>",
        '<"victim@far.test"@other.test>',
        "<victim@[192.0.2.1]>",
        "<victim@sub.example.org>",
    ):
        assert re.match("550 5.7.1|501 5.1.3", talk.say(f"RCPT TO:{path}")), path
    for path in ('<"victim@far.test"@example.org>', "<victim%far.test@example.org>", "<far.test!victim@example.org>"):
        assert talk.say(f"RCPT TO:{path}").startswith("550 5.1.1"), path


def test_trusted_peers_may_relay(make_home: MakeHome, start_server: StartServer, mark: Mark) -> None:
    """``[relay] trusted``; what cannot be sent on yet waits in the queue and is not lost."""
    home = make_home(accounts=["alice"])
    home.append('[relay]\ntrusted = ["127.0.0.1"]\nsmarthost = "smtp://127.0.0.1:1"\n')
    server = start_server(home)
    marker = mark()
    with Talk(server.address()) as talk:
        talk.ehlo()
        talk.mail(message(marker), "alice@example.org", "friend@far.test")
    home.wait_for_one(marker.encode())
    poll(lambda: [one["state"] for one in home.queue() if one["reason"]] == ["queued"], what="the other recipient")
    shown = home.run("queue", "show", home.queue()[0]["id"]).stdout
    assert "friend@far.test" in shown and "alice@example.org" not in shown.partition("\n  to <")[2]


def test_who_logs_in_may_relay(server: Served, mark: Mark) -> None:
    """SAM-40: submission with a login."""
    with Talk(server.address("submission", 1), tls=trusting()) as talk:
        talk.ehlo()
        assert talk.say("AUTH PLAIN AGFsaWNlAGNvcnJlY3QgaG9yc2UgYmF0dGVyeSBzdGFwbGU=").startswith("235 2.7.0")
        talk.say("MAIL FROM:<alice@example.org>")
        assert talk.say("RCPT TO:<friend@far.test>").startswith("250")
        assert talk.say("RCPT TO:<nobody@example.org>").startswith("550 5.1.1"), "in our own domains all the same"
        talk.say("RSET")


def test_the_log_names_nobody(server: Served, mark: Mark) -> None:
    """SAM-21: senders and recipients stood in the log, bodies too at debug; SEGIMAP logged passwords."""
    with Talk(server.address()) as talk:
        talk.ehlo("secret-name.test")
        talk.mail(message(mark()), "alice@example.org", sender="<secret-sender@client.test>")
        talk.say(MAIL)
        talk.say("RCPT TO:<secret-recipient@example.org>")
    said = server.stderr
    for word in ("secret", "@", "127.0.0.1:5", "marker-"):
        assert word not in said.replace(server.stderr.splitlines()[0], ""), word
