"""Every dialog in this folder, the server's octets whole, one by one, and cut at every place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialogs.client.player import play
from tests.dialogs.client.script import Dialog, parse_dialogs
from tests.dialogs.script import BadScript
from tests.fakes.smtp_pair import cut_at, octet_by_octet, whole

HERE = Path(__file__).parent
DIALOGS = [dialog for path in sorted(HERE.glob("*.txt")) for dialog in parse_dialogs(path)]

each = pytest.mark.parametrize("dialog", DIALOGS, ids=lambda dialog: dialog.name)


@each
def test_a_dialog_goes_as_it_is_written(dialog: Dialog) -> None:
    """The text is the specification: every octet that is sent, every event that is told, and nothing else."""
    assert list(play(dialog, whole)) == []


@pytest.mark.slow
@each
def test_cutting_a_servers_octets_changes_nothing(dialog: Dialog) -> None:
    if "@uncut" in dialog.settings:
        return
    assert list(play(dialog, octet_by_octet)) == []
    longest = max(len(step.octets) for step in dialog.steps)
    for place in range(1, longest):
        assert list(play(dialog, cut_at(place))) == [], f"cut after {place} octets"


def test_no_two_dialogs_have_one_name() -> None:
    assert len({dialog.name for dialog in DIALOGS}) == len(DIALOGS) > 30


@pytest.mark.parametrize("text", ["@lpmt\n", "== x\nX: y\n", "== x\nS NOOP\n", "C: x\n", "== x\n> dance\n"])
def test_a_slip_in_a_dialog_is_no_silence(tmp_path: Path, text: str) -> None:
    (tmp_path / "slip.txt").write_text(text)
    with pytest.raises(BadScript, match=r"slip\.txt:\d"):
        parse_dialogs(tmp_path / "slip.txt")
