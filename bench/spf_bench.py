"""SPF beside pyspf: python bench/spf_bench.py [--rounds 7] [--evaluations 2000].

Both answer the same questions from a dictionary in memory, which is what a
warm cache is: nothing is measured but the evaluation. Rounds go through the
two in turn, so that a noisy moment hits both alike; what counts is the ratio
of their medians. Then a thousand evaluations at once with a resolver that
takes 50 ms for each answer, in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import spf as pyspf

from samotop.dns import Answer, Mx, Security, Status
from samotop.dns.records import Record
from samotop.msgauth import spf
from samotop.msgauth.results import Result

ZONES: Final[dict[tuple[str, str], list[Any]]] = {
    ("example.org", "TXT"): ["v=spf1 mx a:www.example.org include:_spf.example.net ip4:203.0.113.0/24 -all"],
    ("example.org", "MX"): [(10, "mx1.example.org"), (20, "mx2.example.org")],
    ("mx1.example.org", "A"): ["192.0.2.1"],
    ("mx2.example.org", "A"): ["192.0.2.2"],
    ("www.example.org", "A"): ["192.0.2.80"],
    ("_spf.example.net", "TXT"): [
        "v=spf1 ip4:198.51.100.0/28 ip4:198.51.100.32/28 ip4:198.51.100.64/28 ip6:2001:db8:1::/48 ~all"
    ],
    ("macro.example", "TXT"): ["v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all"],
    ("3.113.0.203.in-addr._spf.macro.example", "A"): ["127.0.0.2"],
    ("plain.example", "TXT"): ["v=spf1 ip4:192.0.2.0/24 ip4:203.0.113.0/24 -all"],
}
CASES: Final = (
    ("mx, a, include, ip4: pass", "203.0.113.3", "alice@example.org", Result.PASS),
    ("mx, a, include, ip4: fail", "203.0.114.3", "alice@example.org", Result.FAIL),
    ("exists with macros: pass", "203.0.113.3", "alice@macro.example", Result.PASS),
    ("ip4 alone: pass", "203.0.113.3", "alice@plain.example", Result.PASS),
)
HELLO: Final = "mail.example.org"
CONCURRENT: Final = 1000
DELAY: Final = 0.05
"""Seconds that an answer takes in the last case."""


class WarmResolver:
    """Answers that lie ready, as in a cache; after ``delay`` seconds if it is not 0."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.answers = {key: make_answer(key, values) for key, values in ZONES.items()}

    async def lookup(self, name: str, type: str) -> Answer:
        if self.delay:
            await asyncio.sleep(self.delay)
        found = self.answers.get((name, type))
        return Answer(name, type, Status.NXDOMAIN) if found is None else found


def make_answer(key: tuple[str, str], values: list[Any]) -> Answer:
    makers: dict[str, Callable[[Any], Record]] = {"TXT": str.encode, "MX": lambda value: Mx(*value), "A": str}
    records = tuple(makers[key[1]](value) for value in values)
    return Answer(*key, Status.OK, records, Security.INSECURE, 300, key[0])


def answer_pyspf(name: str, type: str, *_: object) -> list[Any]:
    values = ZONES.get((name, type), [])
    return [((name, type), (value.encode(),) if type == "TXT" else value) for value in values]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Medians of seconds for one evaluation; ``ratio`` says how many times as fast ours is."""

    title: str
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return self.theirs / self.ours


def measure(rounds: int = 7, evaluations: int = 2000) -> list[Measurement]:
    """Each case for both, in turn. Raises ``AssertionError`` if one of them comes to another result."""
    found = []
    pyspf.DNSLookup = answer_pyspf
    with asyncio.Runner() as runner:
        for title, ip, sender, expected in CASES:
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(runner.run(time_ours(ip, sender, expected, evaluations)))
                theirs.append(time_pyspf(ip, sender, expected, max(1, evaluations // 5)))
            found.append(Measurement(title, statistics.median(ours), statistics.median(theirs)))
    return found


async def time_ours(ip: str, sender: str, expected: Result, evaluations: int) -> float:
    resolver = WarmResolver()
    begun = time.perf_counter()
    for _ in range(evaluations):
        result = await spf.evaluate(ip, HELLO, sender, resolver)
    took = time.perf_counter() - begun
    assert result.result is expected, result
    return took / evaluations


def time_pyspf(ip: str, sender: str, expected: Result, evaluations: int) -> float:
    begun = time.perf_counter()
    for _ in range(evaluations):
        result = pyspf.check2(i=ip, s=sender, h=HELLO)
    took = time.perf_counter() - begun
    assert result[0] == expected, result
    return took / evaluations


def measure_concurrent(evaluations: int = CONCURRENT, delay: float = DELAY) -> float:
    """Seconds for so many evaluations at once, of six questions each, one after the other."""

    async def run() -> float:
        resolver = WarmResolver(delay)
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(spf.evaluate("203.0.114.3", HELLO, "alice@example.org", resolver))
                for _ in range(evaluations)
            ]
        took = time.perf_counter() - begun
        assert all(task.result().result is Result.FAIL for task in tasks)
        return took

    return asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--evaluations", type=int, default=2000)
    arguments = parser.parse_args()
    print("| SPF with a warm cache | Samotop | pyspf | Samotop is |")
    print("|---|---|---|---|")
    for one in measure(arguments.rounds, arguments.evaluations):
        print(f"| {one.title} | {one.ours * 1e6:.1f} us | {one.theirs * 1e6:.1f} us | {one.ratio:.1f} x as fast |")
    print(f"\n{CONCURRENT:,} evaluations at once, {DELAY * 1e3:.0f} ms an answer: {measure_concurrent():.2f} s")


if __name__ == "__main__":
    main()
