"""What a hostile chain can cost: header sections as large as they are looked at, and sets as many as there may be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from samotop.content import HEADER_LIMIT
from samotop.msgauth import arc
from samotop.msgauth.arc import Verifier
from samotop.msgauth.results import Result
from tests.fakes.effort import check_bounded, check_linear
from tests.fakes.sealing import LIST, MESSAGE, RELAY, publish, seal

NOW = 1_790_000_000.0

SETS = (
    b"ARC-Seal: i=%d; a=rsa-sha256; d=d.example; s=s; cv=%s; b=QUFB\r\n"
    b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=d.example; s=s; h=from; bh=QUFB; b=QUFB\r\n"
    b"ARC-Authentication-Results: i=%d; d.example; none\r\n"
)


def fill(octets: bytes, size: int) -> bytes:
    """As often as it goes into so much of a header section."""
    return octets * (size // len(octets) - 10)


SECTIONS: dict[str, Callable[[int], bytes]] = {
    "sets": lambda n: fill(SETS % (1, b"none", 1, 1), n),
    "seals": lambda n: fill(b"ARC-Seal: i=1\r\n", n),
    "empty seals": lambda n: fill(b"ARC-Seal:\r\n", n),
    "results": lambda n: fill(b"ARC-Authentication-Results: i=1;\r\n", n),
    "comments in comments": lambda n: b"ARC-Authentication-Results: " + fill(b"(", n) + b"i=1;\r\n",
    "comments": lambda n: b"ARC-Authentication-Results: " + fill(b"()", n) + b"i=1;\r\n",
    "tags": lambda n: b"ARC-Seal: " + fill(b"i=1;", n) + b"\r\n",
    "spaces in a signature": lambda n: b"ARC-Seal: i=1; b=" + fill(b"A ", n) + b"\r\n",
    "names": lambda n: b"ARC-Message-Signature: i=1; h=" + fill(b"from:", n) + b"\r\n",
    "folds": lambda n: SETS % (1, b"none", 1, 1) + b"ARC-Seal: " + fill(b" \r\n", n) + b" i=2\r\n",
}


@pytest.mark.parametrize("name", SECTIONS)
def test_no_header_section_takes_long(name: str) -> None:
    """Up to the largest that is looked at, the work grows with it and not faster."""

    def read(size: int) -> None:
        verifier = Verifier()
        verifier.feed(SECTIONS[name](size)[:size] + b"From: a@b.example\r\n\r\n")
        verifier.end()
        assert verifier.finish({}, NOW).result is Result.FAIL

    check_linear(read, HEADER_LIMIT // 4)


@pytest.mark.timeout(60)
def test_fifty_sound_sets_over_a_large_header_do_not_take_long() -> None:
    """The most that a chain can make us do: all seals, all message signatures, long lists over much text."""
    text = b"".join(b"X-%d: %s\r\n" % (number, b"a b " * 100) for number in range(250))
    names = b"from:" + b":".join(b"x-%d" % number for number in range(250))
    message = text + MESSAGE
    for number in range(50):
        message = seal(message, RELAY if number % 2 else LIST, names=names)
    assert message.index(b"\r\n\r\n") < HEADER_LIMIT
    result = check_bounded(lambda: asyncio.run(arc.verify(message, publish(), now=NOW)))
    assert (result.result, result.oldest_pass) == (Result.PASS, 0)


async def test_a_body_costs_one_pass_however_many_sets_there_are() -> None:
    """Each canonical form is hashed once; without a chain, or with a broken one, none is."""
    body = b"Hello all, this is a line of text.\r\n" * 30_000
    head = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    sealed = seal(head + body, RELAY)
    for _ in range(9):
        sealed = seal(sealed, RELAY)
    verifier = Verifier()
    verifier.feed(sealed)
    assert verifier._bodies._forms is not None
    assert len(verifier._bodies._forms) == 1
    for message in (head + body, SETS % (1, b"pass", 1, 1) + head + body):
        idle = Verifier()
        idle.feed(message)
        assert not idle._bodies.is_wanted
