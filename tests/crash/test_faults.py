"""Every single operation of a spool's life fails once, with the disk full or with an error of the device."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from samotop.store.database import Database
from samotop.store.queue_admin import QueueAdmin
from tests.crash.disk import Disk
from tests.crash.script import MovableClock, Script, check_home, make_home, registered


def full(name: str) -> Exception:
    if ".db" in name:
        return apsw.FullError()
    return OSError(errno.ENOSPC, "no room")


def broken(name: str) -> Exception:
    if ".db" in name:
        return apsw.IOError()
    return OSError(errno.EIO, "broken")


def failing(fault: Callable[[str], Exception], first: int, length: int) -> Callable[[int, str], Exception | None]:
    """Fail ``length`` operations; unlinking needs no room, and what stays then is found by the next start."""

    def fails(number: int, name: str) -> Exception | None:
        return fault(name) if first <= number < first + length and "unlink" not in name else None

    return fails


def script_operations(tmp_path: Path) -> list[str]:
    home = str(tmp_path / "whole")
    make_home(home)
    disk = Disk(home)
    with registered(disk) as vfs:
        Script(disk, vfs).run()
    return disk.operations


@pytest.mark.crash
@pytest.mark.parametrize("length", [1, 4], ids=["once", "for a while"])
@pytest.mark.parametrize("fault", [full, broken], ids=["full", "broken"])
def test_a_failing_operation_harms_only_those_who_are_told(
    fault: Callable[[str], Exception], length: int, tmp_path: Path
) -> None:
    """A fault is told to whoever waits, nothing half stays behind, and the next message goes through."""
    operations = script_operations(tmp_path)
    faulted = 0
    for number in range(2, len(operations)):
        home = str(tmp_path / f"home{number}")
        make_home(home)
        disk = Disk(home)
        disk.fails = failing(fault, number, length)
        with registered(disk) as vfs:
            script = Script(disk, vfs)
            try:
                script.run()
                told = script.told
                assert told.stored | told.faults.keys() == told.contents.keys(), "everybody gets an answer"
                faulted += len(told.faults)
                if fault is full:
                    assert all(f.is_full for f in told.faults.values()), "and the right one"
            except Exception as error:
                raise AssertionError(f"{number}: {operations[number]} failed") from error
            finally:
                disk.fails = lambda at, name: None
                script.end()
        try:
            check_home(home, told)
        except Exception as error:
            raise AssertionError(f"{number}: {operations[number]} failed") from error
    assert faulted > 20, "faults reached somebody"


@pytest.mark.crash
def test_a_refused_message_is_not_in_the_queue(tmp_path: Path) -> None:
    """The client will send it again: 452 and a copy in the queue would double it."""
    operations = script_operations(tmp_path)
    for number in range(2, len(operations)):
        home = str(tmp_path / f"home{number}")
        make_home(home)
        disk = Disk(home)
        disk.fails = failing(full, number, 1)
        with registered(disk) as vfs:
            script = Script(disk, vfs)
            script.run()
            script.end()
        database = Database(f"{home}/state.db")
        left = {entry.id for entry in QueueAdmin(database, f"{home}/spool", MovableClock()).entries()}
        database.close()
        assert not left & script.told.faults.keys(), operations[number]
