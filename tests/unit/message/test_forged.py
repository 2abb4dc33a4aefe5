"""What arrives and would pass for our own trace fields goes; all else stays."""

from __future__ import annotations

import pytest

from samotop.address import Address
from samotop.message.forged import iterate_genuine, strip_forged

BOB = Address("bob", "example.org")


@pytest.mark.parametrize(
    "forged",
    [
        b"Return-Path: <x@y>\r\n",
        b"RETURN-path\t: <x@y>\r\n",
        b"Delivered-To: bob@example.org\r\n",
        b"delivered-to: <BOB@Example.Org>\r\n",
        b"Received: from a by mx.example.org with SMTP; d\r\n",
        b"Received: from a\r\n\tBY\r\n MX.Example.Org.; d\r\n",
        b"Received: from a (b (c) by x) by(d)mx.example.org; d\r\n",
        b"Received: from a (unbalanced by mx.example.org; d\r\n",
        b"Received: by mx.example.org;d\r\n",
        b"Authentication-Results: mx.example.org; spf=pass\r\n",
        b"AUTHENTICATION-results :\r\n (x) MX.Example.Org. 1;\r\n\tdkim=pass\r\n",
        b'Authentication-Results: "mx.ex\\ample.org"; none\r\n',
        b"Authentication-Results: mx.example.org no such field\r\n",
        b"Authentication-Results\r\n : mx.example.org; none\r\n",
        b"Authentication-Results\xc2\xa0: mx.example.org; none\r\n",
        b"\x00Return-Path: <x@y>\r\n",
    ],
)
def test_what_passes_for_ours_goes(forged: bytes) -> None:
    """A later reader believes these fields, because only we write them."""
    rest = b"From: x\r\n", b"Subject: y\r\n"
    for section in (forged + rest[0] + rest[1], rest[0] + forged + rest[1], rest[0] + rest[1] + forged):
        assert strip_forged(section, "mx.example.org", [BOB]) == rest[0] + rest[1]


@pytest.mark.parametrize(
    "genuine",
    [
        b"Received: from mx.example.org by relay.example.net; d\r\n",
        b"Received: from a by mx.example.org.evil.example; d\r\n",
        b"Received: from a (by mx.example.org) by b; d\r\n",
        b"Delivered-To: other@example.org\r\n",
        b"X-Return-Path: a\r\n",
        b"Subject: by mx.example.org\r\n",
        b"Authentication-Results: mx.example.net; spf=pass smtp.helo=mx.example.org\r\n",
        b"ARC-Authentication-Results: i=1; mx.example.org; none\r\n",
        b"X-Authentication-Results: mx.example.org; none\r\n",
    ],
)
def test_what_is_of_others_stays(genuine: bytes) -> None:
    """Removing another server's trace would hide the message's way."""
    section = genuine + b"From: x\r\n"
    assert strip_forged(section, "mx.example.org", [BOB]) == section


def test_a_forged_field_behind_a_huge_header_goes_too() -> None:
    """The bound is on our memory, not on what we look at; also where one field alone is larger than it."""
    head = b"X: " + b"y" * 500 + b"\r\n" + b"Return-Path: " + b"z" * 700 + b"\r\n cont\r\n" + b"A: b\r\n" * 300
    message = head + b"Return-Path: <evil>\r\n\r\nReturn-Path: body\r\n"
    want = b"X: " + b"y" * 500 + b"\r\n" + b"A: b\r\n" * 300 + b"\r\nReturn-Path: body\r\n"
    for step in (1, 2, 3, 7, 100, 5000):
        cut = (message[at : at + step] for at in range(0, len(message), step))
        assert b"".join(iterate_genuine(cut, "mx", limit=64)) == want


def test_a_message_without_header_is_left_alone() -> None:
    """What follows the blank line is the body, even if there is nothing before it."""
    message = b"\r\nReturn-Path: <x>\r\n\r\n"
    assert b"".join(iterate_genuine(iter((message[:1], message[1:])), "mx")) == message
