"""What is sealed opens to the same octets, and to nothing at all once anything was done to it."""

from __future__ import annotations

import io
import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.store.seal import CHUNK, SEALED_CHUNK, AesOpener, AesSealer, sealed_size

SIZES = st.one_of(
    st.integers(0, 200),
    st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK]),
)


def seal(content: bytes, cuts: list[int] | None = None) -> tuple[bytes, bytes]:
    sealing = AesSealer().begin()
    edges = [0, *sorted(cut % (len(content) + 1) for cut in cuts or []), len(content)]
    sealed = b"".join(sealing.update(content[a:b]) for a, b in pairwise(edges))
    return sealing.key, sealed + sealing.finish()


def unseal(key: bytes, sealed: bytes) -> bytes:
    return b"".join(AesOpener().open(key, io.BytesIO(sealed).read))


@given(SIZES, st.lists(st.integers(0, 4 * CHUNK), max_size=8))
def test_any_content_cut_anywhere_opens_to_itself(size: int, cuts: list[int]) -> None:
    """How the network cut it must not matter."""
    content = os.urandom(size)
    key, sealed = seal(content, cuts)
    assert len(sealed) == sealed_size(size)
    assert unseal(key, sealed) == content


@given(st.lists(st.lists(SIZES.map(os.urandom), max_size=3), min_size=1, max_size=4))
def test_many_at_once_are_sealed_like_each_alone(contents: list[list[bytes]]) -> None:
    """The short way for small contents has the same form on disk."""
    sealed = AesSealer().seal_all(contents)
    assert [unseal(key, octets) for key, octets in sealed] == [b"".join(chunks) for chunks in contents]
    assert len({key for key, _ in sealed}) == len(contents)


@given(SIZES, st.data())
def test_a_changed_octet_is_found(size: int, data: st.DataObject) -> None:
    key, sealed = seal(os.urandom(size))
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="damaged"):
        unseal(key, bytes(changed))


@given(SIZES, st.data())
def test_an_end_cut_off_is_found(size: int, data: st.DataObject) -> None:
    """Also between two chunks, where each chunk alone is whole."""
    key, sealed = seal(os.urandom(size))
    left = data.draw(
        st.one_of(st.integers(0, len(sealed) - 1), st.just((len(sealed) - 1) // SEALED_CHUNK * SEALED_CHUNK))
    )
    with pytest.raises(ValueError, match="damaged"):
        unseal(key, sealed[:left])


@pytest.mark.parametrize("size", [0, 10, CHUNK, 2 * CHUNK])
def test_an_end_added_is_found(size: int) -> None:
    """Another chunk of the same content, or the last one once more."""
    key, sealed = seal(os.urandom(size))
    last = sealed[(len(sealed) - 1) // SEALED_CHUNK * SEALED_CHUNK :]
    for addition in (b"x", last, bytes(SEALED_CHUNK)):
        with pytest.raises(ValueError, match="damaged"):
            unseal(key, sealed + addition)


def test_chunks_in_another_order_are_found() -> None:
    key, sealed = seal(os.urandom(3 * CHUNK))
    chunks = [sealed[start : start + SEALED_CHUNK] for start in range(0, len(sealed), SEALED_CHUNK)]
    for order in ([1, 0, 2], [0, 0, 2], [0, 2], [2, 1, 0]):
        with pytest.raises(ValueError, match="damaged"):
            unseal(key, b"".join(chunks[i] for i in order))


def test_what_was_yielded_before_the_damage_is_authentic() -> None:
    """A reader may use chunks as they come."""
    content = os.urandom(2 * CHUNK)
    key, sealed = seal(content)
    chunks = AesOpener().open(key, io.BytesIO(sealed[:-1]).read)
    assert next(chunks) == content[:CHUNK]
    with pytest.raises(ValueError, match="damaged"):
        next(chunks)


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(32)])
def test_another_key_opens_nothing(key: bytes) -> None:
    """An emptied key too, and a shorter one that AES would take."""
    _, sealed = seal(b"content")
    with pytest.raises(ValueError, match=r"key|damaged"):
        unseal(key, sealed)
