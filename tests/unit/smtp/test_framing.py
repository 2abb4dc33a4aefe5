"""DATA and BDAT octet for octet; the table of cases is that of the original's parser tests, and some more."""

from __future__ import annotations

from itertools import pairwise

import pytest

from samotop.smtp.framing import ChunkReader, DataReader, format_data
from samotop.smtp.lines import BareLineEnding


def read_data_into(content: list[bytes], pieces: list[bytes]) -> bytes | None:
    """Read ``pieces``; returns what is left behind the end of data, ``None`` if there was no end."""
    reader, buffer = DataReader(), bytearray()
    for number, piece in enumerate(pieces, 1):
        buffer += piece
        while True:
            found, has_ended = reader.take(buffer)
            content.append(found)
            if has_ended:
                return bytes(buffer) + b"".join(pieces[number:])
            if not found:
                break
    return None


def read_data(pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    content: list[bytes] = []
    rest = read_data_into(content, pieces)
    return b"".join(content), rest


def every_cut(octets: bytes) -> list[list[bytes]]:
    return [
        [octets],
        [octets[i : i + 1] for i in range(len(octets))],
        *([octets[:i], octets[i:]] for i in range(1, len(octets))),
    ]


# octets on the wire -> content, and what is left behind the end; without an end: None
AT_LINE_START = [
    (b".\r\n", b"", b""),
    (b".\r\nRSET\r\n", b"", b"RSET\r\n"),
    (b"..\r\n.\r\n", b".\r\n", b""),
    (b"..\r\n", b".", None),
    (b".foo\r\n.\r\n", b"foo\r\n", b""),
    (b"..foo\r\n.\r\n", b".foo\r\n", b""),
    (b"...\r\n.\r\n", b"..\r\n", b""),
    (b".", b"", None),
    (b".\r", b"", None),
    (b"", b"", None),
    (b"\r\n.\r\n", b"\r\n", b""),
    (b"\r\n\r\n.\r\n", b"\r\n\r\n", b""),
    (b"foo\r\n.\r\n", b"foo\r\n", b""),
    (b"foo\r\n..\r\n.\r\n", b"foo\r\n.\r\n", b""),
    (b"foo\r\n.bar\r\n.\r\n", b"foo\r\nbar\r\n", b""),
    (b"foo.\r\n.\r\n", b"foo.\r\n", b""),
    (b"f.oo\r\n.\r\n", b"f.oo\r\n", b""),
    (b"foo .\r\n.\r\n", b"foo .\r\n", b""),
    (b"foo\r\n. \r\n.\r\n", b"foo\r\n \r\n", b""),
    (b"foo\r\n.\r\n.\r\n", b"foo\r\n", b".\r\n"),
    (b"foo\r\n.\r\nfoo\r\n.\r\n", b"foo\r\n", b"foo\r\n.\r\n"),
    (b"foo\r\n\r\n\r\n.\r\n", b"foo\r\n\r\n\r\n", b""),
    (b"caf\xe9\x00\xff\r\n.\r\n", b"caf\xe9\x00\xff\r\n", b""),
    (b"foo", b"foo", None),
    (b"foo\r\n", b"foo", None),
    (b"foo\r\n.", b"foo", None),
    (b"foo\r\n.\r", b"foo", None),
    (b"..\r\n..fooo\r\n.bar\r\n.\r\n", b".\r\n.fooo\r\nbar\r\n", b""),
]


@pytest.mark.parametrize(("octets", "content", "rest"), AT_LINE_START, ids=lambda value: repr(value)[:40])
def test_dots_and_ends(octets: bytes, content: bytes, rest: bytes | None) -> None:
    """However it is cut; only octets that may yet turn out to be the end are held back."""
    for pieces in every_cut(octets):
        assert read_data(pieces) == (content, rest), pieces


BARE = [
    (b"\n", b""),
    (b"\r\r", b""),
    (b".\n", b""),
    (b".\rx", b""),
    (b"foo\n", b"foo"),
    (b"foo\rbar", b"foo"),
    (b"foo\n.\r\n", b"foo"),
    (b"foo\n.\n", b"foo"),
    (b"foo\r.\r", b"foo"),
    (b"foo\r\n.\n", b"foo\r\n"),
    (b"foo\r\n.\r.", b"foo\r\n"),
    (b"foo\r\n.\r\r\n", b"foo\r\n"),
    (b"foo\n\r\n.\r\n", b"foo"),
    (b"foo\r\r\n.\r\n", b"foo"),
    (b"foo\r\n\n.\r\n", b"foo\r\n"),
    (b"foo\r\n\r.\r\n", b"foo\r\n"),
    (b"foo\r\nbar\nbaz\r\n.\r\n", b"foo\r\nbar"),
]


@pytest.mark.parametrize(("octets", "before"), BARE, ids=lambda value: repr(value)[:40])
def test_a_bare_line_ending_is_refused_after_what_came_before_it(octets: bytes, before: bytes) -> None:
    """So that limits broken before it are told first, however the octets were cut."""
    for pieces in every_cut(octets):
        content: list[bytes] = []
        with pytest.raises(BareLineEnding):
            read_data_into(content, pieces)
        assert b"".join(content) == before, pieces


def read_chunks(chunks: list[bytes], cut: int, *, is_binary: bool = False) -> bytes:
    reader, content = ChunkReader(is_binary=is_binary), b""
    for chunk in chunks:
        reader.expect(len(chunk))
        buffer = bytearray()
        for start, end in pairwise([0, *range(cut, len(chunk), cut), len(chunk)]):
            buffer += chunk[start:end]
            while found := reader.take(buffer):
                content += found
        assert reader.remaining == 0
    reader.finish()
    return content


@pytest.mark.parametrize("cut", [1, 2, 3, 100])
@pytest.mark.parametrize(
    "chunks",
    [
        [b"a\r\nb"],
        [b"a\r", b"\nb"],
        [b"\r", b"", b"\n", b"\r\n"],
        [b""],
        [b".\r\n.\r\n"],
        [b"\xe9\x00\xff"],
        [b"\r\n"] * 9,
    ],
    ids=repr,
)
def test_chunks_join_as_they_are(chunks: list[bytes], cut: int) -> None:
    """A CRLF may lie in two chunks, dots mean nothing."""
    assert read_chunks(chunks, cut) == b"".join(chunks)


@pytest.mark.parametrize("cut", [1, 2, 3, 100])
@pytest.mark.parametrize(
    "chunks",
    [[b"a\n"], [b"a\rb"], [b"a\r"], [b"a\r", b"b"], [b"a\r", b"\r\n"], [b"\r\n", b"\n"], [b"\r", b""], [b"a\r", b"\r"]],
    ids=repr,
)
def test_chunks_carry_no_bare_line_ending_unless_binary(chunks: list[bytes], cut: int) -> None:
    assert read_chunks(chunks, cut, is_binary=True) == b"".join(chunks)
    with pytest.raises(BareLineEnding):
        read_chunks(chunks, cut)


def test_a_chunk_reader_takes_no_more_than_its_chunk() -> None:
    reader, buffer = ChunkReader(is_binary=False), bytearray(b"abcQUIT\r\n")
    reader.expect(3)
    assert reader.take(buffer) == b"abc"
    assert buffer == b"QUIT\r\n"


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"foo", b"foo\r\n.\r\n"),
        (b"foo\r\n", b"foo\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"..\r\n", b"...\r\n.\r\n"),
        (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n.\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
        (b"a.\r\n", b"a.\r\n.\r\n"),
        (b".\r\n.\r\n.\r\n", b"..\r\n..\r\n..\r\n.\r\n"),
    ],
)
def test_a_client_doubles_dots(content: bytes, wire: bytes) -> None:
    assert format_data(content) == wire
