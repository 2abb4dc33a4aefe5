from __future__ import annotations

import pytest

from samotop.errors import PeerError
from samotop.smtp.xtext import NotXtext, format_unitext, format_xtext, parse_base64, parse_unitext, parse_xtext


@pytest.mark.parametrize(
    ("octets", "decoded"), [(b"", b""), (b"a+2Bb", b"a+b"), (b"+00+FF", b"\0\xff"), (b"x@y", b"x@y")]
)
def test_xtext(octets: bytes, decoded: bytes) -> None:
    assert parse_xtext(octets) == decoded


@pytest.mark.parametrize("octets", [b"+", b"+2", b"+2b", b"+GG", b"a=b", b"a b", b"a\r", b"\xc3\xa9", b"\0"])
def test_what_is_not_xtext(octets: bytes) -> None:
    """RFC 3461 §4: capitals only, and '+' and '=' never as themselves."""
    with pytest.raises(NotXtext):
        parse_xtext(octets)


def test_xtext_with_utf8() -> None:
    assert parse_xtext("jörg".encode(), allows_utf8=True) == "jörg".encode()
    assert format_xtext("jörg".encode()) == b"j+C3+B6rg"


@pytest.mark.parametrize(
    ("text", "ascii_form", "utf8_form"),
    [
        ("bob@example.org", b"bob@example.org", b"bob@example.org"),
        ("jörg", rb"j\x{F6}rg", "jörg".encode()),
        ("a+b=c\\d e", rb"a\x{2B}b\x{3D}c\x{5C}d\x{20}e", rb"a\x{2B}b\x{3D}c\x{5C}d\x{20}e"),
        ("भ🐍", rb"\x{92D}\x{1F40D}", "भ🐍".encode()),
    ],
)
def test_utf8_addresses_have_two_forms(text: str, ascii_form: bytes, utf8_form: bytes) -> None:
    """RFC 6533 §3: the one for where SMTPUTF8 is not spoken is ASCII alone."""
    assert format_unitext(text, allows_utf8=False) == ascii_form
    assert format_unitext(text, allows_utf8=True) == utf8_form
    assert parse_unitext(ascii_form, allows_utf8=False) == parse_unitext(utf8_form, allows_utf8=True) == text


@pytest.mark.parametrize(
    "octets",
    [b"a+b", b"a b", rb"\x", rb"\x{}", rb"\x{6}", rb"\x{0F6}", rb"\x{D800}", rb"\x{110000}", b"\xc3", b"\xc3\xa9\xff"],
)
def test_what_is_no_utf8_address(octets: bytes) -> None:
    with pytest.raises(NotXtext):
        parse_unitext(octets, allows_utf8=True)


@pytest.mark.parametrize(
    ("octets", "decoded"),
    [(b"", b""), (b"YQ==", b"a"), (b"YWI=", b"ab"), (b"YWJj", b"abc"), (b"+/+/", b"\xfb\xff\xbf")],
)
def test_base64(octets: bytes, decoded: bytes) -> None:
    assert parse_base64(octets) == decoded


@pytest.mark.parametrize(
    "octets",
    [
        b"Y",
        b"YQ",
        b"YQ=",
        b"YQ===",
        b"YWJj==",
        b"YWJj=",
        b"====",
        b"YQ==YQ==",
        b" YQ==",
        b"YQ==\n",
        b"Y-_=",
        b"\xe9Q==",
    ],
)
def test_what_is_not_base64(octets: bytes) -> None:
    """RFC 4954 §4: what cannot be decoded is refused; guessing would let two parties read two passwords."""
    with pytest.raises(PeerError):
        parse_base64(octets)
