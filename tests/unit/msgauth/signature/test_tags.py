"""Tag lists: RFC 6376 §3.2."""

from __future__ import annotations

import pytest

from samotop.msgauth.signature.tags import (
    COUNT_LIMIT,
    LENGTH_LIMIT,
    TagSyntaxError,
    parse_tags,
    read_base64,
    read_number,
    split_list,
)


def values(octets: bytes) -> dict[str, bytes]:
    return {name: tag.value for name, tag in parse_tags(octets).items()}


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"v=1", {"v": b"1"}),
        (b" v = 1 ; a\r\n =\r\n\tb c ;", {"v": b"1", "a": b"b c"}),
        (b"p=", {"p": b""}),
        (b"a=b=c; d==", {"a": b"b=c", "d": b"="}),
        (b"A=1; a=2", {"A": b"1", "a": b"2"}),
        (b"x_1=2;\r\n ", {"x_1": b"2"}),
        (b"n=\xc3\xa9", {"n": "é".encode()}),
    ],
)
def test_a_list_is_read(octets: bytes, expected: dict[str, bytes]) -> None:
    assert values(octets) == expected


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b";",
        b"  ",
        b"v",
        b"=1",
        b"v=1;;a=2",
        b"v=1; ;",
        b"1v=1",
        b"-v=1",
        b"v v=1",
        b"v=1; v=1",
        b"d=a; x=1; d=b",
        b"v=\x00",
        b"v=\x7f",
        b"v=\x0b",
    ],
)
def test_what_is_ambiguous_or_broken_is_refused_as_a_whole(octets: bytes) -> None:
    """Two readers that each take another one of two d= are what a forger needs."""
    with pytest.raises(TagSyntaxError):
        parse_tags(octets)


def test_a_tag_says_where_it_stands() -> None:
    """The hash of a signature is taken without the value of b=, white space around it included."""
    octets = b"a=1; b= xyz\r\n abc ; c=2"
    tag = parse_tags(octets)["b"]
    assert octets[: tag.start] + octets[tag.end :] == b"a=1; b=; c=2"


def test_there_are_bounds() -> None:
    with pytest.raises(TagSyntaxError):
        parse_tags(b"a=" + b"x" * LENGTH_LIMIT)
    with pytest.raises(TagSyntaxError):
        parse_tags(b";".join(b"a%d=1" % number for number in range(COUNT_LIMIT + 1)))
    assert len(parse_tags(b";".join(b"a%d=1" % number for number in range(COUNT_LIMIT)))) == COUNT_LIMIT


def test_base64_may_be_folded_and_must_be_whole() -> None:
    assert read_base64(b"aGVs\r\n\tbG8 =") == b"hello"
    for broken in (b"aGVsbG8", b"aGVsbG8=x", b"a", b"aGV$bG8=", b"="):
        with pytest.raises(TagSyntaxError):
            read_base64(broken)


def test_a_number_has_digits_only() -> None:
    assert read_number(b"007") == 7
    assert read_number(b"9" * 76) == 10**76 - 1
    for broken in (b"", b"-1", b"+1", b"1 2", b"1e3", b"9" * 77, "١".encode()):
        with pytest.raises(TagSyntaxError):
            read_number(broken)


def test_a_list_in_a_value_is_split_at_colons() -> None:
    assert split_list(b"from : to:\r\n subject") == [b"from", b"to", b"subject"]
    assert split_list(b"") == [b""]
