"""Names of entries: unique for ever, sortable by time, safe in a file name and in a reply.

48 bits of milliseconds and 48 bits that no other entry shares, written in
Crockford's base 32 ([0-9A-HJKMNP-TV-Z]): 20 characters. The caller passes the
clock's time and the random octets: nothing here reads either.
"""

from __future__ import annotations

from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = [a + b for a in _DIGITS for b in _DIGITS]

RANDOM_OCTETS: Final = 6
ID_LENGTH: Final = 20


def format_id(seconds: float, random: bytes) -> str:
    """Make an id from a time in seconds since 1970 and ``RANDOM_OCTETS`` random octets."""
    number = ((int(seconds * 1000) & 0xFFFFFFFFFFFF) << 48) | int.from_bytes(random, "big")
    pairs = _PAIRS
    return (
        pairs[number >> 90 & 1023]
        + pairs[number >> 80 & 1023]
        + pairs[number >> 70 & 1023]
        + pairs[number >> 60 & 1023]
        + pairs[number >> 50 & 1023]
        + pairs[number >> 40 & 1023]
        + pairs[number >> 30 & 1023]
        + pairs[number >> 20 & 1023]
        + pairs[number >> 10 & 1023]
        + pairs[number & 1023]
    )


def is_id(text: str) -> bool:
    """Has this the form of an id? For what people and file names bring in."""
    return len(text) == ID_LENGTH and all(c in _DIGITS for c in text)
