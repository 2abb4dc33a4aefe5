"""``samotop send`` and ``samotop sendmail`` as people, cron and other programs call them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.serving import Home, Homes, Served, environment, samotop
from tests.fakes.talk import check_stored, fields_of

pytestmark = pytest.mark.slow


CONFIG: Final = """
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "smtp"
address = "{lmtp}"

[consent]
unknown = "accept"
"""
"""Two listeners: sendmail takes the socket, since nobody knows the other's port before it runs."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, homes: Homes) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("h")
    served = Served(homes.build(folder / "home", CONFIG), log=folder / "log")
    try:
        served.wait_until_ready()
        yield served
        served.close()
    finally:
        served.kill()


def smtp_of(server: Served) -> str:
    return f"smtp://{server.addresses[0]}"


def letter(path: Path, marker: str) -> Path:
    path.write_text(f"From: <sender@client.test>\nSubject: {marker}\n\nHello\n.\nstill here\n")
    return path


def sendmail(home: Home | None, *words: str, typed: str, program: str = "samotop") -> subprocess.CompletedProcess[str]:
    """Call it as a program does."""
    where = [] if home is None else ["--home", str(home.path)]
    return subprocess.run(
        [sys.executable, "-m", program, "sendmail", *where, *words],
        input=typed,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(),
    )


def test_send_tells_what_became_of_each(server: Served, mark: Callable[[], str], tmp_path: Path) -> None:
    """A refused recipient makes the exit status 1, and the other has the message."""
    marker = mark()
    file = letter(tmp_path / "letter.eml", marker)
    words = ("send", "--server", smtp_of(server), "--from", "sender@client.test", "--to", "alice@example.org")
    told = samotop(*words, "--to", "nobody@example.org", str(file), "--json", status=1)
    outcome = json.loads(told.stdout)
    assert [one["outcome"] for one in outcome["recipients"]] == ["accepted", "refused"]
    assert outcome["recipients"][1]["status"].startswith("5.1.")
    assert outcome["tls"] == "TLSv1.3"
    stored = server.home.wait_for_one(marker.encode())
    check_stored(stored)
    assert stored.endswith(b"\nHello\n.\nstill here\n")


def test_send_reads_standard_input_and_speaks_to_people(server: Served, mark: Callable[[], str]) -> None:
    marker = mark()
    told = samotop(
        *("send", "--server", smtp_of(server), "--from", "", "--to", "alice@example.org"),
        typed=f"Subject: {marker}\n\nHi\n",
    )
    assert "alice@example.org  accepted  2.0.0" in told.stdout and "sent with TLSv1.3" in told.stdout
    assert b"Return-Path: <>" in server.home.wait_for_one(marker.encode())


def test_send_where_nobody_listens_is_for_later(tmp_path: Path) -> None:
    words = ("--from", "a@b.test", "--to", "c@d.test", str(letter(tmp_path / "l", "x")))
    told = samotop("send", "--server", f"smtp:{tmp_path}/no.sock", *words, status=75)
    assert "deferred  4.4.1" in told.stdout
    told = samotop("send", "--server", "http://x", *words, status=1)
    assert "not the URL of a mail server" in told.stderr


def test_who_tries_a_server_of_their_own_is_told_what_to_write(server: Served, tmp_path: Path) -> None:
    """Its certificate is of its own making: the first thing that everybody meets."""
    words = ("--from", "a@b.test", "--to", "alice@example.org", str(letter(tmp_path / "l", "x")))
    told = samotop("send", "--server", f"{smtp_of(server)}?tls=required", *words, status=75)
    assert "deferred  4.7.5" in told.stdout
    assert all(word in told.stdout for word in ("?roots=", "?name=", "?tls=encrypted"))


@pytest.mark.parametrize("seconds", ["nan", "-1", "0", "inf"])
def test_a_time_that_is_none_is_a_mistake_of_usage(seconds: str) -> None:
    words = ("--server", "smtp://127.0.0.1:1", "--from", "a@b.test", "--to", "c@d.test", "--timeout", seconds)
    told = samotop("send", *words, status=2)
    assert "--timeout is a number of seconds above 0" in told.stderr


def test_send_check_tries_the_server_and_sends_nothing(server: Served) -> None:
    """For people, for programs, and with a login that this server does not take."""
    told = samotop("send", "--server", f"{smtp_of(server)}", "--check")
    assert "works  TLSv1.3 with any certificate" in told.stdout
    found = json.loads(samotop("send", "--server", smtp_of(server), "--check", "--json").stdout)
    assert found["url"] == smtp_of(server) and "PIPELINING" in found["ways"][0]["keywords"]
    told = samotop("send", "--server", f"{smtp_of(server)}?tls=required", "--check", "--verbose", status=75)
    assert "?tls=encrypted" in told.stdout
    assert "no  4.7.5" in told.stdout and "C: STARTTLS" in told.stderr


def test_send_check_tries_the_usual_ways_to_a_host(tmp_path: Path) -> None:
    """RFC 6761 §6.4: no name ends in .invalid. What is printed of the login is not its password."""
    (tmp_path / "pw").write_text("verysecret")
    words = ("send", "--check", "--server", "me@mail.invalid", "--password-file", str(tmp_path / "pw"))
    told = subprocess.run(
        [sys.executable, "-m", "samotop", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert told.returncode in (1, 75)  # whether DNS says so, or does not answer here
    assert [line.split("  ")[:2] for line in told.stdout.splitlines()] == [
        ["smtps://me@mail.invalid", "no"],
        ["smtp://me@mail.invalid", "no"],
        ["smtp://me@mail.invalid:25?tls=required", "no"],
    ]
    assert "secret" not in told.stdout + told.stderr


def test_send_says_what_is_missing(tmp_path: Path) -> None:
    told = samotop("send", "--server", "smtp://127.0.0.1", "--from", "a@b.test", status=2)
    assert "--from and --to" in told.stderr
    told = samotop("send", "--server", "mail.example.org:587", "--check", status=1)
    assert "samotop:" in told.stderr


def test_send_verbose_shows_the_dialogue_and_not_the_message(
    server: Served, mark: Callable[[], str], tmp_path: Path
) -> None:
    file = letter(tmp_path / "letter.eml", mark())
    words = ("--from", "sender@client.test", "--to", "alice@example.org", str(file))
    told = samotop("send", "--server", smtp_of(server), "--verbose", *words)
    assert "C: RCPT TO:<alice@example.org>" in told.stderr and "octets of content)" in told.stderr
    assert "still here" not in told.stderr


def test_sendmail_takes_recipients_from_the_message(server: Served, mark: Callable[[], str]) -> None:
    """Bcc gets the message and is not in it; Date, From and Message-ID are added."""
    marker = mark()
    done = sendmail(
        server.home,
        *("-t", "-i", "-f", "sender@client.test", "-F", "Cron Daemon"),
        typed=f"To: Alice <alice@example.org>\nBcc: alice@example.org\nSubject: {marker}\n\nline\n.\nmore\n",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    stored = server.home.wait_for_one(marker.encode())
    fields = dict(fields_of(stored))
    assert "Bcc" not in fields
    assert fields["From"] == "Cron Daemon <sender@client.test>"
    assert {"Date", "Message-ID"} <= fields.keys()
    assert stored.endswith(b"\nline\n.\nmore\n")


def test_sendmail_as_cron_calls_it(server: Served, mark: Callable[[], str]) -> None:
    """A bare name, joined flags, no header of its own; without -i a dot ends the message."""
    marker = mark()
    done = sendmail(
        server.home, "-FCronDaemon", "-odi", "-oem", "-B8BITMIME", "alice", typed=f"Subject: {marker}\n\nout\n.\nnot\n"
    )
    assert done.returncode == 0, done.stderr
    assert server.home.wait_for_one(marker.encode()).endswith(b"\nout\n")


def test_sendmail_modes_and_mistakes(server: Served) -> None:
    assert sendmail(server.home, "-bi", typed="").returncode == 0
    assert sendmail(server.home, "-q", typed="").returncode == 0
    assert sendmail(server.home, "-bs", typed="").returncode == 2
    assert sendmail(server.home, typed="").returncode == 2
    assert sendmail(server.home, "-Z", "a@b.test", typed="").returncode == 2
    refused = sendmail(server.home, "nobody@example.org", typed="Subject: x\n\nx\n")
    assert refused.returncode == 1 and "nobody@example.org: 5.1." in refused.stderr
    assert sendmail(server.home, "-i", "--", "-x@example.org", typed="Subject: x\n\nx\n").returncode == 1


def test_sendmail_without_a_running_server_is_for_later(make_home: Callable[..., Home]) -> None:
    """The caller keeps the message: nothing is queued by a program that nobody watches."""
    done = sendmail(make_home(CONFIG), "alice", typed="Subject: x\n\nx\n")
    assert done.returncode == 75 and "4.4.1" in done.stderr
