"""The worst input for each reader and writer of the client costs time in proportion to its length."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from samotop.reply import Reply
from samotop.smtp.client import DotStuffer, LineEnds, LineGuard, ReplyReader, ShapeMeter, parse_capabilities
from tests.unit.smtp.test_complexity import assert_linear


def feed(guard: LineGuard | ShapeMeter, content: bytes, step: int) -> None:
    for start in range(0, len(content), step):
        guard.feed(content[start : start + step])
    guard.finish()


def read(octets: bytes) -> None:
    reader, buffer = ReplyReader(), bytearray()
    for start in range(0, len(octets), 7):
        buffer += octets[start : start + 7]
        reader.take(buffer)


WORK: dict[str, Callable[[int], Callable[[], object]]] = {
    "dots": lambda n: lambda: feed(DotStuffer(), b".\r\n" * n, 1 << 20),
    "dots, octet by octet": lambda n: lambda: feed(DotStuffer(), b".\r\n" * (n // 16), 1),
    "bare line ends": lambda n: lambda: feed(DotStuffer(LineEnds.NORMALIZE), b"\n\r.\r\n" * n, 1 << 20),
    "carriage returns": lambda n: lambda: feed(DotStuffer(LineEnds.NORMALIZE), b"\r" * n, 1 << 20),
    "carriage returns, octet by octet": lambda n: lambda: feed(DotStuffer(LineEnds.NORMALIZE), b"\r" * (n // 8), 1),
    "a header without end": lambda n: lambda: feed(ShapeMeter(), b"a: \xc3\xa9\r\n" * n, 1 << 20),
    "a header without end, octet by octet": lambda n: lambda: feed(ShapeMeter(), b"\xc3\xa9\r\n" * (n // 16), 1),
    "words of an offer": lambda n: (
        lambda: parse_capabilities(
            Reply(250, None, ("mx", "AUTH" + " A" * n, "LIMITS" + " A=1" * n)), is_encrypted=True
        )
    ),
    "lines of an offer": lambda n: (
        lambda: parse_capabilities(
            Reply(250, None, tuple(f"K{number} {number}" for number in range(n // 8))), is_encrypted=True
        )
    ),
    "replies": lambda n: lambda: read(b"250-a\r\n250 b\r\n" * (n // 16)),
}


@pytest.mark.parametrize("name", WORK)
def test_work_is_linear(name: str) -> None:
    assert_linear(WORK[name], 8192)
