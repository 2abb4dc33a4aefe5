"""A home on a disk that runs full: 452 while there is no room, nothing half-written, mail again once there is.

The disk is a small tmpfs, which only root can mount.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.serving import PASSWORD, Home, Homes, Served, StartServer, poll
from tests.fakes.talk import Talk, check_stored, message

DISK: Final = 48 * 1024 * 1024
RESERVE: Final = 16 * 1024 * 1024
"""What the server keeps free for delivering what it has."""


@pytest.fixture
def disk(tmp_path: Path, needs: Callable[..., str]) -> Iterator[Path]:
    """A folder on a disk of its own, ``DISK`` octets large."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount, umount = needs("mount", package="mount"), needs("umount", package="mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "samotop-test", str(folder)], capture_output=True
    )
    if done.returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)


@pytest.fixture
def home(disk: Path, homes: Homes) -> Home:
    return homes.build(disk / "home", accounts=["alice"])


def free(home: Home) -> int:
    found = os.statvfs(home.path)
    return found.f_bavail * found.f_frsize


def fill(home: Home, leaves: int) -> Path:
    """Put something large on the disk, so that ``leaves`` octets stay free."""
    ballast = home.path.parent / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free(home) - leaves)
    return ballast


def reply_to_mail(server: Served, line: str = "MAIL FROM:<sender@client.test>") -> str:
    with Talk(server.address()) as talk:
        talk.ehlo()
        return talk.say(line)


def test_no_room_is_told_at_mail(home: Home, start_server: StartServer) -> None:
    """452 4.3.1 before any content is sent, also for a declared SIZE that would not fit; 250 again afterwards."""
    server = start_server(home)
    assert reply_to_mail(server).startswith("250")
    assert reply_to_mail(server, "MAIL FROM:<> SIZE=40000000").startswith("452 4.3.1")
    ballast = fill(home, leaves=RESERVE - 1024 * 1024)
    poll(lambda: reply_to_mail(server).startswith("452 4.3.1"), what="452")
    poll(lambda: server.events("no_room"), what="a line in the log")
    for verb in (("check",), ("queue", "list")):
        assert "note: mail is asked to come back later (4.3.1)" in home.run(*verb).stderr
    ballast.unlink()
    poll(lambda: reply_to_mail(server).startswith("250"), what="250")
    with Talk(server.address()) as talk:
        talk.ehlo()
        assert talk.mail(message("after"), "alice@example.org").startswith("250")
    check_stored(home.wait_for_mail(1)[0])
    assert len(server.events("no_room")) == 1, "once in ten minutes"
    assert home.run("check").stderr == home.run("queue", "list").stderr == ""


def test_a_start_without_any_room_is_status_75(home: Home) -> None:
    """Nothing is wrong with the home: a service manager may try again. In words."""
    ballast = home.path.parent / "ballast"
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        while os.write(file.fileno(), bytes(4096)):
            pass
    for words in (("serve",), ("account", "add", "carol", "--password-file", "-")):
        done = home.run(*words, status=75, typed=PASSWORD + "\n")
        assert "full" in done.stderr and "Traceback" not in done.stderr


def test_a_content_that_does_not_fit_leaves_nothing(home: Home, start_server: StartServer) -> None:
    """No SIZE said, and the disk is full in the middle of the content: 452, and all of its room is given back."""
    server = start_server(home)
    ballast = fill(home, leaves=RESERVE + 1024 * 1024)
    before = free(home)
    with Talk(server.address()) as talk:
        talk.ehlo()
        poll(lambda: talk.say("MAIL FROM:<sender@client.test>").startswith("250") or talk.say("RSET")[:0])
        talk.say("RCPT TO:<alice@example.org>")
        assert talk.say("DATA").startswith("354")
        reply = talk.content(message("too-much", (b"x" * 76 + b"\r\n") * 300_000))
        assert reply.startswith("452 4.3.1"), reply
        assert talk.say("NOOP").startswith("250"), "the session goes on"
    poll(lambda: list((home.path / "spool").glob("*.large")) == [], what="nothing half-written")
    poll(lambda: free(home) >= before - 256 * 1024, what="the room")
    assert home.queue() == []
    assert home.mail() == []
    ballast.unlink()
    poll(lambda: reply_to_mail(server).startswith("250"), what="250")
    with Talk(server.address()) as talk:
        talk.ehlo()
        assert talk.mail(message("after"), "alice@example.org").startswith("250")
    assert b"after" in home.wait_for_mail(1)[0]
    assert server.terminate() == 0
    assert home.queue() == []


def test_a_disk_filled_to_the_last_octet_loses_nothing(home: Home, start_server: StartServer) -> None:
    """Somebody else takes even the reserve, while mail comes in: what was acknowledged is there when room is again."""
    home.append("[limits]\nerrors = 1000\n")
    server = start_server(home)
    acknowledged: list[str] = []
    ballast: Path | None = None
    with Talk(server.address()) as talk:
        talk.ehlo()
        for number in range(400):
            if number == 40:
                ballast = fill(home, leaves=64 * 1024)
            replies = talk.say_all("MAIL FROM:<sender@client.test>", "RCPT TO:<alice@example.org>", "DATA")
            if replies[2].startswith("354"):
                reply = talk.content(message(f"full-{number}-end", b"x" * 3000 + b"\r\n"))
                assert reply.startswith(("250 2.0.0", "452 4.3.1")), reply
                if reply.startswith("250"):
                    acknowledged.append(f"full-{number}-end")
            else:
                assert replies[0].startswith("452 4.3.1"), replies
                if number > 60:
                    break
                talk.say("RSET")
    assert ballast is not None
    assert len(acknowledged) >= 40
    poll(lambda: reply_to_mail(server).startswith("452 4.3.1"), what="452")
    ballast.unlink()
    poll(lambda: reply_to_mail(server).startswith("250"), what="250")
    home.run("queue", "retry", "--all")  # what a full disk kept from its mailbox would be tried again in a minute
    stored = home.wait_for_mail(len(acknowledged))
    for marker in acknowledged:
        assert sum(marker.encode() in octets for octets in stored) == 1, marker
    assert server.terminate() == 0
    assert home.queue() == []
    assert [path.name for path in (home.path / "spool").iterdir()] == []
