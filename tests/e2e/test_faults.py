"""A configuration or a machine that does not allow to serve: told in words, exit status 1, nothing started."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import pytest

from tests.fakes.serving import Home, Homes, MakeHome, StartServer, samotop
from tests.fakes.talk import Talk

LISTEN = '[[listen]]\nprotocol = "smtp"\naddress = "127.0.0.1:0"\n'
USUAL = 'hostname = "mx.example.org"\ndomains = ["example.org"]\n'


def refused(home: Home) -> str:
    """What ``serve`` says when it does not; nothing was started or made."""
    before = {path.name for path in home.path.iterdir()}
    done = home.run("serve", status=1)
    assert "ready" not in done.stdout
    assert {path.name for path in home.path.iterdir()} - before <= {"lock", "lock.workers"}, "nothing is begun"
    return done.stderr


@pytest.mark.parametrize(
    ("config", "line", "what", "remedy"),
    [
        ('hostname = "mx.example.org"\n' + LISTEN, None, "domains", "domains = "),
        (USUAL + 'workers = "two"\n' + LISTEN, 3, "workers: this is a whole number", "from 1 to 256"),
        (USUAL + "wokers = 2\n" + LISTEN, 3, "wokers", "workers"),
        (USUAL + LISTEN.replace("127.0.0.1:0", "127.0.0.1"), 5, "the port is missing", "127.0.0.1:25"),
        (USUAL + LISTEN.replace('"smtp"', '"smpt"'), 4, "smpt", "smtp"),
        (USUAL + "domains = [\n", 3, "not TOML", ""),
        (USUAL + LISTEN + '[limits]\nsize = "50 apples"\n', 7, "apples", "50 MB"),
        (USUAL + LISTEN + '[mailbox.carol]\naddresses = ["carol@example.org"]\n', 6, "carol", "samotop account add"),
    ],
    ids=["missing", "wrong type", "misspelt", "no port", "protocol", "no TOML", "size", "no account"],
)
def test_a_bad_configuration_is_told_with_its_line(
    make_home: MakeHome, config: str, line: int | None, what: str, remedy: str
) -> None:
    """The file, the line, what is wrong, what would be right: from ``serve`` and from ``check`` alike."""
    home = make_home(config, accounts=["alice"])
    said = refused(home)
    assert str(home.config) in said
    if line is not None:
        assert f"{home.config}:{line}: " in said
    assert what in said
    assert remedy in said
    assert home.run("check", status=1).stderr.strip() == said.replace("samotop: ", "", 1).strip()


def test_all_faults_are_told_at_once(make_home: MakeHome) -> None:
    """Who repairs one mistake at a time starts the server once for each."""
    home = make_home(USUAL + "wokers = 2\nworkers = 0\n" + LISTEN + 'tsl = "none"\n', accounts=["alice"])
    said = refused(home)
    for line in (3, 4, 8):
        assert f"{home.config}:{line}: " in said


def test_a_home_that_others_can_read_is_refused(make_home: MakeHome) -> None:
    """Mail, keys and accounts are in there."""
    home = make_home(accounts=["alice"])
    home.path.chmod(0o755)
    said = refused(home)
    assert "could be read by others" in said and f"chmod 700 {home.path}" in said
    for words in (("account", "list"), ("queue", "list"), ("config",)):
        assert "chmod 700" in home.run(*words, status=1).stderr
    assert "chmod 700" in home.run("check", status=1).stderr


def test_everything_in_a_home_is_for_its_owner(make_home: MakeHome, start_server: StartServer) -> None:
    """Whatever the umask was: nobody else may read a file of it."""
    home = make_home()
    server = start_server(home)
    with Talk(server.address()) as talk:
        talk.ehlo()
        talk.mail(b"Subject: x\r\n\r\nx\r\n", "alice@example.org")
    home.wait_for_mail(1)
    assert home.path.stat().st_mode & 0o777 == 0o700
    others = [path for path in home.path.rglob("*") if path.stat().st_mode & 0o077 and path.parent != home.path / "tls"]
    assert [path.name for path in others] == ["lmtp.sock"] or others == []


def test_a_missing_home(tmp_path: Path) -> None:
    """It says how to make one."""
    done = samotop("serve", "--home", str(tmp_path / "none"), status=1)
    assert "there is no home" in done.stderr and "samotop init" in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use(make_home: MakeHome, workers: int) -> None:
    """Which port, and what to do; the other listeners are not left open."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config = USUAL + f"workers = {workers}\n" + LISTEN.replace(":0", f":{port}")
        home = make_home(config, accounts=["alice"])
        done = home.run("serve", status=1)
        assert f"cannot listen on 127.0.0.1:{port}: the address is in use" in done.stderr
        assert "choose another address" in done.stderr
        assert "ready" not in done.stdout


@pytest.mark.parametrize("damage", ["key", "certificate", "mismatch"])
def test_a_bad_certificate(make_home: MakeHome, start_server: StartServer, damage: str) -> None:
    """A server that should have TLS does not start without it."""
    home = make_home(USUAL + LISTEN, accounts=["alice"])
    assert start_server(home).terminate() == 0
    tls = home.path / "tls"
    if damage == "certificate":
        (tls / "certificate.pem").write_text("nothing\n")
    elif damage == "key":
        (tls / "key.pem").unlink()
    else:
        other = make_home(USUAL + LISTEN, accounts=["alice"])
        assert start_server(other).terminate() == 0
        (tls / "key.pem").write_bytes((other.path / "tls" / "key.pem").read_bytes())
    done = home.run("serve", status=1)
    assert str(tls) in done.stderr
    assert "ready" not in done.stdout


def test_a_state_of_a_newer_version(make_home: MakeHome) -> None:
    """Neither opened nor changed."""
    home = make_home(accounts=["alice"])
    octets = bytearray((home.path / "state.db").read_bytes())
    octets[60:64] = (99).to_bytes(4, "big")  # user_version, in the header of the file (sqlite.org/fileformat2.html)
    (home.path / "state.db").write_bytes(octets)
    for words in (("serve",), ("account", "list")):
        assert "newer version" in home.run(*words, status=1).stderr


def test_a_state_that_is_none(make_home: MakeHome) -> None:
    home = make_home(accounts=["alice"])
    (home.path / "state.db").write_bytes(b"no database\n" * 1000)
    assert "is damaged or is not Samotop's" in home.run("serve", status=1).stderr


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["spool", "keys", "tls"])
def test_a_file_where_a_directory_should_be(make_home: MakeHome, name: str, workers: int) -> None:
    """Told in words: the file, and what to do with it."""
    with socket.socket() as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        port.bind(("127.0.0.1", 0))
        number = port.getsockname()[1]
        home = make_home(USUAL + f"workers = {workers}\n" + LISTEN.replace(":0", f":{number}"), accounts=["alice"])
        (home.path / name).write_text("not a directory\n")
        done = home.run("serve", status=1)
    assert str(home.path / name) in done.stderr and "Traceback" not in done.stderr
    assert "ready" not in done.stdout


@pytest.mark.parametrize("words", [("serve",), ("check",), ("account", "list"), ("queue", "list")])
def test_a_state_without_its_tables(make_home: MakeHome, words: tuple[str, ...]) -> None:
    """Of our version by its number, and yet not ours."""
    home = make_home(accounts=["alice"])
    connection = sqlite3.connect(home.path / "state.db")
    connection.executescript("DROP TABLE account; DROP TABLE entry; DROP TABLE notice;")
    connection.close()
    done = home.run(*words, status=1)
    assert "state.db cannot be used" in done.stderr and "Traceback" not in done.stderr


def test_init_overwrites_nothing(make_home: MakeHome, homes: Homes) -> None:
    """A second ``init`` of a home changes nothing in it."""
    home = make_home(accounts=["alice"])
    before = {path: path.read_bytes() for path in home.path.iterdir() if path.is_file()}
    words = ["--domain", "other.test", "--account", "eve", "--password-file", str(homes.password_file)]
    home.run("init", *words, status=1)
    assert {path: path.read_bytes() for path in home.path.iterdir() if path.is_file()} == before
