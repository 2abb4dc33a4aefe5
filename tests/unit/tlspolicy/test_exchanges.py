"""Where mail for a domain goes, whether to believe it, and what is said where it goes nowhere."""

from __future__ import annotations

import pytest

from samotop.dns.answer import Answer, Security, Status
from samotop.dns.records import Mx
from samotop.msgauth.results import Result
from samotop.testing.zones import ZoneResolver
from samotop.tlspolicy.exchanges import HOST_LIMIT, NULL_MX, UNKNOWN_DOMAIN, lookup_exchanges


async def test_hosts_come_in_order() -> None:
    resolver = ZoneResolver({"a.example": {"MX": ["20 b.example.", "10 c.example.", "10 d.example."]}})
    found = await lookup_exchanges("A.example.", resolver)
    assert found.result is Result.PASS and not found.is_secure and not found.is_implicit
    assert found.hosts == (Mx(10, "c.example"), Mx(10, "d.example"), Mx(20, "b.example"))
    assert found.names == ("a.example",)


async def test_a_domain_without_mx_is_its_own_host() -> None:
    found = await lookup_exchanges("a.example", ZoneResolver({"a.example": {"A": ["192.0.2.1"]}}, secure=True))
    assert found.hosts == (Mx(0, "a.example"),) and found.is_implicit and found.is_secure


async def test_an_alias_is_followed_and_remembered() -> None:
    zones = {"a.example": {"CNAME": ["b.example."]}, "b.example": {"MX": ["10 mx.example."]}}
    found = await lookup_exchanges("a.example", ZoneResolver(zones))
    assert found.names == ("a.example", "b.example") and found.hosts == (Mx(10, "mx.example"),)


async def test_a_null_mx_takes_no_mail() -> None:
    found = await lookup_exchanges("a.example", ZoneResolver({"a.example": {"MX": ["0 ."]}}))
    assert (found.result, found.status, found.hosts) == (Result.FAIL, NULL_MX, ())


async def test_a_null_mx_among_others_counts_for_nothing() -> None:
    found = await lookup_exchanges("a.example", ZoneResolver({"a.example": {"MX": ["0 .", "10 mx.example."]}}))
    assert found.hosts == (Mx(10, "mx.example"),)


@pytest.mark.parametrize("domain", ["nowhere.example", "a..b", "", "x" * 64])
async def test_what_does_not_exist_is_refused_for_good(domain: str) -> None:
    found = await lookup_exchanges(domain, ZoneResolver({"a.example": {"A": ["192.0.2.1"]}}))
    assert (found.result, found.status) == (Result.FAIL, UNKNOWN_DOMAIN)


@pytest.mark.parametrize("host", ["192.0.2.1.", "a\\032b.example.", "a!b.example.", "*.example."])
async def test_what_no_host_is_called_is_none(host: str) -> None:
    found = await lookup_exchanges("a.example", ZoneResolver({"a.example": {"MX": [f"10 {host}"]}}))
    assert (found.result, found.status) == (Result.FAIL, UNKNOWN_DOMAIN)


@pytest.mark.parametrize("failure", ["TIMEOUT", "SERVFAIL"])
async def test_no_answer_is_no_absence(failure: str) -> None:
    found = await lookup_exchanges("a.example", ZoneResolver({"a.example": failure}))
    assert found.result is Result.TEMPERROR and found.status is not None and found.status.is_transient


async def test_a_bogus_answer_is_told() -> None:
    class Bogus:
        async def lookup(self, name: str, type: str) -> Answer:
            return Answer(name, type, Status.SERVFAIL, (), Security.BOGUS)

    found = await lookup_exchanges("a.example", Bogus())
    assert found.is_bogus and "DNSSEC" in found.reason


async def test_hundreds_of_hosts_are_not_tried() -> None:
    zones = {"a.example": {"MX": [f"{number} mx{number}.example." for number in range(300)]}}
    assert len((await lookup_exchanges("a.example", ZoneResolver(zones))).hosts) == HOST_LIMIT
