"""A home as `samotop init` makes it, copied for each test: hashing a password is slow on purpose.

And one RSA key for all pairs of keys: to find its primes takes a third of a second. tests/e2e/test_dns.py makes real
ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from samotop.cli import main
from samotop.msgauth import dkim
from samotop.msgauth.dkim.private import KeyType, generate_key
from samotop.msgauth.signature.algorithms import PrivateKey

PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    (place / "password").write_text(PASSWORD + "\n")
    home = place / "home"
    words = ["init", "--domain", "example.org", "--account", "alice", "--password-file", str(place / "password")]
    assert main([*words, "--unknown", "accept", "--listen", "smtp=127.0.0.1:0", "--home", str(home)]) == 0
    return home


@pytest.fixture(scope="session")
def rsa_key() -> PrivateKey:
    return generate_key("rsa")


@pytest.fixture(autouse=True)
def _quick_keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(type: KeyType = "rsa") -> PrivateKey:
        key: PrivateKey = request.getfixturevalue("rsa_key") if type == "rsa" else generate_key(type)
        return key

    monkeypatch.setattr(dkim, "generate_key", quick)


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
