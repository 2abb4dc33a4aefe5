"""Fuzz target: a message as a stranger sends it, read with everything that a reader asks for, answered and forwarded.

Invariant. For any octets:

* nothing is raised; at most as many parts as the bounds allow are found, each
  lies inside of the part around it, and the parts of one do not overlap;
* what is decoded is no longer than what was encoded; text can be encoded
  again; a file's name has no folder in it and no character that a field may not
  have;
* what is read does not depend on the pieces in which the octets came;
* it can be forwarded, and answered if it names somebody, and what comes out is
  a message whose lines end with CRLF.

    python tests/fuzz/fuzz_message_parse.py -max_total_time=60
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from samotop.content import Content
from samotop.message import Entity, Message, MimeBounds
from samotop.message.text import clean_text

BOUNDS = MimeBounds(octets=4096, parts=30, depth=5, fields=50)
AT = datetime(2024, 5, 6, tzinfo=UTC)
PREFIX = (
    b"From: a@b.test\r\nSubject: =?utf-8?q?x?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-7\r\nContent-Transfer-Encoding: base64\r\n"
)


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    for given in (octets, PREFIX + octets):
        message = Message.parse(given, bounds=BOUNDS)
        check_parts(message)
        check_pieces(message, given)
        check_answers(message)


def check_parts(message: Message) -> None:
    parts = list(message.walk())
    assert 1 <= len(parts) <= BOUNDS.parts
    for part in parts:
        begin, end = part.body_place
        assert 0 <= begin <= end <= min(message.content.size, BOUNDS.octets)
        previous = begin
        for inner in part.parts:
            assert previous <= inner.body_place[0] <= inner.body_place[1] <= end
            previous = inner.body_place[1]
        check_part(part)
    for one in (message.subject, *message.get_all("x"), *message.get_all("content-type")):
        assert one is None or clean_text(one) == one
    for mailbox in (*message.authors, *message.to, *message.cc, *message.reply_to):
        assert clean_text(str(mailbox)) == str(mailbox)


def check_part(part: Entity) -> None:
    assert len(part.decoded()) <= len(part.body)
    part.decoded_text().encode("utf-8")
    assert not set(part.name) & set("/\\\0\r\n")
    assert clean_text(part.name) == part.name and len(part.name) <= 150
    assert len(part.preamble) + len(part.epilogue) <= len(part.body)
    inner = part.message
    if inner is not None:
        assert inner.entity.body_place[1] <= len(part.decoded())


def read(message: Message) -> list[object]:
    return [(part.media_type, part.body_place, part.name, part.decoded_text()) for part in message.walk()]


def check_pieces(message: Message, octets: bytes) -> None:
    step = 1 + len(octets) % 7
    pieces = tuple(octets[at : at + step] for at in range(0, len(octets), step))
    again = Message.parse(Content.from_chunks(pieces), bounds=BOUNDS)
    assert read(again) == read(message)
    assert (again.subject, again.authors, again.date) == (message.subject, message.authors, message.date)


def check_answers(message: Message) -> None:
    for as_attachment in (True, False):
        check_message(message.forward(author="me@c.test", to="you@d.test", as_attachment=as_attachment, date=AT))
    try:
        answer = message.reply(author="me@c.test", text="x", to_all=True, date=AT)
    except ValueError as error:
        assert "nobody to answer" in str(error)
        return
    check_message(answer)


def check_message(message: Message) -> None:
    octets = message.to_bytes()
    assert octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n")
    assert message.envelope.recipients


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
