"""Parameters: RFC 2231's own examples, what strangers write, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.message.parameters import COUNT_LIMIT, format_parameters, parse_parameters

letters = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (
            'message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub/moore/bulk-mailer/x.tar"',
            {"access-type": "URL", "url": "ftp://cs.utk.edu/pub/moore/bulk-mailer/x.tar"},
        ),
        (
            "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
            {"title": "This is ***fun***"},
        ),
        (
            "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; "
            'title*2="isn\'t it!"',
            {"title": "This is even more ***fun*** isn't it!"},
        ),
    ],
)
def test_the_examples_of_rfc_2231(value: str, wanted: dict[str, str]) -> None:
    """Its sections 3 and 4."""
    assert parse_parameters(value)[1] == wanted


@pytest.mark.parametrize(
    ("value", "first", "wanted"),
    [
        ("TEXT/Plain", "text/plain", {}),
        ("text/plain; charset=us-ascii (Plain text)", "text/plain", {"charset": "us-ascii"}),
        ('text/plain (x;y=z); CHARSET="utf-8"', "text/plain", {"charset": "utf-8"}),
        ("attachment; filename=two words.pdf; size=3", "attachment", {"filename": "two words.pdf", "size": "3"}),
        ('attachment; filename="=?utf-8?q?=C3=A9.pdf?="', "attachment", {"filename": "é.pdf"}),
        ("attachment; filename==?utf-8?q?=C3=A9.pdf?=", "attachment", {"filename": "é.pdf"}),
        ('attachment; filename="a;b\\"c"', "attachment", {"filename": 'a;b"c'}),
        ('attachment; filename="never closed; x=y', "attachment", {"filename": "never closed", "x": "y"}),
        ("attachment; filename*=utf-8''%C3%A9; filename=e", "attachment", {"filename": "é"}),
        ("attachment; filename*1=b; filename*0=a", "attachment", {"filename": "ab"}),
        ("attachment; filename*0=a; filename*2=c", "attachment", {"filename": "a"}),  # 1 is missing
        ("attachment; filename*=nosuch''%C3%A9", "attachment", {"filename": "é"}),
        ("attachment; filename*=%C3%A9", "attachment", {"filename": "é"}),
        ("attachment; filename*=utf-8''a%0D%0Ab", "attachment", {"filename": "a  b"}),
        ("a/b; x=1; x=2; X=3", "a/b", {"x": "1"}),  # the first counts
        ("a/b;;; ;x=1;", "a/b", {"x": "1"}),
        ("a/b; =x; y; z=", "a/b", {"z": ""}),
        (";x=y", "", {"x": "y"}),
        ("", "", {}),
    ],
)
def test_what_strangers_write(value: str, first: str, wanted: dict[str, str]) -> None:
    assert parse_parameters(value) == (first, wanted)


@given(st.dictionaries(st.sampled_from(["filename", "name", "x-y"]), st.text(letters, max_size=300)))
def test_what_was_written_comes_back(parameters: dict[str, str]) -> None:
    pieces = format_parameters("a/b", parameters)
    assert parse_parameters(" ".join(pieces)) == ("a/b", parameters)
    assert parse_parameters("\r\n ".join(pieces).replace("\r\n", "")) == ("a/b", parameters)
    assert all(len(piece) <= 76 and piece.isascii() for piece in pieces)


@pytest.mark.parametrize("name", ["", "a b", "a*", "é", "a\r\n", "x" * 41, "a=b"])
def test_a_parameters_name_is_one(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        format_parameters("a/b", {name: "x"})


@given(st.text(";=\"\\()*'%0a \t\r\né"))
def test_reading_never_fails(value: str) -> None:
    parse_parameters(value)


def test_parameters_are_counted() -> None:
    value = "a/b" + "".join(f";p{number}=x" for number in range(10 * COUNT_LIMIT))
    assert len(parse_parameters(value)[1]) == COUNT_LIMIT
