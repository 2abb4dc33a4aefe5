"""Keep the table of docs/peers.md as the tests say.

    tools/peers_page.py --check     exit 1 if the page is not what the tests say
    tools/peers_page.py --write     write the table anew

A row is what a test of tests/e2e/test_peers*.py is called, with the first
line of its docstring; a tick is a server that the test runs with. Tests of the same
name in two files are one row. Nothing is imported: the sources are read.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from tools.written_page import keep_page, replace_parts  # noqa: E402 - the sources of this checkout

PAGE: Final = ROOT / "docs" / "peers.md"
TESTS: Final = ROOT / "tests" / "e2e"
PEERS: Final = ("Postfix", "Exim", "OpenSMTPD", "Dovecot", "nodemailer")
FILES: Final[dict[str, tuple[str, ...]]] = {
    "test_peers.py": (),
    "test_peers_dovecot.py": ("Dovecot",),
    "test_peers_nodemailer.py": ("nodemailer",),
}
"""Each file with the peer of all of its tests; without one each test names its own in ``with_peers``."""


@dataclass
class Row:
    """What one name of a test says; ``files`` is where by the peer."""

    words: str
    files: dict[str, str] = field(default_factory=dict)


def tests_of(file: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.parse((TESTS / file).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def peers_of(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The servers that its decorator ``with_peers`` names."""
    calls = [one for one in test.decorator_list if isinstance(one, ast.Call) and ast.unparse(one.func) == "with_peers"]
    return [ast.literal_eval(word) for call in calls for word in call.args]


def draw_table() -> str:
    """The table. Raises ``ValueError`` for a test without a docstring or a peer that has no column."""
    rows: dict[str, Row] = {}
    for file, always in FILES.items():
        for test in tests_of(file):
            words = (ast.get_docstring(test) or "").partition("\n")[0]
            found = always or peers_of(test)
            if not words or not found or not set(found) <= set(PEERS):
                raise ValueError(f"{file}: {test.name} needs a docstring and peers among {', '.join(PEERS)}")
            row = rows.setdefault(test.name, Row(words))
            row.files.update(dict.fromkeys(found, file))
    lines = [f"| it | {' | '.join(PEERS)} | what the test sees |", "|---|" + ":-:|" * len(PEERS) + "---|"]
    for name, row in rows.items():
        ticks = [f"[✓](../tests/e2e/{row.files[peer]})" if peer in row.files else "" for peer in PEERS]
        title = name.removeprefix("test_").replace("_", " ")
        lines.append(f"| {title} | {' | '.join(ticks)} | {row.words} |")
    return "\n".join(lines)


def rewrite_page(text: str) -> str:
    return replace_parts(text, {"table": "\n" + draw_table() + "\n"})


if __name__ == "__main__":
    sys.exit(keep_page(PAGE, rewrite_page))
