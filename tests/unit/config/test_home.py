"""The home: found, for nobody else, one server at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from samotop.config.home import HomeLock, check_home, find_home, make_home
from samotop.errors import SetupError, TryAgainLater


def test_what_is_given_goes_before_the_environment_and_that_before_the_default() -> None:
    assert find_home("/a", {"SAMOTOP_HOME": "/b"}, is_root=False) == Path("/a")
    assert find_home(None, {"SAMOTOP_HOME": "/b"}, is_root=True) == Path("/b")
    assert find_home(None, {}, is_root=True) == Path("/var/lib/samotop")
    assert find_home(None, {}, is_root=False) == Path.home() / ".local/share/samotop"


def test_a_relative_home_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The server may change its directory, its home may not."""
    monkeypatch.chdir(tmp_path)
    assert find_home("mail", {}, is_root=False) == tmp_path / "mail"


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o770])
def test_a_home_that_others_could_read_is_refused(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)
    with pytest.raises(SetupError) as refused:
        check_home(home)
    assert refused.value.remedy == f"chmod 700 {home}"


def test_a_home_that_is_absent_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="samotop init"):
        check_home(tmp_path / "absent")
    with pytest.raises(SetupError, match="not a directory"):
        check_home(tmp_path / "file")


def test_a_new_home_is_closed_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_home(tmp_path / "a" / "home")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "home").stat().st_mode) == 0o700


def test_a_second_server_is_kept_out_until_the_first_lets_go(tmp_path: Path) -> None:
    with HomeLock(tmp_path), pytest.raises(TryAgainLater, match="a server is running"), HomeLock(tmp_path):
        pass
    with HomeLock(tmp_path):
        pass


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    """A server that was killed leaves files and no lock."""
    programme = (
        "import sys, os, signal; from pathlib import Path; from samotop.config.home import HomeLock; "
        "HomeLock(Path(sys.argv[1])).__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    source = Path(__file__).parents[3] / "src"
    subprocess.run([sys.executable, "-c", programme, str(tmp_path)], env={"PYTHONPATH": str(source)}, check=False)
    assert (tmp_path / "lock").exists()
    with HomeLock(tmp_path, patience=0):
        pass


def test_workers_left_over_are_waited_for(tmp_path: Path) -> None:
    """They inherit a lock of their own: who starts next says what it waits for, and begins when they are gone."""
    lock = HomeLock(tmp_path)
    with lock, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as worker:
        lock.release()  # as when the server is killed
        with pytest.raises(TryAgainLater, match="workers of a server that was killed"), HomeLock(tmp_path, patience=0):
            pass
        assert worker.stdin is not None
        worker.stdin.write(b"\n")
        worker.stdin.flush()
        with HomeLock(tmp_path, patience=30):
            pass


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError):
        HomeLock(tmp_path).__enter__()
    assert not (tmp_path / "elsewhere").exists()
