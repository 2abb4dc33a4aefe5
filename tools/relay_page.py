"""Keep the generated table of docs/relay.md as the code says.

    tools/relay_page.py --check     exit 1 if the page is not what the code says
    tools/relay_page.py --write     write the table anew

The table stands between ``<!-- begin hostile -->`` and ``<!-- end hostile -->``:
every next hop of ``tests.fakes.hostilehops``, and what becomes of its mail, found
out over real sockets. All else on the page is written by people.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.fakes.hostileworld import format_hostile  # noqa: E402 - the sources of this checkout

PAGE: Final = ROOT / "docs" / "relay.md"
BEGIN: Final = "<!-- begin hostile -->\n"
END: Final = "<!-- end hostile -->"


def rewrite_page(text: str) -> str:
    """The page with its table as the code says. Raises ``ValueError`` for a missing marker."""
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"no place for the table: put {BEGIN.strip()} and {END} on the page")
    return before + BEGIN + format_hostile() + "\n" + END + after


def main() -> int:
    parser = argparse.ArgumentParser(description="Keep the table of docs/relay.md as the code says.")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--check", action="store_true", help="exit 1 if the page is not what the code says")
    task.add_argument("--write", action="store_true", help="write the table anew")
    asked = parser.parse_args()

    text = PAGE.read_text(encoding="utf-8")
    right = rewrite_page(text)
    if asked.write:
        PAGE.write_text(right, encoding="utf-8")
    elif right != text:
        print("docs/relay.md: not what the code says; run tools/relay_page.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
