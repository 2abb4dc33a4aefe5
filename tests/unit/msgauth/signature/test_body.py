"""Body hashes: one pass, whatever is asked for (RFC 6376 §3.7)."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.msgauth.signature.body import PIECE, BodyDigest, BodyHashes, BodyWish
from samotop.msgauth.signature.canonical import Canonicalization, canonicalize_body

SIMPLE, RELAXED = Canonicalization.SIMPLE, Canonicalization.RELAXED

wishes = st.builds(BodyWish, st.sampled_from(list(Canonicalization)), st.none() | st.integers(0, 60))
bodies = st.lists(st.sampled_from([b"\r\n", b"  ", b"abc", b" \r\n"]), max_size=20).map(b"".join)


@given(body=bodies, wanted=st.lists(wishes, max_size=6), cut=st.integers(1, 20))
def test_each_wish_is_the_hash_of_the_beginning(body: bytes, wanted: list[BodyWish], cut: int) -> None:
    hashes = BodyHashes()
    for wish in wanted:
        hashes.want(wish)
    for begin in range(0, len(body), cut):
        hashes.feed(body[begin : begin + cut])
    hashes.finish()
    for wish in wanted:
        form = canonicalize_body(body, wish.canonicalization)
        signed = form if wish.limit is None else form[: wish.limit]
        expected = BodyDigest(hashlib.sha256(signed).digest(), len(form), wish.limit)
        assert hashes.digest(wish) == expected
        assert expected.is_partial == (wish.limit is not None and wish.limit < len(form))
        assert expected.is_short == (wish.limit is not None and wish.limit > len(form))


def test_a_large_chunk_is_worked_on_in_pieces() -> None:
    body = b"line of text \t \r\n" * (3 * PIECE // 10)
    hashes = BodyHashes()
    hashes.want(BodyWish(RELAXED, 5))
    hashes.want(BodyWish(RELAXED))
    hashes.feed(body)
    hashes.finish()
    form = canonicalize_body(body, RELAXED)
    assert hashes.digest(BodyWish(RELAXED)).digest == hashlib.sha256(form).digest()
    assert hashes.digest(BodyWish(RELAXED, 5)).digest == hashlib.sha256(form[:5]).digest()


def test_nothing_wanted_is_nothing_done() -> None:
    hashes = BodyHashes()
    assert not hashes.is_wanted
    hashes.feed(b"x")
    hashes.finish()
    hashes.finish()


def test_calls_out_of_order_are_bugs() -> None:
    """A hash that silently lacked the beginning would fail signatures that are good."""
    hashes = BodyHashes()
    hashes.want(BodyWish(SIMPLE))
    with pytest.raises(RuntimeError):
        hashes.digest(BodyWish(SIMPLE))
    hashes.feed(b"x")
    with pytest.raises(RuntimeError):
        hashes.want(BodyWish(RELAXED))
    hashes.finish()
    with pytest.raises(RuntimeError):
        hashes.feed(b"x")
