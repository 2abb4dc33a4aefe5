"""How verbs print: columns for people, JSON for programs, nothing that could drive a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

_ADDRESS: Final = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;]+")


def print_json(value: Any) -> None:
    """One document, indented; times are seconds since 1970, sizes octets."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def clean(text: str) -> str:
    """The text without what a terminal would obey: peers chose some of it."""
    if text.isprintable():
        return text  # nearly always, and a listing has many
    return "".join(character if character.isprintable() else "?" for character in text)


def without_addresses(text: str) -> str:
    """The text with ``(address)`` for each address: a listing of the queue names nobody."""
    return _ADDRESS.sub("(address)", text)


def print_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A heading and rows, each column as wide as it must be."""
    cleaned = [[clean(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(head, *cleaned, strict=True)]
    for row in (head, *cleaned):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def format_time(seconds: float) -> str:
    """A moment, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def format_age(seconds: float) -> str:
    """A span in its largest unit: ``45s``, ``12m``, ``7h``, ``3d``."""
    whole = max(0, int(seconds))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= unit:
            return f"{whole // unit}{name}"
    return f"{whole}s"


def format_octets(octets: int) -> str:
    """A size at a glance: ``812 B``, ``4.3 kB``, ``50 MB``."""
    if octets < 1000:
        return f"{octets} B"
    value = float(octets)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5 or unit == "GB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
