"""What leaves for another server: ours on top, nothing of ours inside, whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.content import Content
from samotop.delivery.outgoing import Outgoing, prepend, replace_header
from samotop.queue.entry import Entry
from tests.fakes.queue import make_entry

HOST = "mx.example.org"


def leave(octets: bytes, entry: Entry, outgoing: Outgoing = Outgoing(HOST)) -> bytes:
    made = outgoing.prepare(entry, Content.from_bytes(octets))
    whole = made.to_bytes()
    assert made.size == len(whole)
    assert whole.startswith(made.header)
    return whole


def test_one_received_of_ours_and_nothing_that_was_for_our_readers() -> None:
    """Received and Delivered-To of before stay: by them loops are found."""
    octets = (
        b"Return-Path: <x@y>\r\nAuthentication-Results: mx.example.org; spf=pass\r\n"
        b"Authentication-Results: other.example; spf=pass\r\nDelivered-To: a@b\r\n"
        b"Received: from a by mx.example.org; now\r\nSubject: s\r\n\r\nText\r\n"
    )
    found = leave(octets, make_entry(1))
    assert found.startswith(b"Received: from mail.example.net")
    assert found.count(b"Received: ") == 2
    assert b"Return-Path" not in found and b"mx.example.org; spf" not in found
    assert b"other.example; spf=pass" in found and b"Delivered-To: a@b" in found
    assert found.endswith(b"Subject: s\r\n\r\nText\r\n")


def test_what_a_user_submitted_gets_what_it_lacks_the_same_each_time() -> None:
    """RFC 6409 §8; a second attempt must not be a second message. Of strangers' mail nothing is added."""
    entry = make_entry(1, login="alice")
    bare = b"From: alice@example.org\r\n\r\nText\r\n"
    found = leave(bare, entry)
    assert b"\r\nDate: " in found and f"\r\nMessage-ID: <{entry.id}@{HOST}>\r\n".encode() in found
    assert leave(bare, entry) == found
    whole = b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nmessage-id: <1@x>\r\n" + bare
    assert leave(whole, entry).endswith(whole)
    assert b"Message-ID" not in leave(bare, make_entry(2))


def test_what_our_users_wrote_is_signed_as_it_leaves() -> None:
    """The signature covers what is sent, Date and all; of others' mail nothing is signed."""
    signed: list[bytes] = []

    def sign(entry: Entry, content: Content) -> bytes:
        signed.append(content.to_bytes())
        return b"DKIM-Signature: x\r\n"

    outgoing = Outgoing(HOST, sign=sign)
    found = leave(b"From: alice@example.org\r\n\r\nText\r\n", make_entry(1, login="alice"), outgoing)
    assert found.endswith(b"DKIM-Signature: x\r\n" + signed[0]) and b"Date: " in signed[0]
    leave(b"From: a@b\r\n\r\nText\r\n", make_entry(2), outgoing)
    assert len(signed) == 1


def test_where_we_submit_from_is_nobodys_business() -> None:
    entry = make_entry(1, login="alice")
    assert b"192.0.2.7" not in leave(b"From: a@b\r\n\r\nx", replace(entry, trace=replace(entry.trace, login="alice")))


@given(st.binary(max_size=60), st.binary(max_size=60), st.lists(st.integers(1, 9), max_size=30))
def test_a_body_is_whole_however_it_comes_in_pieces(fields: bytes, body: bytes, cuts: list[int]) -> None:
    octets = b"Subject: s\r\nX: " + fields.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n\r\n" + body
    pieces: list[bytes] = []
    rest = octets
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    content = Content.from_chunks((*pieces, rest))
    changed = prepend(b"A: b\r\n", replace_header(content, lambda header: header.replace(b"Subject: s\r\n", b"")))
    assert changed.to_bytes() == b"A: b\r\n" + octets.removeprefix(b"Subject: s\r\n")


@pytest.mark.parametrize("octets", [b"", b"\r\n", b"no header", b"\r\n\r\nbody"])
def test_what_is_no_message_leaves_too(octets: bytes) -> None:
    """It was accepted; what the next hop makes of it is its business."""
    assert leave(octets, make_entry(1)).endswith(octets)
