"""Our trace fields: told once, told truly, and not to be forged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.message.forged import strip_forged
from samotop.message.header import iterate_fields
from samotop.message.trace import DisclosureRules, format_date, format_trace
from samotop.queue.entry import Trace

BOB = Address("bob", "example.org")
EVE = Address("eve", "example.net")
PEER = Trace("mail.example.net", "192.0.2.7", "ESMTPS", 1_790_000_000.0, "TLSv1.3 TLS_AES_256_GCM_SHA384")
OURS = Trace("laptop.home", "198.51.100.9", "ESMTPSA", 1_790_000_000.0, "TLSv1.3 X", login="alice")


def trace(arrival: Trace = PEER, reverse_path: ReversePath = EVE, **more: object) -> str:
    octets = format_trace(arrival, reverse_path, [BOB], "mx.example.org", "01ARZ", **more)  # type: ignore[arg-type]  # the table of a case
    return octets.decode()


def test_the_fields_of_a_message_from_the_world() -> None:
    """RFC 5321 §4.4: who, by whom, with what, for whom, when."""
    assert trace(is_only_recipient=True) == (
        "Return-Path: <eve@example.net>\r\n"
        "Delivered-To: bob@example.org\r\n"
        "Received: from mail.example.net ([192.0.2.7])\r\n"
        "\tby mx.example.org with ESMTPS id 01ARZ\r\n"
        "\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        "\tfor <bob@example.org>;\r\n"
        "\tMon, 21 Sep 2026 14:13:20 +0000\r\n"
    )


def test_one_of_several_recipients_is_not_named_in_received() -> None:
    """Blind copies stay blind (RFC 5321 §7.2)."""
    assert "for <" not in trace()


def test_a_submitting_client_is_not_named() -> None:
    """Where our user sits and what the laptop is called is nobody's business."""
    text = trace(OURS)
    assert "laptop" not in text
    assert "198.51.100.9" not in text
    assert "TLSv1.3" not in text
    assert "Received: by mx.example.org with ESMTPSA id 01ARZ;" in text


@pytest.mark.parametrize(
    ("rules", "told", "untold"),
    [
        (DisclosureRules(submitter_hello=True), "from laptop.home\r\n", "198.51.100.9"),
        (DisclosureRules(submitter_address=True), "from submitter ([198.51.100.9])", "laptop"),
    ],
)
def test_the_owner_may_allow_more(rules: DisclosureRules, told: str, untold: str) -> None:
    """Each of the two on its own."""
    text = trace(OURS, rules=rules)
    assert told in text
    assert untold not in text


RESULTS = "Authentication-Results: mx.example.org;\r\n\tspf=pass smtp.mailfrom=eve@example.net;\r\n\tdkim=none\r\n"


def test_what_was_found_stands_above_received() -> None:
    """So that a reader knows where it was found (RFC 8601 §4.1); the octets as they were made."""
    text = trace(replace(PEER, results=RESULTS))
    assert text.startswith(f"Return-Path: <eve@example.net>\r\nDelivered-To: bob@example.org\r\n{RESULTS}Received: ")


@pytest.mark.parametrize(
    "results",
    [
        "spf=pass",
        "Authentication-Results: a; none",
        "Authentication-Results: a; none\r\nX-Evil: y\r\n",
        "Authentication-Results: a; none\r\n\r\nbody\r\n",
        "Authentication-Results: a;\r\n\tnone\r\n\r\n",
        "Received: a\r\n",
    ],
)
def test_what_is_not_one_such_field_is_not_written(results: str) -> None:
    """A damaged row must not write a header."""
    assert trace(replace(PEER, results=results)) == trace(PEER)


def test_our_own_field_would_not_be_taken_from_a_stranger() -> None:
    """What we write is what we strip (RFC 8601 §5)."""
    assert strip_forged(RESULTS.encode() + b"From: x\r\n", "mx.example.org", []) == b"From: x\r\n"


def test_null_path_literals_and_names() -> None:
    """The forms that are rarer."""
    assert trace(reverse_path=NULL_PATH).startswith("Return-Path: <>\r\n")
    v6 = Trace("[IPv6:2001:db8::1]", "2001:db8::1", "SMTP", 0.0, peer_name="host.example")
    assert "from [IPv6:2001:db8::1] (host.example [IPv6:2001:db8::1])\r\n" in trace(v6)
    assert "from mail.example.net\r\n" in trace(Trace("mail.example.net", "", "LMTP", 0.0))


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.text(max_size=60),
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.text(max_size=30),
    st.booleans(),
)
def test_no_peer_can_write_a_field(hello: str, address: str, tls: str, local: str, word: str, only: bool) -> None:
    """Header injection: whatever was said, there are three fields, with these names, folded as ours are."""
    arrival = Trace(hello, address, word, 1e9, tls, peer_name=tls)
    sender = Address(local, hello)
    octets = format_trace(arrival, sender, [Address(local, "x")], hello, word, is_only_recipient=only)
    fields = list(iterate_fields(octets))
    assert [field.name for field in fields] == [b"Return-Path", b"Delivered-To", b"Received"]
    text = octets.decode()
    assert all(
        line.startswith(("Return-Path: ", "Delivered-To: ", "Received: ", "\t")) for line in text.split("\r\n")[:-1]
    )
    assert not set(text.replace("\r\n", "").replace("\t", "")) & set("\r\n\0\x0b\x0c\x1b\x85\u2028")
    assert max(map(len, octets.split(b"\r\n"))) <= 998


def test_long_texts_are_bounded() -> None:
    """A field of ours keeps to 998 octets a line, whatever the peer sends (RFC 5322 §2.1.1)."""
    long = Trace("h" * 100_000, "1" * 100_000, "E" * 10_000, 1.0, "t" * 100_000, peer_name="n" * 100_000)
    octets = format_trace(long, Address("ü" * 50_000, "d"), [BOB], "mx", "1")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    octets.decode()


def test_dates_are_english_and_utc() -> None:
    """RFC 5322 §3.3, whatever the machine's locale and zone."""
    assert format_date(0) == "Thu, 01 Jan 1970 00:00:00 +0000"
    assert format_date(951_782_400.9) == "Tue, 29 Feb 2000 00:00:00 +0000"
