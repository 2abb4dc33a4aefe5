"""`samotop serve`, as a process: ready, stopped, refused."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from samotop.cli.demo import open_demo
from samotop.cli.quick import move_home, plan_serve
from samotop.config.home import HomeLock
from samotop.config.read import FILE_NAME

pytestmark = pytest.mark.slow  # each starts a server

SOURCE = Path(__file__).parents[3] / "src"
LEAST = 'hostname = "mx.example.org"\ndomains = ["example.org"]\n[consent]\nunknown = "accept"\n'


def listen(port: int, protocol: str = "smtp") -> str:
    return f'[[listen]]\nprotocol = "{protocol}"\naddress = "127.0.0.1:{port}"\n'


@contextmanager
def serving(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "samotop", "serve", *words],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until_ready(process: subprocess.Popen[str]) -> list[str]:
    """Lines of standard output up to "ready"."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if line == "ready\n":
            return lines
        lines.append(line.rstrip("\n"))
    raise AssertionError(f"it ended: {process.stderr.read() if process.stderr else ''}")


def test_a_server_says_ready_takes_mail_and_stops_when_told(home: Path) -> None:
    with serving("--home", str(home)) as process:
        assert until_ready(process) == []
        assert process.stderr is not None
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", process.stderr.readline())
        assert found
        port = int(found[1])
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail("you@example.net", ["alice@example.org"], "Subject: Hello\r\n\r\nHi\r\n")
        new = home / "mail" / "alice" / "new"
        deadline = time.monotonic() + 10
        while not (new.is_dir() and list(new.iterdir())):
            assert time.monotonic() < deadline, "not delivered"
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_second_server_of_a_home_is_status_75(run, home: Path) -> None:
    with HomeLock(home):
        status, out, err = run("serve", "--home", str(home))
    assert (status, out) == (75, "")
    assert "running" in err


def test_a_bad_configuration_starts_nothing(run, home: Path) -> None:
    (home / FILE_NAME).write_text(LEAST + "[limits]\nsize = 1.5\n")
    status, out, err = run("serve", "--home", str(home))
    assert (status, out) == (1, "")
    assert f"{home / FILE_NAME}:6: size: " in err
    assert not (home / "spool").exists()


def test_a_port_in_use_is_named(run, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (home / FILE_NAME).write_text(LEAST + listen(port))
        status, out, err = run("serve", "--home", str(home))
    assert (status, out) == (1, "")
    assert str(port) in err
    assert "Traceback" not in err


def test_a_server_with_nothing_to_serve_is_refused(run, home: Path) -> None:
    (home / FILE_NAME).write_text(LEAST + listen(2143, "imap"))
    status, _, err = run("serve", "--home", str(home))
    assert status == 1
    assert "imap is not available in this release; listener 127.0.0.1:2143 skipped" in err


def test_a_store_of_a_later_release_is_refused(run, home: Path) -> None:
    """Mail must not go anywhere else than where somebody said."""
    (home / FILE_NAME).write_text('store = "postgresql://db/mail"\n' + LEAST)
    status, _, err = run("serve", "--home", str(home))
    assert status == 1
    assert "PostgreSQL" in err


def test_the_demo_explains_itself_and_leaves_nothing() -> None:
    """What it prints can be typed as it stands."""
    with serving("--demo") as process:
        text = "\n".join(until_ready(process))
        found = re.search(r"^  home:       (.+)$", text, re.MULTILINE)
        assert found
        home = Path(found[1])
        password = re.search(r"^  password:   (\S+)   \(in (\S+)\)$", text, re.MULTILINE)
        assert password
        assert Path(password[2]).read_text() == password[1] + "\n"
        assert "swaks --server 127.0.0.1:" in text
        assert f"cat {home}/mail/alice/new/*" in text
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert not home.exists()


def test_a_demo_with_a_home_is_kept_and_takes_the_next_free_port(tmp_path: Path) -> None:
    home = tmp_path / "demo home"
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 2525))
            taken.listen()
        except OSError:
            pass  # somebody has it already: as good
        with serving("--demo", "--home", str(home)) as process:
            text = "\n".join(until_ready(process))
            assert "Port 2525 is taken; smtp uses " in text
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
    assert (home / FILE_NAME).exists()
    assert f"cat '{home}/mail/alice'/new/*" in text


def test_a_demo_is_one_process(home: Path) -> None:
    """Several would read their ports in the file again, the taken ones too."""
    (home / FILE_NAME).write_text("workers = 2\n" + LEAST + listen(2525))
    with open_demo(str(home)) as (_, config, _):
        assert config.workers == 1


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        (["serve"], (False, None)),
        (["serve", "--demo"], (True, None)),
        (["serve", "--home", "x", "--demo"], (True, "x")),
        (["serve", "--home=x"], (False, "x")),
        (["serve", "--home"], None),
        (["serve", "--help"], None),
        (["serve", "--home", "x", "--home", "y"], None),
        (["check"], None),
        ([], None),
    ],
)
def test_only_the_plainest_serve_goes_the_short_way(words: list[str], plan: object) -> None:
    assert plan_serve(words) == plan


def test_the_home_moves_behind_the_verb() -> None:
    assert move_home(["--home", "x", "queue", "list"]) == ["queue", "list", "--home", "x"]
    assert move_home(["--home=x", "serve"]) == ["serve", "--home=x"]
    assert move_home(["--home", "x"]) == ["--home", "x"]


@pytest.mark.parametrize("module", ["cyclopts", "rich", "attr"])
def test_a_server_starts_without_what_only_people_need(module: str) -> None:
    """Their import would be a good part of the second in which the first mail should be taken."""
    programme = f"import sys, samotop.cli.serve, samotop.cli.quick, samotop.app; sys.exit({module!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", programme], env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=True)


def test_a_limit_of_open_files_that_sessions_do_not_fit_in_is_told(home: Path) -> None:
    """At the start, on standard error; the server goes on with fewer sessions."""
    words = ["sh", "-c", 'ulimit -n 400; exec "$@"', "sh", sys.executable, "-m", "samotop", "serve"]
    process = subprocess.Popen(
        [*words, "--home", str(home)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert until_ready(process) == []
        process.terminate()
        assert "a process may have 400 files open here, enough for 72 sessions of 2000" in process.communicate()[1]
    finally:
        process.kill()
        process.communicate()
