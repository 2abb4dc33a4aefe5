"""mbox and journal: appended whole, once, and put aside in time."""

from __future__ import annotations

import errno
import fcntl
import mailbox
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.ports.transport import Handover
from samotop.transport.disk import Disk
from samotop.transport.journal import Journal
from samotop.transport.locking import STALE_SECONDS
from samotop.transport.mbox import LINE_LIMIT, Mbox, quote_from_lines
from tests.fakes.disk import FaultyDisk
from tests.fakes.queue import MESSAGE, RECEIVED_AT, MovableClock, hand, make_entry

HOST = "mx.example.org"
TRICKY = b"Subject: x\r\n\r\nFrom me\r\n>From you\r\nnot From\r\n>>From all\r\nFrom"


def tricky(number: int, *, is_first: bool = True) -> Handover:
    return hand(make_entry(number, content=TRICKY), content=TRICKY, is_first=is_first)


def subjects(path: Path) -> list[str]:
    return [str(message["Subject"]) for message in mailbox.mbox(path)]


def test_messages_stand_one_after_the_other(tmp_path: Path) -> None:
    """As the standard library's reader sees them."""
    path = tmp_path / "deep" / "box"
    outcomes = Mbox(path, hostname=HOST).hand_on([hand(make_entry(1)), tricky(2), hand(make_entry(3, sender=None))])
    assert all(outcome.is_delivered for outcome in outcomes)
    assert subjects(path) == ["hello", "x", "hello"]
    text = path.read_bytes()
    assert text.startswith(b"From a@example.net Mon Sep 21 14:13:20 2026\nReturn-Path: <a@example.net>\n")
    assert b"\n\n>From me\n>>From you\nnot From\n>>>From all\nFrom\n\nFrom MAILER-DAEMON Mon" in text
    assert text.endswith(b"Second line\n\n")
    assert os.listdir(path.parent) == ["box"]
    assert path.stat().st_mode & 0o777 == 0o600


@given(st.lists(st.sampled_from([b"From ", b">", b"\n", b"x", b"From", b" ", b"\r"])), st.integers(1, 5))
def test_quoting_can_be_undone_however_it_was_cut(parts: list[bytes], step: int) -> None:
    """mboxrd is exact: one ``>`` more on the way in, one less on the way out."""
    octets = b"".join(parts)
    cut = (octets[at : at + step] for at in range(0, len(octets), step))
    quoted = b"".join(quote_from_lines(cut))
    lines = quoted.split(b"\n")
    assert not any(line.startswith(b"From ") for line in lines)
    undone = [line[1:] if line.lstrip(b">").startswith(b"From ") and line[:1] == b">" else line for line in lines]
    assert b"\n".join(undone) == octets


def test_quoting_an_endless_line_takes_no_memory() -> None:
    """It goes out in pieces, and what is in its middle is no beginning of a line."""
    pieces = list(quote_from_lines([b"x" * LINE_LIMIT, b"From y" * 10, b"\nFrom z\n"]))
    assert b"".join(pieces) == b"x" * LINE_LIMIT + b"From y" * 10 + b"\n>From z\n"
    assert len(pieces[0]) == LINE_LIMIT


def test_what_is_there_already_is_not_appended_again(tmp_path: Path) -> None:
    """After a crash between the append and the queue's note of it."""
    path = tmp_path / "box"
    Mbox(path, hostname=HOST).hand_on([hand(make_entry(1)), tricky(2)])
    before = path.read_bytes()
    again = [hand(make_entry(1), is_first=False), tricky(2, is_first=False)]
    assert all(outcome.is_delivered for outcome in Mbox(path, hostname=HOST).hand_on(again))
    assert path.read_bytes() == before


def test_a_message_that_was_cut_short_is_written_anew(tmp_path: Path) -> None:
    """Whatever the crash has left of it, at every octet; the message before it stays."""
    path = tmp_path / "box"
    box = Mbox(path, hostname=HOST)
    box.hand_on([hand(make_entry(1))])
    start = path.stat().st_size
    box.hand_on([tricky(2)])
    whole = path.read_bytes()
    for size in range(start, len(whole)):
        path.write_bytes(whole[:size])
        assert box.hand_on([tricky(2, is_first=False)])[0].is_delivered
        assert path.read_bytes() == whole, size


def test_what_others_have_appended_to_a_cut_message_stays(tmp_path: Path) -> None:
    """Only what is certainly ours, at the end, is cut off."""
    path = tmp_path / "box"
    box = Mbox(path, hostname=HOST)
    box.hand_on([hand(make_entry(1))])
    path.write_bytes(path.read_bytes()[:-8] + b"\n\nFrom x Mon Sep 21 14:13:20 2026\nSubject: others\n\n")
    box.hand_on([hand(make_entry(1), is_first=False)])
    assert subjects(path) == ["hello", "others", "hello"]


def test_a_file_of_others_without_its_last_line_end(tmp_path: Path) -> None:
    """Their last message must not swallow our first."""
    path = tmp_path / "box"
    path.write_bytes(b"From x Mon Sep 21 14:13:20 2026\nSubject: others\n\ntext")
    Mbox(path, hostname=HOST).hand_on([hand(make_entry(1))])
    assert subjects(path) == ["others", "hello"]


def test_without_room_the_file_is_as_before(tmp_path: Path) -> None:
    """Half a message would make the next one part of it."""
    path = tmp_path / "box"
    Mbox(path, hostname=HOST).hand_on([hand(make_entry(1))])
    before = path.read_bytes()

    class FullDisk(FaultyDisk):
        def write(self, fd: int, octets: bytes) -> None:
            super().write(fd, octets[:10])
            raise OSError(errno.ENOSPC, "full")

    (outcome,) = Mbox(path, hostname=HOST, disk=FullDisk()).hand_on([hand(make_entry(2))])
    assert str(outcome.status) == "4.3.1"
    assert path.read_bytes() == before


def test_messages_are_durable_before_they_are_called_delivered(tmp_path: Path) -> None:
    """One sync for all of them, after the last octet; where it fails, none is delivered, and none is doubled later."""
    disk = FaultyDisk()
    box = Mbox(tmp_path / "box", hostname=HOST, disk=disk)
    disk.fails["sync"] = OSError(errno.EIO, "bad")
    outcomes = box.hand_on([hand(make_entry(1)), hand(make_entry(2))])
    assert {str(outcome.status) for outcome in outcomes} == {"4.3.0"}
    disk.fails.clear()
    disk.told.clear()
    again = [hand(make_entry(1), is_first=False), hand(make_entry(2), is_first=False), hand(make_entry(3))]
    assert all(outcome.is_delivered for outcome in box.hand_on(again))
    assert disk.told[-3:] == ["write", "sync", f"sync_directory {tmp_path.name}"]
    assert subjects(tmp_path / "box") == ["hello"] * 3


def test_a_locked_mailbox_is_tried_later(tmp_path: Path) -> None:
    """A mail client is at it; both must not write at once."""
    path = tmp_path / "box"
    lock = tmp_path / "box.lock"
    lock.touch()
    box = Mbox(path, hostname=HOST, wait=0.0)
    (outcome,) = box.hand_on([hand(make_entry(1))])
    assert str(outcome.status) == "4.2.0"
    assert lock.exists()
    old = lock.stat().st_mtime - STALE_SECONDS - 1
    os.utime(lock, (old, old))
    assert box.hand_on([hand(make_entry(1))])[0].is_delivered
    assert not lock.exists()


def test_a_posix_lock_of_another_process_counts_as_well(tmp_path: Path) -> None:
    """Some clients know only this one."""
    path = tmp_path / "box"
    path.touch()
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        with open(path, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            os._exit(0)
    try:
        os.read(ready[0], 1)
        (outcome,) = Mbox(path, hostname=HOST, wait=0.0).hand_on([hand(make_entry(1))])
        assert str(outcome.status) == "4.2.0"
    finally:
        os.write(go[1], b"x")
        os.waitpid(child, 0)
    assert Mbox(path, hostname=HOST, wait=0.0).hand_on([hand(make_entry(1))])[0].is_delivered


def test_a_file_may_not_be_a_link_to_somewhere_else(tmp_path: Path) -> None:
    """Whoever can make a link beside it must not choose where we write."""
    (tmp_path / "secret").touch()
    (tmp_path / "box").symlink_to(tmp_path / "secret")
    (outcome,) = Mbox(tmp_path / "box", hostname=HOST).hand_on([hand(make_entry(1))])
    assert outcome.status.is_transient
    assert (tmp_path / "secret").read_bytes() == b""


def journal(path: Path, clock: MovableClock, size: int = 10**9, age: float = 3600.0) -> Journal:
    return Journal(path, size=size, age=age, hostname=HOST, clock=clock)


def test_a_journal_is_put_aside_when_it_is_large(tmp_path: Path) -> None:
    """By its size before the batch; nothing is divided, nothing is lost, no name is used twice."""
    clock = MovableClock()
    one = journal(tmp_path / "j", clock, size=600)
    for number in range(6):
        assert one.hand_on([hand(make_entry(number))])[0].is_delivered
    names = sorted(os.listdir(tmp_path))
    assert names == ["j", "j.20260921T141320Z", "j.20260921T141320Z-1"]
    assert [len(subjects(tmp_path / name)) for name in names] == [2, 2, 2]


def test_a_journal_is_put_aside_when_it_is_old(tmp_path: Path) -> None:
    """By its first message, so that a restart forgets nothing."""
    clock = MovableClock()
    journal(tmp_path / "j", clock).hand_on([hand(make_entry(1))])
    clock.move(3599)
    journal(tmp_path / "j", clock).hand_on([hand(make_entry(2, received_at=clock.now))])
    assert os.listdir(tmp_path) == ["j"]
    clock.move(1)
    journal(tmp_path / "j", clock).hand_on([hand(make_entry(3, received_at=clock.now))])
    assert sorted(os.listdir(tmp_path)) == ["j", "j.20260921T151320Z"]
    assert len(subjects(tmp_path / "j")) == 1


def test_a_journal_of_two_processes_loses_nothing_when_both_put_it_aside(tmp_path: Path) -> None:
    """The other one comes in the moment before the file gets its new name."""
    path = tmp_path / "j"
    clock = MovableClock()
    other = Journal(path, size=1, hostname=HOST, clock=clock, wait=0.0)
    meanwhile: list[Handover] = [hand(make_entry(2)), hand(make_entry(3))]
    statuses: list[str] = []

    class SlowDisk(Disk):
        def rename(self, path: str, name: str) -> None:
            statuses.extend(str(other.hand_on([handover])[0].status) for handover in meanwhile)
            super().rename(path, name)

    one = Journal(path, size=1, hostname=HOST, clock=clock, disk=SlowDisk())
    assert one.hand_on([hand(make_entry(0))])[0].is_delivered
    assert one.hand_on([hand(make_entry(1))])[0].is_delivered
    assert statuses == ["4.2.0", "4.2.0"]
    assert [other.hand_on([handover])[0].is_delivered for handover in meanwhile] == [True, True]
    assert sum(len(subjects(file)) for file in tmp_path.iterdir()) == 4


def test_a_journal_that_another_process_put_aside_is_left_alone(tmp_path: Path) -> None:
    """Looked at before the lock was ours, and no longer due behind it."""
    path = tmp_path / "j"
    clock = MovableClock()
    writer = journal(path, clock, size=600)
    for number in (0, 1):
        writer.hand_on([hand(make_entry(number))])
    lock = tmp_path / "j.lock"
    lock.touch()
    late = journal(path, clock, size=600)

    def put_aside() -> None:
        path.rename(tmp_path / "j.20260921T141320Z")
        path.write_bytes(b"")
        lock.unlink()

    timer = threading.Timer(0.1, put_aside)
    timer.start()
    assert late.hand_on([hand(make_entry(2))])[0].is_delivered
    timer.join()
    assert sorted(os.listdir(tmp_path)) == ["j", "j.20260921T141320Z"]


def test_a_journal_doubles_nothing_across_its_files(tmp_path: Path) -> None:
    """A crash may come right after a file was put aside."""
    clock = MovableClock()
    one = journal(tmp_path / "j", clock, size=1)
    one.hand_on([hand(make_entry(1))])
    one.hand_on([hand(make_entry(2))])
    again = journal(tmp_path / "j", clock, size=1)
    outcomes = again.hand_on([hand(make_entry(1), is_first=False), hand(make_entry(2), is_first=False)])
    assert all(outcome.is_delivered for outcome in outcomes)
    assert sum(len(subjects(path)) for path in tmp_path.iterdir()) == 2


@pytest.mark.parametrize(
    "first", [b"junk\n", b"", b"From x Mon Foo 99 99:99:99 2026\n", b"From x Mon Feb 31 10:00:00 2026\n"]
)
def test_a_journal_that_is_no_journal_is_appended_to(tmp_path: Path, first: bytes) -> None:
    """Somebody's file: its age is unknown, and no reason to stop."""
    (tmp_path / "j").write_bytes(first)
    (outcome,) = journal(tmp_path / "j", MovableClock(RECEIVED_AT + 1e6)).hand_on([hand(make_entry(1))])
    assert outcome.is_delivered
    assert (tmp_path / "j").read_bytes().endswith(MESSAGE.replace(b"\r\n", b"\n") + b"\n")
