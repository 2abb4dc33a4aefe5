"""Octets to hashes, whole arrays at a time: n-grams, the words of a text, and features that have a name of their own.

A hash is 64 bits, the same on every machine and in every process. A word's
hash is a polynomial of its octets, taken from running sums: no loop in Python
sees a word. Nothing here is secret, and nothing has to be: what a collision
costs is one feature's weight.

Raises nothing. Time and memory are linear in the octets looked at, which ``OCTETS`` bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

OCTETS: Final = 1 << 15
"""Octets that one call looks at: the tables of powers are as long."""

_ROOT: Final = 0x9E3779B97F4A7C15
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_NAMED: Final = np.uint64(0x51ED270B4F3C1A69)
"""Keeps features with a name apart from words."""


def _powers(root: int) -> Hashes:
    steps = np.full(OCTETS + 1, root, np.uint64)
    steps[0] = 1
    return np.cumprod(steps, dtype=np.uint64)


_UP: Final = _powers(_ROOT)
_DOWN: Final = _powers(pow(_ROOT, -1, 1 << 64))
_NOTHING: Final = np.empty(0, np.uint64)


def mix(hashes: Hashes) -> Hashes:
    """Spread every bit over all others (the finisher of SplitMix64)."""
    mixed = (hashes ^ (hashes >> np.uint64(31))) * _FIRST
    return (mixed ^ (mixed >> np.uint64(29))) * _SECOND


def hash_grams(octets: bytes) -> Hashes:
    """A hash for every four octets in a row; none for fewer."""
    if len(octets) < 4:
        return _NOTHING
    grams = np.ndarray((len(octets) - 3,), "<u4", octets, strides=(1,)).astype(np.uint64)
    return grams * np.uint64(_ROOT)  # its first bits are as good as mixed


def make_class(characters: bytes) -> npt.NDArray[np.bool_]:
    """The octets that are part of a word: ``characters`` and all beyond ASCII."""
    table = np.zeros(256, np.bool_)
    table[128:] = True
    table[list(characters)] = True
    return table


def hash_words(octets: bytes, belongs: npt.NDArray[np.bool_], limit: int) -> tuple[Hashes, Places, Places]:
    """The first ``limit`` words of a text: hashes, still to be mixed, and where each starts and ends."""
    array = np.frombuffer(octets, np.uint8, min(len(octets), OCTETS))
    inside = np.zeros(len(array) + 2, np.int8)
    inside[1:-1] = belongs[array]
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[0::2][:limit], edges[1::2][:limit]
    return _hash_spans(array, starts, ends), starts, ends


def hash_names(names: Sequence[bytes]) -> Hashes:
    """A hash for each of the names; what is beyond ``OCTETS`` in all has none."""
    joined = b"".join(names)
    lengths = np.fromiter(map(len, names), np.int64, len(names))
    ends = np.cumsum(lengths)
    array = np.frombuffer(joined, np.uint8, min(len(joined), OCTETS))
    ends = ends[ends <= len(array)]
    return mix(_hash_spans(array, ends - lengths[: len(ends)], ends) + _NAMED)


def hash_name(name: bytes) -> np.uint64:
    """The hash of one name, to set something apart by."""
    return np.uint64(hash_names((name,))[0])


def pair(hashes: Hashes, distance: int) -> Hashes:
    """A hash for each two that stand ``distance`` from each other, in this order."""
    if len(hashes) <= distance:
        return _NOTHING
    salt = np.uint64(7919 * distance)
    return mix(hashes[:-distance] * np.uint64(3) + hashes[distance:] * np.uint64(0x2545F4914F6CDD1D) + salt)


def _hash_spans(array: npt.NDArray[np.uint8], starts: Places, ends: Places) -> Hashes:
    """Sums of octet times power of its place, moved back to the place zero."""
    sums = np.zeros(len(array) + 1, np.uint64)
    np.cumsum((array + np.uint64(1)) * _UP[: len(array)], out=sums[1:])
    return (sums[ends] - sums[starts]) * _DOWN[starts]
