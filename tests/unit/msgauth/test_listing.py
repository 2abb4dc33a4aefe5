"""What a DNS block list's answer means (RFC 5782)."""

from __future__ import annotations

import pytest

from samotop.msgauth import listing
from samotop.testing import ZoneResolver

NAME = "7.2.0.192.zen.example"


@pytest.mark.parametrize(
    ("records", "codes", "is_known"),
    [
        (["127.0.0.2"], ("127.0.0.2",), True),
        (["127.0.0.4", "127.0.0.2"], ("127.0.0.2", "127.0.0.4"), True),
        (["127.255.255.254"], (), False),
        (["127.0.0.2", "127.255.255.252"], (), False),
        (["203.0.113.5"], (), False),
        (["127.0.0.1"], (), False),
    ],
)
async def test_only_a_list_s_own_codes_count(records: list[str], codes: tuple[str, ...], is_known: bool) -> None:
    """A list that does not answer us, or that somebody else's web server is now, lists nobody (RFC 5782 §5)."""
    resolver = ZoneResolver({NAME: {"A": records}})
    assert await listing.lookup("192.0.2.7", "zen.example", resolver) == listing.Listing("zen.example", codes, is_known)


async def test_who_is_not_on_it_is_not_listed() -> None:
    found = await listing.lookup("192.0.2.7", "zen.example", ZoneResolver({}))
    assert (found.codes, found.is_known) == ((), True)


async def test_a_silent_list_has_no_opinion() -> None:
    found = await listing.lookup("192.0.2.7", "zen.example", ZoneResolver({NAME: {"A": "TIMEOUT"}}))
    assert (found.codes, found.is_known) == ((), False)


def test_ipv6_is_asked_for_by_nibbles() -> None:
    """RFC 5782 §2.4."""
    name = listing.format_question("2001:db8::1", "zen.example")
    assert name == "1." + "0." * 23 + "8.b.d.0.1.0.0.2.zen.example"
