"""Files of who is allowed or blocked: what an entry may be, and what a fault is."""

from __future__ import annotations

from pathlib import Path

import pytest

from samotop.address import Address
from samotop.config.named import read_named

FILE = """\
# people
bob@example.net      # a comment
  Carol@Example.NET

@exact.example
below.example
.dotted.example
192.0.2.0/24
198.51.100.7
2001:db8::/32
münchen.example
"""


@pytest.mark.parametrize(
    ("address", "is_named"),
    [
        ("bob@example.net", True),
        ("BOB@EXAMPLE.NET", True),
        ("carol@example.net", True),
        ("dora@example.net", False),
        ("x@exact.example", True),
        ("x@sub.exact.example", False),
        ("x@below.example", True),
        ("x@sub.below.example", True),
        ("x@notbelow.example", False),
        ("x@a.b.dotted.example", True),
        ("x@xn--mnchen-3ya.example", True),
        ("x@münchen.example", True),
    ],
)
def test_entries_name_addresses_and_domains(tmp_path: Path, address: str, is_named: bool) -> None:
    path = tmp_path / "named"
    path.write_text(FILE, "utf-8")
    found = read_named(path)
    assert found.faults == ()
    local, _, domain = address.rpartition("@")
    assert found.entries.has_address(Address(local, domain)) is is_named


@pytest.mark.parametrize(
    ("address", "is_named"),
    [
        ("192.0.2.200", True),
        ("192.0.3.1", False),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("2001:db8:1::1", True),
        ("2001:db9::1", False),
        ("", False),
    ],
)
def test_entries_name_networks(tmp_path: Path, address: str, is_named: bool) -> None:
    path = tmp_path / "named"
    path.write_text(FILE, "utf-8")
    assert read_named(path).entries.has_network(address) is is_named


def test_a_file_with_a_fault_counts_for_nothing_and_says_where(tmp_path: Path) -> None:
    """Half of a list would be taken for the whole."""
    path = tmp_path / "named"
    path.write_text("bob@example.net\n10.0.0.1/8\ntwo words\n")
    found = read_named(path)
    assert not found.entries
    assert [line for line, _, _ in found.faults] == [2, 3]
    assert "example.net" in found.faults[1][2], "what would be right"


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert [line for line, _, _ in read_named(tmp_path / "absent").faults] == [0]


def test_several_files_are_one_list(tmp_path: Path) -> None:
    for name, text in (("a", "a.example\n"), ("b", "b.example\n")):
        (tmp_path / name).write_text(text)
    entries = read_named(tmp_path / "a", tmp_path / "b").entries
    assert len(entries) == 2
    assert entries.has_domain("a.example")
    assert entries.has_domain("b.example")
