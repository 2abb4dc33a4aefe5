"""Pages of docs/ of which a part is written by the code: what their tools have in common.

A part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; all else
on the page is written by people. Each tool is called with ``--check`` (exit 1 if
the page is not what the code says) or ``--write`` (write the parts anew).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def replace_parts(text: str, parts: Mapping[str, str]) -> str:
    """The page with its parts as they should be. Raises ``ValueError`` for a missing marker."""
    for name, part in parts.items():
        begin, end = f"<!-- begin {name} -->\n", f"\n<!-- end {name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"no place for the {name}: put {begin.strip()} and {end.strip()} on the page")
        text = before + begin + part + end + after
    return text


def keep_page(page: Path, rewrite: Callable[[str], str]) -> int:
    """Do as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description=f"Keep the generated parts of docs/{page.name} as the code says.")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--check", action="store_true", help="exit 1 if the page is not what the code says")
    task.add_argument("--write", action="store_true", help="write the parts anew")
    asked = parser.parse_args()
    text = page.read_text(encoding="utf-8")
    right = rewrite(text)
    if asked.write:
        page.write_text(right, encoding="utf-8")
    elif right != text:
        print(f"docs/{page.name}: not what the code says; run {sys.argv[0]} --write", file=sys.stderr)
        return 1
    return 0
