"""Sending messages over a pool, beside aiosmtplib, towards Postfix's smtp-sink: a ratio from interleaved runs.

    python bench/sending_bench.py [MESSAGES]        5,000 by default; needs smtp-sink (Debian package postfix)

Both send the same messages with the same number of connections to the same sink, which keeps nothing. aiosmtplib has
no pool: "send()" is its own call for one message, as many at a time as we have connections; "by hand" is a pool that a
careful programmer would write around its client. Seconds of the processor are told too: on a busy machine they are
what can be compared.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiosmtplib

from samotop import Envelope, Recipient, SmtpTransport
from samotop.address import Address
from samotop.transport.smtp.pool import PoolRules

MESSAGES = 5000
CONNECTIONS = 10
ROUNDS = 3
LETTER = b"From: <a@example.org>\r\nTo: <b@example.net>\r\nSubject: Hello\r\n\r\n" + b"A line of some text.\r\n" * 40
SENDER, RECIPIENT = Address("a", "example.org"), Address("b", "example.net")


@contextmanager
def sink() -> Iterator[int]:
    """A running smtp-sink; its port."""
    program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        sys.exit("sending_bench: smtp-sink is missing (Debian package postfix)")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    process = subprocess.Popen([program, "-u", "nobody", f"127.0.0.1:{port}", "200"])
    try:
        for _ in range(100):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


async def send_ours(port: int, count: int) -> None:
    envelope = Envelope(SENDER, (Recipient(RECIPIENT),))
    pool = PoolRules(connections=CONNECTIONS, messages=count)
    async with SmtpTransport.from_url(f"smtp://127.0.0.1:{port}", pool=pool) as transport:
        outcomes = await asyncio.gather(*[transport.send(envelope, LETTER) for _ in range(count)])
    assert all(outcome.is_accepted for outcome in outcomes)


async def send_theirs(port: int, count: int) -> None:
    numbers = iter(range(count))

    async def work() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, use_tls=False)
        async with client:
            for _ in numbers:
                errors, _said = await client.sendmail(str(SENDER), [str(RECIPIENT)], LETTER)
                assert not errors

    await asyncio.gather(*[work() for _ in range(CONNECTIONS)])


async def send_theirs_each(port: int, count: int) -> None:
    numbers = iter(range(count))

    async def work() -> None:
        for _ in numbers:
            errors, _said = await aiosmtplib.send(
                LETTER,
                sender=str(SENDER),
                recipients=[str(RECIPIENT)],
                hostname="127.0.0.1",
                port=port,
                start_tls=False,
            )
            assert not errors

    await asyncio.gather(*[work() for _ in range(CONNECTIONS)])


PEERS = {"samotop": send_ours, "aiosmtplib send()": send_theirs_each, "aiosmtplib by hand": send_theirs}


def measure(count: int = MESSAGES, rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Messages a second, and a second of the processor: medians of interleaved rounds."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PEERS}
    with sink() as port:
        for _ in range(rounds):
            for name, send in PEERS.items():
                begin, used = time.perf_counter(), time.process_time()
                asyncio.run(send(port, count))
                found[name].append((count / (time.perf_counter() - begin), count / (time.process_time() - used)))
    return {
        name: (statistics.median(one[0] for one in rates), statistics.median(one[1] for one in rates))
        for name, rates in found.items()
    }


if __name__ == "__main__":
    rates = measure(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)
    ours = rates["samotop"]
    print(f"{'':20}{'messages/s':>12}{'ratio':>8}{'/s of CPU':>12}{'ratio':>8}")
    for name, (rate, cpu) in rates.items():
        print(f"{name:20}{rate:12.0f}{ours[0] / rate:8.2f}{cpu:12.0f}{ours[1] / cpu:8.2f}")
