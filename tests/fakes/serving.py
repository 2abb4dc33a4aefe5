"""The server as its users start it: a home made by ``samotop init``, a process that serves it.

Nothing of the server is called but its command line: what is tested is what is
typed. The fixtures ``make_home`` and ``start_server`` are taken into the
folders that use them. Waiting is for another process's state alone, asked for again and again
with an end.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from samotop import cli

CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent

START_SECONDS: Final = 60.0
"""For a server to say "ready": it takes half a second; a busy machine takes longer."""
STOP_SECONDS: Final = 10.0
"""What the server promises after SIGTERM."""
POLL_SECONDS: Final = 30.0
"""For another process to come to what is asked for."""
POLL_STEP: Final = 0.01

PASSWORD: Final = "correct horse battery staple"
HOSTNAME: Final = "mx.example.org"

T = TypeVar("T")


def poll(look: Callable[[], T], *, seconds: float = POLL_SECONDS, what: str = "") -> T:
    """Ask again until the answer is true, and return it. Fails after ``seconds``."""
    ends_at = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > ends_at:
            pytest.fail(f"waited {seconds:.0f} s in vain for {what or look.__name__}: {found!r}")
        time.sleep(POLL_STEP)
    return found


def environment() -> dict[str, str]:
    """What a started program gets: this checkout first on Python's path, no home from outside."""
    found = dict(os.environ)
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT / "src"), os.environ.get("PYTHONPATH")]))
    found.pop("SAMOTOP_HOME", None)
    return found


class ReservedPort:
    """A free port that stays ours: bound, never listening, so that only who shares the port can have it."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        self._socket.close()


class Home:
    """One home. ``path`` is its directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def config(self) -> Path:
        return self.path / "samotop.toml"

    def write(self, text: str) -> None:
        """Put another configuration into its place."""
        self.config.write_text(text, "utf-8")

    def append(self, text: str) -> None:
        with self.config.open("a", encoding="utf-8") as file:
            file.write("\n" + text)

    def run(self, *words: str, status: int | None = 0, typed: str = "") -> subprocess.CompletedProcess[str]:
        """``samotop WORDS --home HOME``; fails unless it exits with ``status``."""
        return samotop(*words, "--home", str(self.path), status=status, typed=typed)

    def add_account(self, name: str, password: str = PASSWORD) -> None:
        self.run("account", "add", name, "--password-file", "-", typed=password + "\n")

    def queue(self) -> list[dict[str, Any]]:
        """``samotop queue list --json``, in this process: it is asked for again and again."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert cli.main(["queue", "list", "--json", "--home", str(self.path)]) == 0
        found: list[dict[str, Any]] = json.loads(said.getvalue())
        return found

    def mail(self, account: str = "alice") -> list[Path]:
        """What lies in ``new``, in the order of arrival."""
        folder = self.path / "mail" / account / "new"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def wait_for_mail(self, count: int = 1, account: str = "alice", *, with_: bytes = b"") -> list[bytes]:
        """The messages of an account that contain ``with_``, once there are ``count``. More are a failure."""

        def look() -> list[bytes]:
            found = [octets for path in self.mail(account) if with_ in (octets := path.read_bytes())]
            return found if len(found) >= count else []

        found = poll(look, what=f"{count} messages for {account}")
        assert len(found) == count, f"{len(found)} messages instead of {count}"
        return found

    def wait_for_one(self, with_: bytes, account: str = "alice") -> bytes:
        return self.wait_for_mail(1, account, with_=with_)[0]

    def certificate(self) -> Path:
        """The certificate that the server shows."""
        return self.path / json.loads(self.run("config", "--json").stdout)["tls"]["certificate"]


def samotop(*words: str, status: int | None = 0, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "samotop", *words],
        input=typed,
        capture_output=True,
        text=True,
        timeout=POLL_SECONDS,
        env=environment(),
    )
    assert "Traceback" not in done.stderr, done.stderr
    if status is not None:
        assert done.returncode == status, f"samotop {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def children_of(pid: int) -> list[int]:
    """The processes that ``pid`` has started and that still run."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def is_alive(pid: int) -> bool:
    """Does the process run? A dead one that nobody has asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


class Served:
    """A running ``samotop serve``. ``allowed`` are events of level "error" that a test brings about on purpose."""

    def __init__(self, home: Home, *, prefix: Sequence[str] = (), log: Path, allowed: Sequence[str] = ()) -> None:
        self.home = home
        self._log = log
        self._allowed = frozenset(allowed)
        self._log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "samotop", "serve", "--home", str(home.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment(),
            )
        self.addresses: list[str] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        """What this process, and its workers, have said on standard error so far."""
        with self._log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode("utf-8", "replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was logged under this name."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("{")]
        return [event for line in lines if (event := json.loads(line))["event"] == name]

    def wait_until_ready(self) -> None:
        """Until the line "ready"; then the addresses are known."""
        assert self.process.stdout is not None
        found, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if found else b""
        if line != b"ready\n":
            self.kill()
            pytest.fail(f"the server said {line!r} instead of ready\n{self.stderr}")
        for line_of_log in self.stderr.splitlines():
            if line_of_log.startswith("samotop: listening on "):
                self.addresses = line_of_log.removeprefix("samotop: listening on ").split(", ")

    def address(self, protocol: str = "smtp", number: int = 0) -> str:
        """Where the listener of this protocol is, the first or the ``number``-th one of samotop.toml."""
        listeners = tomllib.loads(self.home.config.read_text("utf-8"))["listen"]
        served = [
            one for one in listeners if one["protocol"] in ("smtp", "submission", "lmtp", "web", "milter", "checkv2")
        ]
        assert len(served) == len(self.addresses), f"{self.addresses} are not one for each listener"
        return [address for one, address in zip(served, self.addresses, strict=True) if one["protocol"] == protocol][
            number
        ]

    def port(self, protocol: str = "smtp", number: int = 0) -> int:
        return int(self.address(protocol, number).rpartition(":")[2])

    def workers(self) -> list[int]:
        return children_of(self.pid)

    def terminate(self) -> int:
        """SIGTERM, and the exit status; fails if it takes longer than promised."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the server did not stop within {STOP_SECONDS:.0f} s of SIGTERM\n{self.stderr}")
        self.check_log()
        return status

    def kill(self) -> None:
        """SIGKILL, workers too unless they are gone by themselves."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it however it stands, and look at what it has said."""
        if self.process.poll() is None:
            self.terminate()
        else:
            self.check_log()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def check_log(self) -> None:
        """No traceback, no fault that the test does not know of."""
        said = self.stderr
        assert "Traceback" not in said, said
        faults = [
            line
            for line in said.splitlines()
            if '"level":"error"' in line and not any(f'"event":"{name}"' in line for name in self._allowed)
        ]
        assert not faults, "\n".join(faults)


DEFAULT: Final = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "submission"
address = "127.0.0.1:0"
tls = "required"

[[listen]]
protocol = "submission"
address = "127.0.0.1:0"
tls = "implicit"

[[listen]]
protocol = "lmtp"
address = "{lmtp}"

[consent]
unknown = "accept"
"""
"""What most tests serve: every protocol, loopback, ports that the system chooses."""

MakeHome = Callable[..., Home]
StartServer = Callable[..., Served]


class Homes:
    """Makes homes. Each set of accounts is made once, by ``samotop init``, and copied from then on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, ...], Home] = {}

    def build(self, directory: Path, config: str | None = None, *, accounts: Sequence[str] = ("alice", "bob")) -> Home:
        """A home in ``directory``; ``{lmtp}`` in its configuration is the path of a UNIX socket."""
        names = tuple(accounts)
        if names not in self._made:
            self._made[names] = self._init(names)
        shutil.copytree(self._made[names].path, directory)
        home = Home(directory)
        text = DEFAULT if config is None else config
        home.write(text.replace("{lmtp}", str(directory / "lmtp.sock")))
        return home

    def _init(self, names: tuple[str, ...]) -> Home:
        home = Home(self._folder / f"accounts-{len(self._made)}")
        password = self.password_file
        words = ["--domain", "example.org", "--account", names[0], "--password-file", str(password)]
        home.run("init", *words, "--listen", "smtp=127.0.0.1:0")
        for name in names[1:]:
            home.add_account(name)
        return home

    @property
    def password_file(self) -> Path:
        path = self._folder / "password"
        path.write_text(PASSWORD + "\n")
        return path


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def make_home(tmp_path: Path, homes: Homes) -> MakeHome:
    """``make_home(config=None, accounts=("alice", "bob"))``: a new home; each call makes another one."""
    count = 0

    def make(config: str | None = None, *, accounts: Sequence[str] = ("alice", "bob")) -> Home:
        nonlocal count
        count += 1
        folder = tmp_path / f"h{count}"
        folder.mkdir()
        return homes.build(folder / "home", config, accounts=accounts)

    return make


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """``start_server(home)`` serves a home; at the end all are stopped and their words looked at."""
    started: list[Served] = []

    def start(home: Home, *, is_ready: bool = True, allowed: Sequence[str] = (), prefix: Sequence[str] = ()) -> Served:
        served = Served(home, log=tmp_path / f"{home.path.parent.name}.log", allowed=allowed, prefix=prefix)
        started.append(served)
        if is_ready:
            served.wait_until_ready()
        return served

    yield start
    try:
        for served in started:
            served.close()
    finally:
        for served in started:
            served.kill()
