"""The header section off the front of a content, however it arrives."""

from __future__ import annotations

import pytest

from samotop.content import Content, take_header, take_piece

CONTENTS = {
    b"A: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore": b"A: 1\r\nB: 2\r\n\r\n",
    b"\r\nbody\r\n\r\n": b"\r\n",
    b"\r\n": b"\r\n",
    b"A: 1\r\n": b"A: 1\r\n",
    b"": b"",
    b"A: 1\n\nbody": b"A: 1\n\nbody",
    b"A: 1\r\n\r\n": b"A: 1\r\n\r\n",
}


@pytest.mark.parametrize(("octets", "header"), CONTENTS.items())
def test_the_header_section_is_the_same_wherever_it_is_cut(octets: bytes, header: bytes) -> None:
    for first in range(len(octets) + 1):
        for second in range(first, len(octets) + 1):
            assert take_header((octets[:first], octets[first:second], octets[second:])) == header


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_header_section_without_an_end_is_cut_off(size: int) -> None:
    octets = b"A: " + b"x" * 1000
    assert take_header((octets[at : at + size] for at in range(0, len(octets), size)), limit=50) == octets[:50]


def test_a_content_tells_its_header_without_its_body() -> None:
    taken: list[bytes] = []

    def chunks():
        for chunk in (b"A: 1\r\n", b"\r\nbody", b"more"):
            taken.append(chunk)
            yield chunk

    content = Content(16, chunks)
    assert content.header == b"A: 1\r\n\r\n"
    assert taken == [b"A: 1\r\n", b"\r\nbody"]
    assert content.to_bytes() == b"A: 1\r\n\r\nbodymore"


@pytest.mark.parametrize("least", [1, 2, 3, 4, 7, 100])
def test_pieces_are_the_content_in_few_steps(least: int) -> None:
    """Each is a way to a thread and back: none is small but the last, and nothing is read ahead."""
    chunks = iter([b"ab", b"c", b"", b"defg", b"h"])
    pieces = list(iter(lambda: take_piece(chunks, least), b""))
    assert b"".join(pieces) == b"abcdefgh"
    assert all(len(piece) >= least for piece in pieces[:-1])
