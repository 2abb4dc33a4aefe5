from __future__ import annotations

import pytest

from samotop.smtp.measure import ContentRefused, Measure
from samotop.smtp.rules import Rules

RULES = Rules(size=100, header=40, text_line=20)


def refusal_of(content: bytes, cut: int) -> str:
    measure = Measure(RULES)
    try:
        for start in range(0, len(content), cut):
            measure.add(content[start : start + cut])
    except ContentRefused as refused:
        return f"{refused.status} {refused}"
    assert measure.size == len(content)
    return ""


SIZE = "5.3.4 message larger than 100 octets"
HEADER = "5.3.4 header section longer than 40 octets"
LINE = "5.6.0 line longer than 20 octets"


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 19, 20, 21, 1000])
@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", ""),
        (b"\r\n" * 50, ""),
        (b"\r\n" * 51, SIZE),
        (b"\r\n" + b"x" * 18 + b"\r\n", ""),
        (b"\r\n" + b"x" * 19 + b"\r\n", LINE),
        (b"\r\n" + b"x" * 20, ""),
        (b"\r\n" + b"x" * 21, LINE),
        (b"\r\nab\r\n" + b"x" * 19 + b"\r\nab\r\n", LINE),
        (b"a: b\r\n" * 6 + b"\r\nbody\r\n" + b"x\r\n" * 10, ""),
        (b"a: b\r\n" * 7, HEADER),
        (b"a: b\r\n" * 6 + b"c:\r\n\r\n", HEADER),
        (b"a: b\r\n" * 6 + b"c\r\n\r\n", HEADER),
        (b"a: b\r\n" * 6 + b"\r\n\r\n", ""),
        (b"a: b\r\n\r\n" + b"a: b\r\n" * 15, ""),
        (b"a" * 25 + b"\r\n" * 60, LINE),
        (b"\r\n" + b"x\r\n" * 33 + b"y" * 50, SIZE),
        (b"\r\n" + b"x\r\n" * 28 + b"y" * 50, SIZE),
        (b"\r\n" + b"x\r\n" * 20 + b"y" * 50, LINE),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_the_first_limit_broken_is_told_however_it_is_cut(content: bytes, refusal: str, cut: int) -> None:
    """Else the same message would be refused for another reason when the network cuts it elsewhere."""
    assert refusal_of(content, cut) == refusal
