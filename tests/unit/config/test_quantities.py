"""Sizes and durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.config.fault import BadValue
from samotop.config.quantities import LONGEST, format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("raw", "octets"),
    [
        (0, 0),
        (65536, 65536),
        ("50 MB", 50_000_000),
        ("50MB", 50_000_000),
        ("50 mb", 50_000_000),
        ("256 KiB", 262_144),
        ("1.5 kB", 1500),
        ("12", 12),
        ("12 B", 12),
        ("2 GiB", 2 * 1024**3),
    ],
)
def test_a_size_is_octets(raw: object, octets: int) -> None:
    """A decimal unit is what it says, a binary one has an i."""
    assert parse_size(raw) == octets


@pytest.mark.parametrize("raw", [-1, 1.5, True, None, [], "", "MB", "5 XB", "-5 MB", "5 MB MB", "5e3", "0x10", "٥ MB"])
def test_what_is_no_size_is_refused(raw: object) -> None:
    with pytest.raises(BadValue):
        parse_size(raw)


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("0s", 0),
        ("500ms", 0.5),
        ("30s", 30),
        ("15m", 900),
        ("4h", 14400),
        ("1h30m", 5400),
        ("1 h 5 s", 3605),
        ("1w", 604800),
    ],
)
def test_a_duration_is_seconds(raw: object, seconds: float) -> None:
    assert parse_duration(raw) == seconds


@pytest.mark.parametrize("raw", [0, 300, 1.5, True, None, "", "300", "5 minutes", "-5m", "m", "5mm", "999999999w"])
def test_a_duration_has_a_unit(raw: object) -> None:
    """300 could be seconds or minutes: nobody should have to guess."""
    with pytest.raises(BadValue):
        parse_duration(raw)


@given(st.integers(0, 10**15))
def test_a_size_that_is_shown_reads_back(octets: int) -> None:
    assert parse_size(format_size(octets)) == octets


@given(st.integers(0, int(LONGEST) * 1000))
def test_a_duration_that_is_shown_reads_back(milliseconds: int) -> None:
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds
