"""Keep docs/rfc-index.md and the code pointing at each other.

    tools/rfc_index.py --check     exit 1 with every place where they disagree
    tools/rfc_index.py --write     fill in the modules, add rows for RFCs that the index lacks

The index is a table with one row per RFC. Number, title and status are written
by people, the last column by ``--write`` from what the modules say: each place
in src/ that mentions "RFC 5321" counts. The check fails where

* a module mentions an RFC that has no row,
* a row says ``done`` or ``part`` and no module mentions it,
* a title is missing, a status is none of the words, or the last column is stale.

It does not read what the code does: a status is a claim that a person makes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
INDEX: Final = ROOT / "docs" / "rfc-index.md"
SOURCES: Final = ROOT / "src" / "samotop"

STATUSES: Final = {
    "done": "what this RFC asks of a server or library like ours is there and tested",
    "part": "some of it is, the row's note or the module says which",
    "planned": "not there yet",
    "reference": "read, obeyed or quoted in passing; nothing of its own to implement",
}
CLAIMS: Final = ("done", "part")

MODULES_SHOWN: Final = 6
"""Modules named in a row; the rest is a count, so that the table stays a table."""

_MENTION: Final = re.compile(r"\bRFC[ \n]+#?[ ]*(\d{3,5})\b")
_ROW: Final = re.compile(r"^\|\s*(\d{3,5})\s*\|(.*?)\|(.*?)\|(.*?)\|\s*$")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, as people wrote it; ``where`` as the tool did."""

    number: int
    title: str
    status: str
    where: str


def parse_rows(text: str) -> dict[int, Row]:
    """Read the table's rows, in any order. Raises ``ValueError`` for a number that stands twice."""
    rows: dict[int, Row] = {}
    for line in text.splitlines():
        if match := _ROW.match(line):
            number = int(match[1])
            if number in rows:
                raise ValueError(f"RFC {number} has two rows")
            rows[number] = Row(number, match[2].strip(), match[3].strip(), match[4].strip())
    return rows


def find_mentions(sources: Path) -> dict[int, list[str]]:
    """Which modules mention which RFC, as names below ``samotop``, sorted."""
    mentions: dict[int, set[str]] = defaultdict(set)
    for path in sources.rglob("*.py"):
        parts = path.relative_to(sources).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "samotop"
        for match in _MENTION.finditer(path.read_text(encoding="utf-8")):
            mentions[int(match[1])].add(name)
    return {number: sorted(names) for number, names in mentions.items()}


def format_where(names: list[str]) -> str:
    """The last column: the first modules by name, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:MODULES_SHOWN])
    return shown if len(names) <= MODULES_SHOWN else f"{shown} and {len(names) - MODULES_SHOWN} more"


def check_index(rows: dict[int, Row], mentions: dict[int, list[str]]) -> list[str]:
    """Every disagreement, as a sentence with its remedy."""
    faults = []
    for number in sorted(mentions.keys() - rows.keys()):
        faults.append(f"RFC {number} is mentioned in {format_where(mentions[number])} and has no row: run --write")
    for number, row in sorted(rows.items()):
        names = mentions.get(number, [])
        if not row.title:
            faults.append(f"RFC {number} has no title: write it in its row")
        if row.status not in STATUSES:
            faults.append(f"RFC {number} has the status {row.status!r}: one of {', '.join(STATUSES)}")
        if row.status in CLAIMS and not names:
            faults.append(f"RFC {number} is {row.status!r} but no module mentions it")
        if row.where != format_where(names):
            faults.append(f"RFC {number} names other modules than the code does: run --write")
    return faults


def rewrite_index(text: str, mentions: dict[int, list[str]]) -> str:
    """The page with its table sorted, its last column filled in, and a row for each RFC that lacked one."""
    rows = parse_rows(text)
    for number in mentions.keys() - rows.keys():
        rows[number] = Row(number, "", "", "")
    table = [
        f"| {row.number} | {row.title} | {row.status} | {format_where(mentions.get(number, []))} |"
        for number, row in sorted(rows.items())
    ]
    lines = text.splitlines()
    places = [i for i, line in enumerate(lines) if _ROW.match(line)]
    if not places:
        return "\n".join([*lines, *table]) + "\n"
    kept = [line for line in lines[places[0] : places[-1] + 1] if not _ROW.match(line)]
    return "\n".join([*lines[: places[0]], *table, *kept, *lines[places[-1] + 1 :]]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Keep docs/rfc-index.md and the code pointing at each other.")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--check", action="store_true", help="exit 1 with every place where they disagree")
    task.add_argument("--write", action="store_true", help="fill in the modules and add rows that are missing")
    asked = parser.parse_args()

    text = INDEX.read_text(encoding="utf-8")
    mentions = find_mentions(SOURCES)
    if asked.write:
        text = rewrite_index(text, mentions)
        INDEX.write_text(text, encoding="utf-8")
    faults = check_index(parse_rows(text), mentions)
    for fault in faults:
        print(f"docs/rfc-index.md: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
