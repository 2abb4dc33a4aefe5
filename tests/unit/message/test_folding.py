"""Header fields as they are written: one field, folded, with every space where it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from samotop.message.fields import Header, read_text
from samotop.message.folding import (
    check_fields,
    check_name,
    format_phrase,
    format_structured,
    format_unstructured,
)
from samotop.message.header import iterate_fields

letters = st.sampled_from("aZ0 \t=?_é漢😀,") | st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
FORBIDDEN = ["\r", "\n", "\0", "\r\n", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"]


@given(st.text(letters, max_size=300), st.booleans(), st.sampled_from(["S", "Subject", "X-" + "Long-" * 13]))
@example("x" * 2000, False, "Subject")
@example("é" * 2000, True, "Subject")
@example("a " * 200, False, "Subject")
@example("=?utf-8?q?a?= b", False, "Subject")
@example("\t\t", False, "Subject")
def test_text_is_one_field_and_comes_back(text: str, utf8: bool, name: str) -> None:
    field = format_unstructured(name, text, utf8=utf8)
    (found,) = iterate_fields(field)
    assert found.raw == field
    assert found.name.decode() == name
    assert read_text(found.value) == text
    lines = field.decode().removesuffix("\r\n").split("\r\n")
    assert all(line.strip() for line in lines[1:])
    for line in lines:
        assert len(line.encode()) <= 998
        assert len(line) <= 78 or " " not in line.lstrip(" ").partition(": ")[2].strip() or "\t" in line
        assert "=?utf-8?" not in line or len(line) <= 78
    assert utf8 or field.isascii()


@pytest.mark.parametrize("character", FORBIDDEN)
def test_no_line_end_gets_into_a_field(character: str) -> None:
    """Header injection: whoever can write a line end can write a field."""
    with pytest.raises(ValueError, match="no header field may have"):
        format_unstructured("Subject", f"x{character}Bcc: victim@example.org")
    with pytest.raises(ValueError, match="no header field may have"):
        format_phrase(f"x{character}")


@given(st.lists(st.text(max_size=30), max_size=5))
def test_whatever_the_pieces_one_field_or_none(pieces: list[str]) -> None:
    """The last check holds, should all before it have failed."""
    try:
        field = format_structured("X", pieces)
    except ValueError:
        return
    assert len(list(iterate_fields(field))) == 1
    assert not re.search(rb"[\0\x01-\x08]|\r(?!\n)|(?<!\r)\n", field)


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "x\r\n", "x" * 77, "\0", "a\tb"])
def test_a_name_is_one(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        check_name(name)


def test_lines_are_folded_at_78() -> None:
    assert format_unstructured("Subject", "word " * 30 + "end") == (
        b"Subject: " + b"word " * 13 + b"word\r\n " + b"word " * 14 + b"word\r\n word end\r\n"
    )


def test_a_long_word_is_left_whole() -> None:
    """Up to where a line may not be longer; then it is encoded, which can be folded."""
    link = "https://example.org/" + "x" * 200
    assert format_unstructured("X-Link", link) == f"X-Link: {link}\r\n".encode()
    assert b"=?utf-8?q?" in format_unstructured("X-Link", link * 5)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Bob", ["Bob"]),
        ("Bob A. Smith", ['"Bob A. Smith"']),
        ("Smith, Bob", ['"Smith, Bob"']),
        ('Bob "B" \\', ['"Bob \\"B\\" \\\\"']),
        ("a  b", ['"a  b"']),
        ("Jörg", ["=?utf-8?b?SsO2cmc=?="]),
        ("=?x", ["=?utf-8?b?PT94?="]),
        ("", ['""']),
    ],
)
def test_a_name_is_atoms_quoted_or_encoded(text: str, written: list[str]) -> None:
    assert format_phrase(text) == written


def test_utf8_stays_where_it_is_allowed() -> None:
    assert format_phrase("Jörg Müller", utf8=True) == ["Jörg", "Müller"]
    assert format_unstructured("Subject", "Größe", utf8=True) == "Subject: Größe\r\n".encode()


@pytest.mark.parametrize("octets", [b"", b"A: b\r\n", b"A: b\r\n\tc\r\nB:d\r\n", b"A:\r\n b\r\n"])
def test_whole_fields(octets: bytes) -> None:
    check_fields(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"A",
        b"A: b",
        b"A: b\n",
        b"\r\n",
        b"A: b\r\n\r\n",
        b"A: b\r\n \r\nx\r\n",
        b" a\r\n",
        b"A: \0\r\n",
        b"A: b\rc\r\n",
        b"A: " + b"x" * 996 + b"\r\n",
        b"A: b\r\nno field\r\n",
        b"A: b\r\n  \r\n",
    ],
)
def test_what_is_not_whole_fields(octets: bytes) -> None:
    with pytest.raises(ValueError, match="no header fields"):
        check_fields(octets)


def test_a_header_is_found_by_name_in_any_case() -> None:
    header = Header(b"A: 1\r\na: 2\r\nno field\r\nB: =?utf-8?q?x=0D=0AC:_y?=\r\n\r\nA: body\r\n")
    assert header.get("a") == "1"
    assert header.get_all("A") == ["1", "2"]
    assert header.get("B") == "x  C: y"  # what could begin a field is made harmless
    assert header.get("C") is None
    assert header.get_raw("b") == b" =?utf-8?q?x=0D=0AC:_y?="
    assert "a" in header and "z" not in header
    assert len(list(header)) == 4
