"""Messages from files: LF in place of CRLF, and nothing in between."""

from __future__ import annotations

import pytest

from samotop.content import Content
from samotop.msgauth.signature.wire import iterate_wire

WIRE = b"From: a@example.org\r\nSubject: x\r\n\r\n\r\nbody\r\n"


def test_what_came_over_the_wire_is_left_alone() -> None:
    assert list(iterate_wire(WIRE)) == [WIRE]


@pytest.mark.parametrize("octets", [WIRE, WIRE.replace(b"\r\n", b"\n"), b"\r\nx", b"\nx", b"x", b""])
def test_lf_alone_is_crlf_wherever_the_chunks_are_cut(octets: bytes) -> None:
    """A first LF at the beginning of a chunk has its CR in the one before."""
    whole = octets if b"\r" in octets else octets.replace(b"\n", b"\r\n")
    assert b"".join(iterate_wire(octets)) == whole
    for at in range(len(octets) + 1):
        content = Content.from_chunks((octets[:at], b"", octets[at:]))
        assert b"".join(iterate_wire(content)) == whole, at


def test_a_message_with_both_is_not_made_whole() -> None:
    """Which lines there are is a matter of opinion then: one reader's From is another's text."""
    assert b"".join(iterate_wire(b"X: y\nFrom: a@example.org\r\n\r\n")) == b"X: y\r\nFrom: a@example.org\r\r\n\r\r\n"
    assert b"".join(iterate_wire(b"X: y\r\nZ: z\nFrom: a@b\r\n")) == b"X: y\r\nZ: z\nFrom: a@b\r\n"
