from __future__ import annotations

import pytest

from samotop.smtp.lines import BareLineEnding, LineTooLong, skip_line, take_line


@pytest.mark.parametrize(
    ("octets", "line", "rest"),
    [
        (b"NOOP\r\n", b"NOOP", b""),
        (b"NOOP\r\nQUIT\r\n", b"NOOP", b"QUIT\r\n"),
        (b"\r\n", b"", b""),
        (b"caf\xe9 \xff\0\r\n", b"caf\xe9 \xff\0", b""),
        (b"NOOP\r\n\n", b"NOOP", b"\n"),
    ],
)
def test_a_line_ends_with_crlf(octets: bytes, line: bytes, rest: bytes) -> None:
    """What is in it is no matter here, what follows it is no matter yet."""
    buffer = bytearray(octets)
    assert take_line(buffer, 100) == line
    assert buffer == rest


@pytest.mark.parametrize("octets", [b"", b"N", b"NOOP", b"NOOP\r"])
def test_an_incomplete_line_stays(octets: bytes) -> None:
    buffer = bytearray(octets)
    assert take_line(buffer, 100) is None
    assert buffer == octets


@pytest.mark.parametrize(
    "octets", [b"\n", b"NOOP\n", b"NOOP\n\r\n", b"NO\nOP\r\n", b"NOOP\rX", b"NO\rOP\r\n", b"NOOP\r\r\n", b"\r\r"]
)
def test_only_crlf_ends_a_line(octets: bytes) -> None:
    """Each of these ends a line for some server, so it must not for us."""
    with pytest.raises(BareLineEnding):
        take_line(bytearray(octets), 100)


def test_the_limit_counts_crlf() -> None:
    """RFC 5321 §4.5.3.1.4 counts it, too."""
    assert take_line(bytearray(b"12345678\r\n"), 10) == b"12345678"
    with pytest.raises(LineTooLong):
        take_line(bytearray(b"123456789\r\n"), 10)
    with pytest.raises(LineTooLong):
        take_line(bytearray(b"1234567890"), 10)
    assert take_line(bytearray(b"123456789"), 10) is None


def test_a_line_that_ends_just_beyond_the_limit_is_too_long_however_it_is_cut() -> None:
    """The CR is the last octet that fits: the LF must not decide."""
    for octets in (b"123456789\r", b"123456789\r\n", b"123456789\rX"):
        with pytest.raises(LineTooLong):
            take_line(bytearray(octets), 10)


@pytest.mark.parametrize(
    ("octets", "count", "has_ended", "rest"),
    [
        (b"xxxx", 4, False, b""),
        (b"xxxx\r\nNOOP\r\n", 6, True, b"NOOP\r\n"),
        (b"xxxx\r", 4, False, b"\r"),
        (b"\r\n", 2, True, b""),
        (b"x" * 200, 100, False, b"x" * 100),
        (b"", 0, False, b""),
    ],
)
def test_skipping_drops_the_line_and_no_more(octets: bytes, count: int, has_ended: bool, rest: bytes) -> None:
    buffer = bytearray(octets)
    assert skip_line(buffer, 100) == (count, has_ended)
    assert buffer == rest


@pytest.mark.parametrize("octets", [b"xx\nNOOP\r\n", b"xx\rNOOP\r\n", b"\n", b"xx\r\r\n"])
def test_a_skipped_line_ends_with_crlf_too(octets: bytes) -> None:
    """Else a long line with a LF in it would hide a command from whoever reads along."""
    with pytest.raises(BareLineEnding):
        skip_line(bytearray(octets), 100)
