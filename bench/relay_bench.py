"""Relaying, end to end: smtp-source to the server, durable there, and on to an smtp-sink.

    python bench/relay_bench.py [--rounds 5] [--messages 2000]

The clock runs from the first connection until the sink has counted the last
message. Both servers have synced each message before their 250, both may open
20 connections to the sink and keep them. Each has a sink of its own; it stands
idle while the other has its turn. A queue is empty before the next turn.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from peers import RECIPIENT, SENDER, Peer, Postfix, Samotop, SmtpSink

SECONDS = 180.0
"""For one turn."""


@dataclass
class Lane:
    """A server and the sink that it relays to."""

    server: Peer
    sink: SmtpSink
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def turn(self, messages: int, *, reuse: bool) -> float:
        """Seconds until the sink has all; then the queue is emptied, off the clock."""
        wanted = self.sink.count() + messages
        words = ["smtp-source", "-s", "20", "-m", str(messages), "-l", "4000", "-f", SENDER, "-t", RECIPIENT]
        begun = time.perf_counter()
        load = subprocess.Popen([*words, *(["-d"] if reuse else []), f"127.0.0.1:{self.server.port}"])
        while (count := self.sink.count()) < wanted:
            if time.perf_counter() - begun > SECONDS:
                raise TimeoutError(f"{self.server.name}: {wanted - count} of {messages} messages have not arrived")
            time.sleep(0.005)
        took = time.perf_counter() - begun
        if load.wait(SECONDS):
            raise AssertionError(f"{self.server.name}: the load was not taken")
        self.server.drain()
        if self.sink.count() != wanted:
            raise AssertionError(f"{self.server.name}: the sink has {self.sink.count() - wanted} messages too many")
        return took


def measure(rounds: int, messages: int, *, reuse: bool, workers: tuple[int, ...] = (1, 2)) -> list[Lane]:
    """Turns beside each other; ``Postfix`` is the last lane."""
    with ExitStack() as stack:
        lanes = []
        for count in (*workers, 0):
            sink = stack.enter_context(SmtpSink(counts=True))
            server = Samotop(relay_to=sink.port, workers=count) if count else Postfix(relay_to=sink.port)
            lanes.append(Lane(stack.enter_context(server), sink))
        for lane in lanes:  # warm up
            lane.turn(200, reuse=reuse)
        for number in range(rounds):
            for lane in lanes:
                lane.seconds.append(lane.turn(messages, reuse=reuse))
                said = f"  round {number + 1}/{rounds} {lane.server.name}: {lane.seconds[-1]:.2f} s"
                print(said, file=sys.stderr, flush=True)
    return lanes


def table(title: str, lanes: list[Lane], messages: int) -> str:
    ours = lanes[0]
    lines = [f"### {title}", "", "| server | median | messages/s | Samotop is |", "|---|---|---|---|"]
    for lane in lanes:
        ratio = "—" if lane is ours else f"{lane.median / ours.median:.2f} x as fast"
        lines.append(f"| {lane.server.name} | {lane.median:.2f} s | {messages / lane.median:,.0f} | {ratio} |")
    return "\n".join([*lines, ""])


def relay(rounds: int, messages: int) -> list[str]:
    found = []
    for reuse, title in ((False, "a new connection per message"), (True, "reused connections")):
        lanes = measure(rounds, messages, reuse=reuse)
        found.append(table(f"Relayed to a sink, end to end: {title}", lanes, messages))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=2000)
    arguments = parser.parse_args()
    print("\n".join(relay(arguments.rounds, arguments.messages)))
