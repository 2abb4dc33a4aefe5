"""Companions for tests: OpenDKIM and clamd as they are, and peers that say what a test wants said."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import pytest

from samotop.milter.commands import Command
from samotop.milter.frames import MilterSyntaxError
from samotop.milter.negotiation import Actions, Steps
from samotop.milter.responses import Change, ReplyCode, Word
from samotop.milter.server import MilterServer
from tests.fakes.serving import CHECKOUT, poll

COMPANIONS: Final = CHECKOUT / ".cache" / "companions" / "root"
"""Where tools/companions.sh unpacks what is not installed."""

Says = Callable[[Command, MilterServer], Sequence[Word | ReplyCode | Change]]


class Listening:
    """A peer in a thread, on a UNIX socket; one connection at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(5)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._is_over = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as last:
            last.connect(str(self.path))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            peer, _ = self._socket.accept()
            with peer:
                if self._is_over:
                    return
                peer.settimeout(20)
                with contextlib.suppress(OSError, MilterSyntaxError):
                    self.talk(peer)

    def talk(self, peer: socket.socket) -> None:
        raise NotImplementedError


class ScriptedMilter(Listening):
    """Answers by ``says``; ``told`` is what it was told, ``macros`` what some were at the end of the last message."""

    def __init__(self, path: Path, says: Says, actions: Actions = Actions(0x31), steps: Steps = Steps(0)) -> None:
        super().__init__(path)
        self._says = says
        self._terms = (actions, steps)
        self.told: list[Command] = []

    def talk(self, peer: socket.socket) -> None:
        server = MilterServer(*self._terms)
        while octets := peer.recv(65536):
            server.receive_data(octets)
            while (event := server.next_event()) is not None:
                self.told.append(event)
                if server.is_waiting:
                    server.answer(*self._says(event, server))
            peer.sendall(server.data_to_send())


class ScriptedClamd(Listening):
    """Gives ``answer`` once the stream has ended, whose octets are in ``seen``; without one it hangs up."""

    def __init__(self, path: Path, answer: bytes) -> None:
        super().__init__(path)
        self.answer = answer
        self.seen = b""

    def talk(self, peer: socket.socket) -> None:
        with peer.makefile("rb") as file:
            assert file.read(10) == b"zINSTREAM\0"
            seen = b""
            while length := int.from_bytes(file.read(4), "big"):
                seen += file.read(length)
        self.seen = seen
        peer.sendall(self.answer)


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], sock: Path, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens on ``sock``, until the end of the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
    try:

        def listens() -> bool:
            assert process.poll() is None, log.read_text("utf-8", "replace")
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(sock))
                return True
            return False

        poll(listens, what=str(command[0]))
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def serve_opendkim(program: str, folder: Path, settings: str) -> Iterator[Path]:
    """OpenDKIM as a milter; its socket."""
    sock, configuration = folder / "opendkim.sock", folder / "opendkim.conf"
    configuration.write_text(f"{settings}Socket local:{sock}\nBackground no\nSyslog no\nUMask 000\n")
    with running([program, "-f", "-x", configuration], sock, folder / "opendkim.log"):
        yield sock


EICAR_LIKE: Final = b"this-is-no-virus-but-samotop-tests-call-it-one"


@contextlib.contextmanager
def serve_clamd(folder: Path) -> Iterator[Path]:
    """clamd with a database of one signature, for ``EICAR_LIKE``; its socket. Skips where it is not unpacked."""
    program = COMPANIONS / "usr" / "sbin" / "clamd"
    if not program.exists():
        pytest.skip("needs clamd: tools/companions.sh unpacks it")
    database, sock = folder / "clamdb", folder / "clamd.sock"
    database.mkdir()
    (database / "own.ndb").write_text(f"Samotop.Test.Sample:0:*:{EICAR_LIKE.hex()}\n")
    configuration = folder / "clamd.conf"
    configuration.write_text(
        f"LocalSocket {sock}\nDatabaseDirectory {database}\nForeground yes\nLogFile {folder}/clamd.log\n"
        f"TemporaryDirectory {folder}\nUser root\nConcurrentDatabaseReload no\nStreamMaxLength 1M\n"
    )
    libraries = COMPANIONS / "usr" / "lib" / "x86_64-linux-gnu"
    with running([program, "-c", configuration], sock, folder / "clamd.out", LD_LIBRARY_PATH=str(libraries)):
        yield sock


GTUBE: Final = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""What every filter of spam calls spam."""

RSPAMD: Final = """\
lua = "$RULESDIR/rspamd.lua"
options {{
  dns {{ nameserver = ["127.0.0.1:1"]; timeout = 1ms; retransmits = 0; }}
  tempdir = "{folder}"; pidfile = "{folder}/rspamd.pid"; url_tld = "{folder}/tld"; hs_cache_dir = "{folder}";
  control_socket = "{folder}/control.sock mode=0600"; disable_hyperscan = true; filters = "";
}}
logging {{ type = "console"; level = "error"; }}
worker "rspamd_proxy" {{
  bind_socket = "{folder}/rspamd.sock mode=0600"; milter = yes; count = 1;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""


@contextlib.contextmanager
def serve_rspamd(folder: Path) -> Iterator[Path]:
    """rspamd's proxy as a milter, with no rules but GTUBE; its socket. Skips where it is not unpacked."""
    program = COMPANIONS / "usr" / "bin" / "rspamd"
    if not program.exists():
        pytest.skip("needs rspamd: tools/companions.sh unpacks it")
    configuration, shared = folder / "rspamd.conf", COMPANIONS / "usr" / "share" / "rspamd"
    (folder / "tld").write_text("org\nexample\n")
    configuration.write_text(RSPAMD.format(folder=folder))
    own = ("CONFDIR", "LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")
    places = {**dict.fromkeys(own, folder), "SHAREDIR": shared, "RULESDIR": shared / "rules"}
    places |= {"LUALIBDIR": shared / "lualib", "PLUGINSDIR": shared / "plugins"}
    words = [f"--var={name}={path}" for name, path in places.items()]
    libraries = COMPANIONS / "usr" / "lib"
    paths = f"{libraries}/x86_64-linux-gnu:{libraries}/rspamd"
    command: list[str | Path] = [program, "-f", "-i", "-c", configuration, *words]
    with running(command, folder / "rspamd.sock", folder / "rspamd.log", LD_LIBRARY_PATH=paths):
        yield folder / "rspamd.sock"
