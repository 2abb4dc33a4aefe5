"""The layers as a newcomer reads them, and what importing a part may cost (docs/layers.md)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
SOURCES = CHECKOUT / "src" / "samotop"

HEAVY = ("apsw", "argon2", "asyncio", "cryptography", "cyclopts", "numpy", "ssl", "uvloop")


def test_every_package_has_its_row_in_the_page() -> None:
    """Import-linter holds the code to the contract; this holds the page to the code."""
    page = (CHECKOUT / "docs" / "layers.md").read_text(encoding="utf-8")
    table = {name for line in page.splitlines() if line.startswith("| L") for name in re.findall(r"`(\w+)`", line)}
    packages = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    modules = {path.stem for path in SOURCES.glob("*.py")} - {"__init__", "__main__"}
    assert packages | modules <= table


@pytest.mark.parametrize(
    "name", ["samotop", "samotop.smtp", "samotop.message", "samotop.facts", "samotop.queue.entry", "samotop.junk"]
)
def test_a_part_loads_alone(name: str) -> None:
    """Who uses the engine pays for no database, no event loop and no cryptography."""
    program = f"import sys, {name}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT / "src", capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.split() == []
