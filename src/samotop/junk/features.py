"""The features of a message: four views, each a set of places in a table of 2^18.

* ``seen``: every four octets in a row of what a reader sees: subject, author, text;
* ``raw``: the same of the first octets as they came, most of them header;
* ``header``: the words of each field, pairs of them, and what ``fields`` finds;
* ``words``: words of subject and text, pairs of them, links, parts, HTML tricks, scripts.

Each view is learned on its own, and they are asked together: they err on
different messages. A set has no counts; a place is the hash's first bits, so
that ``Features`` tells the words of a message to nobody who does not guess
them. Pack it to keep it: that is what waits for a decision in place of a text.

Raises nothing for any message; ``Features.unpack`` raises ``ValueError`` for what ``pack`` did not write.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from samotop.junk.fields import VALUE, find_fields
from samotop.junk.hashing import Hashes, hash_grams, hash_name, hash_names, hash_words, make_class, mix, pair
from samotop.junk.htmltext import find_tricks, is_html, show_html
from samotop.junk.links import find_links
from samotop.junk.parts import find_parts
from samotop.junk.reading import View, decode_words, read_view
from samotop.junk.scripts import find_scripts, plain

VIEWS: Final = ("seen", "raw", "header", "words")
BITS: Final = 18
SIZE: Final = 1 << BITS
PLACES: Final = len(VIEWS) * SIZE

SEEN: Final = 8000
RAW: Final = 3500
RAW_BODY: Final = 1000
"""Octets of the raw view that are kept for the body, however long the header is."""
TEXT: Final = 12000
"""Octets of text for words."""
TRICKS: Final = 20000
"""Octets of HTML in which tricks are looked for."""
WORDS: Final = 1200
NAMES: Final = 1200
"""Features with names of their own, of a view."""
PACKED: Final = 1 << 18
"""Octets of packed features that are read."""

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_IN_TEXT: Final = make_class(_LETTERS + b"$!'-%_")
_IN_HEADER: Final = make_class(_LETTERS + b"$!%-_")
_BLOB: Final = re.compile(rb"[A-Za-z0-9+/]{48,}={0,2}")
"""Base64 in a header: signatures, seals, reports of other filters."""
_BLANKS: Final = re.compile(rb"[ \t\n]{2,}")
_FIRST_VERSION: Final = b"\x01"

Places = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Places in the tables of all views, one after the other; ascending, each once."""

    places: Places

    @property
    def bounds(self) -> list[int]:
        """Where each view begins, and the end."""
        edges = np.arange(len(VIEWS) + 1, dtype=np.uint32) << np.uint32(BITS)
        return [int(edge) for edge in np.searchsorted(self.places, edges)]

    def pack(self) -> bytes:
        """As octets, some 5 kB for a usual message."""
        steps = np.diff(self.places, prepend=np.uint32(0)).astype("<u4")
        planes = steps.view(np.uint8).reshape(-1, 4).T
        return _FIRST_VERSION + zlib.compress(planes.tobytes(), 1)

    @classmethod
    def unpack(cls, octets: bytes) -> Features:
        """What ``pack`` gave. Raises ``ValueError``."""
        if octets[:1] != _FIRST_VERSION or len(octets) > PACKED:
            raise ValueError("these are no features that this version packed")
        reader = zlib.decompressobj()
        try:
            planes = reader.decompress(octets[1:], PACKED)
        except zlib.error as error:
            raise ValueError("these features are damaged") from error
        if not reader.eof or len(planes) % 4:
            raise ValueError("these features are damaged")
        steps = np.frombuffer(planes, np.uint8).reshape(4, -1).T.copy().view("<u4").ravel()
        places = np.cumsum(steps, dtype=np.uint64)
        if len(places) and (int(places[-1]) >= PLACES or (steps[1:] == 0).any()):
            raise ValueError("these features are damaged")
        return cls(places.astype(np.uint32))


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Some hashes of a view, and what to call the one at an index."""

    view: int
    hashes: Hashes
    name: Callable[[int], str]


def extract(content: bytes) -> Features:
    """The features of a message as it came."""
    found = np.sort(place(find_families(content)))
    distinct = np.ones(len(found), np.bool_)
    np.not_equal(found[1:], found[:-1], out=distinct[1:])
    return Features(found[distinct])


def place(families: list[Family]) -> Places:
    """Where the hashes of all families are in the tables, in their order."""
    hashes = np.concatenate([family.hashes for family in families])
    views = np.array([family.view << BITS for family in families], np.uint32)
    within = (hashes >> np.uint64(64 - BITS)).astype(np.uint32)
    return within | np.repeat(views, [len(family.hashes) for family in families])


def find_families(content: bytes) -> list[Family]:
    """All hashes of a message, by what they are of."""
    view = read_view(content)
    subject = decode_words(view.first(b"subject")[:VALUE])
    author = decode_words(view.first(b"from")[:VALUE])
    source, shown, facts = _read_text(view)
    seen = b"%b\n%b\n%b" % (plain(subject), plain(author), plain(shown))
    facts += find_links(source)
    facts += find_scripts(b"text", shown)
    return [
        _grams(0, seen[:SEEN].lower()),
        _grams(1, _read_raw(view.raw)),
        *_header_words(2, view),
        _named(2, find_fields(view)),
        *_text_words(3, seen),
        _named(3, facts),
    ]


def _read_raw(raw: bytes) -> bytes:
    """The first octets as they came, less what is a signature's or a program's own: no two messages share that."""
    head, _, body = raw[: 4 * RAW].partition(b"\n\n")
    head = _BLOB.sub(b"~", head)[: RAW - RAW_BODY]
    return b"%b\n\n%b" % (head, body[: RAW - len(head)])


def _read_text(view: View) -> tuple[bytes, bytes, list[bytes]]:
    """All text as it was written, as it is shown, and features of it."""
    sources: list[bytes] = []
    shown: list[bytes] = []
    facts = find_parts(view)
    room = TEXT
    for leaf in view.leaves:
        if not leaf.is_text or room <= 0:
            continue
        sources.append(leaf.octets)
        text = leaf.octets[:room]
        if is_html(leaf.type, leaf.octets):  # style sheets come first, and are longer than all text
            text = show_html(leaf.octets)
            facts += find_tricks(leaf.octets[:TRICKS])
            facts.append(b"html: %d tenths are text" % (10 * len(text) // max(1, len(leaf.octets))))
            text = _BLANKS.sub(b" ", text)[:room]
        shown.append(text)
        room -= len(text)
    text = b"\n".join(shown)
    facts.append(b"length of text: %d" % len(text).bit_length())
    return b"\n".join(sources), text, facts


def _grams(view: int, octets: bytes) -> Family:
    return Family(view, hash_grams(octets), lambda index: _show(octets[index : index + 4]))


def _named(view: int, names: list[bytes]) -> Family:
    names = names[:NAMES]
    return Family(view, hash_names(names), lambda index: _show(names[index]))


@lru_cache(maxsize=512)
def _hash_field(name: bytes) -> np.uint64:
    return hash_name(b"in field " + name)


def _header_words(view: int, message: View) -> list[Family]:
    """The words of each field's value, and each two that follow each other in one."""
    names: list[bytes] = []
    values: list[bytes] = []
    trace = 0
    for name, value in message.fields:
        trace += name == b"received"
        if name != b"received" or trace <= 5:
            names.append(name)
            values.append(_BLOB.sub(b"~", decode_words(value[:VALUE])))
    if not names:
        return []
    joined = b"\n".join(values)
    hashes, starts, ends = hash_words(joined, _IN_HEADER, WORDS)
    lengths = np.fromiter(map(len, values), np.int64, len(values)) + 1
    field = np.searchsorted(np.cumsum(lengths), starts, side="right")
    tags = np.array([_hash_field(name) for name in names], np.uint64)
    words = mix(hashes + tags[field])
    within = np.flatnonzero(field[1:] == field[:-1])

    def name_word(index: int) -> str:
        return _show(b"%b: %b" % (names[field[index]], joined[starts[index] : ends[index]]))

    def name_pair(index: int) -> str:
        at = within[index]
        return _show(b"%b: %b" % (names[field[at]], joined[starts[at] : ends[at + 1]]))

    return [Family(view, words, name_word), Family(view, pair(words, 1)[within], name_pair)]


def _text_words(view: int, text: bytes) -> list[Family]:
    """The words of what a reader sees, and pairs with none or one between."""
    lower = text[:TEXT].lower()
    hashes, starts, ends = hash_words(lower, _IN_TEXT, WORDS)
    words = mix(hashes)

    def name_pair(distance: int) -> Callable[[int], str]:
        return lambda index: _show(lower[starts[index] : ends[index + distance]])

    return [
        Family(view, words, lambda index: _show(lower[starts[index] : ends[index]])),
        Family(view, pair(words, 1), name_pair(1)),
        Family(view, pair(words, 2), name_pair(2)),
    ]


def _show(octets: bytes) -> str:
    """A feature's name for people: printable and not long."""
    text = octets[:80].decode("utf-8", "ignore")  # four octets may begin and end within a character
    return "".join(character if character.isprintable() else "\u00b7" for character in text)
