"""The DNS of dictionaries. That real servers answer the same is shown by tests/e2e/test_resolver.py."""

from __future__ import annotations

from typing import Any

import pytest

from samotop.dns import Mx, Security, Status
from samotop.testing import ZoneResolver

ZONES: dict[str, Any] = {
    "example.org": {"MX": ["10 MX.example.org."], "TXT": ['"v=spf1 " "-all"'], "A": "TIMEOUT"},
    "a.deep.example.org": {"A": ["192.0.2.1"]},
    "alias.example.org": {"CNAME": ["a.deep.example.org."]},
    "broken.example": "SERVFAIL",
    "alias.broken.example": {"CNAME": ["broken.example."]},
    "*.wild.example": {"A": ["192.0.2.2"], "TXT": "SERVFAIL"},
    "*.slow.example": "TIMEOUT",
    "x.*.star.example": {"A": ["192.0.2.3"]},
    "circle.example": {"CNAME": ["circle.example."]},
}


@pytest.mark.parametrize(
    ("name", "type", "status", "canonical"),
    [
        ("Example.org.", "mx", Status.OK, "example.org"),
        ("example.org", "AAAA", Status.NODATA, "example.org"),
        ("example.org", "A", Status.TIMEOUT, "example.org"),
        ("absent.example.org", "A", Status.NXDOMAIN, "absent.example.org"),
        ("deep.example.org", "A", Status.NODATA, "deep.example.org"),
        ("org", "A", Status.NODATA, "org"),
        ("alias.example.org", "A", Status.OK, "a.deep.example.org"),
        ("alias.example.org", "MX", Status.NODATA, "a.deep.example.org"),
        ("alias.example.org", "CNAME", Status.OK, "alias.example.org"),
        ("alias.broken.example", "A", Status.SERVFAIL, "broken.example"),
        ("a.b.wild.example", "A", Status.OK, "a.b.wild.example"),
        ("a.wild.example", "TXT", Status.SERVFAIL, "a.wild.example"),
        ("a.slow.example", "A", Status.TIMEOUT, "a.slow.example"),
        ("a.star.example", "A", Status.NODATA, "a.star.example"),
        ("circle.example", "A", Status.SERVFAIL, "circle.example"),
    ],
)
async def test_it_answers_as_a_server_with_a_resolver_would(
    name: str, type: str, status: Status, canonical: str
) -> None:
    """The star that is only there because of a name below it stands for all others: there is no such data."""
    found = await ZoneResolver(ZONES).lookup(name, type)
    assert (found.status, found.canonical) == (status, canonical)
    assert bool(found.records) == (status is Status.OK)


async def test_records_are_values() -> None:
    resolver = ZoneResolver(ZONES)
    assert (await resolver.lookup("example.org", "MX")).exchanges == (Mx(10, "mx.example.org"),)
    assert (await resolver.lookup("example.org", "TXT")).texts == (b"v=spf1 -all",)


async def test_a_record_that_is_given_twice_is_there_twice() -> None:
    """No name server does that (RFC 2181 §5), but what is made of two SPF records can be tested (RFC 7208 §4.5)."""
    resolver = ZoneResolver({"a.example": {"TXT": ['"ab" "c"', '"a" "bc"', '"ab" "c"']}})
    assert (await resolver.lookup("a.example", "TXT")).texts == (b"abc", b"abc", b"abc")


async def test_questions_are_counted() -> None:
    resolver = ZoneResolver(ZONES)
    for name in ("example.org", "EXAMPLE.org.", "a..b"):
        await resolver.lookup(name, "mx")
    assert resolver.questions == {("example.org", "MX"): 2}


@pytest.mark.parametrize(
    ("secure", "found"),
    [
        (True, [True, True, True]),
        (False, [False, False, False]),
        ({"example.org"}, [True, False, False]),
        ({"a.example.org", "Example.ORG."}, [True, True, False]),
        ([], [False, False, False]),
    ],
)
async def test_signed_are_exactly_the_names_that_are_given(secure: Any, found: list[bool]) -> None:
    resolver = ZoneResolver({"a.example.org": {"A": ["192.0.2.1"]}}, secure=secure)
    names = ("example.org", "a.example.org", "myexample.org")
    assert [(await resolver.lookup(name, "A")).security is Security.SECURE for name in names] == found


@pytest.mark.parametrize(
    "zones",
    [
        {"a.example": {"A": ["192.0.2.256"]}},
        {"a.example": {"TXT": ['"unfinished']}},
        {"a.example": {"TXT": [""]}},
        {"a.example": {"TXT": ["v=spf1 -all"]}},
        {"a.example": {"NOSUCH": ["x"]}},
        {"a.example": "BROKEN"},
        {"a.example": {"A": "192.0.2.1"}},
        {"a..example": {"A": ["192.0.2.1"]}},
    ],
    ids=str,
)
def test_a_mistake_is_told_at_once(zones: Any) -> None:
    """Rather than by a test that fails for another reason."""
    with pytest.raises(ValueError):
        ZoneResolver(zones)
