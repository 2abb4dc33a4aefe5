"""Content transfer encodings, both ways (RFC 2045 §6).

``choose_encoding`` picks for text the one that leaves most of it
readable: 7bit, 8bit where it is allowed, else quoted-printable as long as
people can read it, and base64 for the rest. The encoders write CRLF and lines of at most 76
characters; text that is to be encoded has CRLF line ends already.

The decoders read what strangers wrote: nothing in it makes them fail, and what
cannot be part of the encoding is left out (base64) or stands for itself
(quoted-printable). All take linear time.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp, b2a_base64, b2a_qp
from collections.abc import Iterable, Iterator
from typing import Final, Literal

Encoding = Literal["7bit", "8bit", "binary", "quoted-printable", "base64"]

LINE_LIMIT: Final = 998
"""Octets of a line without its CRLF (RFC 5322 §2.1.1)."""
ENCODED_LINE: Final = 76
"""Characters of an encoded line (RFC 2045 §6.7, §6.8)."""
GROUP: Final = ENCODED_LINE // 4 * 3
"""Octets that a line of base64 holds."""
READABLE: Final = 3
"""One octet in so many may be beyond quoted-printable's own: then the text is read still, and hardly longer for it."""

_LINES: Final = re.compile(rb".{1,%d}" % ENCODED_LINE)
_PLAIN: Final = bytes({*range(32, 127), 9, 10, 13} - {61})
"""What quoted-printable writes as it is; all other octets cost three."""
_BASE64_JUNK: Final = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


def is_lines(octets: bytes) -> bool:
    """Are these lines as mail has them: CRLF and nothing else ends one, none is too long, no NUL? (RFC 2045 §2.8)"""
    ends = octets.count(b"\r\n")
    if octets.count(b"\n") != ends or octets.count(b"\r") != ends or b"\0" in octets:
        return False
    return len(octets) <= LINE_LIMIT or max(map(len, octets.split(b"\r\n"))) <= LINE_LIMIT


def normalize_lines(octets: bytes) -> bytes:
    """Whatever ended a line, CR, LF or CRLF, is CRLF."""
    if b"\r" in octets:
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return octets.replace(b"\n", b"\r\n")


def choose_encoding(octets: bytes, *, allows_8bit: bool = False) -> Encoding:
    """How text, its line ends CRLF, is best carried."""
    if is_lines(octets):
        if octets.isascii():
            return "7bit"
        if allows_8bit:
            return "8bit"
    return "quoted-printable" if len(octets.translate(None, _PLAIN)) * READABLE <= len(octets) else "base64"


def encode_quoted_printable(octets: bytes) -> bytes:
    """Text with CRLF line ends as quoted-printable (RFC 2045 §6.7)."""
    encoded = b2a_qp(octets, istext=True)
    if b"\r\n" not in octets:  # then it takes LF for the soft line breaks as well
        encoded = encoded.replace(b"=\n", b"=\r\n")
    return encoded


def encode_base64(octets: bytes) -> bytes:
    """``octets`` as lines of base64, each with its CRLF (RFC 2045 §6.8)."""
    if not octets:
        return b""
    lines = _LINES.findall(b2a_base64(octets, newline=False))
    lines.append(b"")
    return b"\r\n".join(lines)


def measure_base64(size: int) -> int:
    """Octets that ``encode_base64`` makes of ``size``."""
    characters = (size + 2) // 3 * 4
    return characters + (characters + ENCODED_LINE - 1) // ENCODED_LINE * 2


def iterate_base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """``encode_base64`` for octets that come in pieces."""
    rest = b""
    for chunk in chunks:
        octets = rest + chunk if rest else chunk
        whole = len(octets) - len(octets) % GROUP
        if whole:
            yield encode_base64(octets[:whole])
        rest = octets[whole:]
    if rest:
        yield encode_base64(rest)


def decode_base64(octets: bytes) -> bytes:
    """Read base64 up to its padding; what is not of its alphabet is passed over (RFC 2045 §6.8)."""
    clean = octets.translate(None, _BASE64_JUNK)
    end = clean.find(b"=")
    if end >= 0:
        clean = clean[:end]
    surplus = len(clean) % 4
    if surplus == 1:  # six bits, of which no octet can be made
        clean = clean[:-1]
    elif surplus:
        clean += b"=" * (4 - surplus)
    return a2b_base64(clean)


def decode_quoted_printable(octets: bytes) -> bytes:
    """Read quoted-printable; spaces at a line's end were added on the way (RFC 2045 §6.7 rule 3)."""
    lines = octets.split(b"\n")
    if len(lines) == 1:
        return a2b_qp(octets)
    last = lines.pop()
    ends = [b"\r\n" if line.endswith(b"\r") else b"\n" for line in lines]
    lines = [line.rstrip(b" \t\r") + end for line, end in zip(lines, ends, strict=True)]
    return a2b_qp(b"".join(lines) + last)


def decode_q(octets: bytes) -> bytes:
    """Read the ``Q`` of an encoded word, where an underscore is a space (RFC 2047 §4.2)."""
    return a2b_qp(octets, header=True)


def decode_body(octets: bytes, encoding: str) -> bytes:
    """Undo the transfer encoding that a stranger named; one that is not known is none."""
    if encoding == "base64":
        return decode_base64(octets)
    if encoding == "quoted-printable":
        return decode_quoted_printable(octets)
    return octets
