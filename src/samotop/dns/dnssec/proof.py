"""What a denial can prove, and the types that its records list (RFC 4034 §4.1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from dns.rdatatype import RdataType


class Proof(Enum):
    """Whether what is missing is proven to be missing."""

    PROVEN = "proven"
    INSECURE = "insecure"
    """Not to be proven, and rightly so: opted out, or hashed more often than we care to follow."""
    NONE = "none"
    """Not proven, though it ought to be: bogus."""


class Cut(Enum):
    """What stands at a name, by the DS records there or their denial."""

    SIGNED = "signed"
    """A delegation to a signed zone."""
    INSECURE = "insecure"
    """A delegation, or what may be one: nothing at or below the name is signed from here."""
    ABSENT = "absent"
    """No delegation: the name is the zone's own, or is not there."""
    UNPROVEN = "unproven"
    """Nobody proves anything: bogus."""


Windows = Sequence[tuple[int, bytes]]
"""A type bitmap as dnspython has it."""


def has_type(windows: Windows, type: RdataType) -> bool:
    """Is ``type`` in the bitmap?"""
    window, bit = divmod(int(type), 256)
    for number, bitmap in windows:
        if number == window:
            return bit >> 3 < len(bitmap) and bool(bitmap[bit >> 3] & (0x80 >> (bit & 7)))
    return False


def is_delegation(windows: Windows) -> bool:
    """Are these the types of a zone cut as the parent has them?"""
    return has_type(windows, RdataType.NS) and not has_type(windows, RdataType.SOA)
