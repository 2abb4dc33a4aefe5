"""Files and mails that bring a report, and those that bring something else."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from typing import Any

import pytest

from samotop.msgauth.reports import (
    AggregateReport,
    AttachmentError,
    UnpackError,
    format_report,
    read_message,
    take_attachment,
    unpack_report,
)
from samotop.msgauth.reports.attachment import DEPTH_LIMIT, MESSAGE_LIMIT, PART_LIMIT
from samotop.msgauth.reports.unpack import RATIO_FREE, UNPACKED_LIMIT
from tests.fakes.effort import check_linear

XML = b"<feedback>" + os.urandom(999).hex().encode() + b"</feedback>"


def make_zip(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
        archive.comment = comment
    return packed.getvalue()


def test_each_packing_is_undone() -> None:
    """By its content, whatever the file is called."""
    for packed in (
        XML,
        gzip.compress(XML),
        make_zip(("a!b!1!2.xml", XML)),
        make_zip(("x", XML), method=zipfile.ZIP_STORED),
        make_zip(("x", XML), comment=b"hello"),
        gzip.compress(XML) + b"\0" * 100,
    ):
        assert unpack_report(packed) == XML


def test_an_archive_that_was_written_to_a_pipe_is_read() -> None:
    """Its local header has no sizes; the directory has them."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.octets = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, octets: Any) -> int:
            self.octets += octets
            return len(octets)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.xml", XML)
    assert unpack_report(bytes(pipe.octets)) == XML


GZIP_BOMB = gzip.compress(b"<" + b"\0" * (UNPACKED_LIMIT * 4))
ZIP_BOMB = make_zip(("bomb.xml", b"<" + b"\0" * (UNPACKED_LIMIT - 10)))
LYING_ZIP = ZIP_BOMB.replace(struct.pack("<L", UNPACKED_LIMIT - 9), struct.pack("<L", 100))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "neither XML"),
        (b"hello", "neither XML"),
        (b"\x1f\x8b", "cut off"),
        (gzip.compress(XML)[:-3], "cut off"),
        (gzip.compress(XML)[:-8] + b"\0" * 8, "damaged"),
        (gzip.compress(XML)[:100] + b"\xff" * 100, "damaged|cut off"),
        (gzip.compress(XML) + gzip.compress(XML), "exactly one"),
        (gzip.compress(XML) + b"more", "exactly one"),
        (gzip.compress(gzip.compress(XML)), "archive in an archive"),
        (gzip.compress(make_zip(("x", XML))), "archive in an archive"),
        (make_zip(("x.gz", gzip.compress(XML))), "archive in an archive"),
        (GZIP_BOMB, "bomb"),
        (ZIP_BOMB, "bomb"),
        (LYING_ZIP, "bomb"),
        (make_zip(), "neither XML"),
        (make_zip(("a", XML), ("b", XML)), "more or less than one"),
        (make_zip(("x", XML))[:-1], "without a directory|in several parts"),
        (make_zip(("x", XML)) + b"trailing", "in several parts"),
        (make_zip(("x", XML))[:40], "without a directory"),
        (make_zip(("x", XML), method=zipfile.ZIP_BZIP2), "not read"),
        (make_zip(("x", XML))[:60] + make_zip(("x", XML))[70:], "damaged|exactly|cut off|without"),
        (make_zip(("x", b"hello")), "neither XML"),
        (XML.ljust(UNPACKED_LIMIT + 1), "larger"),
    ],
    ids=range(23),
)
def test_anything_else_is_refused(octets: bytes, reason: str) -> None:
    with pytest.raises(UnpackError, match=reason):
        unpack_report(octets)


def test_an_encrypted_archive_is_refused() -> None:
    packed = bytearray(make_zip(("x", XML)))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UnpackError, match="encrypted"):
        unpack_report(bytes(packed))


def test_an_archive_is_what_its_checksum_says() -> None:
    packed = make_zip(("x", XML), method=zipfile.ZIP_STORED)
    with pytest.raises(UnpackError, match="damaged"):
        unpack_report(packed.replace(XML[20:30], b"0123456789"))


@pytest.mark.parametrize("bomb", [GZIP_BOMB, ZIP_BOMB, LYING_ZIP])
def test_a_bomb_takes_no_memory(bomb: bytes) -> None:
    """Megabytes are there, and not one more than the ratio allows is made of them."""
    tracemalloc.start()
    try:
        with pytest.raises(UnpackError):
            unpack_report(bomb)
        most = max(RATIO_FREE, 250 * len(bomb))
        assert tracemalloc.get_traced_memory()[1] < 3 * most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("keep", range(0, 46, 3))
def test_a_damaged_directory_raises_its_own_error(keep: int) -> None:
    packed = make_zip(("x", XML))
    at = packed.rindex(b"PK\x01\x02") + keep
    for octet in (0, 0xFF):
        damaged = packed[:at] + bytes([octet]) + packed[at + 1 :]
        try:
            assert unpack_report(damaged) == XML
        except UnpackError:
            continue


def test_many_small_steps_take_linear_time() -> None:
    """What is not used yet is not copied at each step: a file of random octets unpacks in small pieces."""
    content = b"<" + os.urandom(4_000_000)
    assert unpack_report(zlib.compress(content, 1, wbits=31)) == content


# ---- mail


def mail(kind: str, body: bytes, *fields: str) -> bytes:
    head = "\r\n".join(
        ["From: r@reporter.example", "Subject: Report Domain: example.com", f"Content-Type: {kind}", *fields]
    )
    return head.encode() + b"\r\n\r\n" + body


def part(kind: str, body: bytes, *fields: str) -> bytes:
    return "\r\n".join([f"Content-Type: {kind}", *fields]).encode() + b"\r\n\r\n" + body + b"\r\n"


def multipart(*parts: bytes, boundary: bytes = b"b1") -> bytes:
    lines = b"".join(b"--" + boundary + b"\r\n" + each for each in parts)
    return b"a preamble\r\n" + lines + b"--" + boundary + b"--\r\nan epilogue\r\n"


def encoded(octets: bytes) -> bytes:
    import base64

    return base64.encodebytes(octets).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


BASE64 = "Content-Transfer-Encoding: base64"
NOTE = part("text/plain", b"A report is attached.")


def test_a_report_is_taken_out_of_its_mail(report: AggregateReport) -> None:
    xml = format_report(report)
    packed = gzip.compress(xml)
    whole = encoded(packed)
    for message in (
        mail("application/gzip", whole, BASE64),
        mail("application/gzip; name=x", whole, "content-transfer-encoding:  BASE64"),
        mail("application/octet-stream", whole, BASE64, 'Content-Disposition: attachment; filename="a!b!1!2.xml.gz"'),
        mail('application/octet-stream;\r\n name="A!B.XML.GZ"', whole, BASE64),
        mail("text/xml", xml),
        mail("multipart/mixed; boundary=b1", multipart(NOTE, part("application/gzip", whole, BASE64))),
        mail('multipart/mixed;\r\n\tboundary="b1"', multipart(part("application/x-gzip", whole, BASE64), NOTE)),
        mail(
            "multipart/mixed; boundary=b1",
            multipart(NOTE, part("application/zip", encoded(make_zip(("x", xml))), BASE64)),
        ),
        mail(
            "multipart/mixed; boundary=b1",
            multipart(
                part("multipart/alternative; boundary=b1x", multipart(NOTE, NOTE, boundary=b"b1x")),
                part("application/gzip", whole, BASE64),
            ),
        ),
        mail("multipart/mixed; boundary=b1", multipart(NOTE, part("application/gzip", whole, BASE64))).replace(
            b"\r\n", b"\n"
        ),
        mail(
            "multipart/mixed; boundary=b1", multipart(NOTE, part("application/gzip", whole, BASE64)).split(b"--b1--")[0]
        ),
    ):
        assert read_message(message) == report


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "no report"),
        (mail("text/plain", b"hello"), "no report"),
        (mail("multipart/mixed", b"hello"), "without a boundary"),
        (mail("multipart/mixed; boundary=" + "b" * 71, b"hello"), "without a boundary"),
        (mail("multipart/mixed; boundary=b1", multipart(NOTE, NOTE)), "no report"),
        (mail("multipart/mixed; boundary=b1", multipart(part("text/xml", XML), part("text/xml", XML))), "several"),
        (mail("application/gzip", b"?", BASE64), "base64"),
        (mail("application/gzip", b"YQ==YQ==", BASE64), "base64"),
        (mail("application/gzip", b"x", "Content-Transfer-Encoding: x-uuencode"), "encoding"),
        (mail("multipart/mixed; boundary=b1", multipart(*[NOTE] * (PART_LIMIT + 1))), "parts"),
        (mail("message/rfc822", mail("text/xml", XML)), "no report"),
        (b"X: " + b"a" * MESSAGE_LIMIT, "larger"),
    ],
    ids=range(12),
)
def test_a_mail_without_one_report_is_refused(message: bytes, reason: str) -> None:
    with pytest.raises(AttachmentError, match=reason):
        take_attachment(message)


def test_parts_are_entered_so_deep_and_no_deeper() -> None:
    inner = part("text/xml", XML)
    for level in range(DEPTH_LIMIT + 1):
        name = f"level{level}x"
        inner = part(f"multipart/mixed; boundary={name}", multipart(inner, boundary=name.encode()))
        if level == DEPTH_LIMIT - 1:
            assert take_attachment(inner) == XML
    with pytest.raises(AttachmentError, match="deeper"):
        take_attachment(inner)


def test_quoted_printable_is_read() -> None:
    message = mail("text/xml", b"<a b=3D=22c=22>=\r\n</a>", "Content-Transfer-Encoding: quoted-printable")
    assert take_attachment(message) == b'<a b="c"></a>'


@pytest.mark.parametrize(
    "piece",
    [b"--b1\r\n", b"--b1x\r\n", b"--b1", b"\n--b1", b"\n", b"a: b\n", b"\n\n--b1\n"],
)
def test_the_worst_mail_takes_linear_time(piece: bytes) -> None:
    def read(times: int) -> None:
        with suppress(AttachmentError):
            take_attachment(b"Content-Type: multipart/mixed; boundary=b1\n\n" + piece * times)

    check_linear(read, 10_000)


@pytest.mark.parametrize("piece", [b";", b';a="', b";a=", b"; a\\", b';="\\'])
def test_the_worst_parameters_take_linear_time(piece: bytes) -> None:
    def read(octets: int) -> None:
        with suppress(AttachmentError):
            take_attachment(b"Content-Type: text/xml" + piece * (octets // len(piece)) + b"\n\n")

    check_linear(read, 15_000)
