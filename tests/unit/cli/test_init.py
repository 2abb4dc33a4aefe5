"""`samotop init`: every flag works, nothing is overwritten, nothing is left half-made."""

from __future__ import annotations

import io
import stat
import tomllib
from pathlib import Path

import pytest

from samotop.cli.init import split_route
from samotop.config.read import FILE_NAME, load_config
from samotop.errors import SetupError

LEAST = ("init", "--domain", "example.org", "--account", "alice")


@pytest.fixture
def password(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text("correct horse\n")
    return str(path)


def test_a_home_is_made_for_its_owner_alone(run, tmp_path: Path, password: str) -> None:
    home = tmp_path / "new" / "home"
    status, out, _ = run(*LEAST, "--password-file", password, "--home", str(home))
    assert status == 0
    assert f"samotop serve --home {home}" in out
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir() if path.is_file()} == {0o600}
    assert load_config(home).hostname == "mx.example.org"
    assert run("check", "--home", str(home))[0] == 0


def test_every_flag_is_written_down(run, tmp_path: Path, password: str) -> None:
    """Also those whose feature comes later: nobody should have to run init again for them."""
    home = tmp_path / "home"
    status, _, err = run(
        *LEAST, "--domain=example.net", "--password-file", password, "--hostname", "mail.example.org",
        "--listen", "smtp=127.0.0.1:2525", "--listen", "submission=[::1]:2465", "--listen", "lmtp=/run/lmtp.sock",
        "--listen", "imap=127.0.0.1:2143", "--listen", "web=127.0.0.1:2080", "--listen", "metrics=127.0.0.1:9100",
        "--unknown", "defer", "--smarthost", "smtp://relay.example.net", "--trusted", "192.0.2.0/24",
        "--trusted", "::1", "--route", "lists.example.org=maildir:lists", "--route", "*=lmtp:/run/all.sock",
        "--home", str(home),
    )  # fmt: skip
    assert (status, err) == (0, "")
    written = tomllib.loads((home / FILE_NAME).read_text())
    assert written["hostname"] == "mail.example.org"
    assert written["domains"] == ["example.org", "example.net"]
    assert [one["protocol"] for one in written["listen"]] == ["smtp", "submission", "lmtp", "imap", "web", "metrics"]
    assert written["consent"]["unknown"] == "defer"
    assert written["relay"] == {"smarthost": "smtp://relay.example.net", "trusted": ["192.0.2.0/24", "::1"]}
    assert written["route"] == [
        {"match": "lists.example.org", "via": "maildir:lists"},
        {"match": "*", "via": "lmtp:/run/all.sock"},
    ]
    assert load_config(home).listeners[1].tls == "implicit"


def test_a_home_that_is_complete_is_not_touched(run, home: Path, password: str) -> None:
    before = (home / FILE_NAME).read_text()
    status, _, err = run(*LEAST, "--password-file", password, "--home", str(home))
    assert status == 1
    assert "is there already" in err
    assert (home / FILE_NAME).read_text() == before


def test_a_home_that_was_left_half_made_is_completed(run, home: Path, password: str) -> None:
    """The account is there, the file is not: the power went out in between."""
    (home / FILE_NAME).unlink()
    assert run(*LEAST, "--password-file", password, "--home", str(home))[0] == 0
    assert (home / FILE_NAME).exists()


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--listen", "smtp", "has no ="),
        ("--listen", "smtps=127.0.0.1:25", '"smtps" is not possible here'),
        ("--listen", "smtp=127.0.0.1", "the port is missing"),
        ("--trusted", "everybody", "is not a network"),
        ("--smarthost", "relay.example.net", "is not the URL of a mail server"),
        ("--route", "lists.example.org", "no destination"),
        ("--route", "lists.example.org=nowhere", "no destination"),
        ("--hostname", "not a name", "is not a domain"),
        ("--domain", "alice@example.org", "is an address"),
    ],
)
def test_a_mistake_makes_no_home(run, tmp_path: Path, password: str, flag: str, value: str, told: str) -> None:
    status, _, err = run(*LEAST, "--password-file", password, flag, value, "--home", str(tmp_path / "home"))
    assert status == 1
    assert told in err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("name", ["Alice", "../alice", "", "a" * 65, ".hidden"])
def test_an_accounts_name_is_a_safe_directory(run, tmp_path: Path, password: str, name: str) -> None:
    words = ("init", "--domain", "example.org", "--account", name, "--password-file", password)
    assert run(*words, "--home", str(tmp_path / "home"))[0] == 1
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("words", [("init",), ("init", "--domain", "example.org"), (*LEAST, "--unknown", "ask")])
def test_usage_is_status_2(run, words: tuple[str, ...]) -> None:
    status, _, err = run(*words)
    assert status == 2
    assert "samotop init --help" in err


def test_a_password_is_not_taken_as_an_argument(run) -> None:
    """Everybody on the machine can see arguments."""
    assert run(*LEAST, "--password", "correct horse")[0] == 2


def test_a_password_comes_from_standard_input(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\nnot this\n"))
    assert run(*LEAST, "--password-file", "-", "--home", str(tmp_path / "home"))[0] == 0


@pytest.mark.parametrize("octets", [b"", b"\n", b"\xff\xfe\n"])
def test_a_file_without_a_password_is_refused(run, tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "password").write_bytes(octets)
    status, _, err = run(*LEAST, "--password-file", str(tmp_path / "password"), "--home", str(tmp_path / "home"))
    assert status == 1
    assert "password" in err
    assert not (tmp_path / "home").exists()


def test_an_address_with_an_equals_sign_can_be_routed() -> None:
    """Mailing lists' return addresses have them (VERP)."""
    assert split_route("a=b@example.org=discard") == ("a=b@example.org", "discard")
    assert split_route("x=child:run --a=b") == ("x", "child:run --a=b")
    with pytest.raises(SetupError):
        split_route("example.org")
