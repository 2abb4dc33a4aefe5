"""The servers that are measured side by side, each started on a loopback port of its own.

Every peer is a context manager with a ``port``, ``drain()`` (wait until what
was accepted has gone where it should) and ``processes()`` for memory figures.
Nothing here is tuned for or against anybody: Postfix runs with its defaults
but for what loopback load needs (no per-client limits, logging to a file).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fakes.postfixhome import PostfixHome

RECIPIENT = "alice@example.org"
SENDER = "a@example.net"
DRAIN_SECONDS = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, seconds: float = 15.0) -> None:
    """Wait until somebody answers with a greeting."""
    ends_at = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                if probe.recv(3) == b"220":
                    return
        except OSError:
            pass
        if time.monotonic() > ends_at:
            raise TimeoutError(f"nobody answers on port {port}")
        time.sleep(0.02)


class Peer(ABC):
    """One server in a folder of its own."""

    name = "peer"

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="samotop-bench-"))
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def start(self) -> None:
        """Start it; it need not answer yet."""

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def drain(self) -> None:
        """Wait until the queue is empty; a server that stores nothing has none."""
        return

    def __enter__(self) -> Self:
        self.start()
        wait_for_port(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_until(self, is_done: object, what: str) -> None:
        assert callable(is_done)
        ends_at = time.monotonic() + DRAIN_SECONDS
        while not is_done():
            if time.monotonic() > ends_at:
                raise TimeoutError(f"{self.name}: {what} did not happen")
            time.sleep(0.02)


_RELAYING = """virtual_mailbox_domains =
smtp_destination_concurrency_limit = 20
initial_destination_concurrency = 20
smtp_tls_security_level = none
"""
"""As many connections to the next hop as Samotop's most, and at once; the connection cache is on by default."""


class Postfix(Peer):
    """Postfix from Debian with its own configuration, queue and data folders. Needs root, as Postfix does."""

    name = "Postfix"

    def __init__(self, *, to_maildir: bool = False, relay_to: int | None = None) -> None:
        super().__init__()
        self.to_maildir = to_maildir
        self.relay_to = relay_to
        self.maildir = self.folder / "mail" / "alice"
        self._postfix = PostfixHome(self.folder, self.port)

    def start(self) -> None:
        settings = f"""myhostname = mx.example.org
virtual_mailbox_domains = example.org
virtual_mailbox_maps = inline:{{ {{ {RECIPIENT} = alice/ }} }}
virtual_transport = {"virtual" if self.to_maildir else "discard:"}
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
"""
        self._postfix.lay_out(
            settings + (f"{_RELAYING}relayhost = [127.0.0.1]:{self.relay_to}\n" if self.relay_to else "")
        )
        self._postfix.command("start")

    def stop(self) -> None:
        self._postfix.command("stop")

    def drain(self) -> None:
        queue = self.folder / "queue"

        def is_empty() -> bool:
            return not any(
                any(p.is_file() for p in (queue / name).rglob("*")) for name in ("incoming", "active", "deferred")
            )

        self.wait_until(is_empty, "empty queue")


class Samotop(Peer):
    """Ours, started as a user would: ``samotop init`` and ``samotop serve``."""

    name = "Samotop"

    def __init__(self, *, to_maildir: bool = False, relay_to: int | None = None, workers: int = 1) -> None:
        super().__init__()
        self.relay_to = relay_to
        self.workers = workers
        if workers > 1:
            self.name = f"Samotop, {workers} workers"
        self.home = self.folder / "home"
        self.to_maildir = to_maildir
        self.maildir = self.home / "mail" / "alice"

    def start(self) -> None:
        password = self.folder / "password"
        password.write_text("correct horse battery staple\n")
        words = ["--home", str(self.home), "--domain", "example.org", "--account", "alice"]
        words += ["--password-file", str(password), "--listen", f"smtp=127.0.0.1:{self.port}", "--unknown", "accept"]
        if self.relay_to:
            words += ["--route", f"*=smtp://127.0.0.1:{self.relay_to}"]
        elif not self.to_maildir:
            words += ["--route", "*=discard"]
        self._run("init", *words)
        configuration = self.home / "samotop.toml"
        text = configuration.read_text()
        limits = "sessions = 20000\nsessions_per_address = 20000\n"
        text = text.replace("[limits]\n", "[limits]\n" + limits) if "\n[limits]\n" in text else text
        if "sessions_per_address = 20000" not in text:
            text += "\n[limits]\n" + limits
        configuration.write_text(f"workers = {self.workers}\n{text}")
        self._serve()

    def start_again(self) -> None:
        """Start with the home as it is, and wait until it answers."""
        self._serve()
        wait_for_port(self.port)

    def _serve(self) -> None:
        log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "samotop", "serve", "--home", str(self.home)], stdout=log, stderr=log
        )

    def _run(self, *words: str) -> None:
        ran = subprocess.run([sys.executable, "-m", "samotop", *words], capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"samotop {words[0]}: {ran.stderr}")

    def drain(self) -> None:
        database = apsw.Connection(str(self.home / "state.db"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            self.wait_until(lambda: database.execute("SELECT count(*) FROM entry").get == 0, "empty queue")
        finally:
            database.close()


class Aiosmtpd(Peer):
    """aiosmtpd on plain asyncio with a handler that stores nothing."""

    name = "aiosmtpd"

    def start(self) -> None:
        script = Path(__file__).with_name("aiosmtpd_sink.py")
        self.process = subprocess.Popen([sys.executable, str(script), str(self.port)])


class SmtpSink(Peer):
    """Postfix' ``smtp-sink`` in C, which stores nothing: the limit of what the client can send.

    One that ``counts`` says in a file how many messages it has taken.
    """

    name = "smtp-sink (C, stores nothing)"

    def __init__(self, *, counts: bool = False) -> None:
        super().__init__()
        self.counts = counts

    def start(self) -> None:
        self.folder.chmod(0o755)
        words = ["smtp-sink"]
        if os.geteuid() == 0:
            words += ["-u", "postfix"]
        if self.counts:
            words.append("-c")
        with (self.folder / "counts").open("wb") as counts:
            self.process = subprocess.Popen([*words, f"127.0.0.1:{self.port}", "1000"], stdout=counts)

    def count(self) -> int:
        """Messages taken so far."""
        with (self.folder / "counts").open("rb") as counts:
            counts.seek(max(0, counts.seek(0, os.SEEK_END) - 200))
            found = re.findall(rb"mesg=(\d+)\r", counts.read())
        return int(found[-1]) if found else 0


def memory_of(pid: int) -> int:
    """Octets of resident memory of a process and its children."""
    total = 0
    for one in [pid, *children_of(pid)]:
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def children_of(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from children_of(int(child))
