"""What a program says becomes a message: fields, parts, envelope, and what is refused."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from samotop import NULL_PATH, Address, Attachment, Content, Message, Part
from samotop.envelope import Body
from samotop.message import Mailbox

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
FORBIDDEN = ["\r\nBcc: x@y.test", "\n", "\r", "\0", "\x1b", "\u2028"]


def build(**arguments: object) -> Message:
    given = {"author": "a@example.org", "to": "b@example.net", "date": AT, "message_id": "1@example.org"}
    return Message.build(**(given | arguments))  # type: ignore[arg-type]  # the table of a case


def fields(message: Message) -> dict[str, str]:
    return {field.name.decode(): field.value.decode().strip() for field in message.header}


# ---------------------------------------------------------------------- originators and recipients


def test_the_least_message() -> None:
    """From, Date and Message-ID; the rest only where it is given."""
    message = Message.build(author="a@example.org", to="b@example.net", date=AT, message_id="<1@example.org>")
    assert message.to_bytes() == (
        b"Date: Mon, 06 May 2024 07:08:09 +0000\r\nFrom: a@example.org\r\nTo: b@example.net\r\n"
        b"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\r\n"
    )


def test_the_same_arguments_make_the_same_octets() -> None:
    """With a date and an identifier there is no chance in a message."""
    assert build(text="x", html="y").to_bytes() == build(text="x", html="y").to_bytes()


def test_a_date_and_an_identifier_are_made() -> None:
    """The date in UTC; the identifier tells the author's domain and nothing of the machine or the time."""
    first, second = (Message.build(author="a@example.org", to="b@example.net") for _ in range(2))
    assert first.date is not None and first.date.utcoffset() == AT.utcoffset()
    assert abs((first.date - datetime.now(UTC)).total_seconds()) < 60
    assert first.message_id != second.message_id
    assert first.message_id is not None and first.message_id.endswith("@example.org>")


def test_bcc_is_in_the_envelope_and_nowhere_else() -> None:
    """Among what mail programs leaked, this is the worst."""
    message = build(cc="c@example.net", bcc=["Secret <d@example.net>", "B@EXAMPLE.NET", "b@EXAMPLE.net"])
    assert [str(one.address) for one in message.envelope.recipients] == [
        "b@example.net",
        "c@example.net",
        "d@example.net",
        "B@EXAMPLE.NET",  # only the domain's owner knows whether it is another one
    ]
    assert b"d@example" not in message.to_bytes() and b"Secret" not in message.to_bytes()
    assert "bcc" not in message.header


def test_bcc_is_kept_only_by_name() -> None:
    """For the author's own copy, or for a program that looks for its recipients there."""
    message = build(bcc=["Secret <d@example.net>", "e@example.net"], keeps_bcc=True)
    assert fields(message)["Bcc"] == "Secret <d@example.net>, e@example.net"
    assert [str(one.address) for one in Message.parse(message.to_bytes()).bcc] == ["d@example.net", "e@example.net"]
    assert "bcc" not in build(keeps_bcc=True).header


def test_several_authors_need_a_sender() -> None:
    """RFC 5322 §3.6.2. Which of them sends it cannot be guessed."""
    with pytest.raises(ValueError, match="sender: several authors need one"):
        build(author=["a@example.org", "b@example.org"])
    message = build(author="a@example.org, B <b@example.org>", sender="s@example.org")
    assert fields(message)["From"] == "a@example.org, B <b@example.org>"
    assert fields(message)["Sender"] == "s@example.org"
    assert message.envelope.reverse_path == Address("s", "example.org")


def test_the_only_author_is_not_told_twice() -> None:
    message = build(sender="A <a@example.org>")
    assert message.sender is None
    assert message.envelope.reverse_path == Address("a", "example.org")


def test_bounces_may_go_elsewhere() -> None:
    assert build(reverse_path="bounces@example.org").envelope.reverse_path == Address("bounces", "example.org")
    assert build(reverse_path=NULL_PATH).envelope.reverse_path is NULL_PATH


@pytest.mark.parametrize(
    "given",
    ["b@example.net", Address("b", "example.net"), Mailbox("", Address("b", "example.net")), ["b@example.net"]],
)
def test_whom_it_goes_to_in_every_form(given: object) -> None:
    assert fields(build(to=given))["To"] == "b@example.net"


def test_groups_stay_groups() -> None:
    message = build(to="Friends: a@example.net, B <b@example.net>;, c@example.net")
    assert fields(message)["To"] == "Friends: a@example.net, B <b@example.net>;, c@example.net"
    assert [one.group for one in message.to] == ["Friends", "Friends", ""]


@pytest.mark.parametrize(
    "address",
    ["", "b", "b@", "@x", "b@x y", "b c@x", "<b@x", "b@x>, c@y", "b@-x-", "b@x\r\nBcc: c@y", "b@x\0", "Doe, J <b@x>"],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"^to\b"):
        build(to=address)


@pytest.mark.parametrize(
    "mailbox",
    [
        Mailbox("x\r\nBcc: y@z", Address("b", "example.net")),
        Mailbox("", Address("b\r\nc", "example.net")),
        Mailbox("", Address("b", "example.net>\r\nBcc: <c@y")),
        Mailbox("", Address("b", "example.net, c@y")),
        Mailbox("", Address("b", "")),
        Mailbox("", Address("b", "example.net"), "g\n"),
        Address("b", "x\0"),
        5,
    ],
)
def test_no_value_of_the_callers_gets_out_of_its_field(mailbox: object) -> None:
    """Values that nobody parsed are held to the same grammar."""
    with pytest.raises(ValueError, match=r"^to\b"):
        build(to=[mailbox])


def test_names_are_written_for_everybody() -> None:
    message = build(to=[Mailbox("Müller, Jörg", Address("j", "example.net")), Mailbox("B. C.", Address("b", "x.test"))])
    assert fields(message)["To"] == '=?utf-8?b?TcO8bGxlciwgSsO2cmc=?= <j@example.net>, "B. C." <b@x.test>'
    assert [one.display_name for one in message.to] == ["Müller, Jörg", "B. C."]


def test_a_local_part_may_need_quotes() -> None:
    message = build(to='"john doe"@example.net')
    assert message.envelope.recipients[0].address == Address("john doe", "example.net")
    assert fields(message)["To"] == '"john doe"@example.net'


def test_an_international_domain_goes_to_every_server() -> None:
    """RFC 5891: A-labels, where the local part allows it."""
    message = build(to="jörg <j@bücher.example>", author=Address("ü", "bücher.example"))
    assert message.envelope.recipients[0].address == Address("j", "xn--bcher-kva.example")
    assert message.envelope.reverse_path == Address("ü", "bücher.example")


def test_smtputf8_is_needed_only_where_it_is() -> None:
    """A local part beyond ASCII needs it (RFC 6531), and a name or a subject does not."""
    assert not build(subject="Größe", to="Jörg <j@bücher.example>").needs_smtputf8
    with_address = build(to="jörg@example.net")
    assert with_address.needs_smtputf8 and with_address.envelope.parameters.is_utf8
    hidden = build(bcc="jörg@example.net")
    assert hidden.content.header.isascii() and hidden.envelope.parameters.is_utf8 and hidden.needs_smtputf8
    asked = build(subject="Größe", smtputf8=True)
    assert asked.needs_smtputf8 and "Subject: Größe\r\n".encode() in asked.to_bytes()


def test_a_message_without_recipients_has_no_envelope() -> None:
    draft = Message.build(author="a@example.org", text="not yet")
    with pytest.raises(ValueError, match="no recipient"):
        _ = draft.envelope
    assert build(to=(), bcc="b@example.net").envelope.recipients


def test_the_envelope_knows_the_size() -> None:
    message = build(text="x")
    assert message.envelope.parameters.size == len(message.to_bytes()) == message.content.size


# ---------------------------------------------------------------------- fields


@pytest.mark.parametrize("bad", FORBIDDEN)
@pytest.mark.parametrize(
    "argument", ["subject", "message_id", "in_reply_to", "references", "list_id", "author", "to", "cc"]
)
def test_no_argument_lets_a_line_end_in(argument: str, bad: str) -> None:
    """Header injection, field by field. An identifier with a space would end it as well."""
    good = {"subject": "x", "list_id": "x.example.org"}.get(argument, "x@example.org")
    with pytest.raises(ValueError):
        build(**{argument: f"{good}{bad}@example.org"})


@pytest.mark.parametrize("bad", FORBIDDEN)
def test_no_other_field_lets_a_line_end_in(bad: str) -> None:
    for headers in ({"X-A": f"x{bad}"}, {f"X-A{bad}": "x"}, {"X-A": f"x{bad}".encode()}):
        with pytest.raises(ValueError):
            build(headers=headers)
    for attachment in (
        {"name": f"x{bad}"},
        {"media_type": f"a/b{bad}"},
        {"content_id": f"x{bad}"},
        {"description": f"x{bad}"},
    ):
        with pytest.raises(ValueError):
            build(attachments=[Attachment(b"x", **attachment)])  # type: ignore[arg-type]  # the table of a case


def test_other_fields_by_name() -> None:
    message = build(
        headers={
            "Comments": ["first", "zweites Mal: ö"],
            "X-Raw": b"(=?not touched?=)",
            "Disposition-Notification-To": Mailbox("Jörg", Address("j", "example.org")),
        }
    )
    assert message.get_all("comments") == ["first", "zweites Mal: ö"]
    assert message.header.get_raw("x-raw") == b" (=?not touched?=)"
    assert fields(message)["Disposition-Notification-To"] == "=?utf-8?b?SsO2cmc=?= <j@example.org>"


@pytest.mark.parametrize(
    "name", ["From", "to", "BCC", "Subject", "Content-Type", "MIME-Version", "Return-Path", "List-Id"]
)
def test_a_field_is_written_once(name: str) -> None:
    """Two From fields are no author, and Bcc is never written."""
    with pytest.raises(ValueError, match="not given among headers"):
        build(headers={name: "x"})


def test_identifiers() -> None:
    message = build(in_reply_to="<a@b>", references=["a@b", "<c@d>"])
    assert (message.in_reply_to, message.references) == (("<a@b>",), ("<a@b>", "<c@d>"))
    assert build(references="<a@b> <c@d>").references == ("<a@b>", "<c@d>")
    for bad in ("x", "<x>", "a b@c", "<a@b", "a@b>", "a@@b", "é\x85@b", "x" * 1000 + "@b"):
        with pytest.raises(ValueError, match="identifier"):
            build(message_id=bad)


def test_a_list_says_how_to_leave_it() -> None:
    """RFC 2369, RFC 2919, RFC 8058."""
    message = build(
        list_id="Friends of mail <friends.example.org>",
        list_unsubscribe=["https://example.org/leave?x=1", "mailto:leave@example.org?subject=leave"],
        list_unsubscribe_post=True,
        list_post="NO",
        list_archive="https://example.org/archive",
    )
    assert fields(message)["List-Id"] == "Friends of mail <friends.example.org>"
    assert message.get("List-Unsubscribe") == (
        "<https://example.org/leave?x=1>, <mailto:leave@example.org?subject=leave>"
    )
    assert fields(message)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert fields(message)["List-Post"] == "NO"
    with pytest.raises(ValueError, match="https"):
        build(list_unsubscribe="mailto:a@b.test", list_unsubscribe_post=True)
    for bad in ("example.org", "https://x y", "https://x>,<mailto:a@b", "https://é"):
        with pytest.raises(ValueError, match="List-Help"):
            build(list_help=bad)


def test_a_date_has_its_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        build(date=AT.replace(tzinfo=None))


# ---------------------------------------------------------------------- parts


def shape(message: Message) -> list[str]:
    return [part.media_type.removeprefix("multipart/") for part in message.walk()]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({}, ["text/plain"]),
        ({"text": "x"}, ["text/plain"]),
        ({"html": "x"}, ["text/html"]),
        ({"text": "x", "html": "y"}, ["alternative", "text/plain", "text/html"]),
        ({"html": "y", "inline": [Attachment(b"", "a.png", content_id="a")]}, ["related", "text/html", "image/png"]),
        (
            {
                "text": "x",
                "html": "y",
                "inline": [Attachment(b"", "a.png", content_id="a")],
                "attachments": [Attachment("")],
            },
            ["mixed", "alternative", "text/plain", "related", "text/html", "image/png", "text/plain"],
        ),
        ({"attachments": [Attachment(b"", "a.pdf")]}, ["mixed", "application/pdf"]),
        (
            {
                "body": Part.multipart("parallel", [Part.text("x"), Part.text("y", "calendar")]),
                "attachments": [Part.text("z")],
            },
            ["mixed", "parallel", "text/plain", "text/calendar", "text/plain"],
        ),
    ],
)
def test_only_the_parts_that_are_needed(arguments: dict[str, object], wanted: list[str]) -> None:
    assert shape(build(**arguments)) == wanted


def test_attachments_come_from_anywhere(tmp_path: Path) -> None:
    """Bytes, text, a path, streams, a content, and another message."""
    octets = bytes(range(256)) * 1000
    path = tmp_path / "Übersicht.xlsx"
    path.write_bytes(octets)
    stream = io.BytesIO(b"before" + octets)
    stream.seek(6)

    class Pipe:
        """Read once, from the front."""

        def read(self, size: int = -1, /) -> bytes:
            return octets

    message = build(
        text="x",
        attachments=[
            path,
            Attachment(octets, "a.bin"),
            Attachment(stream, "stream"),
            Attachment(Pipe(), "pipe"),
            Attachment(Content.from_chunks((octets[:7], octets[7:])), "content.zip"),
            Attachment("a;b\n", "table.csv"),
            Attachment(build(text="inside").content, "message.eml"),
        ],
    )
    for _ in range(2):  # each pass reads everything again
        found = Message.parse(message.to_bytes()).attachments
        assert [one.decoded() for one in found[:5]] == [octets] * 5
    assert [one.name for one in found] == [
        "Übersicht.xlsx",
        "a.bin",
        "stream",
        "pipe",
        "content.zip",
        "table.csv",
        "message.eml",
    ]
    assert found[0].media_type == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert found[5].decoded_text() == "a;b\n"
    assert found[6].message is not None and found[6].message.text == "inside\n"
    assert message.content.size == len(message.to_bytes())


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    """It is in memory never as a whole, whatever its length; what was told of its length must hold."""
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(5_000_000))
    message = build(text="x", attachments=[path])
    pieces = list(message.content.chunks())
    assert max(map(len, pieces)) < 200_000
    assert sum(map(len, pieces)) == message.content.size > 6_600_000
    assert Message.parse(b"".join(pieces)).attachments[0].decoded() == bytes(5_000_000)
    path.write_bytes(bytes(4_000_000))
    with pytest.raises(OSError, match="shorter"):
        message.to_bytes()


def test_what_is_no_source() -> None:
    with pytest.raises(ValueError, match="binary"):
        build(attachments=[Attachment(io.StringIO("text"), "x")])  # type: ignore[arg-type]  # what must be refused
    with pytest.raises(ValueError, match="not int"):
        build(attachments=[Attachment(5, "x")])  # type: ignore[arg-type]  # what must be refused
    with pytest.raises(ValueError, match="not int"):
        build(attachments=[5])
    with pytest.raises(FileNotFoundError):
        build(attachments=[Path("/nowhere/at/all")])


def test_a_name_beyond_ascii_has_a_plain_one_beside_it() -> None:
    """RFC 2231 says how; readers that do not know it see something that resembles it."""
    part = Attachment(b"", "Résumé 2024.pdf").to_part()
    assert part.format_fields() == (
        b'Content-Type: application/pdf; name="Resume 2024.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        b"Content-Disposition: attachment; filename*=utf-8''R%C3%A9sum%C3%A9%202024.pdf\r\n"
    )
    assert b"name=file.pdf" in Attachment(b"", "履歴書.pdf").to_part().format_fields()


def test_text_beyond_ascii_is_left_alone_where_asked() -> None:
    """8BITMIME is then what the server needs (RFC 6152)."""
    message = build(text="größer", allow_8bit=True)
    assert "größer\r\n".encode() in message.to_bytes()
    assert message.envelope.parameters.body is Body.EIGHT_BIT
    assert not message.needs_smtputf8
    assert build(text="größer").envelope.parameters.body is Body.SEVEN_BIT


def test_a_message_inside_is_not_encoded() -> None:
    """RFC 2046 §5.2.1; where it cannot travel as it is, it goes as a mere file."""
    inner = build(text="größer", allow_8bit=True)
    carried = build(attachments=[Attachment(inner.content, "m.eml")])
    assert carried.envelope.parameters.body is Body.EIGHT_BIT
    assert inner.to_bytes() in carried.to_bytes()
    for octets, kept in (
        (b"A: b\n\nx\n", "message/rfc822"),
        (b"A: b\r\n\r\n" + b"x" * 2000, "application/octet-stream"),
    ):
        (part,) = build(attachments=[Attachment(octets, "m.eml")]).attachments
        assert part.media_type == kept
        assert part.decoded().replace(b"\r\n", b"\n") == octets.replace(b"\r\n", b"\n")


def test_an_encoding_may_be_forced() -> None:
    assert Part.text("plain", encoding="base64").content == b"cGxhaW4NCg==\r\n"
    assert Part.text("plain", encoding="quoted-printable").content == b"plain\r\n"
    for encoding in ("7bit", "binary"):
        with pytest.raises(ValueError, match="cannot be sent"):
            Part.text("größer", encoding=encoding)  # type: ignore[arg-type]  # what must be refused
    with pytest.raises(ValueError, match="cannot be sent"):
        Part.text("ö" * 999, encoding="8bit")


def test_what_is_encoded_already_is_checked() -> None:
    part = Part.encoded(b"cGxhaW4=\r\n", "text/plain", "base64", fields={"Content-Language": "en"})
    assert build(body=part).text == "plain"
    for octets, encoding in ((b"\xff", "7bit"), (b"a\nb", "7bit"), (b"x" * 999, "8bit"), (b"\xff", "base64")):
        with pytest.raises(ValueError, match="octets are not"):
            Part.encoded(octets, "text/plain", encoding)  # type: ignore[arg-type]  # what must be refused


def test_a_boundary_is_in_no_body() -> None:
    """Whoever writes a text cannot end its part, even knowing what the boundary will be."""
    boundary = build(text="x", html="y").entity.parameters["boundary"]
    forged = f"x\n--{boundary}\nContent-Type: text/html\n\nforged\n--{boundary}--\n"
    message = build(text=forged, html="y")
    assert shape(message) == ["alternative", "text/plain", "text/html"]
    assert (message.text, message.html) == (forged, "y\n")
    with pytest.raises(ValueError, match="boundary that was asked for"):
        build(body=Part.multipart("mixed", [Part.text("--abc")], boundary="abc"))
    assert b'boundary="ab c"' in build(body=Part.multipart("mixed", [Part.text("x")], boundary="ab c")).to_bytes()
    for bad in ("x" * 71, "a ", "é", 'a"b', "a\r\n"):
        with pytest.raises(ValueError, match="not a boundary"):
            Part.multipart("mixed", [Part.text("x")], boundary=bad)


def test_parts_are_nested_as_deep_as_readers_follow() -> None:
    part = Part.text("x")
    for _ in range(20):
        part = Part.multipart("mixed", [part])
    message = build(body=part)
    assert message.text == "x\n"
    with pytest.raises(ValueError, match="deeper"):
        build(body=Part.multipart("mixed", [part]))
    with pytest.raises(ValueError, match="at least one"):
        Part.multipart("mixed", [])


def test_arguments_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="stands for"):
        build(body=Part.text("x"), text="y")
    with pytest.raises(ValueError, match="shown by html"):
        build(text="y", inline=[Attachment(b"", content_id="x")])


def test_a_part_has_no_field_that_is_none() -> None:
    with pytest.raises(ValueError, match="no header fields"):
        Part("text/plain", fields=b"X: y\r\n\r\nforged")
    with pytest.raises(ValueError, match="media type"):
        Part.text("x", "plain; x=y\r\n")


def test_a_part_may_have_other_fields() -> None:
    part = Part.text("x", "html").with_fields({"Content-Location": "https://example.org/x", "Content-Language": "de"})
    seen = build(body=part).header
    assert (seen.get("content-location"), seen.get("content-language")) == ("https://example.org/x", "de")
    for name in ("Content-Type", "content-transfer-encoding", "Content-Language"):
        with pytest.raises(ValueError, match="has this field already"):
            part.with_fields({name: "text/plain"})
    with pytest.raises(ValueError, match="line feed"):
        part.with_fields({"X": "y\nZ: forged"})


# ---------------------------------------------------------------------- hooks


def test_a_signature_is_put_in_front() -> None:
    """DKIM: what it is given is the content, what it gives is whole fields."""
    message = build(text="x")
    signed = message.signed(lambda content: b"DKIM-Signature: v=1;\r\n\tlength=%d\r\n" % content.size)
    assert signed.to_bytes() == b"DKIM-Signature: v=1;\r\n\tlength=%d\r\n" % message.content.size + message.to_bytes()
    assert signed.content.header.startswith(b"DKIM-Signature: v=1;") and signed.content.header.endswith(b"\r\n\r\n")
    assert signed.envelope.recipients == message.envelope.recipients
    assert signed.envelope.parameters.size == len(signed.to_bytes())
    for bad in (b"X: y", b"X: y\r\n\r\n", b"\r\n", b"X: y\n", b"no field\r\n"):
        with pytest.raises(ValueError, match="no header fields"):
            message.with_fields_prepended(bad)


def test_a_body_may_be_wrapped() -> None:
    """OpenPGP and S/MIME: the part to sign is octets that stay the same inside (RFC 1847 §2.1)."""
    seen: list[Part] = []

    def sign(part: Part) -> Part:
        seen.append(part)
        signature = Part.encoded(b"signature\r\n", "application/pgp-signature", "7bit")
        parameters = {"protocol": "application/pgp-signature", "micalg": "pgp-sha256"}
        return Part.multipart("signed", [part, signature], parameters=parameters)

    message = build(text="größer", wrap=sign)
    assert shape(message) == ["signed", "text/plain", "application/pgp-signature"]
    content = seen[0].content
    assert isinstance(content, bytes)
    assert seen[0].format_fields() + b"\r\n" + content in message.to_bytes()
    assert message.text == "größer\n"


def test_another_envelope() -> None:
    message = build(text="x")
    envelope = message.envelope
    assert message.with_envelope(envelope).to_bytes() == message.to_bytes()
    read = Message.parse(message.to_bytes())
    with pytest.raises(ValueError, match="with_envelope"):
        _ = read.envelope
    assert read.with_envelope(envelope).envelope == envelope
