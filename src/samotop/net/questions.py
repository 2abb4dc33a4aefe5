"""One question on the wire, and what may pass for its answer.

A question is written by hand: twelve octets, a name, an OPT record. What comes
is compared with it before anything is read (``net.messages`` reads): whoever
sends anything but an answer to this very question is a stranger.

* identifier, QR, opcode and the question section must match (RFC 5452 §9.1),
  the section octet for octet. ``mix_case`` adds a bit for each letter to what a
  forger has to guess;
* EDNS with a payload that is not fragmented (RFC 6891, RFC 9715), AD to ask
  for that bit back (RFC 6840 §5.7), or DO and CD for signatures and an answer
  whatever the server thinks of them (RFC 4035 §3.2.2);
* padding to blocks of 128 octets where the path is encrypted (RFC 7830, RFC 8467 §4.1).

Does no I/O, and takes random bits from the system. Raises ``ValueError`` for
what cannot be asked.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype

from samotop.net.messages import HEADER

PAYLOAD: Final = 1232
"""Octets of a UDP answer that we ask for: fits into any IPv6 packet; RFC 9715 §3.2 recommends 1400 at most."""
PADDING_BLOCK: Final = 128
"""Queries are padded to a multiple of this (RFC 8467 §4.1)."""

_OPT: Final = struct.Struct("!BHHIH")
_OPTION: Final = struct.Struct("!HH")
_PADDING_OPTION: Final = 12  # RFC 7830 §3

_QR: Final = 0x8000
_OPCODE: Final = 0x7800
_TC: Final = 0x0200
_RD: Final = 0x0100
_AD: Final = 0x0020
_CD: Final = 0x0010
_DO: Final = 0x8000
_IN: Final = 1


class Match(Enum):
    """Whose answer it is."""

    OURS = "ours"
    DOUBTFUL = "doubtful"
    """Ours but for the case of a letter: a server that does not copy it, or a forger that nearly made it."""
    STRANGER = "stranger"


@lru_cache(maxsize=64)
def type_number(type: str) -> int:
    """The number of a type that can be asked for. Raises ``ValueError``, also for ANY and transfers."""
    try:
        number = dns.rdatatype.from_text(type)
    except (dns.exception.DNSException, ValueError):
        raise ValueError("there is no such type") from None
    if dns.rdatatype.is_metatype(number):
        raise ValueError("this type is no type of records")
    return int(number)


def read_name(name: str) -> dns.name.Name:
    """A name, absolute with or without its last dot, as dnspython's. A backslash escapes as in a zone file.

    Raises ``ValueError``.
    """
    try:
        if "\\" in name:
            return dns.name.from_text(name, dns.name.root)
        labels = name.removesuffix(".").encode("ascii").split(b".") if name not in ("", ".") else []
        return dns.name.Name([*labels, b""])
    except (dns.exception.DNSException, UnicodeError):
        raise ValueError("a name cannot be put on the wire") from None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``section`` is the question section: name, type, class IN."""

    section: bytes
    wants_signatures: bool = False
    has_edns: bool = True

    @classmethod
    def ask(cls, name: str, type: str, *, wants_signatures: bool = False) -> Question:
        """Raises ``ValueError`` for a name or type that cannot be asked."""
        return cls(read_name(name).to_digestable() + struct.pack("!HH", type_number(type), _IN), wants_signatures)

    def format(self, identity: int, *, pads: bool = False) -> bytes:
        """The message, under the identifier ``identity``."""
        flags = _RD | (_CD if self.wants_signatures else _AD)
        octets = HEADER.pack(identity, flags, 1, 0, 0, 1 if self.has_edns else 0) + self.section
        if not self.has_edns:
            return octets
        options = b""
        if pads:
            missing = -(len(octets) + _OPT.size + _OPTION.size) % PADDING_BLOCK
            options = _OPTION.pack(_PADDING_OPTION, missing) + bytes(missing)
        flags = _DO if self.wants_signatures else 0
        return octets + _OPT.pack(0, dns.rdatatype.OPT, PAYLOAD, flags, len(options)) + options

    def mix_case(self) -> Question:
        """The same question with each letter of its name in upper or lower case at random."""
        bits = secrets.randbits(len(self.section))
        mixed = bytearray(self.section)
        for index in range(len(mixed) - 4):
            # Lengths are at most 63, below all letters, so that they are never taken for one.
            if bits >> index & 1 and 0x61 <= mixed[index] <= 0x7A:
                mixed[index] -= 0x20
        return replace(self, section=bytes(mixed))

    def restore_case(self, octets: bytes) -> bytes:
        """An answer to this question with its case mixed, as an answer to this one.

        Names in an answer point at the question's name, and so would have its case.
        """
        if octets[4:6] != b"\0\1":
            return octets
        return octets[: HEADER.size] + self.section + octets[HEADER.size + len(self.section) :]

    def match(self, octets: bytes, identity: int) -> Match:
        """Whether ``octets`` answer this question, asked under ``identity``."""
        if len(octets) < HEADER.size:
            return Match.STRANGER
        found, flags, questions, answers, authorities, _ = HEADER.unpack_from(octets)
        if found != identity or not flags & _QR or flags & _OPCODE:
            return Match.STRANGER
        if not questions:
            # A refusal may leave the question out (RFC 1035 §4.1.1: it was not understood); an answer may not.
            return Match.OURS if flags & 0xF and not answers and not authorities else Match.STRANGER
        section = octets[HEADER.size : HEADER.size + len(self.section)]
        if questions != 1:
            return Match.STRANGER
        if section == self.section:
            return Match.OURS
        is_same = section[-4:] == self.section[-4:] and section[:-4].lower() == self.section[:-4].lower()
        return Match.DOUBTFUL if is_same else Match.STRANGER


def is_truncated(octets: bytes) -> bool:
    """Whether a message says that there is more of it over TCP (RFC 1035 §4.2.1)."""
    return len(octets) >= 4 and bool(octets[2] & _TC >> 8)
