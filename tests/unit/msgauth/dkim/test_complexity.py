"""Worst cases that a sender can make, each with its bound: the work grows with the size, and not faster."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from samotop.content import HEADER_LIMIT
from samotop.dns import Answer
from samotop.msgauth.dkim import DkimResult, Verifier
from samotop.msgauth.dkim.parse import SignatureError, parse_signature
from samotop.msgauth.signature.domains import read_identity
from samotop.msgauth.signature.keys import KeyRecordError, parse_key_record
from samotop.msgauth.signature.tags import LENGTH_LIMIT, TagSyntaxError
from tests.fakes.effort import check_linear
from tests.fakes.signing import MESSAGE, NOW, TAGS, sign_raw

pytestmark = pytest.mark.slow  # measures


def verify(message: bytes) -> list[DkimResult]:
    verifier = Verifier()
    verifier.feed(message)
    answers: dict[str, Answer] = {}
    return verifier.finish(answers, NOW)


def fields_and_names(size: int) -> bytes:
    """Long ``h=`` lists over many fields of the same names, eight times."""
    count = size // 64
    names = ":".join(["from", "a", "b", "c"] * (min(count, 480) // 4))
    field = f"DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=e; h={names}; bh=AAAA; b=AAAA\r\n".encode()
    return field * 8 + b"A: x\r\nb: y\r\nC: z\r\nFrom: q\r\n" * (count // 4) + b"\r\n"


HEADERS: dict[str, Callable[[int], bytes]] = {
    "signatures": lambda size: (sign_raw()[: -len(MESSAGE)] * (size // 256))[:size] + MESSAGE,
    "broken signatures": lambda size: b"DKIM-Signature:\r\n" * (size // 17) + MESSAGE,
    "fields and names": fields_and_names,
    "folding": lambda size: b"DKIM-Signature: v=1" + b"\r\n " * (size // 3) + b"\r\n" + MESSAGE,
    "semicolons": lambda size: b"DKIM-Signature: " + b";" * size + b"\r\n" + MESSAGE,
    "spaces": lambda size: sign_raw(MESSAGE.replace(b"Lunch", b"a" + b" " * size + b"b")),
    "colons": lambda size: sign_raw(MESSAGE, TAGS.replace("h=from", "h=" + "a:" * min(size // 2, 4000) + "from")),
    "lines without end": lambda size: b"X: y\r\n" * (size // 6),
    "bare ends": lambda size: b"X: y\n\r" * (size // 6),
}
BODIES: dict[str, bytes] = {
    "blank lines": b"\r\n",
    "spaces": b" ",
    "tabs": b"\t",
    "space lines": b" \r\n",
    "returns": b"\r",
    "line feeds": b"\n",
    "mixed ends": b"\r\n\n",
    "returns and spaces": b" \r",
    "words": b"a b\t\tc \r\n",
}


@pytest.mark.parametrize("case", list(HEADERS))
def test_header_work_is_linear(case: str) -> None:
    make = cache(HEADERS[case])  # to sign costs more than to read
    check_linear(lambda size: verify(make(size)), HEADER_LIMIT // 8)


@pytest.mark.parametrize("case", list(BODIES))
@pytest.mark.parametrize("forms", ["simple/simple", "relaxed/relaxed"])
def test_body_work_is_linear(case: str, forms: str) -> None:
    # Four pieces at least: the body is taken in pieces of 64 KiB, and the first one is simpler than those after it.
    head = sign_raw(MESSAGE, TAGS.replace("relaxed/relaxed", forms))
    check_linear(lambda size: verify(head + BODIES[case] * (size // len(BODIES[case])) + b"x"), 1 << 18)


def parse(value: bytes) -> None:
    for reader in (parse_signature, parse_key_record.__wrapped__, read_identity):
        try:
            reader(value)
        except (SignatureError, KeyRecordError, TagSyntaxError):
            continue


@pytest.mark.parametrize(
    "unit", [b"a=", b";", b" ", b"\r\n ", b"a", b"v=1;", b"=", b"=41", b"@", b"a=b;", b".", b":", b"-"]
)
@pytest.mark.parametrize("head", [b"", b"v=1; a=rsa-sha256; b=AAAA; bh=AAAA; d=a.b; s=c; h=from; i=", b"v=DKIM1; p="])
def test_parsers_are_linear(head: bytes, unit: bytes) -> None:
    check_linear(lambda size: parse(head + unit * (size // len(unit))), LENGTH_LIMIT // 8)


@pytest.mark.parametrize("unit", [b"\r\n", b"A line of text. \t \r\n"])
def test_a_large_message_takes_one_pass_and_flat_memory(unit: bytes) -> None:
    """25 MB come in, and some hundred kilobytes are all that is ever held."""
    signatures = b"".join(
        sign_raw(MESSAGE, TAGS.replace("relaxed/relaxed", forms) + more)[: -len(MESSAGE)]
        for forms in ("simple/simple", "relaxed/relaxed")
        for more in ("", "; l=5", "; l=1000000")
    )
    chunk = unit * (65536 // len(unit))
    passes = 0

    def chunks() -> Iterator[bytes]:
        nonlocal passes
        passes += 1
        yield signatures + MESSAGE
        for _ in range(25 * 16):
            yield chunk
        yield b"end"

    verifier = Verifier()
    tracemalloc.start()
    try:
        for one in chunks():
            verifier.feed(one)
        verifier.end()
        results = verifier.finish({}, NOW)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert passes == 1
    assert len(results) == 6
    assert most < 2_000_000


def test_a_header_section_costs_no_more_than_a_few_times_its_size() -> None:
    tracemalloc.start()
    try:
        verify(b"a:\r\n" * (HEADER_LIMIT // 4 - 10) + b"\r\n")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * HEADER_LIMIT
