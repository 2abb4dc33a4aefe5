"""Content transfer encodings: what leaves a text readable, and whatever a stranger calls base64."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.message.transfer import (
    choose_encoding,
    decode_base64,
    decode_body,
    decode_quoted_printable,
    encode_base64,
    encode_quoted_printable,
    is_lines,
    iterate_base64,
    measure_base64,
    normalize_lines,
)

texts = st.lists(st.sampled_from(["a", " ", "\t", "\n", ".", "=", "é", "x" * 40, "\0", "漢", "From "]), max_size=60)
lines = texts.map(lambda words: normalize_lines("".join(words).encode()))


@given(lines)
def test_quoted_printable_comes_back(octets: bytes) -> None:
    encoded = encode_quoted_printable(octets)
    assert decode_quoted_printable(encoded) == octets
    assert quopri.decodestring(encoded) == octets
    assert all(len(line) <= 76 and not line.endswith((b" ", b"\t")) for line in encoded.split(b"\r\n"))
    assert is_lines(encoded) and encoded.isascii()


@given(st.binary(max_size=500), st.integers(1, 100))
def test_base64_comes_back(octets: bytes, step: int) -> None:
    encoded = encode_base64(octets)
    assert decode_base64(encoded) == octets == base64.b64decode(encoded)
    assert len(encoded) == measure_base64(len(octets))
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    pieces = (octets[at : at + step] for at in range(0, len(octets), step))
    assert b"".join(iterate_base64(pieces)) == encoded


@pytest.mark.parametrize(
    ("octets", "allows_8bit", "wanted"),
    [
        (b"plain\r\n", False, "7bit"),
        (b"", False, "7bit"),
        (b"x" * 998 + b"\r\n", False, "7bit"),
        (b"x" * 999 + b"\r\n", False, "quoted-printable"),
        (b"a\0b\r\n", False, "quoted-printable"),
        ("die größere Hälfte von allem\r\n".encode(), False, "quoted-printable"),
        ("größer\r\n".encode(), True, "8bit"),
        ("ö".encode() * 500, True, "base64"),
        ("Größe: süß\r\n".encode(), False, "base64"),
        ("漢字\r\n".encode(), False, "base64"),
    ],
)
def test_text_is_carried_as_readable_as_it_can_be(octets: bytes, allows_8bit: bool, wanted: str) -> None:
    assert choose_encoding(octets, allows_8bit=allows_8bit) == wanted


@given(lines, st.booleans())
def test_what_travels_as_it_is_can(octets: bytes, allows_8bit: bool) -> None:
    chosen = choose_encoding(octets, allows_8bit=allows_8bit)
    if chosen in ("7bit", "8bit"):
        assert is_lines(octets)
        assert octets.isascii() or (chosen == "8bit" and allows_8bit)


@pytest.mark.parametrize(
    ("octets", "meant"),
    [
        (b"QUJD", b"ABC"),
        (b"QU\r\n JD\r\n", b"ABC"),
        (b"QUI=", b"AB"),
        (b"QUI", b"AB"),  # no padding
        (b"QUJDR", b"ABC"),  # six bits too many
        (b"Q!U*J D", b"ABC"),
        (b"QUI=\r\nQUJD", b"AB"),  # the padding ends it (RFC 2045 §6.8)
        (b"====", b""),
        (b"", b""),
        (b"\xff\0", b""),
    ],
)
def test_whatever_is_called_base64(octets: bytes, meant: bytes) -> None:
    assert decode_base64(octets) == meant


@pytest.mark.parametrize(
    ("octets", "meant"),
    [
        (b"a=20b", b"a b"),
        (b"a=\r\nb", b"ab"),
        (b"a= \t\r\nb", b"ab"),  # spaces were added on the way
        (b"a \t\r\nb", b"a\r\nb"),
        (b"a=\nb", b"ab"),
        (b"=c3=A9", "é".encode()),
        (b"=XY=", b"=XY"),
        (b"caf\xc3\xa9", "café".encode()),
    ],
)
def test_whatever_is_called_quoted_printable(octets: bytes, meant: bytes) -> None:
    assert decode_quoted_printable(octets) == meant


@given(st.binary(max_size=200), st.sampled_from(["base64", "quoted-printable", "7bit", "uuencode", ""]))
def test_decoding_never_fails(octets: bytes, encoding: str) -> None:
    assert len(decode_body(octets, encoding)) <= len(octets)


@given(st.binary(max_size=100))
def test_lines_are_made_lines(octets: bytes) -> None:
    made = normalize_lines(octets)
    assert made.replace(b"\r\n", b"").count(b"\n") == made.replace(b"\r\n", b"").count(b"\r") == 0
    assert normalize_lines(made) == made
