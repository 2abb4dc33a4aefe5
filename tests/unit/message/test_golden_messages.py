"""Whole messages, octet by octet, as they are written: each in tests/golden/message beside what made it here.

They are what people see who read a message's source, and what would break
signatures if it changed unnoticed. `GOLDEN=write pytest ...` writes them anew;
read the difference before it is committed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from samotop import Address, Attachment, Message, Part
from samotop.message import Mailbox

GOLDEN = Path(__file__).parents[2] / "golden" / "message"
AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


def plain() -> Message:
    return Message.build(
        author="Alice <alice@example.org>",
        to="Bob <bob@example.net>",
        subject="Hello",
        text="Hi Bob,\n\nhow are you?\n",
        date=AT,
        message_id="1@example.org",
    )


def everything() -> Message:
    return Message.build(
        author=[Mailbox("Jörg Müller", Address("joerg", "example.org")), "alice@example.org"],
        sender="Secretary <office@example.org>",
        reply_to="answers@example.org",
        to=["Doe, John <john@example.net>".replace("Doe, John", '"Doe, John"'), "Team: a@example.net, b@example.net;"],
        cc="Zoë <zoe@bücher.example>",
        bcc="secret@example.net",
        subject="Übersicht der Größen,  mit zwei Leerzeichen und einem Rest, der auf die nächste Zeile muss",
        text="Grüße aus Köln\n",
        html='<p>Grüße aus Köln <img src="cid:pixel@example.org"></p>\n',
        inline=[Attachment(PIXEL, "pixel.gif", content_id="pixel@example.org")],
        attachments=[
            Attachment("größe;zahl\n1;2\n", "Größen für das Jahr 2024.csv", description="Die Zahlen"),
            Attachment(plain().content, "before.eml"),
        ],
        date=AT.astimezone(timezone(timedelta(hours=2))),
        message_id="2@example.org",
        in_reply_to="1@example.org",
        references=[f"<{number}@a-rather-long-domain-name.example.org>" for number in range(4)] + ["<1@example.org>"],
        headers={"X-Mailer": "none", "Keywords": ["sizes", "numbers"], "Comments": "=?this looks like a word?="},
    )


def newsletter() -> Message:
    return Message.build(
        author="news@example.org",
        to="bob@example.net",
        subject="News",
        html="<p>News</p>",
        list_id="Our news <news.example.org>",
        list_unsubscribe=["https://example.org/leave?who=bob", "mailto:leave@example.org"],
        list_unsubscribe_post=True,
        list_help="https://example.org/help",
        list_subscribe="https://example.org/join",
        list_owner="mailto:owner@example.org",
        list_archive="https://example.org/archive",
        list_post="NO",
        reverse_path="bounces+bob@example.org",
        date=AT,
        message_id="3@example.org",
    )


def internationalized() -> Message:
    return Message.build(
        author="Jörg <jörg@bücher.example>",
        to="δοκιμή@παράδειγμα.example",
        subject="Größe",
        text="größer\n",
        allow_8bit=True,
        smtputf8=True,
        date=AT,
        message_id="4@example.org",
    )


def signed() -> Message:
    def sign(part: Part) -> Part:
        signature = Part.encoded(
            b"-----BEGIN PGP SIGNATURE-----\r\n\r\nAAAA\r\n-----END PGP SIGNATURE-----\r\n",
            "application/pgp-signature",
            "7bit",
            parameters={"name": "signature.asc"},
        )
        return Part.multipart(
            "signed", [part, signature], parameters={"micalg": "pgp-sha512", "protocol": "application/pgp-signature"}
        )

    message = Message.build(
        author="a@example.org", to="b@example.net", text="Signed\n", wrap=sign, date=AT, message_id="5@example.org"
    )
    return message.signed(lambda content: b"DKIM-Signature: v=1; l=%d;\r\n\tb=AAAA\r\n" % content.size)


def long_lines() -> Message:
    return Message.build(
        author="a@example.org",
        to="b@example.net",
        subject="x" * 100 + " " + "ü" * 100 + " " + "y" * 1000,
        text="word " * 300 + "\n" + "From here on\n.\n. \n\ttabs\t\n" + "ß" * 40 + "\n",
        html="<p>" + "漢字" * 60,
        date=AT,
        message_id="6@example.org",
    )


def reply() -> Message:
    return plain().reply(author="bob@example.net", text="Fine!", date=AT, message_id="7@example.net")


def forward() -> Message:
    return everything().forward(
        author="john@example.net", to="eve@example.com", text="See below", date=AT, message_id="8@example.net"
    )


CASES: tuple[Callable[[], Message], ...] = (
    plain,
    everything,
    newsletter,
    internationalized,
    signed,
    long_lines,
    reply,
    forward,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_message_is_written_as_it_always_was(case: Callable[[], Message]) -> None:
    octets = case().to_bytes()
    path = GOLDEN / f"{case.__name__}.eml"
    if os.environ.get("GOLDEN") == "write":
        path.write_bytes(octets)
    assert octets == path.read_bytes()


def test_every_golden_message_is_made() -> None:
    assert {path.stem for path in GOLDEN.glob("*.eml")} == {case.__name__ for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_lines_are_as_long_as_they_may_be(case: Callable[[], Message]) -> None:
    """RFC 5322 §2.1.1: 998 octets, and 78 where there is a choice."""
    octets = case().to_bytes()
    header, _, _ = octets.partition(b"\r\n\r\n")
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert all(len(line.decode()) <= 78 or b" " not in line[10:].strip() for line in header.split(b"\r\n"))
    assert b"\n" not in octets.replace(b"\r\n", b"") and b"\r" not in octets.replace(b"\r\n", b"")
