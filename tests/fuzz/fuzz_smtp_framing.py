"""Fuzz target: DATA and BDAT framing against slow and plain readers.

Invariant. For any octets and any cutting,

* ``DataReader`` finds the same content, the same end or the same refusal as
  ``read_slowly``, which looks at one octet after the other and keeps a state
  by name, as RFC 5321 §4.1.1.4 and §4.5.2 tell it;
* it never holds back more than four octets;
* ``ChunkReader`` gives the octets as they are and refuses exactly what has a
  CR or LF on its own;
* ``Measure`` refuses what a count of octets and lines refuses, and for the
  limit that broke first;
* a content that was read survives being sent again.

The first octet says where to cut.

    python tests/fuzz/fuzz_smtp_framing.py -max_total_time=60
"""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from typing import Final

from samotop.smtp.framing import ChunkReader, DataReader, format_data
from samotop.smtp.lines import BareLineEnding
from samotop.smtp.measure import ContentRefused, Measure
from samotop.smtp.rules import Rules

RULES: Final = Rules(size=60, header=30, text_line=12)
BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")
HELD_BACK: Final = 4


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    if not octets:
        return
    place, wire = octets[0], octets[1:]
    slow = read_slowly(wire)
    for pieces in (
        [wire],
        [wire[i : i + 1] for i in range(len(wire))],
        cut(wire, place % 7 + 1),
        [wire[:place], wire[place:]],
    ):
        assert read_quickly(pieces) == slow, pieces
        check_chunks(pieces)
        check_measure(pieces)
    content, _ = slow
    if content is not None and not BARE.search(content):
        assert read_slowly(format_data(content) + b"QUIT\r\n") == (content, b"QUIT\r\n")


def cut(octets: bytes, length: int) -> list[bytes]:
    return [octets[i : i + length] for i in range(0, len(octets), length)]


def read_slowly(wire: bytes) -> tuple[bytes | None, bytes]:
    """Content and what follows it; ``None`` where it is refused or has no end."""
    content, state = bytearray(), "line"
    for at, octet in enumerate(wire):
        match state, octet:
            case ("line" | "text" | "dot", 10):
                return None, b"bare"
            case ("cr" | "dot cr", 10):
                if state == "dot cr":
                    return bytes(content), wire[at + 1 :]
                content += b"\r\n"
                state = "line"
            case ("cr" | "dot cr", _):
                return None, b"bare"
            case ("line", 46):
                state = "dot"
            case ("dot", 13):
                state = "dot cr"
            case (_, 13):
                state = "cr"
            case _:
                content.append(octet)
                state = "text"
    return None, b"open"


def read_quickly(pieces: list[bytes]) -> tuple[bytes | None, bytes]:
    reader, buffer, content = DataReader(), bytearray(), b""
    for number, piece in enumerate(pieces, 1):
        buffer += piece
        while True:
            try:
                found, has_ended = reader.take(buffer)
            except BareLineEnding:
                return None, b"bare"
            content += found
            if has_ended:
                return content, bytes(buffer) + b"".join(pieces[number:])
            if not found:
                break
        assert len(buffer) <= HELD_BACK
    return None, b"open"


def check_chunks(pieces: list[bytes]) -> None:
    octets = b"".join(pieces)
    for is_binary in (False, True):
        reader, content = ChunkReader(is_binary=is_binary), b""
        try:
            for piece in pieces:
                reader.expect(len(piece))
                buffer = bytearray()
                for start, end in pairwise((0, len(piece) // 2, len(piece))):
                    buffer += piece[start:end]
                    while found := reader.take(buffer):
                        content += found
                    assert len(buffer) <= 1
                assert reader.remaining == 0
            reader.finish()
        except BareLineEnding:
            assert not is_binary
            bare = BARE.search(octets)
            assert bare
            # a CR that ends a chunk is given before it is known to be alone
            assert bare.start() <= len(content) <= bare.start() + 1
            continue
        assert content == octets
        assert is_binary or not BARE.search(octets)


def check_measure(pieces: list[bytes]) -> None:
    measure, told = Measure(RULES), ""
    try:
        for piece in pieces:
            measure.add(piece)
    except ContentRefused as refused:
        told = str(refused).split()[0]
    assert told == measure_slowly(b"".join(pieces))


def measure_slowly(octets: bytes) -> str:
    """The first word of the refusal, found by looking at every beginning of the content."""
    line, in_header = 0, True
    for count in range(1, len(octets) + 1):
        line = 1 if count > 1 and octets[count - 2] == 10 else line + 1
        if count > RULES.size:
            return "message"
        if in_header and count > RULES.header:
            return "header"
        if line > RULES.text_line:
            return "line"
        in_header = in_header and not (b"\r\n" + octets[:count]).endswith(b"\r\n\r\n")
    return ""


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
