"""Notifications that we write: read back by our reader and by Python's email, and safe whatever peers said."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import Address
from samotop.content import Content
from samotop.dsn import RETURN_LIMIT, Notification, Told, format_notification, parse_notification
from samotop.dsn.fields import escape_utf8, unescape_utf8
from samotop.status import EnhancedStatus

MESSAGE = b"From: alice@example.org\r\nSubject: hello\r\n\r\nFirst line\r\n"
NEVER = EnhancedStatus(5, 1, 1)
BOB = Address("bob", "example.net")
ALICE = Address("alice", "example.org")
FAILED = Told(BOB, "failed", NEVER, "nobody of that name", "mx.example.net", "550 5.1.1 nobody of that name")


def build(*told: Told, content: bytes = MESSAGE, to: Address = ALICE, **more: object) -> bytes:
    notification = Notification(
        "mx.example.org",
        Address("postmaster", "example.org"),
        to,
        told,
        1_700_000_000.0,
        **more,  # type: ignore[arg-type]  # the table of a case
    )
    made = format_notification(notification, Content.from_bytes(content), 1_700_000_100.0, "1.dsn@mx.example.org")
    octets = made.to_bytes()
    assert len(octets) == made.size
    return octets


def read(octets: bytes) -> list[EmailMessage]:
    """The three parts, as Python's own reader sees them."""
    message = message_from_bytes(octets, policy=policy.SMTP)
    assert message.get_content_type() == "multipart/report" and not message.defects
    parts = cast("list[EmailMessage]", message.get_payload())
    assert len(parts) == 3
    return parts


def test_it_has_three_parts_and_says_who_wrote_it() -> None:
    """RFC 6522 §3; Auto-Submitted so that nobody's vacation answers it (RFC 3834 §5)."""
    octets = build(FAILED)
    message = message_from_bytes(octets, policy=policy.SMTP)
    assert message["auto-submitted"] == "auto-replied"
    assert message["from"].addresses[0].addr_spec == "postmaster@example.org"
    assert message["to"].addresses[0].addr_spec == "alice@example.org"
    words, status, returned = read(octets)
    assert "bob@example.net" in words.get_content() and "nobody of that name" in words.get_content()
    assert status.get_content_type() == "message/delivery-status"
    assert returned.get_content_type() == "text/rfc822-headers"
    assert b"First line" not in octets


def test_the_fields_say_what_happened() -> None:
    """Each field of RFC 3464 that we know of."""
    told = Told(
        BOB,
        "delayed",
        EnhancedStatus(4, 4, 1),
        "no answer",
        original="rfc822;robert@example.com",
        gives_up=1_700_400_000.0,
        tried_at=1_700_000_050.0,
    )
    text = build(told, FAILED, envelope_id="QQ314159", received_from="laptop").decode()
    for line in (
        "Original-Envelope-Id: QQ314159",
        "Reporting-MTA: dns; mx.example.org",
        "Received-From-MTA: dns; laptop",
        "Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Original-Recipient: rfc822; robert@example.com",
        "Final-Recipient: rfc822; bob@example.net",
        "Action: delayed",
        "Status: 4.4.1",
        "Diagnostic-Code: x-samotop; no answer",
        "Last-Attempt-Date: Tue, 14 Nov 2023 22:14:10 +0000",
        "Will-Retry-Until: Sun, 19 Nov 2023 13:20:00 +0000",
        "Remote-MTA: dns; mx.example.net",
        "Diagnostic-Code: smtp; 550 5.1.1 nobody of that name",
    ):
        assert f"\r\n{line}\r\n" in text, line


def test_our_reader_understands_it() -> None:
    """The round trip."""
    found = parse_notification(build(FAILED, Told(ALICE, "relayed", EnhancedStatus(2, 0, 0)), envelope_id="x"))
    assert found is not None
    assert (found.reporter, found.envelope_id) == ("mx.example.org", "x")
    first, second = found.recipients
    assert (first.final, first.action, first.status, first.server) == (
        "bob@example.net",
        "failed",
        NEVER,
        "mx.example.net",
    )
    assert first.diagnostic == "550 5.1.1 nobody of that name"
    assert first.has_failed and not second.has_failed
    assert b"Subject: hello" in found.returned


def test_the_whole_message_goes_back_where_the_sender_asked_for_it() -> None:
    """RET=FULL (RFC 3461 §6.2); it is streamed, and not read while the notification is written."""
    octets = build(FAILED, returns_all=True)
    _, _, returned = read(octets)
    assert returned.get_content_type() == "message/rfc822"
    assert MESSAGE in octets


def test_a_large_message_does_not_go_back() -> None:
    """Who sent it has it; what came in as one must not become two."""
    octets = build(FAILED, content=MESSAGE + b"x" * RETURN_LIMIT, returns_all=True)
    assert len(octets) < 10_000
    assert read(octets)[2].get_content_type() == "text/rfc822-headers"


def test_addresses_beyond_ascii() -> None:
    """RFC 6533: as they are for a sender with SMTPUTF8, escaped for any other; both are read back."""
    jose = Told(Address("josé", "exämple.net"), "failed", NEVER, original="utf-8;josé@exämple.net")
    plain, full = build(jose), build(jose, utf8=True)
    assert b"Content-Type: message/delivery-status" in plain
    assert rb"utf-8; jos\x{E9}@ex\x{E4}mple.net" in plain
    assert b"Content-Type: message/global-delivery-status" in full and b"message/global-headers" in full
    assert "utf-8; josé@exämple.net".encode() in full
    for octets in (plain, full):
        found = parse_notification(octets)
        assert found is not None
        assert found.recipients[0].final == found.recipients[0].original == "josé@exämple.net"


def test_several_things_are_told_in_one_letter() -> None:
    """And the subject is the worst of them."""
    octets = build(Told(ALICE, "delivered", EnhancedStatus(2, 0, 0)), FAILED)
    assert b"Subject: Your message could not be delivered" in octets
    assert "as you asked to be told" in " ".join(read(octets)[0].get_content().split())


def test_nothing_to_tell_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="somebody"):
        build()


_HOSTILE = st.text(st.sampled_from("a \r\n\t\0:;<>-=\u2028\x85\\é") | st.characters(), max_size=60)


@given(_HOSTILE, _HOSTILE, _HOSTILE, _HOSTILE, st.booleans())
def test_no_text_of_a_peer_becomes_anything_else(text: str, server: str, local: str, envid: str, utf8: bool) -> None:
    """A reply, a name, an address: none begins a field, a group or a part. ``surrogates`` come from bad UTF-8."""
    told = Told(Address(local or "x", "example.net"), "failed", NEVER, text, server, text, f"rfc822;{text}")
    octets = build(told, utf8=utf8, envelope_id=envid, received_from=server)
    boundary = octets.partition(b'boundary="')[2].partition(b'"')[0]
    assert octets.count(b"\r\n--" + boundary) == 4
    status = octets[octets.index(b"-status\r\n") :].split(b"\r\n--" + boundary)[0].partition(b"\r\n\r\n")[2]
    groups = status.strip(b"\r\n").split(b"\r\n\r\n")
    assert len(groups) == 2
    known = {
        b"Original-Envelope-Id",
        b"Reporting-MTA",
        b"Received-From-MTA",
        b"Arrival-Date",
        b"Original-Recipient",
        b"Final-Recipient",
        b"Action",
        b"Status",
        b"Remote-MTA",
        b"Diagnostic-Code",
    }
    for line in b"\r\n".join(groups).split(b"\r\n"):
        if line:
            assert line.partition(b":")[0] in known
        assert len(line) <= 998
    assert b"\n" not in octets.replace(b"\r\n", b"") and b"\r" not in octets.replace(b"\r\n", b"")


@given(st.text(st.characters(codec="utf-8")))
def test_escaping_is_undone(text: str) -> None:
    """utf-8-addr-xtext both ways (RFC 6533 §3)."""
    escaped = escape_utf8(text)
    assert escaped.isascii()
    assert unescape_utf8(escaped) == text
