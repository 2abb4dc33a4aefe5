"""The examples of RFC 7208 appendix A, in the zones that it gives for them."""

from __future__ import annotations

from typing import Final

import pytest

from samotop.msgauth import spf
from samotop.testing import ZoneResolver
from samotop.testing.zones import Table

ZONES: Final[dict[str, Table]] = {
    "example.com": {"MX": ["10 mail-a.example.com.", "20 mail-b.example.com."], "A": ["192.0.2.10", "192.0.2.11"]},
    "amy.example.com": {"A": ["192.0.2.65"]},
    "bob.example.com": {"A": ["192.0.2.66"]},
    "mail-a.example.com": {"A": ["192.0.2.129"]},
    "mail-b.example.com": {"A": ["192.0.2.130"]},
    "www.example.com": {"CNAME": ["example.com."]},
    "example.org": {"MX": ["10 mail-c.example.org."]},
    "mail-c.example.org": {"A": ["192.0.2.140"]},
    "10.2.0.192.in-addr.arpa": {"PTR": ["example.com."]},
    "11.2.0.192.in-addr.arpa": {"PTR": ["example.com."]},
    "65.2.0.192.in-addr.arpa": {"PTR": ["amy.example.com."]},
    "66.2.0.192.in-addr.arpa": {"PTR": ["bob.example.com."]},
    "129.2.0.192.in-addr.arpa": {"PTR": ["mail-a.example.com."]},
    "130.2.0.192.in-addr.arpa": {"PTR": ["mail-b.example.com."]},
    "140.2.0.192.in-addr.arpa": {"PTR": ["mail-c.example.org."]},
    "4.0.0.10.in-addr.arpa": {"PTR": ["bob.example.com."]},
}
PEERS: Final = (
    "192.0.2.10",
    "192.0.2.11",
    "192.0.2.65",
    "192.0.2.66",
    "192.0.2.129",
    "192.0.2.130",
    "192.0.2.131",
    "192.0.2.140",
    "192.0.2.143",
    "10.0.0.4",
)


def publish(records: dict[str, str]) -> ZoneResolver:
    zones = dict(ZONES)
    for name, record in records.items():
        zones[name] = {**zones.get(name, {}), "TXT": [f'"{record}"']}
    return ZoneResolver(zones)


async def evaluate(resolver: ZoneResolver, ip: str, sender: str) -> str:
    return (await spf.evaluate(ip, "mail.example.net", sender, resolver)).result


@pytest.mark.parametrize(
    ("record", "passing"),
    [
        ("v=spf1 +all", PEERS),
        ("v=spf1 a -all", ("192.0.2.10", "192.0.2.11")),
        ("v=spf1 a:example.org -all", ()),
        ("v=spf1 mx -all", ("192.0.2.129", "192.0.2.130")),
        ("v=spf1 mx:example.org -all", ("192.0.2.140",)),
        ("v=spf1 mx mx:example.org -all", ("192.0.2.129", "192.0.2.130", "192.0.2.140")),
        (
            "v=spf1 mx/30 mx:example.org/30 -all",
            ("192.0.2.129", "192.0.2.130", "192.0.2.131", "192.0.2.140", "192.0.2.143"),
        ),
        ("v=spf1 ptr -all", ("192.0.2.10", "192.0.2.11", "192.0.2.65", "192.0.2.66", "192.0.2.129", "192.0.2.130")),
        ("v=spf1 ip4:192.0.2.128/28 -all", ("192.0.2.129", "192.0.2.130", "192.0.2.131", "192.0.2.140", "192.0.2.143")),
        ("v=spf1 a:www.example.com -all", ("192.0.2.10", "192.0.2.11")),
    ],
)
async def test_simple_examples(record: str, passing: tuple[str, ...]) -> None:
    """Appendix A.1: exactly these hosts pass, and all others fail."""
    resolver = publish({"example.com": record})
    found = {peer: await evaluate(resolver, peer, "amy@example.com") for peer in PEERS}
    assert found == {peer: "pass" if peer in passing else "fail" for peer in PEERS}


@pytest.mark.parametrize("name", ["example.org", "la.example.org", "ny.example.org", "sf.example.org"])
async def test_multiple_domains(name: str) -> None:
    """Appendix A.2: one record includes those of others, and sub-domains redirect to it."""
    resolver = publish(
        {
            "example.org": "v=spf1 include:example.com include:example.net -all",
            "example.com": "v=spf1 mx -all",
            "example.net": "v=spf1 ip4:10.0.0.0/8 ~all",
            "la.example.org": "v=spf1 redirect=example.org",
            "ny.example.org": "v=spf1 redirect=example.org",
            "sf.example.org": "v=spf1 redirect=example.org",
        }
    )
    assert await evaluate(resolver, "192.0.2.129", f"x@{name}") == "pass"
    assert await evaluate(resolver, "10.0.0.4", f"x@{name}") == "pass"
    assert await evaluate(resolver, "192.0.2.65", f"x@{name}") == "fail"


@pytest.mark.parametrize(
    ("ip", "sender", "expected"),
    [
        ("192.0.2.129", "anybody", "pass"),
        ("203.0.113.9", "mary", "pass"),
        ("203.0.113.9", "fred+lists", "pass"),
        ("203.0.113.9", "joel", "fail"),
        ("192.168.15.15", "joel", "pass"),
        ("192.168.15.16", "joel+lists", "pass"),
        ("192.168.15.17", "joel", "fail"),
        ("192.168.15.15", "anybody", "fail"),
    ],
)
async def test_users_as_in_a_dnsbl(ip: str, sender: str, expected: str) -> None:
    """Appendix A.3: some users from anywhere, others from one address each."""
    resolver = publish(
        {
            "example.com": "v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all",
            "mobile-users._spf.example.com": "v=spf1 exists:%{l1r+}.%{d}",
            "remote-users._spf.example.com": "v=spf1 exists:%{ir}.%{l1r+}.%{d}",
        }
    )
    users: dict[str, Table] = {
        name: {"A": ["127.0.0.2"]}
        for name in (
            "mary.mobile-users._spf.example.com",
            "fred.mobile-users._spf.example.com",
            "15.15.168.192.joel.remote-users._spf.example.com",
            "16.15.168.192.joel.remote-users._spf.example.com",
        )
    }
    for name, table in users.items():
        resolver._add(name, table)
    assert await evaluate(resolver, ip, f"{sender}@example.com") == expected


@pytest.mark.parametrize(
    ("ip", "expected"), [("192.0.2.65", "pass"), ("192.0.2.140", "fail"), ("10.0.0.4", "fail"), ("192.0.2.200", "fail")]
)
async def test_multiple_requirements(ip: str, expected: str) -> None:
    """Appendix A.4: both in the network and with a name of the domain's."""
    resolver = publish(
        {
            "example.com": "v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all",
            "ip4._spf.example.com": "v=spf1 -ip4:192.0.2.0/24 +all",
            "ptr._spf.example.com": "v=spf1 -ptr:example.com +all",
        }
    )
    assert await evaluate(resolver, ip, "amy@example.com") == expected
