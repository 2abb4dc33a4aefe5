"""Canonical forms against a slow and obvious reading of RFC 6376 §3.4, and cut anywhere."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.msgauth.signature.canonical import (
    Canonicalization,
    canonicalize_body,
    canonicalize_field,
    open_body_form,
)

SIMPLE, RELAXED = Canonicalization.SIMPLE, Canonicalization.RELAXED

PIECES = [b"\r\n", b"\r\n\r\n", b" ", b"\t", b"  \t ", b"a", b"bc", b"\r", b"\n", b"\x0b", b"\xff", b" \r\n", b"\r\n "]
bodies = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(max_size=60)


def obvious_simple(body: bytes) -> bytes:
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n"


def obvious_relaxed(body: bytes) -> bytes:
    lines = body.split(b"\r\n")
    lines = [re.sub(rb"[ \t]+\Z", b"", line) for line in lines]
    lines = [re.sub(rb"[ \t]+", b" ", line) for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


OBVIOUS = {SIMPLE: obvious_simple, RELAXED: obvious_relaxed}


@pytest.mark.parametrize("form", list(Canonicalization))
@given(body=bodies)
def test_a_body_is_what_the_rfc_says(form: Canonicalization, body: bytes) -> None:
    assert canonicalize_body(body, form) == OBVIOUS[form](body)


@pytest.mark.parametrize("form", list(Canonicalization))
@given(body=bodies, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_where_a_body_is_cut_changes_nothing(form: Canonicalization, body: bytes, cuts: list[int]) -> None:
    pieces: list[bytes] = []
    stream = open_body_form(form, pieces.append)
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    for begin, end in pairwise(places):
        stream.feed(body[begin:end])
    stream.finish()
    assert b"".join(pieces) == canonicalize_body(body, form)


@pytest.mark.parametrize("form", list(Canonicalization))
@given(body=bodies)
def test_a_body_octet_by_octet_is_the_same(form: Canonicalization, body: bytes) -> None:
    pieces: list[bytes] = []
    stream = open_body_form(form, pieces.append)
    for place in range(len(body)):
        stream.feed(body[place : place + 1])
    stream.finish()
    assert b"".join(pieces) == canonicalize_body(body, form)


@pytest.mark.parametrize("form", list(Canonicalization))
@given(body=bodies)
def test_a_canonical_body_is_its_own(form: Canonicalization, body: bytes) -> None:
    once = canonicalize_body(body, form)
    assert canonicalize_body(once, form) == once


def test_the_bodies_of_the_rfc() -> None:
    """RFC 6376 §3.4.5, and the empty bodies of §3.4.3 and §3.4.4."""
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    assert canonicalize_body(body, RELAXED) == b" C\r\nD E\r\n"
    assert canonicalize_body(body, SIMPLE) == b" C \r\nD \t E\r\n"
    assert canonicalize_body(b"", RELAXED) == b""
    assert canonicalize_body(b"", SIMPLE) == b"\r\n"


def test_the_fields_of_the_rfc() -> None:
    """RFC 6376 §3.4.5."""
    first, second = b"A: X\r\n", b"B : Y\t\r\n\tZ  \r\n"
    assert canonicalize_field(first, RELAXED) + canonicalize_field(second, RELAXED) == b"a:X\r\nb:Y Z\r\n"
    assert canonicalize_field(first, SIMPLE) + canonicalize_field(second, SIMPLE) == first + second


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"A:\r\n", b"a:\r\n"),
        (b"A: \t \r\n \r\n", b"a:\r\n"),
        (b"Subject:x:y\r\n", b"subject:x:y\r\n"),
        (b"A:\x0b x\x0c\r\n", b"a:\x0b x\x0c\r\n"),
        (b"A: \xc3\xa9  \xff\r\n", b"a:\xc3\xa9 \xff\r\n"),
    ],
)
def test_only_space_and_tab_are_white_space_in_a_field(raw: bytes, expected: bytes) -> None:
    assert canonicalize_field(raw, RELAXED) == expected


@pytest.mark.parametrize("form", list(Canonicalization))
@pytest.mark.parametrize("unit", [b"\r\n", b" ", b"\t", b" \r\n", b"\r", b"\n", b"\r\n\n", b"\r\r\n", b"a \r\n\r\n"])
def test_memory_and_work_stay_flat(form: Canonicalization, unit: bytes) -> None:
    """However many empty lines were held back, they come out in small pieces, and hardly more of them than went in."""
    sizes: list[int] = []
    stream = open_body_form(form, lambda piece: sizes.append(len(piece)))
    chunk = unit * (65536 // len(unit))
    for _ in range(64):
        stream.feed(chunk)
    stream.feed(b"x")
    stream.finish()
    assert max(sizes) <= 65536 + len(unit)
    assert len(sizes) <= 64 * 4 + 300
