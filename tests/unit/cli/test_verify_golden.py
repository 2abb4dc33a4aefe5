"""What `samotop verify` says of a message: each folder has the message, the DNS of that day, and the words.

`GOLDEN=write pytest ...` writes the words anew.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from samotop.cli.evidence import Said, gather_evidence
from samotop.cli.paint import Paint
from samotop.cli.stored import restore
from samotop.cli.verify_print import format_evidence
from samotop.testing import ZoneResolver

GOLDEN = Path(__file__).parents[2] / "golden" / "verify"
CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
NOW = 1_795_400_000.0


@pytest.mark.parametrize("case", CASES)
async def test_the_words_are_those_in_the_folder(case: str) -> None:
    """They are for people: a change of them is to be read before it is taken."""
    told = tomllib.loads((GOLDEN / case / "zones.toml").read_text())
    evidence = await gather_evidence(
        restore((GOLDEN / case / "input.eml").read_bytes()),
        ZoneResolver(told["zones"], secure=told.get("secure", False)),
        said=Said(told.get("ip"), told.get("hello"), told.get("reverse_path")),
        hostname=told.get("hostname", ""),
        now=NOW,
        trusted_sealers=told.get("sealers", ()),
    )
    words = "\n".join(format_evidence(evidence, Paint(is_on=False), told.get("hostname", ""))) + "\n"
    expected = GOLDEN / case / "expected.txt"
    if os.environ.get("GOLDEN") == "write":
        expected.write_text(words)
    assert words == expected.read_text()
    assert "\x1b" not in words
    assert max(map(len, words.splitlines())) <= 160


def test_there_are_golden_cases() -> None:
    """A folder that moved would make the test above pass by testing nothing."""
    assert len(CASES) >= 10
