"""Writing systems: which a text mixes, and which words only look like others.

A "paypal" with Cyrillic letters in it is no word of any language. What is told about a
text is which scripts it has, whether one word mixes those that look alike
(Latin, Cyrillic, Greek), and whether it is written in letters that are other
letters in disguise (full width, mathematical: Unicode's NFKC undoes that).

The few look-alikes in ``skeleton`` are those that UTS #39 has for lower case
Latin; they make a name comparable, they prove nothing. Raises nothing, linear time.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np

LONGEST: Final = 4000
"""Characters that are looked at."""

_RANGES: Final = (
    ("latin", 0x41, 0x250),
    ("latin", 0x1E00, 0x1F00),
    ("greek", 0x370, 0x400),
    ("cyrillic", 0x400, 0x530),
    ("armenian", 0x530, 0x590),
    ("hebrew", 0x590, 0x600),
    ("arabic", 0x600, 0x780),
    ("indic", 0x900, 0xE00),
    ("thai", 0xE00, 0xE80),
    ("georgian", 0x10A0, 0x1100),
    ("punctuation", 0x2000, 0x2070),
    ("symbol", 0x2100, 0x2E00),
    ("kana", 0x3040, 0x3100),
    ("han", 0x3400, 0xA000),
    ("hangul", 0xAC00, 0xD7B0),
    ("private", 0xE000, 0xF900),
    ("full width", 0xFF00, 0xFFF0),
    ("replaced", 0xFFFD, 0xFFFE),
    ("mathematical", 0x1D400, 0x1D800),
    ("emoji", 0x1F000, 0x20000),
)
_NAMES: Final = ("none", *dict.fromkeys(name for name, _, _ in _RANGES))
_ALIKE: Final = tuple(_NAMES.index(name) for name in ("latin", "greek", "cyrillic"))
_ASCII_OTHERS: Final = tuple(code for code in range(0x41, 0x80) if not chr(code).isalpha())

_ALIKES: Final = {
    "a": (
        0x430,
        0x3B1,
        0x34,
    ),
    "b": (0x432,),
    "c": (0x441,),
    "d": (
        0x501,
        0x111,
    ),
    "e": (
        0x435,
        0x3B5,
        0x33,
    ),
    "h": (
        0x4BB,
        0x43D,
    ),
    "i": (
        0x456,
        0x3B9,
        0x131,
    ),
    "j": (0x458,),
    "k": (
        0x43A,
        0x3BA,
    ),
    "l": (
        0x31,
        0x7C,
        0x21,
        0x142,
    ),
    "m": (0x43C,),
    "n": (0x43F,),
    "o": (
        0x43E,
        0x3BF,
        0x30,
        0xF8,
    ),
    "p": (
        0x440,
        0x3C1,
    ),
    "q": (0x51B,),
    "r": (0x433,),
    "s": (
        0x455,
        0x35,
        0x24,
    ),
    "t": (
        0x442,
        0x3C4,
    ),
    "u": (0x3C5,),
    "v": (0x3BD,),
    "w": (0x51D,),
    "x": (
        0x445,
        0x3C7,
    ),
    "y": (
        0x443,
        0x3B3,
    ),
}
"""What looks like a letter: of Cyrillic, Greek, digits and signs; as code points, for here they must not look alike."""
_LOOKS_LIKE: Final = {point: letter for letter, points in _ALIKES.items() for point in points}
_INVISIBLE: Final = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))


def _make_table() -> np.typing.NDArray[np.uint8]:
    table = np.zeros(0x20000, np.uint8)
    for name, first, beyond in _RANGES:
        table[first:beyond] = _NAMES.index(name)
    table[list(_ASCII_OTHERS)] = 0
    table[0x80:0xC0] = 0
    return table


_TABLE: Final = _make_table()


def plain(octets: bytes) -> bytes:
    """A text in UTF-8 without its disguises: compatible letters made plain, invisible ones taken out."""
    if octets.isascii():
        return octets
    text = octets.decode("utf-8", "replace")
    return unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).encode("utf-8", "replace")


def skeleton(name: bytes) -> bytes:
    """What a name looks like in lower case Latin letters."""
    text = plain(name.lower()).decode("utf-8", "replace").translate(_LOOKS_LIKE)
    return text.replace("rn", "m").replace("vv", "w").encode("utf-8", "replace")


def find_scripts(where: bytes, octets: bytes) -> list[bytes]:
    """What the text at ``where`` is written in, if there is more to say than ASCII."""
    if octets.isascii():
        return []
    text = octets[: 4 * LONGEST].decode("utf-8", "replace")[:LONGEST]
    points = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
    kinds = _TABLE[np.minimum(points, len(_TABLE) - 1)]
    counts = np.bincount(kinds, minlength=len(_NAMES))
    counts[0] = 0
    total = max(1, int(counts.sum()))
    found = []
    for kind in np.flatnonzero(counts):
        share = 10 * int(counts[kind]) // total
        found.append(b"%b has %b, %d tenths" % (where, _NAMES[kind].encode("ascii"), share))
        found.append(b"%b has %b" % (where, _NAMES[kind].encode("ascii")))
    alike = np.isin(kinds, _ALIKE)
    mixed = int(np.count_nonzero(alike[1:] & alike[:-1] & (kinds[1:] != kinds[:-1])))
    if mixed:
        found += [b"%b mixes scripts in a word" % where, b"%b mixes scripts, %d" % (where, mixed.bit_length())]
    if unicodedata.normalize("NFKC", text) != text:
        found.append(where + b" has letters in disguise")
    invisible = len(text) - len(text.translate(_INVISIBLE))
    if invisible:
        found.append(b"%b has invisible letters, %d" % (where, invisible.bit_length()))
    return found
