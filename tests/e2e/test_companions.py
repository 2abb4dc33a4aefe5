"""Companions of a real server: OpenDKIM and clamd as they are, and milters that say what a test wants said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from samotop.milter.commands import BodyChunk, Command, Connect, EndOfBody, HeaderField, RcptTo
from samotop.milter.negotiation import Actions
from samotop.milter.responses import (
    AddHeader,
    Change,
    ChangeHeader,
    InsertHeader,
    Quarantine,
    ReplaceBody,
    ReplyCode,
    Word,
)
from samotop.milter.server import MilterServer
from samotop.msgauth import dkim
from tests.fakes.companions import (
    EICAR_LIKE,
    GTUBE,
    ScriptedClamd,
    ScriptedMilter,
    serve_clamd,
    serve_opendkim,
    serve_rspamd,
)
from tests.fakes.serving import Home, MakeHome, Served, StartServer
from tests.fakes.signing import KEYS
from tests.fakes.talk import Talk, message

CONFIG = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "lmtp"
address = "{lmtp}"

[reports]
dmarc = false

[consent]
unknown = "accept"
"""

Start = Callable[..., tuple[Home, Served]]


@pytest.fixture
def start(make_home: MakeHome, start_server: StartServer) -> Start:
    """``start((kind, socket), ..., more="")``: a server with these companions."""

    def begin(*companions: tuple[str, Path], more: str = "", fails: bool = False) -> tuple[Home, Served]:
        home = make_home(CONFIG)
        for kind, sock in companions:
            home.append(f'[[companion]]\nkind = "{kind}"\naddress = "unix:{sock}"\n{more}\n')
        return home, start_server(home, allowed=["companion_failed"] if fails else [])

    return begin


def at_end(
    *responses: Word | ReplyCode | Change,
) -> Callable[[Command, MilterServer], Sequence[Word | ReplyCode | Change]]:
    return lambda command, _: responses if isinstance(command, EndOfBody) else (Word.CONTINUE,)


def test_opendkim_writes_what_it_found_into_the_message(
    needs: Callable[..., str], tmp_path: Path, start: Start
) -> None:
    """Who has OpenDKIM keeps it: a message that verifies, and one that was changed on its way."""
    keys = tmp_path / "keys"
    records = (f"{key.selector}._domainkey.example.org {dkim.format_key_record(key.private)}\n" for key in KEYS)
    keys.write_text("".join(records))
    content = message("signed")
    signed = dkim.sign(content, dkim.Signer("example.org", KEYS)) + content
    settings = f"Mode v\nAuthservID filter.example.org\nTestPublicKeys {keys}\nInternalHosts 192.0.2.1\n"
    with serve_opendkim(needs("opendkim"), tmp_path, settings) as sock:
        home, server = start(("milter", sock))
        with Talk(server.address()) as talk:
            talk.ehlo()
            assert talk.mail(signed, "alice@example.org").startswith("250")
            assert talk.mail(signed.replace(b"Hello", b"Other"), "bob@example.org").startswith("250")
        stored = home.wait_for_one(b"signed")
        assert b"Authentication-Results: filter.example.org;" in stored
        assert stored.count(b"dkim=pass") == 2
        assert stored.endswith(signed.replace(b"\r\n", b"\n")), "what came is as it came"
        assert b"dkim=pass" not in home.wait_for_one(b"signed", "bob")
        server.close()


def test_opendkim_signs_what_is_sent(needs: Callable[..., str], tmp_path: Path, start: Start) -> None:
    """Signing is adding a field too."""
    key = tmp_path / "key.pem"
    key.write_bytes(dkim.format_private_key(KEYS[0].private))
    settings = f"Mode s\nDomain client.test\nSelector r\nKeyFile {key}\nRequireSafeKeys no\nInternalHosts 127.0.0.1\n"
    with serve_opendkim(needs("opendkim"), tmp_path, settings) as sock:
        home, server = start(("milter", sock))
        with Talk(server.address()) as talk:
            talk.ehlo()
            assert talk.mail(message("unsigned"), "alice@example.org").startswith("250")
        assert b"DKIM-Signature: v=1; a=rsa-sha256;" in home.wait_for_one(b"unsigned")
        server.close()


def test_a_milter_is_told_the_whole_session(tmp_path: Path, start: Start) -> None:
    with ScriptedMilter(tmp_path / "m", at_end(Word.CONTINUE)) as milter:
        home, server = start(("milter", milter.path))
        body = b"x" * 70 + b"\r\n"
        with Talk(server.address()) as talk:
            talk.ehlo("client.test")
            talk.mail(message("long", body * 10000), "alice@example.org", "bob@example.org")
        home.wait_for_one(b"long")
        server.close()
    told = milter.told
    assert isinstance(told[0], Connect) and (told[0].family, told[0].address) == (b"4", b"127.0.0.1")
    assert [one.path for one in told if isinstance(one, RcptTo)] == [b"<alice@example.org>", b"<bob@example.org>"]
    assert any(isinstance(one, HeaderField) and one.name == b"Subject" for one in told)
    assert b"".join(one.octets for one in told if isinstance(one, BodyChunk)).endswith(body * 10000)


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (Word.REJECT, "550 5.7.1"),
        (Word.TEMPFAIL, "450 4.7.1"),
        (ReplyCode(554, (b"5.7.9 Not with us",)), "550 5.7.9 Not with us"),
        (ReplyCode(451, (b"5.7.1 In two minds",)), "450 4.7.1 In two minds"),
    ],
)
def test_what_a_milter_refuses_is_refused(tmp_path: Path, start: Start, says: Word | ReplyCode, code: str) -> None:
    """In its words; a status that contradicts its code is not passed on."""
    with ScriptedMilter(tmp_path / "m", at_end(says)) as milter:
        home, server = start(("milter", milter.path))
        with Talk(server.address()) as talk:
            talk.ehlo()
            assert talk.mail(message("refused"), "alice@example.org").startswith(code)
        assert home.queue() == []
        server.close()


def test_a_milter_changes_the_message(tmp_path: Path, start: Start) -> None:
    """Fields added, inserted, changed and deleted; and another body."""
    changes = (
        InsertHeader(0, b"X-First", b"1"),
        AddHeader(b"X-Last", b"2\n\tfolded"),
        ChangeHeader(1, b"Subject", b"changed"),
        ReplaceBody(b"Another "),
        ReplaceBody(b"body\r\n"),
    )
    with ScriptedMilter(tmp_path / "m", at_end(*changes, Word.ACCEPT), Actions(0x33)) as milter:
        home, server = start(("milter", milter.path))
        with Talk(server.address()) as talk:
            talk.ehlo()
            assert talk.mail(message("changing"), "alice@example.org").startswith("250")
        stored = home.wait_for_one(b"X-First: 1\n")
        assert stored.endswith(b"X-Last: 2\n\tfolded\n\nAnother body\n")
        assert stored.count(b"Subject: ") == 1 and b"Subject: changed\n" in stored
        server.close()


@pytest.mark.parametrize("says", [(Quarantine(b"odd"), Word.CONTINUE), (Word.DISCARD,)])
def test_what_a_milter_would_hide_is_held(tmp_path: Path, start: Start, says: tuple[Word | Change, ...]) -> None:
    """Nothing disappears but by its owner's own rule."""
    with ScriptedMilter(tmp_path / "m", at_end(*says)) as milter:
        home, server = start(("milter", milter.path))
        with Talk(server.address()) as talk:
            talk.ehlo()
            assert talk.mail(message("hidden"), "alice@example.org").startswith("250")
        assert [entry["state"] for entry in home.queue()] == ["held"]
        server.close()


def test_recipients_that_a_milter_refuses_are_told_one_by_one(tmp_path: Path, start: Start) -> None:
    def says(command: Command, _: MilterServer) -> Sequence[Word]:
        refuses = isinstance(command, RcptTo) and command.path == b"<bob@example.org>"
        return (Word.REJECT if refuses else Word.CONTINUE,)

    with ScriptedMilter(tmp_path / "m", says) as milter:
        home, server = start(("milter", milter.path))
        with Talk(server.address("lmtp")) as talk:
            talk.say("LHLO client.test")
            talk.say_all(
                "MAIL FROM:<a@client.test>", "RCPT TO:<alice@example.org>", "RCPT TO:<bob@example.org>", "DATA"
            )
            talk.send(message("one") + b".\r\n")
            assert [talk.reply()[:3], talk.reply()[:3]] == ["250", "550"]
        home.wait_for_one(b"one")
        server.close()


@pytest.mark.parametrize(("on_failure", "code"), [("defer", "451 4.3.0"), ("accept", "250 2.0.0")])
@pytest.mark.parametrize("kind", ["milter", "clamd"])
def test_without_a_companion_mail_goes_on_or_waits(
    tmp_path: Path, start: Start, kind: str, on_failure: str, code: str
) -> None:
    """One that is not there, as after a reboot; the log tells of it."""
    _home, server = start((kind, tmp_path / "nobody"), more=f'on_failure = "{on_failure}"', fails=True)
    with Talk(server.address()) as talk:
        talk.ehlo()
        assert talk.mail(message("alone"), "alice@example.org").startswith(code)
    assert server.events("companion_failed")
    server.close()


def test_clamd_finds_what_it_knows(tmp_path: Path, start: Start) -> None:
    """The real one, with a database of one signature."""
    with serve_clamd(tmp_path) as sock:
        home, server = start(("clamd", sock), fails=True)
        with Talk(server.address()) as talk:
            talk.ehlo()
            said = talk.mail(message("ill", EICAR_LIKE + b"\r\n"), "alice@example.org")
            assert said == "550 5.7.1 Contains what ClamAV calls Samotop.Test.Sample.UNOFFICIAL"
            assert talk.mail(message("healthy"), "alice@example.org").startswith("250")
            big = talk.mail(message("big", b"x" * 70 + b"\r\n" * 2_000_000), "alice@example.org")
            assert big.startswith("451 4.3.0"), "more than it takes (StreamMaxLength)"
        home.wait_for_one(b"healthy")
        server.close()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"stream: OK\0", "250"),
        (b"stream: Bad\r\n250 \xff" + b"x" * 900 + b" FOUND\0", "550 5.7.1 Contains what ClamAV calls Bad 250 x"),
        (b"INSTREAM size limit exceeded. ERROR\0", "451"),
        (b"stream: OK", "451"),
        (b"", "451"),
        (b"y" * 10000, "451"),
    ],
)
def test_whatever_clamd_answers_is_an_answer_or_none(tmp_path: Path, start: Start, answer: bytes, code: str) -> None:
    with ScriptedClamd(tmp_path / "c", answer) as clamd:
        _home, server = start(("clamd", clamd.path), fails=True)
        with Talk(server.address()) as talk:
            talk.ehlo()
            assert talk.mail(message("asked"), "alice@example.org").startswith(code)
        server.close()


@pytest.mark.slow
def test_rspamd_refuses_and_marks(tmp_path: Path, start: Start) -> None:
    """The real one, as a milter: it names more actions than it was offered, and is heard all the same."""
    with serve_rspamd(tmp_path) as sock:
        home, server = start(("milter", sock))
        with Talk(server.address()) as talk:
            talk.ehlo()
            said = talk.mail(message("spam", GTUBE + b"\r\n"), "alice@example.org")
            assert said.startswith("550 5.7.1"), said
            assert talk.mail(message("ham"), "alice@example.org").startswith("250")
        home.wait_for_one(b"ham")
        server.close()
