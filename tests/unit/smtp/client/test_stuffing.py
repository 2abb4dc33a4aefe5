"""Content on its way out: however it is cut, the server's reader gets back what was sent, and no line end is bare."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.smtp.client import ContentShape, DotStuffer, LineEnds, LineGuard, ShapeMeter, measure_content
from samotop.smtp.framing import DataReader, format_data
from samotop.smtp.lines import BareLineEnding

octets = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\0", b"\xff"]), max_size=20).map(
    b"".join
)
cuts = st.lists(st.integers(0, 40), max_size=6).map(sorted)
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def pieces(content: bytes, places: list[int]) -> list[bytes]:
    return [content[start:end] for start, end in pairwise([0, *(min(p, len(content)) for p in places), len(content)])]


def send(guard: LineGuard, content: bytes, places: list[int]) -> bytes:
    return b"".join([*(guard.feed(piece) for piece in pieces(content, places)), guard.finish()])


@given(octets, cuts)
def test_what_is_sent_is_what_is_read(content: bytes, places: list[int]) -> None:
    """DotStuffer and DataReader undo each other, or the content is refused; cutting changes nothing."""
    try:
        wire = send(DotStuffer(), content, places)
    except BareLineEnding:
        assert BARE.search(content)
        return
    assert not BARE.search(content)
    assert wire == format_data(content)
    buffer = bytearray(wire + b"QUIT\r\n")
    read, has_ended = DataReader().take(buffer)
    assert has_ended and buffer == b"QUIT\r\n"
    assert read == (content if not content or content.endswith(b"\r\n") else content + b"\r\n")


@given(octets, cuts)
def test_normalized_content_has_no_bare_line_ends(content: bytes, places: list[int]) -> None:
    """Every CR and every LF on its own is one line end, wherever it was cut."""
    sent = send(LineGuard(LineEnds.NORMALIZE), content, places)
    assert not BARE.search(sent)
    assert sent == send(LineGuard(LineEnds.NORMALIZE), content, [])
    assert sent.rstrip(b"\r\n") == BARE.sub(b"\r\n", content).rstrip(b"\r\n")
    stuffed = send(DotStuffer(LineEnds.NORMALIZE), content, places)
    assert stuffed == format_data(sent)


@given(octets, cuts)
def test_the_shape_does_not_depend_on_the_cuts(content: bytes, places: list[int]) -> None:
    shape = measure_content(pieces(content, places))
    assert shape == measure_content([content])
    assert shape.size == len(content)
    assert shape.bare_line_ends == len(BARE.findall(content))
    assert shape.has_eight_bit == (not content.isascii())
    assert shape.is_binary == (b"\0" in content)
    if not shape.bare_line_ends:
        send(DotStuffer(), content, places)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\n.\n", b"\r.\r", b"\r\n.\r", b"\n.\r\n"])
def test_only_crlf_is_sent(end: bytes) -> None:
    """Each of these ends a line, or the content, for some server: what follows would be commands to it."""
    for content in (b"a" + end + b"MAIL FROM:<>", b"a" + end):
        for places in ([], list(range(len(content)))):
            for guard in (DotStuffer(), LineGuard()):
                with pytest.raises(BareLineEnding):
                    send(guard, content, places)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b".\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"\r\n.\r\n", b"\r\n..\r\n.\r\n"),
        (b"..\r\n.a.\r\n", b"...\r\n..a.\r\n.\r\n"),
    ],
)
def test_dots_are_doubled_at_the_beginning_of_a_line(content: bytes, expected: bytes) -> None:
    for places in ([], list(range(len(content)))):
        assert send(DotStuffer(), content, places) == expected


def test_a_chunk_without_dots_is_not_copied() -> None:
    chunk = b"x" * 1000 + b"\r\n"
    assert DotStuffer().feed(chunk) is chunk


@pytest.mark.parametrize(
    ("content", "is_utf8"),
    [
        ("Subject: é\r\n\r\nbody".encode(), True),
        ("Subject: e\r\n\r\né".encode(), False),
        (b"Subject: \xe9\r\n\r\nbody", False),
        (b"Subject: \xc3\r\n\r\n\xa9", False),
        ("é".encode(), True),
        (b"\xc3", False),
        ("\r\né".encode(), False),
        ("Subject: é\n\nbody".encode(), True),
        ("a: b\n\né".encode(), False),
        (b"a: \xe9\r\nb: \xc3\xa9\r\n\r\n", False),
    ],
)
def test_a_header_in_utf8_is_told_from_one_in_nothing(content: bytes, is_utf8: bool) -> None:
    """RFC 6532: only valid UTF-8 makes a message an internationalized one; old programs wrote other octets."""
    for places in ([], list(range(len(content)))):
        assert measure_content(pieces(content, places)).has_utf8_header is is_utf8


def test_nothing_has_a_shape() -> None:
    assert ShapeMeter().finish() == ContentShape()


@pytest.mark.parametrize(
    "octets", [b"", b"a", b"a\r\n", b".", b".\r\n", b"..\r\n.a\r\n", b"\r\n.\r\n", b"a\r\n.b", b"\r\n"]
)
def test_a_whole_content_is_stuffed_as_its_pieces_are(octets: bytes) -> None:
    """One way is shorter, and must say the same."""
    stuffer = DotStuffer()
    assert DotStuffer().whole(octets) == stuffer.feed(octets) + stuffer.finish()
