"""What clients call themselves (RFC 5321 §2.3.5, §4.1.3, §4.1.4)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from samotop.msgauth import hello
from samotop.msgauth.hello import HelloResult, parse_hello
from samotop.msgauth.results import Result
from samotop.testing import ZoneResolver

ZONES: Final[dict[str, Any]] = {
    "mail.example.org": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "four.example.org": {"A": ["192.0.2.1"]},
    "xn--bcher-kva.example": {"A": ["192.0.2.1"]},
    "slow.example.org": "TIMEOUT",
}


async def evaluate(name: str, ip: str = "192.0.2.1") -> HelloResult:
    return await hello.evaluate(name, ip, ZoneResolver(ZONES))


@pytest.mark.parametrize(
    ("name", "ip", "expected"),
    [
        ("mail.example.org", "192.0.2.1", "pass"),
        ("MAIL.Example.ORG", "::ffff:192.0.2.1", "pass"),
        ("mail.example.org", "2001:db8::1", "pass"),
        ("mail.example.org", "192.0.2.2", "fail"),
        ("four.example.org", "2001:db8::1", "fail"),
        ("gone.example.org", "192.0.2.1", "fail"),
        ("slow.example.org", "192.0.2.1", "temperror"),
        ("b\xfccher.example", "192.0.2.1", "pass"),
        ("xn--bcher-kva.example", "192.0.2.1", "pass"),
        ("", "192.0.2.1", "none"),
    ],
)
async def test_a_name_has_the_clients_address_or_not(name: str, ip: str, expected: str) -> None:
    found = await evaluate(name, ip)
    assert found.result == expected
    assert not found.is_literal
    assert bool(found.reason) is (expected != "pass")
    assert found.name == (parse_hello(name) if name else "")


@pytest.mark.parametrize(
    ("literal", "ip", "expected"),
    [
        ("[192.0.2.1]", "192.0.2.1", "pass"),
        ("[192.0.2.1]", "::ffff:192.0.2.1", "pass"),
        ("[IPv6:2001:DB8::1]", "2001:db8::1", "pass"),
        ("[ipv6:::ffff:192.0.2.1]", "192.0.2.1", "pass"),
        ("[192.0.2.2]", "192.0.2.1", "fail"),
        ("[IPv6:2001:db8::1]", "192.0.2.1", "fail"),
        ("[2001:db8::1]", "2001:db8::1", "permerror"),
        ("[192.0.2.1", "192.0.2.1", "permerror"),
        ("[mail.example.org]", "192.0.2.1", "permerror"),
        ("[]", "192.0.2.1", "permerror"),
        ("[", "192.0.2.1", "permerror"),
    ],
)
async def test_a_literal_is_the_clients_address_or_not(literal: str, ip: str, expected: str) -> None:
    """RFC 5321 §4.1.3; and DNS is not asked."""
    resolver = ZoneResolver({})
    found = await hello.evaluate(literal, ip, resolver)
    assert (found.result, found.is_literal, found.name) == (expected, True, "")
    assert not resolver.questions


@pytest.mark.parametrize(
    "name",
    ["localhost", "WIN-ABC", "192.0.2.1", "a.b.123", "mail_1.example.org", "-a.example.org", "a-.example.org",
     "mail.example.org.", "a..example.org", "a b.example.org", "x" * 64 + ".org", "ex\u00e4mple .org", "\ud800.org",
     ".", "*.example.org", "a@example.org", "a" * 5000],
)  # fmt: skip
async def test_what_is_no_fully_qualified_name(name: str) -> None:
    """RFC 5321 §2.3.5, §4.1.2: letters, digits and hyphens, and two labels at least; and DNS is not asked."""
    resolver = ZoneResolver({})
    found = await hello.evaluate(name, "192.0.2.1", resolver)
    assert (found.result, found.name, found.is_literal) == (Result.PERMERROR, "", False)
    assert not resolver.questions


async def test_a_result_is_secure_if_its_answer_is() -> None:
    for secure in (True, False):
        resolver = ZoneResolver(ZONES, secure=secure)
        assert (await hello.evaluate("mail.example.org", "192.0.2.1", resolver)).is_secure is secure
    assert not (await evaluate("[192.0.2.1]")).is_secure


async def test_what_is_no_address_is_the_callers_bug() -> None:
    with pytest.raises(ValueError):
        await evaluate("mail.example.org", "somewhere")
