"""Every dialog in this folder, played whole, octet by octet, and cut at every place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialogs.player import play, play_as_written, segments
from tests.dialogs.script import BadScript, Dialog, parse_dialogs, unescape

HERE = Path(__file__).parent
DIALOGS = [dialog for path in sorted(HERE.glob("*.txt")) for dialog in parse_dialogs(path)]
CUTS_LIMIT = 2000
"""Places at which one dialog is cut; a longer one is cut at this many, evenly spread."""

each = pytest.mark.parametrize("dialog", DIALOGS, ids=lambda dialog: dialog.name)


@each
def test_a_client_that_waits_hears_what_is_written(dialog: Dialog) -> None:
    """The text is the specification: every reply, in its place, and nothing else."""
    assert list(play_as_written(dialog)) == []


@pytest.mark.slow
@each
def test_cutting_changes_nothing(dialog: Dialog) -> None:
    """A network may cut the octets anywhere, and pipelining may join them all: replies and events stay the same."""
    length = sum(map(len, segments(dialog)))
    whole = play(dialog, ())
    assert play(dialog, range(1, length)) == whole, "octet by octet"
    for place in range(1, length, 1 + length // CUTS_LIMIT):
        assert play(dialog, (place,)) == whole, f"cut after {place} octets"


def test_no_two_dialogs_have_one_name() -> None:
    assert len({dialog.name for dialog in DIALOGS}) == len(DIALOGS)


@pytest.mark.parametrize("text", ["@lpmt\n", "== x\nX: y\n", "== x\nC NOOP\n", "@answer dinner 250 Ok\n"])
def test_a_slip_in_a_dialog_is_no_silence(tmp_path: Path, text: str) -> None:
    """A setting that nobody knows would otherwise test something else than it says."""
    (tmp_path / "slip.txt").write_text(text)
    with pytest.raises(BadScript, match=r"slip\.txt:\d"):
        parse_dialogs(tmp_path / "slip.txt")


def test_escapes_make_octets() -> None:
    assert unescape(r"a\r\n\x00\xe9é\\") == b"a\r\n\x00\xe9\xc3\xa9\\"
