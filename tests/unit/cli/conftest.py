"""A home as `samotop init` makes it, copied for each test: hashing a password is slow on purpose."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from samotop.cli import main

PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    (place / "password").write_text(PASSWORD + "\n")
    home = place / "home"
    words = ["init", "--domain", "example.org", "--account", "alice", "--password-file", str(place / "password")]
    assert main([*words, "--unknown", "accept", "--listen", "smtp=127.0.0.1:0", "--home", str(home)]) == 0
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "home"
    shutil.copytree(made, copy)
    copy.chmod(0o700)
    return copy


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; give the exit status, standard output and standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return call
