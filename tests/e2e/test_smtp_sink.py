"""Sending to Postfix's smtp-sink: a peer that nobody here wrote, with and without its extensions, by thousands."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from samotop import Content, Envelope, Message, Recipient, SmtpTransport
from samotop.address import Address
from samotop.transport.smtp.pool import PoolRules
from tests.fakes.serving import poll

pytestmark = pytest.mark.slow

Sink = Callable[..., str]


@pytest.fixture
def sink(needs: Callable[..., str], tmp_path: Path) -> Iterator[Sink]:
    """``sink("-p")``: a running smtp-sink with these flags; its address for a URL."""
    program = needs("smtp-sink", package="postfix")
    running: list[subprocess.Popen[bytes]] = []

    def start(*flags: str, path: str = "") -> str:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = int(found.getsockname()[1])
        place = f"unix:{path}" if path else f"127.0.0.1:{port}"
        privileges = ["-u", "root"] if os.geteuid() == 0 else []  # the files are in a folder of ours
        running.append(subprocess.Popen([program, *privileges, *flags, place, "100"], cwd=tmp_path))

        def answers() -> bool:
            with socket.socket(socket.AF_UNIX if path else socket.AF_INET) as tried:
                return tried.connect_ex(path or ("127.0.0.1", port)) == 0

        poll(answers, seconds=10, what="smtp-sink")
        return path or place

    yield start
    for process in running:
        process.terminate()
        process.wait()


def letter(number: int = 0, text: str = "Grüße\n") -> Message:
    return Message.build(
        author="a@example.org", to=[f"b{number}@example.net", "c@example.net"], subject="Hi", text=text, allow_8bit=True
    )


async def test_thousands_over_a_pool(sink: Sink) -> None:
    pool = PoolRules(connections=8, messages=100)
    async with SmtpTransport.from_url(f"smtp://{sink()}", pool=pool) as transport:
        outcomes = await asyncio.gather(*[transport.send(letter(number)) for number in range(2000)])
    assert all(outcome.is_accepted for outcome in outcomes)


@pytest.mark.parametrize("flags", [["-e"], ["-p"], ["-8"], ["-p", "-8"], ["-a"]], ids=" ".join)
async def test_with_fewer_extensions(sink: Sink, flags: list[str], tmp_path: Path) -> None:
    """-e: no EHLO, -p: no pipelining, -8: no 8BITMIME: then what is sent is ASCII; -a: no ESMTP announced."""
    place = sink(*flags, "-D", "%M.")
    async with SmtpTransport.from_url(f"smtp://{place}") as transport:
        outcome = await transport.send(letter())
        outcome.check()
    (file,) = poll(lambda: list(tmp_path.glob("*.*")), what="the sink's file")
    taken = file.read_bytes()
    assert b"Hi" in taken
    assert taken.isascii() == bool({"-8", "-e"} & set(flags))


async def test_lmtp_over_a_unix_socket(sink: Sink, tmp_path: Path) -> None:
    path = sink("-L", path=str(tmp_path / "s"))
    async with SmtpTransport.from_url(f"lmtp:{path}") as transport:
        outcome = await transport.send(letter())
    assert outcome.is_accepted and len(outcome.recipients) == 2


@pytest.mark.parametrize(
    ("flags", "stage", "klass"),
    [
        (["-f", "RCPT"], "rcpt", 5),
        (["-r", "MAIL"], "mail", 4),
        (["-q", "."], "final", 4),
        (["-q", "DATA"], "data", 4),
        (["-r", "."], "final", 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
async def test_refusals_and_hang_ups(sink: Sink, flags: list[str], stage: str, klass: int) -> None:
    """-f: 5yz, -r: 4yz, -q: it hangs up at that command."""
    async with SmtpTransport.from_url(f"smtp://{sink(*flags)}", timeout=20) as transport:
        outcome = await transport.send(letter())
    assert not outcome.accepted
    assert {(one.stage.value, one.status.klass) for one in outcome.recipients} == {(stage, klass)}


async def test_a_large_content_flows(sink: Sink) -> None:
    """30 MB in small memory: progress is told, and never runs backwards."""
    line = b"x" * 76 + b"\r\n"
    block = line * 1000
    content = Content(18 + 400 * len(block), lambda: iter([b"Subject: large\r\n\r\n", *[block] * 400]))
    told: list[int] = []
    envelope = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))
    async with SmtpTransport.from_url(f"smtp://{sink()}") as transport:
        outcome = await transport.send(envelope, content, progress=lambda sent, size: told.append(sent))
    outcome.check()
    assert told == sorted(told) and told[-1] == content.size and len(told) > 100
