"""Sender authentication beside dkimpy and pyspf: DKIM, ARC, SPF, and a thousand evaluations at once.

Needs no server and no network: keys and records lie in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import arc_bench
import dkim_bench
import spf_bench

LEAST_ROUNDS = 7
"""A round of these takes a second; a median wants some."""


class Measured(Protocol):
    """One kind of work, in seconds for each of both."""

    @property
    def title(self) -> str: ...
    @property
    def ours(self) -> float: ...
    @property
    def theirs(self) -> float: ...
    @property
    def ratio(self) -> float: ...


def table(title: str, peer: str, found: Sequence[Measured]) -> str:
    lines = [f"### {title}", "", f"| work | Samotop | {peer} | Samotop is |", "|---|---|---|---|"]
    for one in found:
        times = f"{format_seconds(one.ours)} | {format_seconds(one.theirs)}"
        lines.append(f"| {one.title} | {times} | {one.ratio:.2f} x as fast |")
    return "\n".join([*lines, ""])


def format_seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} µs"


def authentication(rounds: int) -> list[str]:
    rounds = max(LEAST_ROUNDS, rounds)
    took = spf_bench.measure_concurrent()
    return [
        table("DKIM, one signature, RSA of 2048 bits", "dkimpy", dkim_bench.compare_all(rounds)),
        table("ARC, RSA of 2048 bits", "dkimpy", arc_bench.compare_all(rounds)),
        table("SPF with a warm cache", "pyspf", spf_bench.measure(rounds)),
        f"### {spf_bench.CONCURRENT:,} SPF evaluations at once, {spf_bench.DELAY * 1e3:.0f} ms for each answer\n\n"
        f"{took:.2f} s in one process (at most 1 s).\n",
    ]
