"""How reports of each kind are put into words: days, numbers, names that a stranger chose. Raises nothing."""

from __future__ import annotations

import textwrap
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from samotop.cli.show import clean

WIDTH: Final = 100
"""Columns of a line: what reads well."""
REPORTER_LIMIT: Final = 5
"""Names of reporters that people are shown."""
WORD_LIMIT: Final = 60
"""Characters of a name from a report that people are shown."""

_LATEST: Final = 253402300799
"""The last second of the year 9999, as far as a date goes."""


def number(count: int, word: str) -> str:
    """``1,234 reports``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def format_span(begin: int, end: int) -> str:
    """The days of two moments."""
    first, last = format_day(begin), format_day(end)
    return first if first == last else f"{first} to {last}"


def format_day(seconds: int) -> str:
    if not 0 < seconds <= _LATEST:
        return "an unknown day"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def format_reporters(reporters: Counter[str]) -> str:
    """Who reports most, first."""
    names = [short(name or "somebody without a name") for name, _ in sorted(reporters.items(), key=_most)]
    more = len(names) - REPORTER_LIMIT
    return ", ".join(names[:REPORTER_LIMIT]) + (f" and {number(more, 'other')}" if more > 0 else "")


def _most(one: tuple[str, int]) -> tuple[int, str]:
    return -one[1], one[0]


def short(text: str) -> str:
    """What a stranger wrote, printable and not too long."""
    return clean(text if len(text) <= WORD_LIMIT else text[: WORD_LIMIT - 3] + "...")


def wrap(text: str, first: str, then: str) -> list[str]:
    """Lines of ``WIDTH``, with these in front."""
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False)
