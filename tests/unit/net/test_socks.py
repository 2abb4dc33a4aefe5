"""SOCKS5 without a network: whole, octet by octet, and every way in which a proxy can refuse."""

from __future__ import annotations

import pytest

from samotop.errors import SetupError
from samotop.net.socks import SocksExchange, SocksFault

REPLY = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"


def test_a_name_goes_to_the_proxy_unresolved() -> None:
    exchange = SocksExchange("mail.example.org", 25)
    assert exchange.start() == b"\x05\x01\x00"
    assert exchange.feed(b"\x05\x00") == b"\x05\x01\x00\x03\x10mail.example.org\x00\x19"
    assert exchange.feed(REPLY + b"220 mx") == b""
    assert exchange.is_done and exchange.rest == b"220 mx"


@pytest.mark.parametrize(
    ("host", "written"),
    [("192.0.2.1", b"\x01\xc0\x00\x02\x01"), ("2001:db8::1", b"\x04 \x01\r\xb8" + b"\0" * 11 + b"\x01")],
)
def test_addresses_are_addresses(host: str, written: bytes) -> None:
    exchange = SocksExchange(host, 587)
    assert exchange.feed(b"\x05\x00") == b"\x05\x01\x00" + written + b"\x02\x4b"


def test_a_login_octet_by_octet() -> None:
    exchange = SocksExchange("h", 1, login=("name", "pass"))
    assert exchange.start() == b"\x05\x02\x00\x02"
    sent = b"".join(exchange.feed(bytes((octet,))) for octet in b"\x05\x02\x01\x00" + REPLY)
    assert sent == b"\x01\x04name\x04pass" + b"\x05\x01\x00\x03\x01h\x00\x01"
    assert exchange.is_done and exchange.rest == b""


@pytest.mark.parametrize("reply", [b"\x05\x00\x00\x03\x03abc\x00\x19", b"\x05\x00\x00\x04" + b"\0" * 18])
def test_the_reply_may_name_any_kind_of_address(reply: bytes) -> None:
    exchange = SocksExchange("h", 1)
    exchange.feed(b"\x05\x00" + reply)
    assert exchange.is_done


@pytest.mark.parametrize(
    ("octets", "words", "code"),
    [
        (b"\x04\x00", "does not speak SOCKS5", 0),
        (b"HTTP/1.1 400", "does not speak SOCKS5", 0),
        (b"\x05\xff", "another way of logging in", 0),
        (b"\x05\x02", "another way of logging in", 0),
        (b"\x05\x00\x05\x05", "refused the proxy's connection", 5),
        (b"\x05\x00\x05\x04", "cannot reach the host", 4),
        (b"\x05\x00\x05\x63", "a reason of its own", 99),
        (b"\x05\x00\x05\x00\x00\x09\x00", "malformed", 0),
    ],
)
def test_refusals_are_told_in_words(octets: bytes, words: str, code: int) -> None:
    exchange = SocksExchange("h", 1)
    with pytest.raises(SocksFault, match=words) as caught:
        exchange.feed(octets)
    assert caught.value.code == code


def test_what_the_protocol_cannot_say_is_refused_at_once() -> None:
    hosts = [(host, None) for host in ("x" * 256, "", "ü..example", "ü" * 64, "xn--ü")]
    for host, login in (*hosts, ("h", ("n" * 256, "p")), ("h", ("n", ""))):
        with pytest.raises(SetupError):
            SocksExchange(host, 1, login=login)
