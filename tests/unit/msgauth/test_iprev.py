"""Reverse names that lead back, and those that do not (RFC 8601 §2.7.3, §3)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from samotop.msgauth import iprev
from samotop.msgauth.iprev import NAMES_LIMIT, IprevResult
from samotop.msgauth.results import Result
from samotop.testing import ZoneResolver

REVERSE: Final = "1.2.0.192.in-addr.arpa"


async def verify(zones: dict[str, Any], ip: str = "192.0.2.1", *, secure: bool = False) -> IprevResult:
    return await iprev.verify(ip, ZoneResolver(zones, secure=secure))


async def test_a_name_that_leads_back_passes() -> None:
    zones = {REVERSE: {"PTR": ["Mail.Example.org."]}, "mail.example.org": {"A": ["192.0.2.9", "192.0.2.1"]}}
    expected = IprevResult(Result.PASS, "mail.example.org", ("mail.example.org",), "", False)
    assert await verify(zones) == expected
    assert await verify(zones, "::ffff:192.0.2.1") == expected


async def test_an_ipv6_address_is_looked_for_among_ipv6_addresses() -> None:
    reverse = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
    zones = {reverse: {"PTR": ["six.example.org."]}, "six.example.org": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]}}
    assert (await verify(zones, "2001:db8::1")).name == "six.example.org"


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ({}, "permerror"),
        ({REVERSE: {"TXT": ['"x"']}}, "permerror"),
        ({REVERSE: {"PTR": ["."]}}, "permerror"),
        ({REVERSE: "TIMEOUT"}, "temperror"),
        ({REVERSE: {"PTR": "SERVFAIL"}}, "temperror"),
        ({REVERSE: {"PTR": ["a.example."]}}, "fail"),
        ({REVERSE: {"PTR": ["a.example."]}, "a.example": {"AAAA": ["2001:db8::1"]}}, "fail"),
        ({REVERSE: {"PTR": ["a.example."]}, "a.example": {"A": ["192.0.2.2"]}}, "fail"),
        ({REVERSE: {"PTR": ["a.example."]}, "a.example": "TIMEOUT"}, "temperror"),
        ({REVERSE: {"PTR": ["a.example.", "b.example."]}, "a.example": "TIMEOUT"}, "temperror"),
        ({REVERSE: {"PTR": ["a.example.", "b.example."]}, "a.example": "TIMEOUT", "b.example": {"A": ["192.0.2.1"]}},
         "pass"),
    ],
)  # fmt: skip
async def test_the_words_are_those_of_the_rfc(zones: dict[str, Any], expected: str) -> None:
    """RFC 8601 §2.7.3: no name is a permerror, a name that does not lead back a fail."""
    found = await verify(zones)
    assert found.result == expected
    assert bool(found.reason) is (expected != "pass")
    assert bool(found.name) is (expected == "pass")
    assert "192.0.2.1" not in found.reason


async def test_ten_names_are_followed() -> None:
    """Whoever owns the address may give it a thousand."""
    names = [f"h{number}.example" for number in range(NAMES_LIMIT + 5)]
    zones: dict[str, Any] = {REVERSE: {"PTR": [f"{name}." for name in names]}, names[-1]: {"A": ["192.0.2.1"]}}
    resolver = ZoneResolver(zones)
    found = await iprev.verify("192.0.2.1", resolver)
    assert (found.result, found.names) == (Result.FAIL, tuple(names[:NAMES_LIMIT]))
    assert resolver.questions.total() == 1 + NAMES_LIMIT


async def test_the_first_that_leads_back_is_enough() -> None:
    zones = {REVERSE: {"PTR": ["a.example.", "b.example."]}, "a.example": {"A": ["192.0.2.1"]}}
    resolver = ZoneResolver(zones)
    assert (await iprev.verify("192.0.2.1", resolver)).name == "a.example"
    assert resolver.questions.total() == 2


async def test_a_result_is_secure_if_both_ways_are_signed() -> None:
    zones = {REVERSE: {"PTR": ["a.example."]}, "a.example": {"A": ["192.0.2.1"]}}
    assert (await verify(zones, secure=True)).is_secure
    assert not (await iprev.verify("192.0.2.1", ZoneResolver(zones, secure=["example"]))).is_secure
    assert (await verify({}, secure=True)).is_secure
    assert not (await verify({REVERSE: "TIMEOUT"}, secure=True)).is_secure


async def test_what_is_no_address_is_the_callers_bug() -> None:
    with pytest.raises(ValueError):
        await verify({}, "mail.example.org")
