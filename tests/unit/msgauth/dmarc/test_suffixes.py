"""The public suffix list, as zone checks use it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from samotop.msgauth.dmarc.suffixes import Suffixes


@pytest.fixture(scope="module")
def suffixes() -> Suffixes:
    return Suffixes()


@pytest.mark.parametrize(
    ("domain", "is_suffix", "registered"),
    [
        ("com", True, ""),
        ("example.com", False, "example.com"),
        ("a.b.example.com", False, "example.com"),
        ("co.uk", True, ""),
        ("www.example.co.uk", False, "example.co.uk"),
        ("www.食狮.公司.cn", False, "xn--85x722f.xn--55qx5d.cn"),
        ("example.unlisted", False, "example.unlisted"),
        ("", False, ""),
    ],
)
def test_who_registered_what(suffixes: Suffixes, domain: str, is_suffix: bool, registered: str) -> None:
    assert (suffixes.is_suffix(domain), suffixes.find_registered(domain)) == (is_suffix, registered)


def test_what_is_no_name_is_refused(suffixes: Suffixes) -> None:
    with pytest.raises(ValueError):
        suffixes.is_suffix("a..b")


def test_the_list_is_loaded_only_by_who_wants_it() -> None:
    """A tenth of a second and three megabytes, for nothing, in every other process."""
    code = "import sys, samotop.msgauth.dmarc, samotop.msgauth.dmarc.suffixes; print('publicsuffixlist' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_lists_own_vectors(suffixes: Suffixes, suites: Path) -> None:
    lines = (suites / "psl-tests" / "test_psl.txt").read_text(encoding="utf-8").splitlines()
    calls = [re.match(r"checkPublicSuffix\('([^']*)', (?:null|'([^']*)')\);", line) for line in lines]
    compared = 0
    for call in filter(None, calls):
        if call[1].startswith("."):
            continue  # no name for us, and refused as such
        expected = suffixes_form(call[2]) if call[2] else ""
        assert suffixes.find_registered(call[1]) == expected, call[0]
        compared += 1
    assert compared > 60


def suffixes_form(name: str) -> str:
    return name.encode("idna").decode("ascii").lower()
