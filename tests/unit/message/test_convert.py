"""Fewer bits, same message: what a reader sees is unchanged, what is signed is left alone."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from samotop.content import Content
from samotop.message import Message
from samotop.message.convert import Unconvertible, convert_content
from samotop.message.structure import MimeBounds

TEXT = "Grüße aus Köln, no matter = what\r\n"


def convert(octets: bytes, *, keeps_8bit: bool = False) -> bytes:
    return convert_content(Content.from_bytes(octets), keeps_8bit=keeps_8bit).to_bytes()


def read(octets: bytes) -> EmailMessage:
    found = message_from_bytes(octets, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def test_what_is_ascii_stays_the_same_content() -> None:
    content = Content.from_bytes(b"Subject: x\r\n\r\nplain\r\n")
    assert convert_content(content) is content


def test_text_becomes_quoted_printable() -> None:
    fields = "MIME-Version: 1.0\nSubject: x\nContent-Type: text/plain; charset=utf-8\n"
    octets = crlf(fields + "Content-Transfer-Encoding: 8bit\n\n") + TEXT.encode()
    found = convert(octets)
    assert found.isascii()
    assert b"Content-Transfer-Encoding: quoted-printable\r\n" in found and b"8bit" not in found
    assert read(found).get_content() == TEXT
    assert found.startswith(b"MIME-Version: 1.0\r\nSubject: x\r\n")


def test_text_without_mime_gets_its_fields() -> None:
    """Nobody knows its character set (RFC 1428)."""
    found = convert(b"Subject: x\r\n\r\nGr\xfc\xdfe\r\n")
    assert b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" in found
    assert read(found).get_payload(decode=True) == b"Gr\xfc\xdfe\r\n"


def test_parts_are_converted_each_for_itself() -> None:
    """Only those that need it; the boundaries stay where they were."""
    message = Message.build(
        author="a@example.org",
        to=["b@example.org"],
        subject="x",
        text="Grüße",
        html="<p>Grüße</p>",
        attachments=[],
        allow_8bit=True,
    ).to_bytes()
    assert not message.isascii()
    found = convert(message)
    assert found.isascii()
    parsed = read(found)
    assert [part.get_content().strip() for part in parsed.iter_parts()] == ["Grüße", "<p>Grüße</p>"]


def test_a_message_inside_is_gone_through_as_well() -> None:
    inner = crlf("Subject: inner\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n") + TEXT.encode()
    outer = (
        crlf("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n")
        + inner
        + crlf("--b\n\nlast\n--b--\n")
    )
    found = convert(outer)
    assert found.isascii()
    attached, last = read(found).iter_parts()
    assert attached.get_content()["subject"] == "inner"
    assert attached.get_content().get_content() == TEXT.rstrip()  # its line end belongs to the delimiter
    assert last.get_payload() == "last"


def test_binary_becomes_base64_and_text_may_keep_eight_bits() -> None:
    binary = bytes(range(256)) * 4
    octets = (
        crlf("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: binary\n\n")
        + crlf("--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n")
        + TEXT.encode()
        + crlf("\n--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n")
        + binary
        + crlf("\n--b--\n")
    )
    found = convert(octets, keeps_8bit=True)
    assert TEXT.encode() in found and b"\0" not in found and b"binary" not in found
    assert [part.get_payload(decode=True) for part in read(found).iter_parts()][1] == binary


@pytest.mark.parametrize("kind", ["signed", "encrypted"])
def test_what_is_signed_or_encrypted_is_not_touched(kind: str) -> None:
    octets = crlf(f"MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=b\n\n--b\n\n{TEXT}\n--b--\n")
    with pytest.raises(Unconvertible, match="signed or encrypted"):
        convert(octets)


@pytest.mark.parametrize(
    "octets",
    [
        crlf("Subject: Grüße\nMIME-Version: 1.0\n\n" + TEXT),
        crlf(f"Content-Type: multipart/mixed; boundary=b\n\npreamble {TEXT}\n--b\n\nx\n--b--\n"),
        crlf(f"Content-Type: multipart/mixed; boundary=b\n\n--b\n{TEXT}\n--b--\n"),
        TEXT.encode(),
        b"\x80",
    ],
)
def test_what_cannot_be_converted_is_refused(octets: bytes) -> None:
    """A header of eight bits, text between the parts, a part without a header's end."""
    with pytest.raises(Unconvertible):
        convert(octets)


def test_there_are_bounds() -> None:
    with pytest.raises(Unconvertible, match="too large"):
        convert_content(Content.from_bytes(b"x" * 100), bounds=MimeBounds(octets=99))
    nested = crlf("Content-Type: message/rfc822\n\n" * 40) + crlf("Subject: x\n\n") + TEXT.encode()
    with pytest.raises(Unconvertible, match="too deep"):
        convert(nested)
    many = crlf("Content-Type: multipart/mixed; boundary=b\n\n") + crlf("--b\n\nü\n") * 2000 + b"--b--\r\n"
    with pytest.raises(Unconvertible, match="too many"):
        convert(many)
