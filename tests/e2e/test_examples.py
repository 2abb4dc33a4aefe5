"""Each file of examples/ does what its first line says, and is short enough to be read at a glance."""

from __future__ import annotations

import email
import email.policy
import re
import select
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from samotop.msgauth import dkim
from samotop.testing import MailCatcher
from tests.fakes.serving import CHECKOUT, START_SECONDS, environment, poll
from tests.fakes.talk import Talk, fields_of, message
from tests.fakes.zoneserver import ZoneServer

EXAMPLES: Final = sorted((CHECKOUT / "examples").glob("*.py"))
LINES: Final = 30

TRIED: Final = frozenset(
    {
        "accept_one_domain.py",
        "build_message.py",
        "authenticate.py",
        "custom_check.py",
        "deliver_to_maildir.py",
        "lmtp.py",
        "new_verb.py",
        "print_every_mail.py",
        "send_mail.py",
        "test_with_fixture.py",
        "unix_socket.py",
    }
)


class Example:
    """A running example. ``address`` is where it says that it listens."""

    def __init__(self, name: str, *words: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "examples" / name), *words],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.address = self.line().removeprefix("listening on ")

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        found, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        assert found, "it prints nothing"
        return self.process.stdout.readline().decode().rstrip("\n")

    def lines(self, count: int) -> list[str]:
        """The next lines. More may be in the pipe's buffer already, so they are not waited for one by one."""
        assert self.process.stdout is not None
        return [self.process.stdout.readline().decode().rstrip("\n") for _ in range(count)]

    def close(self) -> None:
        self.process.terminate()
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait()
        assert b"Traceback" not in said, said.decode()


Start = Callable[..., Example]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start("lmtp.py", ...)`` runs an example in a folder of its own, on a free port unless told otherwise."""
    running: list[Example] = []

    def run(name: str, *words: str) -> Example:
        running.append(Example(name, *(words or ("127.0.0.1:0",)), folder=tmp_path))
        return running[-1]

    yield run
    for example in running:
        example.close()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_and_tried(path: Path) -> None:
    """Under 30 lines, a first line that says what it is, and a test below that runs it."""
    text = path.read_text()
    assert len(text.splitlines()) < LINES
    assert re.match(r'"""[A-Z][^\n]+"""\n', text)
    assert path.name in TRIED
    assert f'"{path.name}"' in Path(__file__).read_text().partition("class Example")[2]


def test_all_that_are_tried_exist() -> None:
    assert {path.name for path in EXAMPLES} == TRIED


def test_print_every_mail(start: Start) -> None:
    """Envelope and content, for any recipient."""
    example = start("print_every_mail.py")
    with Talk(example.address) as talk:
        talk.ehlo()
        talk.mail(message("printed"), "any@body.test", "some@one.test")
    assert example.lines(5) == [
        "from <sender@client.test> to any@body.test some@one.test",
        "From: <sender@client.test>",
        "Subject: printed",
        "",
        "Hello",
    ]
    with Talk(example.address) as talk:
        talk.ehlo()
        talk.mail(message("bounce"), "any@body.test", sender="<>")
    assert next(line for line in example.lines(3) if line).startswith("from <> to any@body.test")


def test_accept_one_domain(start: Start) -> None:
    """One domain's mail is taken, everybody else's is not."""
    example = start("accept_one_domain.py")
    content = message("taken")
    with Talk(example.address) as talk:
        talk.ehlo()
        talk.say("MAIL FROM:<sender@client.test>")
        assert talk.say("RCPT TO:<anybody@other.test>").startswith("550 5.7.1")
        talk.say("RSET")
        assert talk.mail(content, "anybody@EXAMPLE.org").startswith("250")
    assert example.line() == f"took {len(content)} octets"


def test_custom_check(start: Start) -> None:
    """Peers on this machine pass; the deferral itself is tried in process, with another peer."""
    example = start("custom_check.py")
    with Talk(example.address) as talk:
        talk.ehlo()
        assert talk.say("MAIL FROM:<sender@client.test>").startswith("250")
    example_v6 = start("custom_check.py", "[::1]:0")
    with Talk(example_v6.address) as talk:
        talk.ehlo()
        assert talk.say("MAIL FROM:<sender@client.test>") == "450 4.7.0 Please use STARTTLS"


def test_new_verb(start: Start) -> None:
    """EHLO shows it, and it answers."""
    example = start("new_verb.py")
    with Talk(example.address) as talk:
        assert "XTIME" in talk.ehlo()
        assert re.fullmatch(r"250 2\.0\.0 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", talk.say("xtime"))


def test_send_mail(start: Start, make_mail_catcher: Callable[..., MailCatcher], tmp_path: Path) -> None:
    """It logs in under verified TLS with the password of a file; each recipient's outcome is printed."""
    catcher = make_mail_catcher(tls="implicit", accounts={"me": "secret"})
    (tmp_path / "password").write_text("secret\n")
    url = f"smtps://127.0.0.1:{catcher.port}?roots={catcher.certificate}"
    example = start("send_mail.py", url, "bob@example.net", "me", str(tmp_path / "password"))
    assert example.address.startswith("bob@example.net accepted 2.0.0 ")
    (mail,) = catcher.wait(1)
    assert (mail.login, mail.recipients, mail.message["subject"]) == ("me", ["bob@example.net"], "Hello")


def test_authenticate(start: Start, tmp_path: Path) -> None:
    """Signed by its author's domain, and sent by nobody of it."""
    key = dkim.generate_key("ed25519")
    content = message("signed")
    signed = dkim.sign(content, dkim.Signer("client.test", (dkim.SigningKey("s1", key),))) + content
    zones = {
        "client.test": {"TXT": ['"v=spf1 ip4:192.0.2.1 -all"']},
        "s1._domainkey.client.test": {"TXT": [f'"{dkim.format_key_record(key)}"']},
        "_dmarc.client.test": {"TXT": ['"v=DMARC1; p=reject"']},
    }
    with ZoneServer(zones) as server:
        words = ("192.0.2.25", "mx.client.test", "bob@client.test", server.address)
        for stored, told in (
            (
                signed.replace(b"\r\n", b"\n"),
                ["dkim pass client.test", "arc none", "dmarc pass client.test (asks for none)"],
            ),
            (signed + b"More.\r\n", ["dkim fail client.test", "arc none", "dmarc fail client.test (asks for reject)"]),
        ):
            (tmp_path / "message.eml").write_bytes(stored)
            example = start("authenticate.py", str(tmp_path / "message.eml"), *words)
            assert [example.address, *example.lines(3)] == ["spf fail client.test", *told]


def test_deliver_to_maildir(start: Start, tmp_path: Path) -> None:
    """250 means that it lies in the Maildir."""
    example = start("deliver_to_maildir.py", "127.0.0.1:0", "box")
    with Talk(example.address) as talk:
        talk.ehlo()
        assert talk.mail(message("delivered"), "bob@example.org").startswith("250")
    (stored,) = [path.read_bytes() for path in (tmp_path / "box" / "new").iterdir()]
    fields = dict(fields_of(stored))
    assert fields["Return-Path"] == "<sender@client.test>"
    assert fields["Delivered-To"] == "bob@example.org"
    assert fields["Subject"] == "delivered"
    assert "from client.test ([127.0.0.1])" in fields["Received"]
    assert b"\r" not in stored


def test_unix_socket(start: Start, tmp_path: Path) -> None:
    """Anybody who may open the file may send."""
    example = start("unix_socket.py", str(tmp_path / "s"))
    assert example.address == f"unix:{tmp_path}/s"
    content = message("local")
    with Talk(example.address) as talk:
        talk.ehlo()
        assert talk.mail(content, "any@body.test").startswith("250")
    assert example.line() == f"took {len(content)} octets"


def test_unix_socket_where_its_first_line_says(start: Start) -> None:
    """``./mail.sock``, as it is typed: a path from here."""
    example = start("unix_socket.py", "./mail.sock")
    with Talk(example.address) as talk:
        assert talk.ehlo().startswith("250")


def test_lmtp(start: Start) -> None:
    """Two recipients, two answers."""
    example = start("lmtp.py")
    with Talk(example.address) as talk:
        assert talk.say("LHLO client.test").startswith("250")
        talk.say_all("MAIL FROM:<a@b.test>", "RCPT TO:<alice@c.test>", "RCPT TO:<bob@c.test>", "DATA")
        talk.send(message("both") + b".\r\n")
        assert talk.reply().startswith("250 2.0.0")
        assert talk.reply().startswith("552 5.2.2 Mailbox full")


@pytest.mark.parametrize("listen", ["127.0.0.1:99999", "nowhere"])
def test_a_bad_address_is_told(listen: str) -> None:
    """The library says what is wrong, too."""
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "examples" / "print_every_mail.py"), listen],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "SetupError" in done.stderr
    assert f'cannot listen on "{listen}"' in done.stderr


def test_build_message(tmp_path: Path) -> None:
    """``build_message.py``: what it prints is a message, with the file attached and nobody from Bcc."""
    file = tmp_path / "Größen.csv"
    file.write_text("1;2\n")
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "examples" / "build_message.py"), str(file)],
        env=environment(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    recipients, _, octets = done.stdout.partition(b"\n")
    assert recipients == b"to bob@example.net carol@example.com archive@example.org"
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert message["Subject"] == "Übersicht für Mai"
    assert b"archive@" not in octets
    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("Größen.csv", "1;2\n")


def run_pytest(folder: Path, *words: str) -> str:
    """Run pytest as somebody else's project does, with nothing of ours but what is installed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "addopts=", "-q", *words],
        cwd=folder,
        env={name: value for name, value in environment().items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def plugin_words() -> list[str]:
    """What tells pytest of the fixtures where samotop is only on the path and not installed."""
    from importlib.metadata import entry_points

    is_installed = any(point.value == "samotop.testing.plugin" for point in entry_points(group="pytest11"))
    return [] if is_installed else ["-p", "samotop.testing.plugin"]


def test_with_fixture(tmp_path: Path) -> None:
    """``test_with_fixture.py``: the fixtures are there as soon as samotop is installed."""
    path = CHECKOUT / "examples" / "test_with_fixture.py"
    (tmp_path / "test_with_fixture.py").write_bytes(path.read_bytes())
    said = run_pytest(tmp_path, *plugin_words(), "test_with_fixture.py")
    assert "2 passed" in said


STRANGERS: Final = """
import smtplib, ssl
import pytest
from samotop import Reject


def test_refusals(make_mail_catcher):
    def recipient(facts):
        return Reject("no", status="5.1.1") if facts.recipient.address.local == "gone" else None

    catcher = make_mail_catcher(recipient=recipient)
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        refused = client.sendmail("a@b.test", ["gone@c.test", "here@c.test"], b"Subject: x\\r\\n\\r\\nx\\r\\n")
    assert refused == {"gone@c.test": (550, b"5.1.1 no")}
    (mail,) = catcher.wait(1)
    assert mail.recipients == ["here@c.test"]


def test_implicit_tls(make_mail_catcher):
    catcher = make_mail_catcher(tls="implicit", accounts={"app": "secret"})
    context = ssl.create_default_context(cafile=catcher.certificate)
    with smtplib.SMTP_SSL(catcher.host, catcher.port, context=context) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("app", "wrong")
        client.login("app", "secret")
        client.sendmail("a@b.test", ["c@d.test"], b"Subject: x\\r\\n\\r\\nx\\r\\n")
    assert catcher.wait(1)[0].is_encrypted


def test_login_without_tls(make_mail_catcher):
    catcher = make_mail_catcher(accounts={"app": "secret"})
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@b.test", ["c@d.test"], b"x")
        client.login("app", "secret")
        client.sendmail("a@b.test", ["c@d.test"], b"Subject: x\\r\\n\\r\\nx\\r\\n")
    assert catcher.wait(1)[0].login == "app"


@pytest.mark.parametrize("number", range(3))
def test_each_test_has_its_own(mail_catcher, number):
    assert mail_catcher.mails == []
    with smtplib.SMTP(mail_catcher.host, mail_catcher.port) as client:
        client.sendmail("a@b.test", ["c@d.test"], b"Subject: x\\r\\n\\r\\n.dot\\r\\n")
    assert mail_catcher.wait(1)[0].content.endswith(b"\\r\\n\\r\\n.dot\\r\\n")


def test_too_few(mail_catcher):
    with pytest.raises(TimeoutError):
        mail_catcher.wait(1, timeout=0.01)
"""


def test_the_fixtures_in_somebody_elses_suite(tmp_path: Path) -> None:
    """With TLS, with AUTH, with refusals, one server for each test."""
    (tmp_path / "test_theirs.py").write_text(STRANGERS)
    assert "7 passed" in run_pytest(tmp_path, *plugin_words(), "test_theirs.py")


def test_the_catcher_without_pytest() -> None:
    """``MailCatcher`` is a context manager for any test runner."""
    from samotop.testing import MailCatcher

    with MailCatcher(tls="starttls") as catcher:
        with smtplib.SMTP(catcher.host, catcher.port) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(catcher.certificate)))
            client.sendmail("a@b.test", ["c@d.test"], b"Subject: one\r\n\r\nx\r\n")
        assert [mail.message["subject"] for mail in catcher.wait(1)] == ["one"]
        catcher.clear()
        assert catcher.mails == []
    poll(lambda: not_there(catcher.host, catcher.port), what="the port to be free")


def not_there(host: str, port: int) -> bool:
    try:
        smtplib.SMTP(host, port, timeout=5).close()
    except OSError:
        return True
    return False
