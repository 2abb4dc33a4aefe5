"""The power goes at every single operation of a spool's life; nothing that was acknowledged may be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.disk import MODES, Disk, PowerLoss
from tests.crash.script import Script, Told, check_home, make_home, registered

# SQLite, closing its files on a dead disk, meets the power loss once more where no exception can be raised.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

OPERATIONS_AT_LEAST = 80
"""The script makes about a hundred; far fewer would mean that the disk no longer sees them."""


def live(home: str, dies_at: int | None) -> tuple[Disk, Told]:
    """Run the script on a fresh home until the power goes."""
    make_home(home)
    disk = Disk(home)
    disk.dies_at = dies_at
    with registered(disk) as vfs:
        script: Script | None = None
        try:
            script = Script(disk, vfs)
            script.run()
        except PowerLoss:
            assert disk.is_dead
        finally:
            if script is not None:
                script.end()
    return disk, script.told if script is not None else Told()


def test_without_a_crash_everything_is_stored_and_settled(tmp_path: Path) -> None:
    """The script itself is sound, and touches the disk as often as the other tests rely on."""
    disk, told = live(str(tmp_path / "home"), None)
    assert told.stored == told.contents.keys()
    assert told.settled.keys() >= told.finishing
    assert len(disk.operations) > OPERATIONS_AT_LEAST


@pytest.mark.crash
@pytest.mark.parametrize("mode", MODES)
def test_what_was_acknowledged_survives_a_power_loss_at_any_operation(mode: str, tmp_path: Path) -> None:
    """250 means on disk: docs/queue-states.md, held against every point in time."""
    number = 0
    while True:
        disk, told = live(str(tmp_path / f"home{number}"), number)
        if not disk.is_dead:
            break
        target = str(tmp_path / f"after{number}")
        disk.survivors(mode, target)
        try:
            check_home(target, told)
        except Exception as error:
            raise AssertionError(f"power lost after {number} operations: {disk.operations[-5:]}") from error
        number += 1
    assert number > OPERATIONS_AT_LEAST


@pytest.mark.crash
def test_a_second_power_loss_while_recovering_changes_nothing(tmp_path: Path) -> None:
    """Recovery may be cut off as well, and is then done again."""
    disk, told = live(str(tmp_path / "home"), OPERATIONS_AT_LEAST // 2)
    again = str(tmp_path / "again")
    disk.survivors("dropped", again)
    for number in range(3):
        second = Disk(again)
        second.dies_at = number
        with registered(second) as vfs:
            script: Script | None = None
            try:
                script = Script(second, vfs)
                script.spool.recover()
            except PowerLoss:
                pass
            finally:
                if script is not None:
                    script.end()
        after = str(tmp_path / f"after{number}")
        second.survivors("dropped", after)
        check_home(after, told)
