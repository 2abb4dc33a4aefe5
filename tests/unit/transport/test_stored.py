"""A directory read back: what was sent there can be sent on, and what is no envelope is not believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samotop import NULL_PATH, Address, Envelope, Message, Recipient
from samotop.envelope import Body, MailParameters
from samotop.transport import Directory, LocalSender, RecordingTransport, read_directory, read_stored
from samotop.transport.stored import PIECE

ENVELOPE = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))


async def test_what_was_sent_there_is_read_back_and_sent_on(tmp_path: Path) -> None:
    """In order, with the envelope's Bcc, and with CRLF; in front are the trace fields of having been there."""
    messages = [
        Message.build(author="a@example.org", to="b@example.net", bcc="c@example.net", subject=f"ü {number}", text="x")
        for number in range(3)
    ]
    recording = RecordingTransport()
    async with LocalSender(Directory(tmp_path)) as out:
        for message in messages:
            (await out.send(message)).check()
    for found in read_directory(tmp_path):
        (await recording.send(found)).check()
    assert [mail.recipients for mail in recording.sent] == [["b@example.net", "c@example.net"]] * 3
    assert all(mail.content.endswith(one.to_bytes()) for mail, one in zip(recording.sent, messages, strict=True))
    assert recording.sent[0].content.startswith(b"Return-Path: <a@example.org>\r\n")


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope(NULL_PATH, (Recipient(Address("b c", "example.net")),)),
        Envelope(
            Address("jörg", "bücher.example"), (Recipient(Address("b", "[192.0.2.1]")),), MailParameters(is_utf8=True)
        ),
        Envelope(Address("a", "b.example"), ENVELOPE.recipients, MailParameters(body=Body.EIGHT_BIT)),
    ],
)
async def test_an_envelope_comes_back(envelope: Envelope, tmp_path: Path) -> None:
    async with LocalSender(Directory(tmp_path)) as out:
        (await out.send(envelope, b"Subject: x\r\n\r\nx\r\n")).check()
    (found,) = read_directory(tmp_path)
    parameters = found.envelope.parameters
    assert (found.envelope.reverse_path, found.envelope.recipients) == (envelope.reverse_path, envelope.recipients)
    assert (parameters.body, parameters.is_utf8) == (envelope.parameters.body, envelope.parameters.is_utf8)


@pytest.mark.parametrize("before", [PIECE - 2, PIECE - 1, PIECE])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_ends_are_crlf_however_the_file_is_read(end: bytes, before: int, tmp_path: Path) -> None:
    """Also for a file of somebody else's, which may have either; there is no envelope then."""
    file = tmp_path / "x.eml"
    file.write_bytes(b"x" * before + end + end + b"y" + end)
    found = read_stored(file)
    assert found.to_bytes() == b"x" * before + b"\r\n\r\ny\r\n"
    assert found.content.size == len(found.to_bytes())
    with pytest.raises(ValueError, match="no envelope"):
        _ = found.envelope
    assert found.with_envelope(ENVELOPE).envelope.recipients == ENVELOPE.recipients


async def test_binary_content_keeps_its_octets(tmp_path: Path) -> None:
    content = b"Subject: x\r\n\r\n\n\r\0"
    binary = Envelope(ENVELOPE.reverse_path, ENVELOPE.recipients, MailParameters(body=Body.BINARY))
    async with LocalSender(Directory(tmp_path)) as out:
        (await out.send(binary, content)).check()
    (found,) = read_directory(tmp_path)
    assert found.to_bytes().endswith(content)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        (json.dumps({"reverse_path": ""}), "no recipient"),
        (json.dumps({"reverse_path": "", "recipients": []}), "no recipient"),
        (json.dumps({"reverse_path": "", "recipients": ["a@b", "secret\r\nDATA"]}), "addresses is none"),
        (json.dumps({"reverse_path": "", "recipients": [None]}), "addresses is none"),
        (json.dumps({"recipients": ["a@b.example"]}), "addresses is none"),
        (json.dumps({"reverse_path": "\ud800@b", "recipients": ["a@b.example"]}), "addresses is none"),
        (json.dumps({"reverse_path": "", "recipients": ["a@b.example"], "body": "9BIT"}), "of no kind"),
        (json.dumps({"reverse_path": "", "recipients": ["a@b.example"], "body": []}), "of no kind"),
    ],
)
def test_what_is_no_envelope_is_not_believed(told: str, words: str, tmp_path: Path) -> None:
    """A file can be changed by anybody who may write there; nothing of it gets into a command unread."""
    (tmp_path / "x.eml").write_bytes(b"Subject: x\n\nx\n")
    (tmp_path / "x.json").write_text(told)
    with pytest.raises(ValueError, match=words) as caught:
        read_stored(tmp_path / "x.eml")
    assert "secret" not in str(caught.value)


def test_a_file_that_is_being_written_is_none_yet(tmp_path: Path) -> None:
    (tmp_path / ".x.eml").write_bytes(b"half")
    assert list(read_directory(tmp_path)) == []
