"""The anchor's file in the home."""

from __future__ import annotations

from pathlib import Path

import pytest

from samotop.dns.dnssec.anchor import ROOT, ROOT_TEXT
from samotop.errors import SetupError
from samotop.net.rootkeys import ANCHOR_NAME, read_anchor


def test_without_a_file_the_keys_are_those_that_are_shipped(tmp_path: Path) -> None:
    assert read_anchor(tmp_path) is ROOT


def test_a_file_replaces_them(tmp_path: Path) -> None:
    (tmp_path / ANCHOR_NAME).write_text(ROOT_TEXT.splitlines()[2] + " ; the newer one alone\n")
    assert read_anchor(tmp_path).records == ROOT.records[1:]


@pytest.mark.parametrize("octets", [b"", b"\xff\xfe", b"; none\n", b"org. DS 1 8 2 AB\n", b"." * 70_000])
def test_a_file_without_a_key_stops_the_start(tmp_path: Path, octets: bytes) -> None:
    """Falling back to other keys would be a surprise, and none at all would be a disaster."""
    (tmp_path / ANCHOR_NAME).write_bytes(octets)
    with pytest.raises(SetupError, match=ANCHOR_NAME) as caught:
        read_anchor(tmp_path)
    assert caught.value.remedy


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / ANCHOR_NAME).mkdir()
    with pytest.raises(SetupError, match="cannot read"):
        read_anchor(tmp_path)
