"""The header section: taken off the stream, selected from the bottom up (RFC 6376 §5.4.2)."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.msgauth.signature.canonical import Canonicalization
from samotop.msgauth.signature.fields import FIELD_LIMIT, HeaderTaker, SignedHeader, remove_signature
from samotop.msgauth.signature.tags import parse_tags

RELAXED, SIMPLE = Canonicalization.RELAXED, Canonicalization.SIMPLE


def take(octets: bytes, step: int, limit: int = 1000) -> tuple[bytes | None, bytes, bool]:
    taker = HeaderTaker(limit)
    body = b"".join(taker.feed(octets[at : at + step]) for at in range(0, len(octets), step))
    taker.finish()
    return taker.section, body, taker.is_too_long


@pytest.mark.parametrize(
    ("octets", "section", "body"),
    [
        (b"A: 1\r\n\r\nbody", b"A: 1\r\n", b"body"),
        (b"A: 1\r\n\r\n\r\n\r\n", b"A: 1\r\n", b"\r\n\r\n"),
        (b"A: 1\r\n\r\n", b"A: 1\r\n", b""),
        (b"A: 1\r\n", b"A: 1\r\n", b""),
        (b"A: 1", b"A: 1\r\n", b""),
        (b"\r\nbody", b"", b"body"),
        (b"\r\n\r\nbody", b"", b"\r\nbody"),
        (b"", b"", b""),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
def test_the_section_ends_at_the_blank_line(octets: bytes, section: bytes, body: bytes, step: int) -> None:
    assert take(octets, step) == (section, body, False)


@given(
    octets=st.lists(st.sampled_from([b"\r\n", b"a", b"\r", b"\n", b": "]), max_size=20).map(b"".join),
    step=st.integers(1, 9),
    limit=st.integers(0, 20),
)
def test_where_the_stream_is_cut_changes_nothing(octets: bytes, step: int, limit: int) -> None:
    assert take(octets, step, limit) == take(octets, 1000, limit)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_section_that_does_not_end_is_given_up(step: int) -> None:
    """Nobody can make us keep more than the limit, nor hash what follows."""
    section, body, is_too_long = take(b"A: 1\r\n" * 50 + b"\r\nbody", step, limit=100)
    assert is_too_long
    assert section is not None and len(section) == 100
    assert body == b""


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_section_of_exactly_the_limit_is_taken(step: int) -> None:
    octets = b"A: " + b"x" * 95
    assert take(octets + b"\r\n\r\nbody", step, limit=100) == (octets + b"\r\n", b"body", False)


SECTION = b"A: 1\r\nB: 2\r\na: 3\r\nDKIM-Signature: x\r\nB: 4\r\nA: 5\r\n"


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (b"a", [5]),
        (b"a b", [5, 4]),
        (b"b a", [4, 5]),
        (b"a a a", [5, 2, 0]),
        (b"a a a a a", [5, 2, 0]),
        (b"a b a b b a", [5, 4, 2, 1, 0]),
        (b"c a", [5]),
        (b"", []),
        (b"dkim-signature", [3]),
    ],
)
def test_fields_of_a_name_are_taken_from_the_bottom_up(names: bytes, places: list[int]) -> None:
    assert SignedHeader(SECTION).select(names.split()) == places


def test_a_signature_does_not_sign_itself() -> None:
    section = b"S: 1\r\nS: 2\r\nS: 3\r\n"
    header = SignedHeader(section)
    assert header.select([b"s"] * 4, without=1) == [2, 0]
    assert header.select([b"s"] * 4, without=2) == [1, 0]
    assert header.select([b"s"] * 4, without=0) == [2, 1]


def test_the_digest_ends_with_the_signature_without_its_line_end() -> None:
    """RFC 6376 §3.7."""
    header = SignedHeader(b"A:  1\r\nB: 2\r\n")
    expected = hashlib.sha256(b"b:2\r\na:1\r\ns:b=").digest()
    assert header.digest([1, 0], RELAXED, b"S:  b=\r\n") == expected
    assert header.digest([1, 0], RELAXED, b"S:  b=") == expected
    assert header.digest([0], SIMPLE, b"S:  b=\r\n") == hashlib.sha256(b"A:  1\r\nS:  b=").digest()


@pytest.mark.parametrize("section", [b"A: 1\nB: 2\r\n", b"A: 1\rB: 2\r\n", b"A: 1\r\n\nB: 2\r\n", b"A: 1\r\r\n"])
def test_line_ends_that_readers_disagree_about_are_a_fault(section: bytes) -> None:
    """One sees a From field there, another one does not."""
    assert SignedHeader(section).fault
    assert not SignedHeader(SECTION).fault


def test_fields_beyond_any_measure_are_a_fault() -> None:
    header = SignedHeader(b"A:\r\n" * (FIELD_LIMIT + 1))
    assert header.fault
    assert len(header.fields) == FIELD_LIMIT
    assert not SignedHeader(b"A:\r\n" * FIELD_LIMIT).fault


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"S: a=1; b=xyz; c=2\r\n", b"S: a=1; b=; c=2\r\n"),
        (b"S: a=1; b = x\r\n y \r\n ;\r\n c=2\r\n", b"S: a=1; b =;\r\n c=2\r\n"),
        (b"S: b=xyz\r\n", b"S: b=\r\n"),
        (b"S:b=xyz\r\n z;\r\n", b"S:b=;\r\n"),
        (b"S : bh=q; b=\r\n\txyz\r\n", b"S : bh=q; b=\r\n"),
    ],
)
def test_all_of_the_signature_is_removed_and_nothing_else(raw: bytes, expected: bytes) -> None:
    """RFC 6376 §3.5: including all surrounding white space."""
    (field,) = SignedHeader(raw).fields
    assert remove_signature(field, parse_tags(field.value)["b"]) == expected
