"""Standard input and output as a session: pipes, sockets, files; and the joined transport's contract."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from samotop.net.starttls import can_start_tls
from samotop.net.stdio import JoinedTransport

# A session that answers each line, keeps the last answer back until the input has ended, and then ends itself.
SERVE = """
import asyncio, sys
if sys.argv[1] == "uvloop":
    import uvloop
    new_loop = uvloop.new_event_loop
else:
    new_loop = asyncio.new_event_loop
from samotop.net.listen import open_listener, parse_endpoint
from samotop.net.networks import peer_of

class Session(asyncio.Protocol):
    def __init__(self, over): self.over, self.count = over, 0
    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 hello\\r\\n")
        print("a stray print must not reach the peer", flush=True)
    def data_received(self, data):
        self.count += len(data)
        if data.endswith(b"QUIT\\r\\n"):
            self.transport.write(b"221 %d\\r\\n" % self.count)
            self.transport.close()
    def eof_received(self):
        asyncio.get_running_loop().call_soon(self.end)
        return True
    def end(self):
        if not self.transport.is_closing():
            self.transport.writelines([b"250 ", b"%d\\r\\n" % self.count])
            self.transport.close()
    def connection_lost(self, exc): self.over.set()

async def serve():
    over = asyncio.Event()
    listener = await open_listener(parse_endpoint("stdio"), lambda: Session(over))
    assert listener.is_single and listener.addresses == ("stdio",)
    await over.wait()
    listener.close()
    await listener.wait_closed()

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(serve())
"""

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def start(loop: str, **streams: Any) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", SERVE, loop], env=environ, **streams)


@LOOPS
def test_pipes_are_a_session_that_ends_with_its_input(loop: str) -> None:
    """``echo ... | samotop``: what came is counted to the end, and answered after it."""
    process = start(loop, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    output, _ = process.communicate(b"x" * 300_000, timeout=20)
    assert (process.returncode, output) == (0, b"220 hello\r\n250 300000\r\n")


@LOOPS
def test_a_session_can_end_before_its_input_does(loop: str) -> None:
    """QUIT ends it although the other side keeps the pipe open."""
    process = start(loop, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"220 hello\r\n"
    process.stdin.write(b"QUIT\r\n")
    process.stdin.flush()
    assert process.stdout.read() == b"221 6\r\n"
    assert process.wait(20) == 0
    process.stdin.close()
    process.stdout.close()


@LOOPS
def test_a_peer_that_stops_reading_ends_the_session(loop: str) -> None:
    """Nobody hears the replies: the connection is lost, although the input is open."""
    process = start(loop, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"220 hello\r\n"
    process.stdout.close()
    assert process.wait(20) == 0
    process.stdin.close()


@LOOPS
def test_inetd_passes_one_socket_for_both(loop: str) -> None:
    """Then the socket is the transport: half of it can be closed, and TLS would work."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = start(loop, stdin=theirs, stdout=theirs)
        ours.sendall(b"NOOP\r\n")
        ours.shutdown(socket.SHUT_WR)
        heard = b""
        while octets := ours.recv(1000):
            heard += octets
    assert process.wait(20) == 0
    assert heard == b"220 hello\r\n250 6\r\n"


@LOOPS
def test_files_are_read_and_written_to_the_end(loop: str, tmp_path: Path) -> None:
    """No event loop can wait for a file; a dialogue from one works all the same."""
    (tmp_path / "in").write_bytes(b"y" * 200_000)
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as sink:
        process = start(loop, stdin=source, stdout=sink)
        assert process.wait(20) == 0
    assert (tmp_path / "out").read_bytes() == b"220 hello\r\n250 200000\r\n"


@LOOPS
def test_no_input_at_all_is_a_session_too(loop: str) -> None:
    """/dev/null cannot be waited for either."""
    process = start(loop, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, b"220 hello\r\n250 0\r\n")


class Recorder(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: Any = None
        self.happened: list[Any] = []
        self.over = asyncio.Event()
        self.paused = asyncio.Event()
        self.resumed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.happened.append("made")

    def data_received(self, data: bytes) -> None:
        self.happened.append(data)

    def eof_received(self) -> None:
        self.happened.append("eof")

    def pause_writing(self) -> None:
        self.paused.set()

    def resume_writing(self) -> None:
        self.resumed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.happened.append("lost")
        self.over.set()


async def join() -> tuple[Recorder, int, int]:
    """A joined transport and the other ends of its pipes: where it reads from and where it writes to."""
    source, feed = os.pipe()
    drain, sink = os.pipe()
    recorder = Recorder()
    await JoinedTransport(asyncio.get_running_loop(), recorder).connect(source, sink)
    return recorder, feed, drain


def test_what_happens_is_told_once_and_in_order(run: Any) -> None:
    """Made, received, end of input, lost; a falsy ``eof_received`` flushes and closes."""

    async def go() -> None:
        recorder, feed, drain = await join()
        recorder.transport.write(b"out")
        os.write(feed, b"in")
        os.close(feed)
        await recorder.over.wait()
        assert recorder.happened == ["made", b"in", "eof", "lost"]
        assert await asyncio.to_thread(os.read, drain, 10) == b"out"
        assert os.read(drain, 10) == b""
        os.close(drain)

    run(go())


def test_a_slow_reader_is_told_of_and_loses_nothing(run: Any) -> None:
    """Flow control of the writing pipe reaches the session; ``close`` flushes first."""

    async def go() -> None:
        recorder, feed, drain = await join()
        size = 1_000_000
        recorder.transport.write(b"x" * size)
        await recorder.paused.wait()
        assert recorder.transport.get_write_buffer_size() > recorder.transport.get_write_buffer_limits()[1]

        def read_all() -> int:
            count = 0
            while octets := os.read(drain, 65536):
                count += len(octets)
            return count

        reading = asyncio.create_task(asyncio.to_thread(read_all))
        await recorder.resumed.wait()
        recorder.transport.close()
        assert recorder.transport.is_closing()
        assert await reading == size
        await recorder.over.wait()
        os.close(feed)
        os.close(drain)

    run(go())


def test_a_paused_session_gets_nothing_until_it_goes_on(run: Any) -> None:
    """Back pressure reaches the writer of the pipe."""

    async def go() -> None:
        recorder, feed, drain = await join()
        recorder.transport.pause_reading()
        assert not recorder.transport.is_reading()
        os.write(feed, b"later")
        for _ in range(10):
            await asyncio.sleep(0)
        assert recorder.happened == ["made"]
        recorder.transport.resume_reading()
        os.close(feed)
        await recorder.over.wait()
        assert recorder.happened == ["made", b"later", "eof", "lost"]
        os.close(drain)

    run(go())


def test_abort_ends_both_sides_at_once(run: Any) -> None:
    """Also what is written and not read; and again is no fault."""

    async def go() -> None:
        recorder, feed, drain = await join()
        recorder.transport.write(b"x" * 1_000_000)
        recorder.transport.abort()
        recorder.transport.abort()
        recorder.transport.close()
        await recorder.over.wait()
        assert recorder.happened == ["made", "lost"]
        os.close(feed)
        os.close(drain)

    run(go())


def test_another_protocol_can_take_over(run: Any) -> None:
    """As with every transport."""

    async def go() -> None:
        recorder, feed, drain = await join()
        successor = Recorder()
        recorder.transport.set_protocol(successor)
        assert recorder.transport.get_protocol() is successor
        os.write(feed, b"in")
        os.close(feed)
        await successor.over.wait()
        assert successor.happened == [b"in", "eof", "lost"]
        assert recorder.happened == ["made"]
        os.close(drain)

    run(go())


def test_pipes_offer_no_tls_and_know_no_peer(run: Any) -> None:
    """STARTTLS must not be advertised where it cannot work."""

    async def go() -> None:
        recorder, feed, drain = await join()
        assert not can_start_tls(recorder.transport)
        assert recorder.transport.get_extra_info("peername") is None
        os.close(feed)
        await recorder.over.wait()
        os.close(drain)

    run(go())
