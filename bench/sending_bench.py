"""Sending messages over a pool, beside aiosmtplib, towards Postfix's smtp-sink: a ratio from interleaved runs.

    python bench/sending_bench.py [--rounds 5] [--messages 5000]        needs smtp-sink (Debian package postfix)

Both send the same messages with the same number of connections to the same sink, which keeps nothing. aiosmtplib has
no pool: "send()" is its own call for one message, as many at a time as we have connections; "by hand" is a pool that a
careful programmer would write around its client. Each runs on asyncio's own loop and on uvloop. Seconds of the
processor are told too: on a busy machine they are what can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import aiosmtplib
import uvloop

from samotop import Envelope, Recipient, SmtpTransport
from samotop.address import Address
from samotop.transport.smtp.pool import PoolRules

MESSAGES = 5000
CONNECTIONS = 10
ROUNDS = 5
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


PEERS = {"Samotop": send_ours, "aiosmtplib send()": send_theirs_each, "aiosmtplib by hand": send_theirs}


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

Loop = Callable[[], asyncio.AbstractEventLoop]


def measure(loop: Loop, rounds: int, count: int) -> dict[str, tuple[float, float]]:
    """Messages a second, and a second of the processor: medians of interleaved rounds."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PEERS}
    with sink() as port:
        for number in range(rounds + 1):
            for name, send in PEERS.items():
                begin, used = time.perf_counter(), time.process_time()
                with asyncio.Runner(loop_factory=loop) as runner:
                    runner.run(send(port, count if number else count // 10))
                if number:  # the first is to warm up
                    found[name].append((count / (time.perf_counter() - begin), count / (time.process_time() - used)))
    return {
        name: (statistics.median(one[0] for one in rates), statistics.median(one[1] for one in rates))
        for name, rates in found.items()
    }


def sending(rounds: int, count: int = MESSAGES) -> list[str]:
    return [_table(title, measure(loop, rounds, count), count) for title, loop in LOOPS.items()]


def _table(title: str, rates: dict[str, tuple[float, float]], count: int) -> str:
    lines = [
        f"### {count:,} messages over {CONNECTIONS} connections: {title}",
        "",
        "| client | messages/s | Samotop is | messages/s of processor | Samotop is |",
        "|---|---|---|---|---|",
    ]
    ours = rates["Samotop"]
    for name, (rate, used) in rates.items():
        ratios = [
            f"{mine / one:.2f} x as fast" if rate != ours[0] else "—"
            for mine, one in zip(ours, (rate, used), strict=True)
        ]
        lines.append(f"| {name} | {rate:,.0f} | {ratios[0]} | {used:,.0f} | {ratios[1]} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    arguments = parser.parse_args()
    print("\n".join(sending(arguments.rounds, arguments.messages)))
