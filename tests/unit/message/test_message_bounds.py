"""The worst that a message can be, made on purpose: time stays linear, and what is kept stays small.

Each worst case is read at one size and at four times that (``tests.fakes.effort``).
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import cache

import pytest

from samotop.message import Message, MimeBounds
from samotop.message.addresslist import read_mailboxes
from samotop.message.encodedwords import decode_words
from samotop.message.parameters import parse_parameters
from samotop.message.transfer import decode_quoted_printable
from tests.fakes.effort import check_linear

pytestmark = pytest.mark.slow


def read(octets: bytes) -> None:
    """Everything that a reader asks for."""
    message = Message.parse(octets)
    for part in message.walk():
        _ = (part.name, part.disposition, part.content_id, part.media_type)
    _ = (message.subject, message.authors, message.to, message.date, message.message_id, message.references)
    _ = (message.text, message.html, message.attachments, message.is_cut)


def multipart(boundary: str, body: bytes) -> bytes:
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode() + body


def nest(depth: int, filling: bytes) -> bytes:
    """Multiparts inside of each other, each with its own boundary, none of them closed."""
    return b"".join(multipart(f"b{level}", b"--b%d\r\n" % level) for level in range(depth)) + filling


MESSAGES: dict[str, Callable[[int], bytes]] = {
    "parts": lambda n: multipart("b", b"--b\r\n\r\nx\r\n" * n),
    "empty parts": lambda n: multipart("b", b"--b\r\n" * n),
    "fields": lambda n: b"A: b\r\n" * n + b"\r\nbody",
    "fields of one name": lambda n: b"To: a@b.test\r\n" * n + b"\r\nbody",
    "lines that are no fields": lambda n: b"A: b\r\n" + b"x\r\n" * n + b"\r\nbody",
    "nested multiparts": lambda n: nest(n // 100, b"x"),
    "nested, with lines like delimiters": lambda n: nest(19, b"--\r\n--b\r\n--b1x\r\n" * n),
    "parts of which none is closed": lambda n: b"".join(
        [multipart("o", b"")] + [b"--o\r\n" + multipart(f"i{number}", b"x" * 100) for number in range(n // 20)]
    ),
    "one endless line": lambda n: b"Subject: " + b"x" * 100 * n,
    "one endless line in a part": lambda n: multipart("b", b"--b\r\nSubject: " + b"x" * 100 * n),
    "a boundary of hyphens": lambda n: multipart("-" * 1000, b"-" * 50 * n),
    "lines of hyphens": lambda n: multipart("-" * 60, (b"-" * 70 + b"\n") * n),
    "headers that never end": lambda n: multipart("b", b"".join([b"--b\r\n" + b"A: b\r\n" * 1000] * (n // 1000))),
    "folds": lambda n: b"Subject: x" + b"\r\n x" * n + b"\r\n\r\n",
    "encoded words": lambda n: b"Subject: " + b"=?utf-8?q?a?= " * n,
    "encoded words that never end": lambda n: b"Subject: " + b"=?utf-8?q?a" * n,
    "recipients": lambda n: b"To: " + b"a@b.test, " * n,
    "brackets": lambda n: b"To: " + b"(" * n + b"\r\nFrom: " + b"<" * n + b"\r\nMessage-ID: " + b"<" * n,
    "messages inside messages": lambda n: b"Content-Type: message/rfc822\r\n\r\n" * (n // 10),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_hostile_message_takes_linear_time(name: str) -> None:
    make = cache(MESSAGES[name])
    check_linear(lambda n: read(make(n)), 10_000)


VALUES: dict[str, Callable[[int], object]] = {
    "words cut in two": lambda n: decode_words("=?utf-8?q?=C3?= " * n),
    "beginnings of words": lambda n: decode_words("=?" * n),
    "words without an end": lambda n: decode_words("=?a?q?" * n),
    "words of one letter": lambda n: decode_words("=?a?b?Q?=x" * n),
    "quotes that are escaped": lambda n: read_mailboxes('"' + '\\"' * n),
    "brackets that are escaped": lambda n: read_mailboxes("(" + "\\(" * n),
    "brackets that open": lambda n: read_mailboxes("(" * n + "a" * n),
    "brackets in brackets": lambda n: read_mailboxes("(a" * n),
    "angles that open": lambda n: read_mailboxes('<"\\' * n),
    "angles with quotes": lambda n: read_mailboxes('<"' + '\\"<' * n),
    "spaces": lambda n: read_mailboxes(" " * n + "a" + " " * n + "@" + " " * n),
    "literals": lambda n: read_mailboxes("@[" * n),
    "colons": lambda n: read_mailboxes("a:" * n),
    "words in a list": lambda n: read_mailboxes("a@b " * n),
    "parameters": lambda n: parse_parameters("a/b" + ";x=y" * n),
    "semicolons": lambda n: parse_parameters(";" * n),
    "quotes in parameters": lambda n: parse_parameters('a/b;x="' + '\\"' * n),
    "brackets in parameters": lambda n: parse_parameters("a/b;" + "(" * n),
    "brackets and parameters": lambda n: parse_parameters("a/b" + ";x=(" * n),
    "pieces of a parameter": lambda n: parse_parameters("a/b" + "".join(f";x*{number}=y" for number in range(n))),
    "spaces at the ends of lines": lambda n: decode_quoted_printable((b" " * 1000 + b"\n") * (n // 100)),
    "spaces in an encoded body": lambda n: decode_quoted_printable(b" " * 10 * n),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_hostile_value_takes_linear_time(name: str) -> None:
    check_linear(VALUES[name], 20_000)


def test_parts_are_counted() -> None:
    """A hundred thousand parts: a thousand are read, and it is said that there were more."""
    message = Message.parse(multipart("b", b"--b\r\n\r\nx\r\n" * 100_000))
    assert len(list(message.walk())) == 1000
    assert message.is_cut
    assert message.text == "x"


def test_fields_are_counted() -> None:
    """A million fields: the section is read up to its bound, and the body is found behind all of them."""
    message = Message.parse(b"A: b\r\n" * 1_000_000 + b"Subject: late\r\n\r\nbody")
    assert len(list(message.header)) == 10_000
    assert message.subject is None
    assert message.text == "body"


def test_nesting_has_its_depth() -> None:
    """Ten thousand multiparts inside of each other are twenty, and what is in the last is octets."""
    message = Message.parse(nest(10_000, b"\r\nx"))
    assert len(list(message.walk())) == 21
    deep = Message.parse(b"Content-Type: message/rfc822\r\n\r\n" * 10_000)
    count = 0
    while (inner := deep.entity.message) is not None:
        deep, count = inner, count + 1
    assert count == 19


def test_a_large_content_is_read_so_far_and_no_further() -> None:
    message = Message.parse(b"Subject: x\r\n\r\n" + b"y" * 1000, bounds=MimeBounds(octets=100))
    assert message.text is not None and len(message.text) == 86
    assert message.is_cut
    assert not Message.parse(b"Subject: x\r\n\r\ny").is_cut


def test_what_is_kept_of_a_hostile_message_is_small() -> None:
    """Ten megabytes of parts and fields cost a few times their size and no more."""
    octets = multipart("b", b"--b\r\nContent-Type: text/plain; name=x\r\n\r\nx\r\n" * 200_000)
    tracemalloc.start()
    try:
        message = Message.parse(octets)
        assert message.text == "x"
        assert len(message.attachments) == 998
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(octets)
