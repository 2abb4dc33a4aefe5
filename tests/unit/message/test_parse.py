"""Messages as strangers send them: whatever the octets are, something sensible is read, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop import Content, Message
from samotop.message import MimeBounds
from samotop.message.charsets import decode_text, find_codec

MIXED = b"""From: =?utf-8?q?J=C3=B6rg?= <j@example.org>
To: a@example.net
To: b@example.net
Subject: =?utf-8?b?R3LDvMOfZQ==?=
Date: Thu, 11 Apr 96 01:10 EST
Message-ID: <1@example.org>
References: <a@b>
\t<c@d>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

preamble
--x
Content-Type: multipart/alternative; boundary="y"

--y
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--y
Content-Type: text/html

<p>Gr\xc3\xbc\xc3\x9fe
--y--
--x
Content-Type: image/png; name="../../logo.png"
Content-Disposition: attachment; filename*=utf-8''%2Fetc%2Fr%C3%A9sum%C3%A9.png
Content-Transfer-Encoding: base64

AAEC
--x
Content-Type: message/rfc822

Subject: inner

Hello
--x--
epilogue
"""


@pytest.mark.parametrize("octets", [MIXED, MIXED.replace(b"\n", b"\r\n")], ids=["LF", "CRLF"])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_a_message_is_read(octets: bytes, step: int) -> None:
    """With either line end, and from a content in whichever pieces."""
    pieces = tuple(octets[at : at + step] for at in range(0, len(octets), step))
    message = Message.parse(Content.from_chunks(pieces))
    assert message.subject == "Grüße"
    assert [one.display_name for one in message.authors] == ["Jörg"]
    assert [str(one.address) for one in message.to] == ["a@example.net", "b@example.net"]
    assert message.date == datetime(1996, 4, 11, 6, 10, tzinfo=UTC)
    assert message.message_id == "<1@example.org>"
    assert message.references == ("<a@b>", "<c@d>")
    assert message.text == "Grüße"
    assert message.html == "<p>Grüße"
    assert message.entity.preamble.strip() == b"preamble"
    assert message.entity.epilogue.strip() == b"epilogue"
    logo, inner = message.attachments
    assert (logo.name, logo.decoded(), logo.media_type) == ("résumé.png", b"\0\1\2", "image/png")
    assert inner.message is not None and inner.message.subject == "inner" and inner.message.text == "Hello"
    assert not message.is_cut


def test_nothing_is_read_before_it_is_asked_for() -> None:
    """The header without the body; the body once."""
    passes = 0

    def chunks() -> Iterator[bytes]:
        nonlocal passes
        passes += 1
        yield b"Subject: x\r\n\r\n"
        yield b"body"

    message = Message.parse(Content(18, chunks))
    assert passes == 0
    assert message.subject == "x" and message.date is None
    assert passes == 1
    assert message.text == "body" and message.html is None and message.attachments == ()
    assert passes == 2


@pytest.mark.parametrize(
    ("octets", "subject", "text"),
    [
        (b"", None, ""),
        (b"\r\n", None, ""),
        (b"no header at all", None, "no header at all"),
        (b"no header\r\n\r\nat all", None, "no header\n\nat all"),
        (b"Subject: x", "x", ""),
        (b"Subject: x\r\n", "x", ""),
        (b"Subject: x\r\n\r\n", "x", ""),
        (b"Subject : x\r\n\r\ny", "x", "y"),
        (b"From sender Thu Apr 11 01:10:30 1996\nSubject: x\n\ny", "x", "y"),  # from an mbox
        (b"Subject: x\r\nno field\r\nA: b\r\n\r\ny", "x", "y"),
        (b"Subject: \xe9\r\n\r\n\xe9", "é", "é"),
        (b"Subject: \xc3\xa9\r\n\r\n\xc3\xa9", "é", "é"),
        (b"Subject: a\x00b\x1b\r\n\r\n", "a b ", ""),
        (b"Subject:\r\n\r\n", "", ""),
        (b"Content-Type: garbage\r\n\r\nx", None, "x"),
        (b"Content-Type: multipart/mixed\r\n\r\nx", None, None),
        (b"Content-Type: multipart/mixed; boundary=\r\n\r\nx", None, None),
        (b"Content-Type: text/html\r\n\r\nx", None, None),
        (b"Content-Transfer-Encoding: x-uuencode\r\n\r\nx", None, "x"),
        (b"Content-Transfer-Encoding: BASE64 (really)\r\n\r\neA==", None, "x"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\n\r\nsecond", None, "first"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno header\r\n--b--", None, "no header"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: b\r\n--b\r\n\r\nx\r\n--b--", None, ""),
    ],
)
def test_something_sensible_is_read(octets: bytes, subject: str | None, text: str | None) -> None:
    message = Message.parse(octets)
    assert (message.subject, message.text) == (subject, text)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\Users\\\\x.pdf", "x.pdf"),
        ("a/b/", ""),
        ("..", ""),
        (" . ", ""),
        ("x.pdf. . ", "x.pdf"),
        ("\ta\tb", "a\tb"),
        ("x" * 500 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_a_files_name_is_one(given: str, name: str) -> None:
    """It may be used as it is: no folder in it, and not longer than names may be."""
    message = Message.parse(f'Content-Disposition: attachment; filename="{given}"\r\n\r\nx'.encode())
    (part,) = message.attachments
    assert part.name == name


def test_what_html_shows_is_no_attachment() -> None:
    octets = (
        b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=cid:a>\r\n"
        b"--b\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <a>\r\n\r\nx\r\n--b\r\n"
        b"Content-Type: image/png\r\nContent-ID: <b>\r\nContent-Disposition: attachment\r\n\r\ny\r\n--b--"
    )
    message = Message.parse(octets)
    assert message.html == "<img src=cid:a>"
    assert [one.content_id for one in message.attachments] == ["b"]


def test_a_text_that_goes_along_is_not_the_message() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment\r\n\r\nfile\r\n"
        b"--b\r\n\r\nmessage\r\n--b\r\n\r\nfooter\r\n--b--"
    )
    message = Message.parse(octets)
    assert message.text == "message"
    assert [one.decoded_text() for one in message.attachments] == ["file"]
    assert [part.decoded_text() for part in message.walk() if part.is_text] == ["file", "message", "footer"]


def test_a_missing_date_or_identifier_is_none() -> None:
    message = Message.parse(b"Date: yesterday\r\nMessage-ID: none\r\n\r\n")
    assert (message.date, message.message_id, message.sender) == (None, None, None)
    assert (message.in_reply_to, message.references, message.authors, message.to) == ((), (), (), ())


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("UTF-8", "utf_8"),
        ("utf8", "utf_8"),
        ("ISO-8859-1", "latin_1"),
        ("windows-1252", "cp1252"),
        ("KOI8-R", "koi8_r"),
        ("Shift_JIS", "cp932"),
        ("ks_c_5601-1987", "cp949"),
        ("iso-2022-jp", "iso2022_jp"),
        ("'utf-8'", "utf_8"),
    ],
)
def test_character_sets_by_the_names_that_programs_give(charset: str, codec: str) -> None:
    assert find_codec(charset) == codec


@pytest.mark.parametrize(
    "charset", ["rot13", "zlib", "base64", "idna", "punycode", "unicode_escape", "undefined", "os", "../x"]
)
def test_nothing_is_looked_up_for_a_stranger(charset: str) -> None:
    """What is not a character set of mail is none; ``idna`` and ``punycode`` would take quadratic time."""
    assert find_codec(charset) == ""
    assert decode_text(b"caf\xe9", charset) == "café"


@given(
    st.binary(max_size=60), st.sampled_from(["utf-8", "utf-16", "utf-7", "iso-2022-jp", "hz", "gb18030", "euc-kr", "x"])
)
def test_decoded_text_is_text(octets: bytes, charset: str) -> None:
    """It can be encoded again, whatever was decoded."""
    decode_text(octets, charset).encode("utf-8")


@given(st.lists(st.sampled_from([*MIXED.splitlines(keepends=True), b"--", b"x", b"\r", b"\0", b"\xff"]), max_size=60))
def test_reading_never_fails(pieces: list[bytes]) -> None:
    message = Message.parse(b"".join(pieces), bounds=MimeBounds(octets=2000, parts=20, depth=4, fields=30))
    parts = list(message.walk())
    assert len(parts) <= 20
    for part in parts:
        assert part.name == part.name.strip()
        part.decoded_text()
        if part.message is not None:
            str(part.message.text)
    str((message.subject, message.authors, message.date, message.references, message.text, message.html))
