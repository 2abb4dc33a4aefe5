"""Hostile content: bounded time and memory, a verdict, never a crash."""

from __future__ import annotations

import tracemalloc
import zlib
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.junk import Filter
from samotop.junk.features import PLACES, extract, find_families
from samotop.junk.htmltext import find_tricks, show_html
from samotop.junk.links import find_links
from samotop.junk.reading import CONTENT, PARTS, read_view
from tests.fakes.effort import check_linear

_ZIP = b64encode(zlib.compress(bytes(1 << 22)))
_MULTIPART = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def nest(depth: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(depth))


HOSTILE = {
    "nothing": b"",
    "one octet": b"\0",
    "100,000 parts": _MULTIPART + b"--b\r\n\r\nx\r\n" * 100_000,
    "1,000,000 fields": b"A: b\r\n" * 1_000_000 + b"\r\nx",
    "one field a million times folded": b"Subject: a\r\n" + b" a\r\n" * 500_000 + b"\r\nx",
    "deep": nest(5000),
    "messages in messages": b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "an endless line": b"Subject: " + b"a" * 3_000_000,
    "an endless line of text": b"Subject: a\r\n\r\n" + b"a b " * 1_000_000,
    "no line ends in the header": b": " * 1_000_000,
    "a charset of nobody": b"Content-Type: text/plain; charset=zlib_codec\r\n\r\n\xff\xfe",
    "a charset that is slow": b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" * 100_000,
    "utf-7": b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+2D" * 50_000,
    "utf-16": b"Content-Type: text/plain; charset=utf-16\r\n\r\n" + b"\xd8\x00" * 50_000,
    "a zip bomb": b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + _ZIP,
    "encoded words": b"Subject: " + b"=?utf-8?B?////?= " * 50_000 + b"\r\n\r\n",
    "open comments": b"Content-Type: text/html\r\n\r\n" + b"<!--" * 60_000,
    "open tags": b"Content-Type: text/html\r\n\r\n" + b"<a <" * 60_000,
    "references": b"Content-Type: text/html\r\n\r\n" + b"&#1114112;&#0;&#55296;" * 10_000,
    "links": b"Subject: a\r\n\r\n" + b"http://a.b.c.d.e.f.g@h:1/%41?x " * 9_000,
    "addresses": b"To: " + b"a@b.c.d.e.f.g.h, " * 60_000 + b"\r\n\r\n",
    "parameters": b"Content-Type: text/plain" + b"; name=a" * 100_000 + b"\r\n\r\n",
    "an empty boundary": b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx',
    "line ends alone": b"\r" * 300_000,
    "broken base64": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=A" * 100_000,
    "every octet": bytes(range(256)) * 500,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_there_is_a_verdict_in_little_memory(name: str) -> None:
    content = HOSTILE[name]
    learned = Filter()
    learned.learn(b"Subject: a\r\n\r\nb", False)
    tracemalloc.start()
    try:
        assert 0 <= learned.score(content) <= 1
        learned.learn(content, True)
        learned.explain(content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 24 << 20


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=4000))
def test_any_octets_are_places_in_the_tables(octets: bytes) -> None:
    for content in (
        octets,
        b"Subject: " + octets,
        _MULTIPART + b"--b\r\n" + octets,
        b"Content-Type: text/html\n\n" + octets,
    ):
        places = extract(content).places
        assert (places[1:] > places[:-1]).all()
        assert not len(places) or int(places[-1]) < PLACES


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=600))
def test_every_hash_has_a_name(octets: bytes) -> None:
    """Explaining never fails where scoring does not."""
    for family in find_families(b"From: a <b@c.d>\nSubject: " + octets):
        for index in range(len(family.hashes)):
            assert family.name(index).isprintable()


def test_the_bounds_of_the_view_hold() -> None:
    view = read_view(HOSTILE["100,000 parts"])
    assert len(view.types) == PARTS
    assert len(view.raw) <= CONTENT


@pytest.mark.parametrize(
    "piece",
    [
        b"<!--",
        b"<a",
        b"<",
        b"&#1",
        b"&",
        b"font-size:",
        b"size=",
        b"<script",
        b"-->",
        b"&#11;&#11",
        b"<aaaaaaaaaaa",
        b" ",
    ],
)
def test_html_takes_linear_time(piece: bytes) -> None:
    check_linear(lambda size: (show_html(piece * size), find_tricks(piece * size)), 3000)


@pytest.mark.parametrize("piece", [b"://", b"www.", b"mailto:", b"http://a@", b"://\\"])
def test_links_take_linear_time(piece: bytes) -> None:
    check_linear(lambda size: find_links(piece * size), 3000)
