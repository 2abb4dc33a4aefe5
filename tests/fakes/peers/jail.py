"""A small Debian of its own for one real server, without containers: a folder that ``chroot`` makes its root.

    jail = Jail("exim", needs_peer)
    jail.write("/etc/mailname", "mx.example.net\\n")
    jail.start("/usr/sbin/exim4", "-bdf", ...)

tools/peers.sh has unpacked the servers into .cache/peers/root, with all that
they need. Each jail is a copy of that by hard links, but for /etc and /var,
so that servers with paths compiled in (all of them) do not meet. It needs root
and nothing else of the machine: no mounts, no users. ``close`` ends what was
started and removes the folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.serving import CHECKOUT, children_of, is_alive, poll

PEERS: Final = CHECKOUT / ".cache" / "peers"
STOP_SECONDS: Final = 10.0
_COPIED: Final = ("etc", "var", "run", "srv", "tmp")
"""What a server writes to; the rest is shared with the other jails."""


class Jail:
    """``program`` and ``package`` are what it is for; the test is skipped where that is not unpacked."""

    def __init__(self, program: str, package: str) -> None:
        source = PEERS / "root"
        if not (source / program.lstrip("/")).exists():
            pytest.skip(f"needs Debian package {package}, unpacked by tools/peers.sh")
        if os.geteuid() != 0:
            pytest.skip(f"needs root, to start {package} in a folder of its own")
        (PEERS / "run").mkdir(exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix=package[:4], dir=PEERS / "run"))
        self.path.chmod(0o755)
        for entry in source.iterdir():
            how = "-a" if entry.name in _COPIED else "-al"
            subprocess.run(["cp", how, str(entry), str(self.path)], check=True)
        self._started: list[subprocess.Popen[bytes]] = []

    def outside(self, path: str) -> Path:
        """A path of the jail as the tests see it."""
        return self.path / path.lstrip("/")

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644, owner: int = 0) -> None:
        """Put a file there, in folders that are made for it."""
        file = self.outside(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)
        os.chown(file, owner, owner)

    def make_folder(self, path: str, owner: int = 0, *, mode: int = 0o755) -> None:
        folder = self.outside(path)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
        os.chown(folder, owner, owner)

    def user(self, name: str) -> int:
        """The number of one of the jail's own users, and of its group."""
        lines = [line.split(":") for line in self.outside("/etc/passwd").read_text().splitlines()]
        return next(int(words[2]) for words in lines if words[0] == name)

    def run(self, *words: str, typed: bytes = b"", status: int | None = 0) -> str:
        """Run a program to its end; what it said."""
        done = subprocess.run(self._words(words), input=typed, capture_output=True, timeout=60, env={"PATH": _PATH})
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert status is None or done.returncode == status, f"{' '.join(words)}: {done.returncode}\n{said}"
        return said

    def start(self, *words: str, log: str = "/tmp/said") -> None:
        """Start a program that stays; what it says goes to ``log``."""
        with self.outside(log).open("ab") as said:
            process = subprocess.Popen(
                self._words(words), stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={"PATH": _PATH}
            )
        self._started.append(process)

    def stop(self) -> None:
        """End what was started, and its children; they may be started again."""
        for process in self._started:
            family = [process.pid, *_offspring(process.pid)]
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pid in filter(is_alive, family):
                _kill(pid)
            poll(lambda family=family: not any(map(is_alive, family)), what="the server's processes to end")  # type: ignore[misc]  # the default binds the loop's value
        self._started.clear()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def read_logs(self, *paths: str) -> str:
        """What the server has said, for a test that fails."""
        files = [self.outside(path) for path in ("/tmp/said", *paths)]
        return "\n".join(file.read_text("utf-8", "replace") for file in files if file.is_file())

    def _words(self, words: Sequence[str]) -> list[str]:
        return ["/usr/sbin/chroot", str(self.path), *words]


_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"


def _offspring(pid: int) -> list[int]:
    found = children_of(pid)
    return found + [one for child in found for one in _offspring(child)]


def _kill(pid: int) -> None:
    """A process of a server that has ended without it."""
    try:
        if os.readlink(f"/proc/{pid}/root").startswith(str(PEERS)):
            os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return
