"""Canonical forms: what of a header field and of a body is signed (RFC 6376 §3.4).

Body forms are streams: pieces of any size go in, pieces go out to ``write``,
and where the pieces were cut changes nothing. A piece goes through C code a
few times as a whole and never octet by octet; memory is a few times a piece.
Only CRLF ends a line and only space and tab are white space, as the RFC says;
a CR or LF alone is an octet like any other.

Raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

Write = Callable[[bytes], object]

_BLANKS: Final = b"\r\n" * 8192
"""Empty lines that were held back are written in pieces of this size, however many there are."""
_SPACE: Final = b" \t"


class Canonicalization(StrEnum):
    """How much may change on the way without breaking the signature."""

    SIMPLE = "simple"
    """Next to nothing."""
    RELAXED = "relaxed"
    """White space, folding, and how a field's name is written."""


def _squeeze(octets: bytes) -> bytes:
    """Every run of spaces and tabs as one space.

    Halving the runs until none is left takes as many passes as the longest
    run has binary digits, each at memory speed: faster than any pattern.
    """
    if b"\t" in octets:
        octets = octets.replace(b"\t", b" ")
    while b"  " in octets:
        octets = octets.replace(b"  ", b" ")
    return octets


def canonicalize_field(raw: bytes, canonicalization: Canonicalization) -> bytes:
    """One header field, with its line end, in canonical form (RFC 6376 §3.4.1, §3.4.2); the form ends with CRLF.

    ``raw`` has a colon; its lines end with CRLF.
    """
    if canonicalization is Canonicalization.SIMPLE:
        return raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    name, _, value = raw.partition(b":")
    return name.rstrip(_SPACE).lower() + b":" + _squeeze(value.replace(b"\r\n", b"")).strip(b" ") + b"\r\n"


class _Ending:
    """Hold back the empty lines at the end (RFC 6376 §3.4.3): only what follows tells whether they are."""

    __slots__ = ("_has_return", "_held", "_is_started", "_write")

    def __init__(self, write: Write) -> None:
        self._write = write
        self._held = 0
        self._has_return = False
        self._is_started = False

    def feed(self, octets: bytes) -> None:
        if self._has_return:
            octets = b"\r" + octets
        self._has_return = octets.endswith(b"\r")
        if self._has_return:
            octets = octets[:-1]
        if not octets:
            return
        if octets[-1:] != b"\n":
            kept = len(octets)
        else:
            kept = _find_blank_end(octets)
        if kept:
            self._release()
            self._write(octets if kept == len(octets) else octets[:kept])
        self._held += (len(octets) - kept) // 2

    def finish(self, *, is_never_empty: bool) -> None:
        """End with exactly one CRLF; ``is_never_empty``: even if nothing came."""
        if self._has_return:
            self._release()
            self._write(b"\r")
        if self._is_started or is_never_empty:
            self._write(b"\r\n")

    def _release(self) -> None:
        self._is_started = True
        left, self._held = 2 * self._held, 0
        while left:
            piece = _BLANKS[:left]
            self._write(piece)
            left -= len(piece)


def _find_blank_end(octets: bytes) -> int:
    """Where the CRLFs begin that ``octets`` end with, one after the other; ``octets`` end with LF."""
    tail = len(octets.rstrip(b"\r\n"))
    # From here on there are only CR and LF: they alternate from after the last pair of equal ones.
    equal = max(octets.rfind(b"\n\n", tail), octets.rfind(b"\r\r", tail))
    begin = tail if equal < 0 else equal + 1
    return begin + 1 if octets[begin : begin + 1] == b"\n" else begin


class SimpleBody:
    """The body as it is, but for empty lines at its end; an empty one is CRLF (RFC 6376 §3.4.3)."""

    __slots__ = ("_ending",)

    def __init__(self, write: Write) -> None:
        self._ending = _Ending(write)

    def feed(self, octets: bytes) -> None:
        self._ending.feed(octets)

    def finish(self) -> None:
        self._ending.finish(is_never_empty=True)


class RelaxedBody:
    """White space as single spaces, none at line ends, no empty lines at the end; empty stays empty (RFC 6376 §3.4.4).

    White space and a CR that a piece ends with wait for the next piece, which
    says whether a line ends there: as one space, so that they never pile up.
    """

    __slots__ = ("_carry", "_ending")

    def __init__(self, write: Write) -> None:
        self._ending = _Ending(write)
        self._carry = b""

    def feed(self, octets: bytes) -> None:
        octets = _squeeze(self._carry + octets) if self._carry else _squeeze(octets)
        kept = len(octets)
        if octets.endswith(b"\r"):
            kept -= 1
        if octets[kept - 1 : kept] == b" ":
            kept -= 1
        self._carry = octets[kept:]
        if self._carry:
            octets = octets[:kept]
        self._ending.feed(octets.replace(b" \r\n", b"\r\n"))

    def finish(self) -> None:
        # A space at the very end stands before the line end that the form adds, so that it goes.
        if self._carry.endswith(b"\r"):
            self._ending.feed(self._carry)
        self._ending.finish(is_never_empty=False)


BodyForm = SimpleBody | RelaxedBody


def open_body_form(canonicalization: Canonicalization, write: Write) -> BodyForm:
    """A stream that writes the canonical form of what it is fed to ``write``."""
    return SimpleBody(write) if canonicalization is Canonicalization.SIMPLE else RelaxedBody(write)


def canonicalize_body(octets: bytes, canonicalization: Canonicalization) -> bytes:
    """A whole body's canonical form, at once: for tests and tools."""
    pieces: list[bytes] = []
    form = open_body_form(canonicalization, pieces.append)
    form.feed(octets)
    form.finish()
    return b"".join(pieces)
