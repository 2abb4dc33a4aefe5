"""XCLIENT's argument: what Postfix documents, and nothing beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.errors import PeerError
from samotop.net.xclient import UNKNOWN_ADDRESS, XclientAttributes, parse_xclient
from samotop.smtp.xtext import format_xtext


def test_the_examples_of_the_manual_are_read() -> None:
    """From XCLIENT_README, and as nginx writes them."""
    assert parse_xclient(b"NAME=spike.porcupine.org ADDR=168.100.189.2") == XclientAttributes(
        name="spike.porcupine.org", address="168.100.189.2"
    )
    assert parse_xclient(b"addr=IPV6:2001:DB8::1 Port=4711 PROTO=esmtp HELO=mx.example.net LOGIN=alice") == (
        XclientAttributes(address="2001:db8::1", port=4711, proto="ESMTP", helo="mx.example.net", login="alice")
    )
    assert parse_xclient(b"DESTADDR=192.0.2.5 DESTPORT=25 REVERSE_NAME=a.example") == XclientAttributes(
        destination="192.0.2.5", destination_port=25, reverse_name="a.example"
    )


def test_xtext_is_undone() -> None:
    """A value may hold what would end it."""
    assert parse_xclient(b"LOGIN=a+2Bb+3Dc+20d") == XclientAttributes(login="a+b=c d")


@pytest.mark.parametrize("word", [b"[UNAVAILABLE]", b"[TEMPUNAVAIL]", b"[unavailable]"])
def test_an_unknown_client_is_trusted_with_nothing(word: bytes) -> None:
    """Were its address empty or the proxy's own, it would pass for a local peer."""
    found = parse_xclient(b"ADDR=" + word + b" NAME=" + word + b" PORT=" + word + b" LOGIN=" + word)
    assert found == XclientAttributes(address=UNKNOWN_ADDRESS, name="", port=0, login="")


def test_a_mapped_address_is_the_one_it_stands_for() -> None:
    """Peers have one spelling, whoever names them."""
    assert parse_xclient(b"ADDR=IPV6:::ffff:192.0.2.1").address == "192.0.2.1"


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"ADDR",
        b"ADDR=",
        b"=1",
        b"ADDR=192.0.2.1 ADDR=192.0.2.2",
        b"ADDR=192.0.2.1  PORT=1",
        b"ADDR=192.0.2.1 ",
        b"ADDR=2001:db8::1",
        b"ADDR=IPV6:192.0.2.1",
        b"ADDR=IPV6:fe80::1%25eth0",
        b"ADDR=192.0.2.01",
        b"ADDR=localhost",
        b"PORT=65536",
        b"PORT=01",
        b"PORT=x",
        b"PROTO=LMTP",
        b"SPOOF=1",
        b"N\xc3\x84ME=x",
        b"HELO=a+0D+0Ab",
        b"HELO=+FF",
        b"HELO=a+2g",
        b"HELO=a=b",
        b"HELO=" + b"x" * 256,
        b"NAME=" + b"x" * 255 + b" HELO=" + b"x" * 255,
    ],
)
def test_what_is_malformed_refuses_the_command(argument: bytes) -> None:
    """Half of a changed identity is worse than none."""
    with pytest.raises(PeerError):
        parse_xclient(argument)


@given(st.binary(max_size=120))
def test_no_octets_raise_anything_else(argument: bytes) -> None:
    """The text of the refusal goes into a reply."""
    try:
        parse_xclient(argument)
    except PeerError as refusal:
        assert str(refusal).isprintable()


@given(st.text(st.characters(min_codepoint=33, exclude_categories=["C", "Z"]), min_size=1, max_size=60))
def test_a_login_written_as_xtext_is_read_back(login: str) -> None:
    """Any printable name that is not one of the two words."""
    octets = login.encode()
    if len(octets) > 255 or not login.isprintable() or login.startswith("[") or "\ufffd" in login:
        return
    argument = b"LOGIN=" + format_xtext(octets)
    if len(argument) <= 502:
        assert parse_xclient(argument).login == login
