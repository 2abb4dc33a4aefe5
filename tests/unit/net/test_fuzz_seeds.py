"""The fuzz target's invariant holds for inputs that get deep, and for any that hypothesis finds."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.fuzz_proxy import STARTS, check_one_input

SEEDS = [
    b"",
    b"\x00",
    b"\x00EHLO client.example\r\n",
    b"\x01192.0.2.1 198.51.100.2 4711 25\r\nEHLO\r\n",
    b"\x02::ffff:192.0.2.1 ::1 4711 25\r\nEHLO\r\n",
    b"\x03" + bytes((12,)) + bytes(8) + struct.pack("!HH", 1, 2) + b"rest",
    b"\x03" + bytes((19,)) + bytes(12) + b"\x03\x00\x04\0\0\0\0",
    b"\x04" + bytes((36,)) + bytes(36),
    b"\x05\x20\x00\x00\x00",
    b"\x05\x21\x11\xff\xff",
    b"\x00ADDR=IPV6:::ffff:192.0.2.1 NAME=[UNAVAILABLE]",
    b"\x00PROXY UNKNOWN" + b" " * 200,
]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_invariant_holds_for_every_seed(seed: bytes) -> None:
    """One for each branch of the readers."""
    check_one_input(seed)


@given(st.integers(0, len(STARTS) - 1), st.binary(max_size=300))
def test_the_invariant_holds_for_what_hypothesis_finds(start: int, octets: bytes) -> None:
    """A few hundred a run; the fuzzer itself does millions."""
    check_one_input(bytes((start,)) + octets)
