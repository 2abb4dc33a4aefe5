"""Building a message: samotop against Python's email, in one run, as a ratio.

    python bench/message_bench.py [--rounds 15] [--messages 200]

The message has the same text as plain text and as HTML, with some letters
beyond ASCII, two recipients, and one attachment; about 50 KB in all. The
clock runs from the arguments to the octets. Rounds take turns, so that a noisy
moment hits both; the ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address as TheirAddress
from email.message import EmailMessage
from typing import Final

from samotop.message import Attachment, Message

AT: Final = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
SUBJECT: Final = "Monatsbericht für Mai: Umsätze, Pläne und was sonst noch war"
PARAGRAPH: Final = "The quick brown fox jumps over the lazy dog; der schnelle Fuchs springt über den faulen Hund.\n"
TEXT: Final = PARAGRAPH * 30
HTML: Final = "<html><body>" + f"<p>{PARAGRAPH}</p>\n" * 30 + "</body></html>\n"
LEAST_ROUNDS: Final = 7
OCTETS: Final = random.Random(1).randbytes(32_000)


def build_ours() -> bytes:
    return Message.build(
        author="Jörg Müller <joerg@example.org>",
        to=["Bob <bob@example.net>", "Carol Smith <carol@example.com>"],
        subject=SUBJECT,
        text=TEXT,
        html=HTML,
        attachments=[Attachment(OCTETS, "Bericht für Mai.pdf")],
        date=AT,
        message_id="1@example.org",
    ).to_bytes()


def build_theirs() -> bytes:
    message = EmailMessage(policy=policy.SMTP)
    message["Date"] = AT
    message["From"] = TheirAddress("Jörg Müller", "joerg", "example.org")
    message["To"] = [TheirAddress("Bob", "bob", "example.net"), TheirAddress("Carol Smith", "carol", "example.com")]
    message["Subject"] = SUBJECT
    message["Message-ID"] = "<1@example.org>"
    message.set_content(TEXT)
    message.add_alternative(HTML, subtype="html")
    message.add_attachment(OCTETS, maintype="application", subtype="pdf", filename="Bericht für Mai.pdf")
    return message.as_bytes()


def read_ours(octets: bytes) -> object:
    message = Message.parse(octets)
    return message.subject, message.text, message.html, [one.decoded() for one in message.attachments]


def read_theirs(octets: bytes) -> object:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and html is not None
    bodies = [one.get_content().replace("\r\n", "\n") for one in (plain, html)]
    return message["Subject"], *bodies, [one.get_content() for one in message.iter_attachments()]


def measure(task: Callable[[], object], times: int) -> float:
    """Microseconds of one."""
    begun = time.perf_counter()
    for _ in range(times):
        task()
    return (time.perf_counter() - begun) / times * 1e6


@dataclass(frozen=True, slots=True)
class Comparison:
    """Microseconds of one message, ours and by ``email``."""

    title: str
    ours: float
    theirs: float


def compare(
    title: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int, times: int
) -> Comparison:
    pairs = [(measure(ours, times), measure(theirs, times)) for _ in range(rounds)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Comparison(title, mine, other)


def building(rounds: int, messages: int = 100) -> list[str]:
    ours, theirs = build_ours(), build_theirs()
    assert read_ours(ours) == read_ours(theirs) == read_theirs(ours), "both say the same"
    rounds = max(LEAST_ROUNDS, rounds)
    found = (
        compare("build", build_ours, build_theirs, rounds, messages),
        compare("read", lambda: read_ours(ours), lambda: read_theirs(ours), rounds, messages // 4),
    )
    title = f"### A message with two alternatives and an attachment, {len(ours):,} octets"
    lines = [title, "", "| work | Samotop | Python's `email` | Samotop is |", "|---|---|---|---|"]
    for one in found:
        ratio = f"{one.theirs / one.ours:.1f} x as fast"
        lines.append(f"| {one.title} | {one.ours:,.0f} µs | {one.theirs:,.0f} µs | {ratio} |")
    return ["\n".join([*lines, ""])]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--messages", type=int, default=200)
    words = parser.parse_args()
    print("\n".join(building(words.rounds, words.messages)))
