"""Maildir: whole, durable, once."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from samotop.content import Content
from samotop.envelope import Body
from samotop.ports.transport import Handover
from samotop.transport.disk import Disk
from samotop.transport.filing import SHARED_FROM, SLOW_SECONDS
from samotop.transport.maildir import STALE_SECONDS, Maildir
from tests.fakes.disk import Crash, FaultyDisk
from tests.fakes.queue import MESSAGE, MovableClock, hand, make_entry

EXPECTED = (
    b"Return-Path: <a@example.net>\n"
    b"Delivered-To: bob@example.org\n"
    b"Received: from mail.example.net ([192.0.2.7])\n"
    b"\tby mx.example.org with ESMTP id 01ARZ3NDEKTSV4000001\n"
    b"\tfor <bob@example.org>;\n"
    b"\tMon, 21 Sep 2026 14:13:20 +0000\n"
    b"From: a@example.net\nSubject: hello\n\nFirst line\nSecond line\n"
)


def maildir(root: Path, disk: Disk | None = None, clock: MovableClock | None = None, *accounts: str) -> Maildir:
    known = accounts or ("bob", "alice")
    return Maildir.for_accounts(
        root, known.__contains__, hostname="mx.example.org", clock=clock or MovableClock(), disk=disk
    )


def files(box: Path, *parts: str) -> list[Path]:
    return sorted(path for part in parts or ("tmp", "new", "cur") for path in (box / part).glob("*"))


def test_a_message_lies_in_new_with_our_trace_and_bare_line_ends(tmp_path: Path) -> None:
    """The main job."""
    outcomes = maildir(tmp_path / "mail").hand_on([hand(make_entry())])
    assert [outcome.is_delivered for outcome in outcomes] == [True]
    (file,) = files(tmp_path / "mail" / "bob")
    assert file.parent.name == "new"
    assert file.name == "1790000000.01ARZ3NDEKTSV4000001.mx.example.org"
    assert file.read_bytes() == EXPECTED


def test_what_was_found_of_the_author_is_told_once_and_by_us_alone(tmp_path: Path) -> None:
    """RFC 8601 §5: a field with our name that came with the message is a forged one."""
    own = "Authentication-Results: mx.example.org;\r\n\tdmarc=fail\r\n"
    entry = make_entry()
    entry = replace(entry, trace=replace(entry.trace, results=own))
    forged = b"Authentication-Results: MX.example.org; dmarc=pass\r\n"
    other = b"Authentication-Results: mx.example.net; dmarc=pass\r\n"
    content = Content.from_bytes(forged + other + b"From: eve@example.net\r\n\r\nHi\r\n")
    maildir(tmp_path).hand_on([replace(hand(entry), content=content)])
    (file,) = files(tmp_path / "bob")
    text = file.read_bytes()
    assert text.count(b"Authentication-Results") == 2
    assert b"\nAuthentication-Results: mx.example.org;\n\tdmarc=fail\nReceived: " in text
    assert text.endswith(other.replace(b"\r", b"") + b"From: eve@example.net\n\nHi\n")


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """Mail is private, whatever the process's umask."""
    old = os.umask(0)
    try:
        maildir(tmp_path / "mail").hand_on([hand(make_entry())])
    finally:
        os.umask(old)
    for path in (tmp_path / "mail").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_two_messages_in_the_same_second_are_two_files(tmp_path: Path) -> None:
    """A name of the second alone overwrote mail in older servers."""
    maildir(tmp_path).hand_on([hand(make_entry(1)), hand(make_entry(2))])
    assert len(files(tmp_path / "bob")) == 2


def test_two_recipients_in_one_mailbox_are_one_copy(tmp_path: Path) -> None:
    """Nobody wants a message twice; both addresses are told."""
    entry = make_entry(1, "bob@example.org", "sales@example.org", "alice@example.org")
    outcomes = maildir(tmp_path).hand_on(
        [hand(entry, name, number=n) for n, name in enumerate(("bob", "bob", "alice"))]
    )
    assert all(outcome.is_delivered for outcome in outcomes)
    (file,) = files(tmp_path / "bob")
    text = file.read_bytes()
    assert b"Delivered-To: bob@example.org\nDelivered-To: sales@example.org\n" in text
    assert b"alice" not in text
    assert len(files(tmp_path / "alice")) == 1


@pytest.mark.parametrize("first", [1, 2, 10**6])
def test_binary_and_chunked_contents_keep_their_octets(tmp_path: Path, first: int) -> None:
    """BINARYMIME has no line ends to change; anything else has, wherever it was cut."""
    body = MESSAGE + b"a\rb\r\n\r\r\n\xff\0" + b"long\r\n" * 50_000
    chunks = (body[:first], body[first : first + 1], body[first + 1 :])
    for number, kind in enumerate((Body.BINARY, Body.EIGHT_BIT)):
        entry = make_entry(number, content=body, body=kind)
        handover = Handover(entry, entry.envelope.recipients[0], "bob", Content.from_chunks(chunks))
        maildir(tmp_path).hand_on([handover])
        (file,) = (tmp_path / "bob" / "new").glob(f"*{entry.id}*")
        wanted = body if kind is Body.BINARY else body.replace(b"\r\n", b"\n")
        assert file.read_bytes().endswith(wanted)
        assert file.read_bytes().count(b"Received:") == 1


@pytest.mark.parametrize("name", ["..", ".", "", "../alice", "a/b", "/etc", "a\0b", "Alice", "carol", "x" * 65])
def test_a_name_that_is_no_account_gets_nothing(tmp_path: Path, name: str) -> None:
    """Routing knows accounts only; the place where files are written looks once more."""
    root = tmp_path / "deep" / "mail"
    (outcome,) = maildir(root, None, None, "..", ".", "", "../alice", "a/b", "Alice", "x" * 65).hand_on(
        [hand(make_entry(), name)]
    )
    assert str(outcome.status) == "5.1.1"
    assert list(tmp_path.iterdir()) == []


def test_one_maildir_takes_all(tmp_path: Path) -> None:
    """The route ``maildir:PATH`` is one mailbox, whatever the recipients are called."""
    box = Maildir(tmp_path / "box", hostname="mx.example.org", clock=MovableClock())
    box.hand_on([hand(make_entry(1), "../../x@y"), hand(make_entry(2), "b@c")])
    assert len(files(tmp_path / "box", "new")) == 2


@pytest.mark.parametrize(
    "moved",
    [
        "new/{0}",
        "cur/{0}:2,",
        "cur/{0}:2,FRS",
        "cur/1.{1}.other-host:2,S",
        ".Archive/cur/{0}:2,S",
        ".Archive.Old/new/{0}",
    ],
)
def test_what_is_there_already_is_not_delivered_again(tmp_path: Path, moved: str) -> None:
    """After a crash delivery hands on again; meanwhile a client may have moved the file, or our name changed."""
    entry = make_entry()
    maildir(tmp_path).hand_on([hand(entry)])
    (file,) = files(tmp_path / "bob")
    target = tmp_path / "bob" / moved.format(file.name, entry.id)
    target.parent.mkdir(parents=True, exist_ok=True)
    file.rename(target)
    (outcome,) = maildir(tmp_path).hand_on([hand(entry, is_first=False)])
    assert outcome.is_delivered
    assert [path for path in (tmp_path / "bob").rglob("*") if path.is_file()] == [target]


def test_a_message_of_another_entry_is_not_taken_for_it(tmp_path: Path) -> None:
    """Names that only look alike must not cost a message."""
    maildir(tmp_path).hand_on([hand(make_entry(1))])
    (tmp_path / "bob" / "cur" / "01ARZ3NDEKTSV4000002").touch()
    (tmp_path / "bob" / "cur" / "1.x01ARZ3NDEKTSV4000002.h").touch()
    maildir(tmp_path).hand_on([hand(make_entry(2), is_first=False)])
    assert len(files(tmp_path / "bob", "new")) == 2


@pytest.mark.parametrize("count", [1, SHARED_FROM, 20])
def test_octets_are_durable_before_the_name_and_the_name_before_the_answer(tmp_path: Path, count: int) -> None:
    """Without this order a crash leaves empty files, or none."""
    disk = FaultyDisk()
    (tmp_path / "bob").mkdir()
    maildir(tmp_path, disk).hand_on([hand(make_entry(number)) for number in range(count)])
    renames = [n for n, told in enumerate(disk.told) if told.startswith("rename")]
    syncs = [n for n, told in enumerate(disk.told) if told.startswith("sync ") or told == "sync_all"]
    assert len(renames) == count
    assert len(syncs) == (1 if count >= SHARED_FROM else count)
    assert max(syncs) < min(renames)
    assert max(n for n, told in enumerate(disk.told) if told.startswith("write")) < max(syncs)
    assert disk.told.index("sync_directory new") > max(renames)


@pytest.mark.parametrize("shares", [True, False])
@pytest.mark.parametrize("count", [1, 5])
def test_a_power_cut_at_any_moment_loses_and_doubles_nothing(tmp_path: Path, count: int, shares: bool) -> None:
    """At each operation the machine stops; after the restart all is handed on again, and each is there once, whole."""
    for moment in range(200):
        root = tmp_path / f"{moment}"
        disk = FaultyDisk(syncs_file_systems=shares)
        disk.crashes_at = moment
        entries = [make_entry(number) for number in range(count)]
        try:
            maildir(root, disk).hand_on([hand(entry) for entry in entries])
        except Crash:
            disk.crashes_at = -1
            disk.cut_power()
            outcomes = maildir(root).hand_on([hand(entry, is_first=False) for entry in entries])
            assert all(outcome.is_delivered for outcome in outcomes)
        else:
            disk.cut_power()
            assert moment > 3 * count
            break
        finally:
            found = files(root / "bob", "new")
            assert [path.name.split(".")[1] for path in found] == [entry.id for entry in entries]
            assert all(path.read_bytes().endswith(EXPECTED[-40:]) for path in found)


@pytest.mark.parametrize("operation", ["create", "write", "sync", "rename"])
@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, "4.3.1"), (errno.EDQUOT, "4.3.1"), (errno.EIO, "4.3.0")])
def test_a_failing_disk_defers_and_leaves_nothing(tmp_path: Path, operation: str, number: int, status: str) -> None:
    """A full disk comes to have room again; half a message must not be there by then."""
    disk = FaultyDisk()
    disk.fails[operation] = OSError(number, os.strerror(number), "/secret/path")
    (outcome,) = maildir(tmp_path, disk).hand_on([hand(make_entry())])
    assert str(outcome.status) == status
    assert "secret" not in outcome.text
    assert files(tmp_path / "bob") == []
    disk.fails.clear()
    (outcome,) = maildir(tmp_path, disk).hand_on([hand(make_entry(), is_first=False)])
    assert outcome.is_delivered
    assert len(files(tmp_path / "bob", "new")) == 1


@pytest.mark.parametrize("broken", ["", "new", ".Archive/cur"])
def test_a_mailbox_that_cannot_be_read_stops_only_its_own(tmp_path: Path, broken: str) -> None:
    """Another account's mail must not wait until somebody repairs it; what is not known is not doubled."""
    maildir(tmp_path).hand_on([hand(make_entry(1))])
    place = tmp_path / "bob" / broken
    if place.is_dir():
        place.rename(tmp_path / "aside")
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(place)  # ELOOP, whoever reads it
    entries = [make_entry(number) for number in (2, 3)]
    handovers = [hand(entry, mailbox, is_first=False) for entry in entries for mailbox in ("bob", "alice")]
    outcomes = maildir(tmp_path).hand_on(handovers)
    assert [str(outcome.status) for outcome in outcomes] == ["4.3.0", "2.0.0"] * 2
    assert len(files(tmp_path / "alice", "new")) == 2


def test_a_failing_shared_sync_delivers_none_of_the_batch(tmp_path: Path) -> None:
    """Nobody can say whose octets were lost."""
    disk = FaultyDisk()
    disk.fails["sync_all"] = OSError(errno.EIO, "bad")
    outcomes = maildir(tmp_path, disk).hand_on([hand(make_entry(number)) for number in range(5)])
    assert {str(outcome.status) for outcome in outcomes} == {"4.3.0"}
    assert files(tmp_path / "bob") == []


def test_a_name_that_may_not_be_durable_is_not_called_delivered(tmp_path: Path) -> None:
    """It is deferred, and found there at the next attempt."""
    disk = FaultyDisk()
    disk.fails["sync_directory"] = OSError(errno.EIO, "bad")
    (outcome,) = maildir(tmp_path, disk).hand_on([hand(make_entry())])
    assert outcome.status.is_transient
    (outcome,) = maildir(tmp_path, disk).hand_on([hand(make_entry(), is_first=False)])
    assert outcome.status.is_transient
    disk.fails.clear()
    disk.told.clear()
    (outcome,) = maildir(tmp_path, disk).hand_on([hand(make_entry(), is_first=False)])
    assert outcome.is_delivered
    assert disk.told == ["sync_directory new"]
    assert len(files(tmp_path / "bob")) == 1


@pytest.mark.parametrize("fault", [ValueError("damaged"), OSError(errno.EIO, "bad")])
def test_a_content_that_cannot_be_read_stops_only_itself(tmp_path: Path, fault: Exception) -> None:
    """The others of its batch are delivered, and nothing of it is left."""

    def broken() -> Iterator[bytes]:
        yield MESSAGE[:20]
        raise fault

    bad = make_entry(1)
    handovers = [
        Handover(bad, bad.envelope.recipients[0], "bob", Content(len(MESSAGE), broken)),
        hand(make_entry(2)),
    ]
    outcomes = maildir(tmp_path).hand_on(handovers)
    assert [outcome.is_delivered for outcome in outcomes] == [False, True]
    assert len(files(tmp_path / "bob")) == 1


@pytest.mark.parametrize("moment", range(1, 7))
def test_a_mailbox_that_another_thread_is_making_can_be_delivered_to(tmp_path: Path, moment: int) -> None:
    """Delivery has several threads: however much of the mailbox one has made, the other's message arrives, too."""
    synced: list[str] = []

    class Interrupted(Disk):
        def sync_directory(self, path: str) -> None:
            synced.append(path)
            if len(synced) == moment:
                (outcome,) = maildir(tmp_path / "mail").hand_on([hand(make_entry(2))])
                assert outcome.is_delivered
            super().sync_directory(path)

    (outcome,) = maildir(tmp_path / "mail", Interrupted()).hand_on([hand(make_entry(1))])
    assert outcome.is_delivered
    assert len(synced) == 6, "root, mailbox, its three parts, and new once more for the message"
    assert len(files(tmp_path / "mail" / "bob", "new")) == 2


def test_left_overs_in_tmp_go_after_a_day_and_a_half(tmp_path: Path) -> None:
    """What a crash left is nobody's; what a client is writing right now is somebody's."""
    clock = MovableClock()
    (tmp_path / "bob" / "tmp").mkdir(parents=True)
    for name, age in (("old", STALE_SECONDS + 1), ("young", STALE_SECONDS - 1)):
        path = tmp_path / "bob" / "tmp" / name
        path.touch()
        os.utime(path, (clock.now - age, clock.now - age))
    box = maildir(tmp_path, None, clock)
    box.hand_on([hand(make_entry(1))])
    assert [path.name for path in files(tmp_path / "bob", "tmp")] == ["young"]
    clock.move(10 * 3600)
    box.hand_on([hand(make_entry(2))])
    assert [path.name for path in files(tmp_path / "bob", "tmp")] == ["young"]
    clock.move(20 * 3600)
    box.hand_on([hand(make_entry(3))])
    assert files(tmp_path / "bob", "tmp") == []


def test_a_left_over_of_our_own_is_in_nobodys_way(tmp_path: Path) -> None:
    """Process numbers come again after a reboot: the file of before is replaced, not added to."""
    box = maildir(tmp_path)
    box.hand_on([hand(make_entry(1))])
    left = tmp_path / "bob" / "tmp" / f"1790000000.{make_entry(2).id}.mx.example.org.{os.getpid()}"
    left.write_bytes(b"half a mess")
    (outcome,) = box.hand_on([hand(make_entry(2))])
    assert outcome.is_delivered
    assert len(files(tmp_path / "bob", "new")) == 2
    assert not any(b"half" in path.read_bytes() for path in files(tmp_path / "bob"))


def test_a_slow_file_system_is_synced_file_by_file(tmp_path: Path) -> None:
    """Others' unwritten gigabytes must not hold up our mail more than once."""
    clock = MovableClock()

    class SlowDisk(FaultyDisk):
        def sync_file_system(self, fd: int) -> None:
            super().sync_file_system(fd)
            clock.move(SLOW_SECONDS + 1)

    disk = SlowDisk()
    box = maildir(tmp_path, disk, clock)
    for batch in range(3):
        box.hand_on([hand(make_entry(10 * batch + number)) for number in range(5)])
    assert disk.told.count("sync_all") == 1
    assert sum(told.startswith("sync 17") for told in disk.told) == 10


def test_the_hosts_name_is_made_safe_for_a_file(tmp_path: Path) -> None:
    """It comes from the configuration, and still is no path."""
    Maildir(tmp_path, hostname="../a b:" + "x" * 300, clock=MovableClock()).hand_on([hand(make_entry())])
    (file,) = files(tmp_path, "new")
    assert file.name.startswith("1790000000.01ARZ3NDEKTSV4000001..._a_b_x")
    assert len(file.name) < 120
