"""Side by side with other servers, in one run on one machine, as ratios of medians.

    python bench/run.py [--rounds 5] [--messages 5000] [--only CASES] [--write PAGE]

CASES are accept, policy, maildir, relay, sending, message, queue, consent, memory, start and authentication, by
default all, separated by commas; authentication, consent, message and queue need no other server.

The load is Postfix' own ``smtp-source``. Rounds go through the peers in turn,
so that a noisy moment hits all alike, and each queue is empty before the next
turn begins. Ratios are what counts; the seconds are this machine's.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import consent_bench
import junk
import memory
import message_bench
import policy_bench
import queue_bench
import relay_bench
import sending_bench
from authentication import authentication
from peers import RECIPIENT, SENDER, Aiosmtpd, Peer, Postfix, Samotop, SmtpSink

CASES = (
    *("accept", "policy", "maildir", "relay", "sending", "message", "queue", "consent", "memory", "start"),
    "authentication",
)
LONG = ("junk",)
"""Cases that take half an hour and a corpus from npm: only where they are named."""
ALONE = frozenset(("message", "queue", "consent", "authentication", "junk"))
"""Cases that need no server of anybody else's."""
PROGRAMS = ("smtp-source", "smtp-sink", "postfix")
"""What the others need."""


@dataclass
class Series:
    """One peer's seconds in one case."""

    name: str
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def send(port: int, messages: int, *, reuse: bool) -> None:
    words = ["smtp-source", "-s", "20", "-m", str(messages), "-l", "4000", "-f", SENDER, "-t", RECIPIENT]
    if reuse:
        words.append("-d")
    subprocess.run([*words, f"127.0.0.1:{port}"], check=True, timeout=300)


def measure(peers: Sequence[Peer], rounds: int, messages: int, *, reuse: bool, through: bool) -> list[Series]:
    """``through``: the clock stops when the queue is empty, not when the last 250 was read."""
    series = [Series(peer.name) for peer in peers]
    for peer in peers:  # warm up
        send(peer.port, 200, reuse=reuse)
        peer.drain()
    for number in range(rounds):
        for peer, one in zip(peers, series, strict=True):
            begun = time.perf_counter()
            send(peer.port, messages, reuse=reuse)
            if not through:
                one.seconds.append(time.perf_counter() - begun)
            peer.drain()
            if through:
                one.seconds.append(time.perf_counter() - begun)
            print(f"  round {number + 1}/{rounds} {one.name}: {one.seconds[-1]:.2f} s", file=sys.stderr, flush=True)
    return series


def table(title: str, series: Sequence[Series], messages: int, reference: str = "Samotop") -> str:
    ours = next(one for one in series if one.name == reference)
    lines = [f"### {title}", "", "| server | median | messages/s | Samotop is |", "|---|---|---|---|"]
    for one in series:
        ratio = "—" if one is ours else f"{one.median / ours.median:.2f} x as fast"
        lines.append(f"| {one.name} | {one.median:.2f} s | {messages / one.median:,.0f} | {ratio} |")
    return "\n".join([*lines, ""])


def accept(rounds: int, messages: int) -> list[str]:
    found = []
    for reuse, title in ((False, "a new connection per message"), (True, "reused connections")):
        with ExitStack() as stack:
            peers: list[Peer] = [Samotop(), Samotop(workers=2), Postfix(), Aiosmtpd(), SmtpSink()]
            for peer in peers:
                stack.enter_context(peer)
            series = measure(peers, rounds, messages, reuse=reuse, through=False)
        found.append(table(f"Accept to durable, then discarded: {title}", series, messages))
    return found


def policy(rounds: int, messages: int) -> list[str]:
    found = []
    for reuse, title in ((False, "a new connection per message"), (True, "reused connections")):
        with ExitStack() as stack:
            polite = policy_bench.PoliteSamotop()
            peers: list[Peer] = [polite, Samotop(), Postfix()]
            for peer in peers:
                stack.enter_context(peer)
            series = measure(peers, rounds, messages, reuse=reuse, through=False)
        title = f"Accept to durable, every message checked: {title}"
        found.append(table(title, series, messages, reference=polite.name))
    return found


def maildir(rounds: int, messages: int) -> list[str]:
    found = []
    for reuse, title in ((False, "a new connection per message"), (True, "reused connections")):
        with Samotop(to_maildir=True) as ours, Postfix(to_maildir=True) as postfix:
            series = measure([ours, postfix], rounds, messages, reuse=reuse, through=True)
            for peer in (ours, postfix):
                count = sum(1 for _ in (peer.maildir / "new").iterdir())
                expected = rounds * messages + 200
                if count != expected:
                    raise AssertionError(f"{peer.name}: {count} messages in the Maildir, {expected} were accepted")
        found.append(table(f"Through to the Maildir: {title}", series, messages))
    return found


def page(results: str, rounds: int, messages: int) -> str:
    """docs/benchmarks.md: the method, the machine, the tables."""
    postfix = "(not installed)"
    if shutil.which("postconf") is not None:
        asked = subprocess.run(["postconf", "-d", "-h", "mail_version"], check=True, capture_output=True, text=True)
        postfix = asked.stdout.strip()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        Path(__file__)
        .with_name("page.md")
        .read_text()
        .format(
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            cores=os.cpu_count(),
            memory=round(memory_gib),
            kernel=platform.release(),
            python=platform.python_version(),
            postfix=postfix,
            aiosmtpd=version("aiosmtpd"),
            aiosmtplib=version("aiosmtplib"),
            dkimpy=version("dkimpy"),
            pyspf=version("pyspf"),
            rounds=rounds,
            messages=messages,
            results=results,
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--only", default=",".join(CASES), metavar="CASES")
    parser.add_argument("--write", type=Path, help="put the results, with the method, into this page")
    arguments = parser.parse_args()
    cases = arguments.only.split(",")
    if unknown := set(cases) - {*CASES, *LONG}:
        parser.error(f"--only knows {', '.join((*CASES, *LONG))}, not {', '.join(sorted(unknown))}")
    for program in PROGRAMS if not ALONE.issuperset(cases) else ():
        if shutil.which(program) is None:
            print(f"{program} is missing: apt-get install postfix", file=sys.stderr)
            return 1
    found: list[str] = []
    if "accept" in cases:
        found += accept(arguments.rounds, arguments.messages)
    if "policy" in cases:
        found += policy(arguments.rounds, arguments.messages)
    if "maildir" in cases:
        found += maildir(arguments.rounds, arguments.messages)
    if "relay" in cases:
        found += relay_bench.relay(arguments.rounds, arguments.messages)
    if "sending" in cases:
        found += sending_bench.sending(arguments.rounds)
    if "message" in cases:
        found += message_bench.building(arguments.rounds)
    if "queue" in cases:
        found += queue_bench.queue()
    if "consent" in cases:
        found += consent_bench.consent()
    if "memory" in cases:
        found += [memory.idle_sessions(5000), memory.large_message(100)]
    if "start" in cases:
        found += [memory.start_up(arguments.rounds)]
    if "authentication" in cases:
        found += authentication(arguments.rounds)
    if "junk" in cases:
        found += junk.junk(orders=5, peer_orders=5, curves=5)
    text = "\n".join(found)
    print(text)
    if arguments.write:
        arguments.write.write_text(page(text, arguments.rounds, arguments.messages))
    return 0


if __name__ == "__main__":
    sys.exit(main())
