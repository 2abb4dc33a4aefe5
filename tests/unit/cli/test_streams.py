"""What a verb makes of streams that are closed, of readers that go away, and of Control-C: never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}
INTERRUPTED_IMPORT = """
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from samotop.cli import main
sys.exit(main(["check"]))
"""


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_are_no_mistake(home: Path, closed: str) -> None:
    """Nor does state.db become standard output because its number was free."""
    command = f"exec {sys.executable} -m samotop queue list --home {home} {closed}"
    done = subprocess.run(["sh", "-c", command], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr == ""
    assert (home / "state.db").read_bytes()[:6] == b"SQLite"


@pytest.mark.parametrize("words", [["--help"], ["queue", "--help"], ["config"]])
def test_a_reader_that_has_seen_enough_is_no_mistake(home: Path, words: list[str]) -> None:
    """As with `samotop --help | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "samotop", *words],
            env={**ENVIRONMENT, "SAMOTOP_HOME": str(home)},
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("module", ["samotop.cli.quick", "samotop.cli.tree", "cyclopts"])
def test_an_interrupt_while_it_starts_is_quiet(module: str) -> None:
    """Most of a small verb's time is spent in imports."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT, module], env=ENVIRONMENT, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
