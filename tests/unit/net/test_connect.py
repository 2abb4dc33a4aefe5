"""HTTP's CONNECT without a network: whole, octet by octet, and every way in which a proxy can refuse."""

from __future__ import annotations

import pytest

from samotop.errors import SetupError
from samotop.net.connect import HEAD_LIMIT, ConnectExchange, ConnectFault

ANSWER = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 squid\r\n\r\n"


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("mail.example.org", b"mail.example.org:587"),
        ("192.0.2.1", b"192.0.2.1:587"),
        ("2001:db8::1", b"[2001:db8::1]:587"),
        ("bücher.example", b"xn--bcher-kva.example:587"),
    ],
)
def test_a_host_is_asked_for_as_the_web_has_it(host: str, place: bytes) -> None:
    assert ConnectExchange(host, 587).start() == b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (place, place)


def test_a_login_is_told_to_the_proxy() -> None:
    request = ConnectExchange("h", 1, login=("Aladdin", "open sesame")).start()
    assert b"\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n" in request


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_follows_the_answer_is_the_servers(size: int) -> None:
    exchange = ConnectExchange("h", 1)
    octets = ANSWER + b"220 mx\r\n"
    for at in range(0, len(octets), size):
        assert exchange.feed(octets[at : at + size]) == b""
    assert exchange.is_done and exchange.rest == b"220 mx\r\n"


@pytest.mark.parametrize(
    ("octets", "words", "code"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refused the login", 407),
        (b"HTTP/1.0 403 no\r\nX: y\r\n\r\n", "rules forbid", 403),
        (b"HTTP/1.1 502 no\r\n\r\n", "cannot reach the host", 502),
        (b"HTTP/1.1 301 no\r\n\r\n", "a reason of its own", 301),
        (b"HTTP/1.1 100 go on\r\n\r\n", "a reason of its own", 100),
        (b"220 mx.example.org ESMTP\r\n", "does not speak HTTP", 0),
        (b"\x05\x00", "does not speak HTTP", 0),
        (b"HTTP/1.1 2000\r\n\r\n", "does not speak HTTP", 0),
        (b"HTTP/1.1 200 ok\r\nX: " + b"x" * HEAD_LIMIT, "does not speak HTTP", 0),
    ],
)
def test_refusals_are_told_in_words(octets: bytes, words: str, code: int) -> None:
    with pytest.raises(ConnectFault, match=words) as caught:
        ConnectExchange("h", 1).feed(octets)
    assert caught.value.code == code


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "a/b", "x" * 256, "ü..example", "ü" * 64, "xn--ü"])
def test_no_host_breaks_out_of_the_request(host: str) -> None:
    with pytest.raises(SetupError):
        ConnectExchange(host, 1)


def test_a_login_that_cannot_be_told_is_refused_at_once() -> None:
    with pytest.raises(SetupError, match="colon"):
        ConnectExchange("h", 1, login=("a:b", "c"))
