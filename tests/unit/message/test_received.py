"""Received fields as many programs write them, and as nobody should."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from samotop.address import Address
from samotop.message.received import HOPS_LIMIT, VALUE_LIMIT, Received, parse_date, parse_received, read_hops
from samotop.message.trace import format_trace
from samotop.queue.entry import Trace

AT = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
DATE = b"; Sun, 22 Nov 2026 10:00:05 +0000"


def test_our_own_field_is_read_back() -> None:
    """What verify looks at first is what our own delivery wrote."""
    trace = Trace("mail.example.net", "2001:db8::25", "ESMTPS", AT.timestamp(), tls="TLSv1.3 cipher=X")
    trace = replace(trace, peer_name="out.example.net")
    written = format_trace(
        trace, Address("bob", "example.net"), [Address("a", "example.org")], "mx.example.org", "01ABC"
    )
    hops = read_hops(written)
    assert hops == [
        Received(
            hello="mail.example.net",
            name="out.example.net",
            address="2001:db8::25",
            by="mx.example.org",
            protocol="ESMTPS",
            tls="TLS 1.3",
            id="01ABC",
            at=AT,
        )
    ]
    assert hops[0].is_encrypted


@pytest.mark.parametrize(
    ("value", "hello", "name", "address", "by", "tls"),
    [
        pytest.param(
            b" from out.example.net (out.example.net [192.0.2.25])\r\n"
            b"\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\t key-exchange X25519)\r\n"
            b"\t(No client certificate requested)\r\n\tby mx.example.org (Postfix) with ESMTPS id 4XYZ\r\n"
            b"\tfor <alice@example.org>",
            "out.example.net",
            "out.example.net",
            "192.0.2.25",
            "mx.example.org",
            "TLS 1.3",
            id="postfix",
        ),
        pytest.param(
            b"from unknown (unknown [192.0.2.9]) by mx.example.org (Postfix) with SMTP id 1",
            "unknown",
            "",
            "192.0.2.9",
            "mx.example.org",
            "",
            id="postfix-without-a-name",
        ),
        pytest.param(
            b"from [192.0.2.7] (helo=laptop.local) by mx.example.org with esmtpsa  "
            b"(TLS1.2) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from <a@b>) id 1tAbc-0",
            "laptop.local",
            "",
            "192.0.2.7",
            "mx.example.org",
            "TLS 1.2",
            id="exim-by-address",
        ),
        pytest.param(
            b"from out.example.net ([192.0.2.7]:41234 helo=smtp.example.net) by mx.example.org with esmtps (Exim)",
            "smtp.example.net",
            "out.example.net",
            "192.0.2.7",
            "mx.example.org",
            "",
            id="exim-by-name",
        ),
        pytest.param(
            b"from unknown (HELO mail.example.net) (192.0.2.3) by mx.example.org with SMTP",
            "mail.example.net",
            "",
            "192.0.2.3",
            "mx.example.org",
            "",
            id="qmail",
        ),
        pytest.param(
            b"from DB9P.example.com (2001:db8:10a6::1) by AM0P.example.com (2001:db8::2) with Microsoft SMTP Server "
            b"(version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.1",
            "DB9P.example.com",
            "",
            "2001:db8:10a6::1",
            "AM0P.example.com",
            "TLS 1.2",
            id="exchange",
        ),
        pytest.param(
            b"from mail-wr1.example.com (mail-wr1.example.com. [IPv6:2001:DB8::1]) by mx.example.org with SMTPS id x",
            "mail-wr1.example.com",
            "mail-wr1.example.com",
            "2001:db8::1",
            "mx.example.org",
            "",
            id="final-dot",
        ),
        pytest.param(b"by mx.example.org with HTTP id 1", "", "", "", "mx.example.org", "", id="web"),
        pytest.param(b"(qmail 123 invoked by uid 89)", "", "", "", "", "", id="qmail-local"),
        pytest.param(
            b"from sslsocks.example (tlsv9 [192.0.2.1]) by a.example",
            "sslsocks.example",
            "",
            "192.0.2.1",
            "a.example",
            "",
            id="names-that-look-like-tls",
        ),
    ],
)
def test_each_manner_is_read(value: bytes, hello: str, name: str, address: str, by: str, tls: str) -> None:
    hop = parse_received(value + DATE)
    assert (hop.hello, hop.name, hop.address, hop.by, hop.tls) == (hello, name, address, by, tls)
    assert hop.at == AT


@pytest.mark.parametrize(
    ("protocol", "is_encrypted"),
    [("ESMTPS", True), ("esmtpsa", True), ("LMTPS", True), ("UTF8SMTPSA", True), ("ESMTP", False), ("ESMTPA", False)],
)
def test_the_word_behind_with_tells_of_encryption(protocol: str, is_encrypted: bool) -> None:
    """RFC 3848; A is a login and not TLS."""
    assert parse_received(f"from a by b with {protocol}".encode()).is_encrypted is is_encrypted


def test_a_clause_inside_a_comment_is_none() -> None:
    """Else a client's HELO could speak for the server."""
    hop = parse_received(b"from a (b (by evil.example) [192.0.2.1]) by mx.example.org")
    assert hop.by == "mx.example.org"
    assert hop.address == "192.0.2.1"


def test_a_semicolon_in_a_name_hides_neither_server_nor_date() -> None:
    """A client chooses its name; what the server wrote behind it must stay in sight."""
    hop = parse_received(b"from a;b ([192.0.2.1]) by mx.example.org" + DATE)
    assert (hop.by, hop.address, hop.at) == ("mx.example.org", "192.0.2.1", AT)


def test_a_bracket_without_a_partner_hides_nothing() -> None:
    assert parse_received(b"from a (b [192.0.2.1] by mx.example.org" + DATE).by == "mx.example.org"


def test_only_the_first_of_each_clause_counts() -> None:
    assert parse_received(b"from a by b by c").by == "b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 22 Nov 2026 10:00:05 +0000", AT),
        ("22 Nov 2026 11:00:05 +0100 (CET)", AT.astimezone(timezone(timedelta(hours=1)))),
        ("Sun, 22 Nov 26 05:00:05 EST", AT),
        ("Sun, 22 Nov 2026 10:00:05", AT),
        ("Thu, 31 Dec 1998 23:59:60 +0000", datetime(1998, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 10:00 GMT", AT.replace(second=0)),
        ("31 Feb 2026 10:00:05 +0000", None),
        ("22 Foo 2026 10:00:05 +0000", None),
        ("22 Nov 2026 10:00:05 +9999", AT),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_read_as_they_are_written(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


def test_the_hops_are_bounded() -> None:
    assert len(read_hops(b"Received: from a by b\r\n" * 300)) == HOPS_LIMIT


@pytest.mark.parametrize(
    "piece", [b"(", b")", b'"', b"\\", b"(\\", b"[", b"::", b"helo=", b"from ", b"by(", b";", b"1 Nov "]
)
def test_a_field_of_nothing_but_one_piece_is_read_in_linear_time(piece: bytes) -> None:
    """Bounded by VALUE_LIMIT in any case; each of these would be slow with a pattern that goes back."""
    whole = parse_received(b"from " + piece * 1_000_000)
    assert whole == parse_received((b"from " + piece * 1_000_000)[:VALUE_LIMIT])
