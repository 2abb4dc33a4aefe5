"""A filter as the octets of a file, and back.

Layout, little endian: ``SAMOJUNK``, the version (2 octets), two numbers of
decisions (8 each: ham, spam), voices, kept ham, kept spam and rows (4 each);
then, compressed with zlib: the blend (5 doubles a voice), the logits of the kept
ham and spam (floats), the rows' places as steps from one to the next (4 octets) and their columns as
half floats, octets of equal significance together; then a CRC-32 of it all.

Only rows that were learned are in it, so that a new owner's file is small.
Pure. ``parse_filter`` raises ``ValueError`` for anything that ``format_filter`` did not write.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from samotop.junk.blend import Blend
from samotop.junk.features import PLACES
from samotop.junk.filter import Filter
from samotop.junk.threshold import KEPT, Tail
from samotop.junk.weights import COLUMNS, MODELS, Table, Weights

MAGIC: Final = b"SAMOJUNK"
VERSION: Final = 1
LARGEST: Final = 32 << 20
"""Octets of a file: a full table has fewer."""

_HEAD: Final = struct.Struct("<8sHQQIIII")
_STATES: Final = 5
_PIECE: Final = 1 << 16
_VOICES: Final = 2 * MODELS


def format_filter(learned: Filter) -> bytes:
    """The file. The table is rounded to what the file says of it."""
    weights, blend, tails = learned.parts
    places = np.flatnonzero(weights.table[:, MODELS])
    rows = _round(weights.table, places)
    state = blend.state()
    squeeze = zlib.compressobj(1)
    body = [
        squeeze.compress(state.astype("<f8").tobytes()),
        *(squeeze.compress(tail.seen.astype("<f4").tobytes()) for tail in tails),
        squeeze.compress(_to_planes(np.diff(places, prepend=0).astype("<u4"))),
        squeeze.compress(_to_planes(rows.ravel())),
        squeeze.flush(),
    ]
    head = _HEAD.pack(
        MAGIC, VERSION, learned.ham, learned.spam, state.shape[1], *(len(tail.seen) for tail in tails), len(places)
    )
    octets = b"".join((head, *body))
    return octets + struct.pack("<I", zlib.crc32(octets))


def parse_filter(octets: bytes) -> Filter:
    """The filter of a file. Raises ``ValueError``, with what is wrong in words."""
    if octets[: len(MAGIC)] != MAGIC or len(octets) < _HEAD.size + 4:
        raise ValueError("this is no file of a filter")
    _, version, ham, spam, voices, kept_ham, kept_spam, rows = _HEAD.unpack_from(octets)
    if version != VERSION:
        raise ValueError(f"the filter was written by another version: {version}, this one reads {VERSION}")
    if struct.unpack("<I", octets[-4:])[0] != zlib.crc32(memoryview(octets)[:-4]):
        raise ValueError("the file is damaged: its checksum is wrong")
    if voices not in (MODELS, _VOICES) or max(kept_ham, kept_spam) > KEPT or rows > PLACES:
        raise ValueError("the file is damaged: its numbers are out of bounds")
    sizes = (8 * _STATES * voices, 4 * (kept_ham + kept_spam), 4 * rows, 2 * COLUMNS * rows)
    body = _inflate(octets[_HEAD.size : -4], sum(sizes))
    first, second, third = np.cumsum(sizes)[:3].tolist()
    state = np.frombuffer(body[:first], "<f8").reshape(_STATES, voices).astype(np.float64)
    seen = np.frombuffer(body[first:second], "<f4").astype(np.float32)
    places = np.cumsum(_from_planes(body[second:third], "<u4"), dtype=np.uint64).astype(np.int64)
    values = _from_planes(body[third:], "<f2").reshape(-1, COLUMNS)
    if rows and int(places[-1]) >= PLACES:
        raise ValueError("the file is damaged: it names a place that is none")
    if not (np.isfinite(values).all() and np.isfinite(state).all() and np.isfinite(seen).all()):
        raise ValueError("the file is damaged: it holds what is no number")
    table = np.zeros((PLACES, COLUMNS), np.float32)
    for some in _pieces(rows):
        table[places[some]] = _from_roots(values[some].astype(np.float32))
    return Filter.from_parts(
        Weights(table), Blend.from_state(state), (Tail(seen[:kept_ham]), Tail(seen[kept_ham:])), ham, spam
    )


def _round(table: Table, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float16]:
    """The rows as half floats, the last column as its root, which has a narrower range; and the table after them."""
    halves = np.empty((len(places), COLUMNS), "<f2")
    for some in _pieces(len(places)):
        rows = table[places[some]]
        rows[:, MODELS] = np.maximum(np.sqrt(rows[:, MODELS]), np.float32(1e-4))
        halves[some] = np.clip(rows, -60000, 60000)
        table[places[some]] = _from_roots(halves[some].astype(np.float32))
    return halves


def _pieces(rows: int) -> Iterator[slice]:
    """Rows by the ten thousands: a copy of all of them would take as much memory as the table."""
    return (slice(first, first + _PIECE) for first in range(0, rows, _PIECE))


def _from_roots(rows: Table) -> Table:
    rows[:, MODELS] *= rows[:, MODELS]
    return rows


def _inflate(octets: bytes, size: int) -> bytes:
    reader = zlib.decompressobj()
    try:
        body = reader.decompress(octets, size + 1)
    except zlib.error as error:
        raise ValueError("the file is damaged") from error
    if len(body) != size:
        raise ValueError("the file is damaged: it has not the length it tells")
    return body


def _to_planes(values: npt.NDArray[np.generic]) -> bytes:
    return values.view(np.uint8).reshape(-1, values.itemsize).T.tobytes()


def _from_planes(octets: bytes, kind: str) -> npt.NDArray[np.generic]:
    width = np.dtype(kind).itemsize
    return np.frombuffer(octets, np.uint8).reshape(width, -1).T.copy().view(kind).ravel()
