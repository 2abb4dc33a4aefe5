"""Directory, console, discard: for programs, for people, for nobody."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import pytest

from samotop.errors import SetupError
from samotop.routing.via import parse_via
from samotop.transport import Console, Directory, Discard, Journal, Maildir, Mbox, open_transport
from samotop.transport.console import SHOWN_LIMIT
from tests.fakes.disk import Crash, FaultyDisk
from tests.fakes.queue import MESSAGE, MovableClock, hand, make_entry


def directory(path: Path, disk: FaultyDisk | None = None) -> Directory:
    return Directory(path, hostname="mx.example.org", clock=MovableClock(), disk=disk)


def test_a_directory_gets_message_and_envelope(tmp_path: Path) -> None:
    """What a program needs to go on with it."""
    entry = make_entry(1, "bob@example.org", "x@example.org", sender=None)
    outcomes = directory(tmp_path / "in").hand_on([hand(entry, "a", number=0), hand(entry, "b", number=1)])
    assert all(outcome.is_delivered for outcome in outcomes)
    assert sorted(os.listdir(tmp_path / "in")) == [f"{entry.id}.eml", f"{entry.id}.json"]
    told = json.loads((tmp_path / "in" / f"{entry.id}.json").read_bytes())
    assert told["reverse_path"] == ""
    assert told["recipients"] == ["bob@example.org", "x@example.org"]
    assert told["size"] == len(MESSAGE)
    assert (tmp_path / "in" / f"{entry.id}.eml").read_bytes().endswith(b"\n\nFirst line\nSecond line\n")


def test_a_power_cut_leaves_a_directory_that_goes_on(tmp_path: Path) -> None:
    """At any moment; and a message is never there without its envelope."""
    for moment in range(100):
        root = tmp_path / str(moment)
        disk = FaultyDisk()
        disk.crashes_at = moment
        handovers = [hand(make_entry(number)) for number in range(2)]
        try:
            directory(root, disk).hand_on(handovers)
        except Crash:
            disk.crashes_at = -1
            disk.cut_power()
            names = [path.name for path in root.glob("[!.]*")]
            assert all(name.replace(".eml", ".json") in names for name in names)
            again = [hand(make_entry(number), is_first=False) for number in range(2)]
            assert all(outcome.is_delivered for outcome in directory(root).hand_on(again))
        else:
            break
        assert len([path for path in root.glob("[!.]*.eml") if path.stat().st_size > 100]) == 2
        assert len(list(root.glob("[!.]*.json"))) == 2
    assert moment > 10


def test_a_directory_without_room_defers(tmp_path: Path) -> None:
    """As everywhere."""
    disk = FaultyDisk()
    disk.fails["write"] = OSError(errno.ENOSPC, "full")
    (outcome,) = directory(tmp_path, disk).hand_on([hand(make_entry())])
    assert str(outcome.status) == "4.3.1"
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_read_defers(tmp_path: Path) -> None:
    """A fault of the place is an outcome; raised, it would look like a bug."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (outcome,) = directory(tmp_path / "loop").hand_on([hand(make_entry(), is_first=False)])
    assert str(outcome.status) == "4.3.0"


def test_the_console_shows_a_message_once_and_readably() -> None:
    """Envelope, header, text."""
    stream = io.StringIO()
    entry = make_entry(1, "bob@example.org", "x@example.org")
    Console(stream, hostname="mx.example.org").hand_on([hand(entry, "a"), hand(entry, "b", number=1)])
    text = stream.getvalue()
    assert "from <a@example.net> to <bob@example.org>, <x@example.org>\n" in text
    assert text.count("Subject: hello\n\nFirst line\nSecond line\n") == 1
    assert "\x1b" not in text


def test_the_console_is_coloured_for_people_and_not_steered_by_strangers() -> None:
    """Escape sequences in a message could rewrite the screen, or worse."""
    stream = io.StringIO()
    content = b"Subject: \x1b]0;evil\x07\xff\r\n\r\n\x1b[2Jtext\x9b\r\n"
    Console(stream, hostname="mx", is_coloured=True).hand_on([hand(make_entry(1, content=content), content=content)])
    text = stream.getvalue()
    assert "\x1b[34mSubject\x1b[0m: \\x1b]0;evil\\x07" in text
    assert "\\x1b[2Jtext" in text
    assert not set(text) & set("\x07\x9b")


def test_the_console_stops_at_its_limit() -> None:
    """Nobody scrolls through a hundred megabytes."""
    stream = io.StringIO()
    content = b"A: b\r\n\r\n" + b"line\r\n" * 100_000
    Console(stream, hostname="mx").hand_on([hand(make_entry(1, content=content), content=content)])
    assert len(stream.getvalue()) < SHOWN_LIMIT + 1000
    assert "only the first" in stream.getvalue()


def test_a_closed_console_defers() -> None:
    """The terminal is gone; the mail is not."""
    stream = io.StringIO()
    console = Console(stream, hostname="mx", is_coloured=False)
    stream.close()
    (outcome,) = console.hand_on([hand(make_entry())])
    assert outcome.status.is_transient


def test_discard_takes_everything() -> None:
    """And does not look at it."""
    assert [outcome.is_delivered for outcome in Discard().hand_on([hand(make_entry())] * 3)] == [True] * 3


@pytest.mark.parametrize(
    ("via", "kind"),
    [
        ("discard", Discard),
        ("console", Console),
        ("directory:d", Directory),
        ("maildir:m", Maildir),
        ("mbox:b", Mbox),
        ("journal:j?size=1MB", Journal),
    ],
)
def test_each_target_has_its_transport(tmp_path: Path, via: str, kind: type) -> None:
    """Paths are below the home; nothing is written before mail comes."""
    transport = open_transport(parse_via(via), home=tmp_path, hostname="mx.example.org", clock=MovableClock())
    assert type(transport) is kind
    assert list(tmp_path.iterdir()) == []
    if kind not in (Discard, Console):
        assert transport.hand_on([hand(make_entry())])[0].is_delivered
        assert len(list(tmp_path.iterdir())) == 1


def test_a_target_of_a_later_release_is_refused(tmp_path: Path) -> None:
    """Before anything has started."""
    with pytest.raises(SetupError, match="not yet available"):
        open_transport(parse_via("smtp://x"), home=tmp_path, hostname="mx", clock=MovableClock())
