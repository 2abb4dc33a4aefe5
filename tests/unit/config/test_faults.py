"""What a broken samotop.toml is told: each text in tests/golden/config beside the faults it must give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samotop.config.read import read_octets

GOLDEN = Path(__file__).parents[2] / "golden" / "config"
CASES = sorted(path.stem for path in GOLDEN.glob("*.toml"))


@pytest.mark.parametrize("case", CASES)
def test_every_mistake_is_told_with_its_line(case: str) -> None:
    """All at once, with what would be right. `GOLDEN=write pytest ...` writes the texts anew."""
    config, faults = read_octets((GOLDEN / f"{case}.toml").read_bytes(), f"{case}.toml")
    told = "".join(f"{fault}\n" for fault in faults)
    expected = GOLDEN / f"{case}.txt"
    if os.environ.get("GOLDEN") == "write":
        expected.write_text(told)
    assert config is None
    assert told == expected.read_text()


def test_there_are_golden_cases() -> None:
    """A folder that moved would make the test above pass by testing nothing."""
    assert len(CASES) >= 10


@pytest.mark.parametrize("case", CASES)
def test_every_fault_has_a_place_and_a_remedy(case: str) -> None:
    _, faults = read_octets((GOLDEN / f"{case}.toml").read_bytes(), f"{case}.toml")
    assert all(fault.what and fault.remedy for fault in faults)
    assert all(fault.line > 0 for fault in faults) or case == "missing_keys"


def test_a_password_in_a_url_is_not_told() -> None:
    """What `check` prints ends up in logs and tickets."""
    _, faults = read_octets((GOLDEN / "bad_routes.toml").read_bytes(), "samotop.toml")
    assert "secret" not in "".join(map(str, faults))


def test_a_file_that_is_not_utf8_is_told_by_its_line() -> None:
    _, faults = read_octets(b'hostname = "mx.example.org"\ndomains = ["b\xfccher.example"]\n', "samotop.toml")
    assert [(fault.line, fault.what) for fault in faults] == [(2, "this is not UTF-8")]


def test_a_byte_order_mark_does_no_harm() -> None:
    config, faults = read_octets(b'\xef\xbb\xbfhostname = "mx.example.org"\r\ndomains = ["example.org"]\r\n', "f")
    assert config is not None
    assert faults == []


def test_a_tower_of_brackets_is_a_fault_and_no_crash() -> None:
    _, faults = read_octets(b"a = " + b"[" * 100_000, "samotop.toml")
    assert len(faults) == 1


def test_a_file_too_large_is_a_fault() -> None:
    _, faults = read_octets(b"#" * (5 * 1024 * 1024), "samotop.toml")
    assert len(faults) == 1
