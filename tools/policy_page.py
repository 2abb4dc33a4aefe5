"""Keep the table of docs/policy.md as the checks are: ``--write`` it, or ``--check`` it and exit 1."""

from __future__ import annotations

import sys
from pathlib import Path

from samotop.policy.reference import rewrite_page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "policy.md"


def main(words: list[str]) -> int:
    text = PAGE.read_text("utf-8")
    written = rewrite_page(text)
    if words == ["--write"]:
        PAGE.write_text(written, "utf-8")
        return 0
    if words != ["--check"]:
        print(__doc__, file=sys.stderr)
        return 2
    if written != text:
        print("docs/policy.md is not what the checks say: tools/policy_page.py --write", file=sys.stderr)
    return int(written != text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
