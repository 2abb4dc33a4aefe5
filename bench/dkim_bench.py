"""DKIM verification and signing beside dkimpy, interleaved in one run, as ratios of medians.

    python bench/dkim_bench.py [--rounds 15]

Both sign and verify the same messages with the same RSA key of 2048 bits, both
canonical forms relaxed, and take the key from memory instead of from DNS. Both
check what they made first. Ratios are what counts; the times are this machine's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import dkim as dkimpy

from samotop.msgauth import dkim
from samotop.testing import ZoneResolver

Result = TypeVar("Result")

NAMES = ["from", "to", "subject", "date", "message-id"]
LINE = b"The quick brown fox jumps over the lazy dog,  and does it again: \t 0123456789.\r\n"
HEAD = (
    b"From: Alice <alice@example.org>\r\n"
    b"To: Bob <bob@example.net>\r\n"
    b"Subject: Measurements\r\n"
    b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"\r\n"
)
SIZES = {"2 KiB": 2 * 1024, "50 KiB": 50 * 1024, "1 MB": 1_000_000}


def build(size: int) -> bytes:
    return (HEAD + LINE * (size // len(LINE) + 1))[: size - 2] + b"\r\n"


def measure(rounds: int, works: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Median seconds of each, taken in turns, so that a noisy moment hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            begun = time.perf_counter()
            for _ in range(repeat):
                work()
            taken[name].append((time.perf_counter() - begun) / repeat)
    return {name: statistics.median(times) for name, times in taken.items()}


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """A resolver that knows the answer never waits, so that no event loop is needed, nor measured."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    raise RuntimeError("the resolver waited")


@dataclass(frozen=True, slots=True)
class Measurement:
    """Medians of seconds for one message; ``ratio`` says how many times as fast ours is."""

    title: str
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return self.theirs / self.ours


def compare_all(rounds: int = 15) -> list[Measurement]:
    """Each size, verified and signed. Raises ``AssertionError`` if either does not verify what was signed."""
    key = dkim.generate_key("rsa")
    record, pem = dkim.format_key_record(key), dkim.format_private_key(key)
    resolver = ZoneResolver({"s._domainkey.example.org": {"TXT": [f'"{record}"']}})
    signer = dkim.Signer(
        "example.org",
        (dkim.SigningKey("s", key),),
        oversigned=("from",),
        signed=("to", "subject", "date", "message-id"),
    )
    include = [name.encode() for name in ["from", *NAMES]]
    found = []
    for label, size in SIZES.items():
        found += compare(label, build(size), rounds, signer, resolver, record.encode(), pem, include)
    return found


def compare(
    label: str,
    message: bytes,
    rounds: int,
    signer: dkim.Signer,
    resolver: ZoneResolver,
    record: bytes,
    pem: bytes,
    include: list[bytes],
) -> list[Measurement]:
    forms = (b"relaxed", b"relaxed")
    signed = dkim.sign(message, signer) + message

    def verify_ours() -> bool:
        (result,) = run(dkim.verify(signed, resolver))
        return result.result == "pass"

    def verify_theirs() -> bool:
        return bool(dkimpy.verify(signed, dnsfunc=lambda name, timeout=5: record))

    def sign_theirs() -> bytes:
        field: bytes = dkimpy.sign(message, b"s", b"example.org", pem, canonicalize=forms, include_headers=include)
        return field

    assert verify_ours() and verify_theirs()
    repeat = 20 if len(message) < 100_000 else 2
    measured = []
    for work, ours, theirs in (
        ("verify", verify_ours, verify_theirs),
        ("sign", lambda: dkim.sign(message, signer), sign_theirs),
    ):
        found = measure(rounds, {"ours": ours, "theirs": theirs}, repeat)
        measured.append(Measurement(f"{work}, {label}", found["ours"], found["theirs"]))
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    print("| DKIM | Samotop | dkimpy | Samotop is |")
    print("|---|---|---|---|")
    for one in compare_all(parser.parse_args().rounds):
        print(f"| {one.title} | {one.ours * 1e3:.3f} ms | {one.theirs * 1e3:.3f} ms | {one.ratio:.1f} x as fast |")


if __name__ == "__main__":
    main()
