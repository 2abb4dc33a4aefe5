"""Sockets from systemd: passed as descriptors from 3 on, with names in the environment."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from samotop.errors import SetupError
from samotop.net.endpoint import Inherited
from samotop.net.inherited import take_inherited

# Stands where systemd would: puts the sockets at 3 and on, says so, and becomes the program.
STARTER = """
import os, sys
count = int(sys.argv[1])
kept = [os.dup(int(number)) for number in sys.argv[2 : 2 + count]]
kept = [os.dup2(os.dup(number), 60 + index) for index, number in enumerate(kept)]
for index, number in enumerate(kept):
    os.dup2(number, 3 + index, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES=sys.argv[2 + count])
os.execv(sys.executable, [sys.executable, "-c", sys.argv[3 + count]])
"""

SERVE = """
import asyncio, os, sys
from samotop.net.listen import open_listener, parse_endpoint

class Greeter(asyncio.Protocol):
    def __init__(self, name): self.name = name
    def connection_made(self, transport):
        transport.write(self.name)
        transport.close()

async def serve():
    two = await open_listener(parse_endpoint("systemd:two"), lambda: Greeter(b"two"))
    one = await open_listener(parse_endpoint("systemd:one"), lambda: Greeter(b"one"))
    assert not os.get_inheritable(3) and not os.get_inheritable(4)
    print(*one.addresses, *two.addresses, flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(serve())
"""


def test_each_endpoint_has_the_sockets_of_its_name() -> None:
    """Two listeners of one unit, told apart by FileDescriptorName, and closed on exec."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        numbers = [str(one.fileno()), str(two.fileno())]
        process = subprocess.Popen(
            [sys.executable, "-c", STARTER, "2", *numbers, "one:two", SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(one.fileno(), two.fileno()),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        try:
            assert process.stdout is not None
            ports = [one.getsockname()[1], two.getsockname()[1]]
            assert process.stdout.readline().decode().split() == [f"127.0.0.1:{port}" for port in ports]
            for port, name in zip(ports, (b"one", b"two"), strict=True):
                with socket.create_connection(("127.0.0.1", port)) as client:
                    assert client.recv(10) == name
        finally:
            process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid())},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "-1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "100000"},
    ],
)
def test_sockets_that_are_not_for_us_are_not_taken(environ: dict[str, str]) -> None:
    """The variables may be left over from a parent that was meant."""
    with pytest.raises(SetupError, match="passed no sockets") as caught:
        take_inherited(Inherited(None), environ)
    assert caught.value.remedy


def test_a_name_that_was_not_passed_is_told_with_those_that_were() -> None:
    """Most often it is a slip in one of the two files."""
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "smtp:"}
    with pytest.raises(SetupError, match='"imap"') as caught:
        take_inherited(Inherited("imap"), environ)
    assert "smtp, unknown" in caught.value.remedy


def test_what_does_not_listen_is_refused(tmp_path: Path) -> None:
    """A datagram socket, a file, an accepted connection: nothing to accept from. It stays open for its owner."""
    code = """
import os
from samotop.errors import SetupError
from samotop.net.endpoint import Inherited
from samotop.net.inherited import take_inherited
try:
    take_inherited(Inherited(None), os.environ)
except SetupError as error:
    os.fstat(3)
    raise SystemExit(0 if "descriptor 3" in str(error) else 2)
raise SystemExit(1)
"""
    left, right = socket.socketpair()
    with left, right, socket.socket(type=socket.SOCK_DGRAM) as datagrams, (tmp_path / "file").open("wb") as file:
        for wrong in (left.fileno(), datagrams.fileno(), file.fileno()):
            done = subprocess.run(
                [sys.executable, "-c", STARTER, "1", str(wrong), "", code],
                pass_fds=(wrong,),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                timeout=20,
                check=False,
            )
            assert done.returncode == 0
