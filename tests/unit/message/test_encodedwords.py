"""Encoded words: RFC 2047's own examples, white space above all, and what strangers write."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.message.encodedwords import WORD_LIMIT, decode_words, encode_words

WORD = re.compile(r"=\?utf-8\?(?:q\?[A-Za-z0-9!*+/=_-]+|b\?[A-Za-z0-9+/]+={0,2})\?=")

characters = st.characters(exclude_categories=["Cs"])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("=?US-ASCII?Q?Keith_Moore?=", "Keith Moore"),
        ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
        (
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example.",
        ),
        ("(=?ISO-8859-1?Q?a?=)", "(a)"),
        ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
    ],
)
def test_the_examples_of_rfc_2047(written: str, meant: str) -> None:
    """Its section 8."""
    assert decode_words(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("=?utf-8?q?what is it?=", "what is it"),  # spaces, which may not be there
        ("x=?utf-8?q?y?=z", "xyz"),  # no space around
        ("=?utf-8?b?w?= =?utf-8?b?qQ==?=", "\ufffd"),  # a character cut in two, and base64 too short
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),  # a character cut in two
        ("=?utf-8*en?q?=C3=A9?=", "é"),  # with a language (RFC 2231 §5)
        ("=?UTF-8?Q?=c3=a9?=", "é"),
        ("=?unknown?q?=C3=A9?=", "é"),
        ("=?nosuch?q?=E9?=", "é"),
        ("=?us-ascii?q?=E9?=", "é"),
        ("=?iso-8859-1?q?=93x=94?=", "“x”"),  # what is called Latin-1 is Windows-1252
        ("=?gb2312?b?1tDOxA==?=", "中文"),
        ("=?utf-7?q?+2AA-?=", "\ufffd"),  # half of a surrogate pair is no character
        ("=?rot13?q?nop?=", "nop"),  # no character set
        ("=?utf-8?x?y?=", "=?utf-8?x?y?="),
        ("=?utf-8?q?no end", "=?utf-8?q?no end"),
        ("=?=?=?", "=?=?=?"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_what_strangers_write(written: str, meant: str) -> None:
    assert decode_words(written) == meant


@given(st.text(characters, min_size=1), st.integers(0, 100))
def test_what_was_encoded_is_decoded(text: str, room: int) -> None:
    words = encode_words(text, room)
    assert decode_words(" ".join(words)) == text
    assert decode_words("\r\n ".join(words)) == text
    for word in words:
        assert WORD.fullmatch(word)
        assert len(word) <= WORD_LIMIT
        assert decode_words(word).isprintable() or not text.isprintable()  # each is whole characters (RFC 2047 §5)


@given(st.text(characters, min_size=1))
def test_each_word_has_whole_characters(text: str) -> None:
    """Also for a reader that decodes each word alone."""
    assert "".join(decode_words(word) for word in encode_words(text)) == text


@given(st.text("=?utf-8qb_ \r\n\té" + "\u2028"))
def test_decoding_never_fails(text: str) -> None:
    decode_words(text)


@given(st.text(st.characters(exclude_characters="="), max_size=60), st.text("aé ", min_size=1, max_size=20))
def test_what_stands_around_a_word_stays(around: str, text: str) -> None:
    encoded = " ".join(encode_words(text))
    assert decode_words(f"{around}|{encoded}|{around}") == f"{around}|{text}|{around}"


def test_the_shorter_encoding_is_chosen() -> None:
    assert encode_words("Grüße") == ["=?utf-8?b?R3LDvMOfZQ==?="]
    assert encode_words("A very plain sentence ü") == ["=?utf-8?q?A_very_plain_sentence_=C3=BC?="]
    assert encode_words("漢字かな") == ["=?utf-8?b?5ryi5a2X44GL44Gq?="]
