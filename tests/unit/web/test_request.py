"""What is a request and what is none: strictly, within bounds, however it was cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.web.request import HEAD_LIMIT, TARGET_LIMIT, BadRequest, Request, take_request
from tests.fakes.effort import check_linear

GOOD = b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.org\r\nAccept: */*\r\n\r\n"
ASKED = Request("GET", "mta-sts.example.org", "/.well-known/mta-sts.txt")


def take(octets: bytes) -> Request | None:
    return take_request(bytearray(octets))


@pytest.mark.parametrize(
    ("octets", "request_"),
    [
        (GOOD, ASKED),
        (b"\r\n" + GOOD, ASKED),
        (GOOD.replace(b"mta-sts.example.org", b"MTA-STS.Example.ORG.:443"), ASKED),
        (GOOD.replace(b"sts.txt HTTP", b"sts.txt?a=b HTTP"), ASKED),
        (GOOD.replace(b"Host: ", b"hOST:\t "), ASKED),
        (b"HEAD / HTTP/1.0\r\n\r\n", Request("HEAD", "", "/")),
        (b"GET https://a.example HTTP/1.1\r\nHost: b.example\r\n\r\n", Request("GET", "a.example", "/")),
        (b"GET http://a.example:80/x?y HTTP/1.1\r\nHost: b.example\r\n\r\n", Request("GET", "a.example", "/x")),
        (b"OPTIONS * HTTP/1.1\r\nHost: [::1]:443\r\n\r\n", Request("OPTIONS", "[::1]", "*")),
        (b"GET / HTTP/1.9\r\nHost:\r\n\r\n", Request("GET", "", "/")),
    ],
)
def test_a_request_is_read(octets: bytes, request_: Request) -> None:
    assert take(octets) == request_


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        (b"G\xe9T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        (b"GET a.example HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /" + b"x" * TARGET_LIMIT + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"x" * HEAD_LIMIT, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * HEAD_LIMIT, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
    ],
)
def test_anything_else_is_refused(octets: bytes, status: int) -> None:
    """Two servers that repair one request differently can be played off against each other."""
    with pytest.raises(BadRequest) as caught:
        take(octets)
    assert caught.value.status == status


@given(st.lists(st.integers(0, len(GOOD) - 1), max_size=8))
def test_how_it_was_cut_makes_no_difference(cuts: list[int]) -> None:
    buffer, searched = bytearray(), 0
    places = sorted({0, *cuts, len(GOOD)})
    for begin, end in pairwise(places):
        buffer += GOOD[begin:end]
        found = take_request(buffer, searched)
        searched = len(buffer)
        assert found == (ASKED if end == len(GOOD) else None)
    assert not buffer


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_bare_line_end_is_found_wherever_it_was_cut(cut: int) -> None:
    """At once: whoever ends lines like that would be waited for in vain."""
    octets = b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n"
    buffer = bytearray()

    def feed() -> None:
        for piece in (octets[:cut], octets[cut:]):
            searched = len(buffer)
            buffer.extend(piece)
            take_request(buffer, searched)

    with pytest.raises(BadRequest):
        feed()


def test_a_head_that_comes_octet_by_octet_costs_no_more() -> None:
    def feed(size: int) -> None:
        buffer, searched = bytearray(), 0
        for octet in b"GET / HTTP/1.1\r\nX: " + b"x" * size:
            buffer.append(octet)
            take_request(buffer, searched)
            searched = len(buffer)

    check_linear(feed, 1500)
