"""Addresses as numbers, read as strictly as the standard library reads them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.msgauth.addresses import is_among, parse_peer, read_ipv4


@given(st.ip_addresses())
def test_every_address_is_read_as_the_library_reads_it(address: IPv4Address | IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    expected = mapped or address
    peer = parse_peer(str(address))
    assert (peer.text, peer.number, peer.address) == (str(expected), int(expected), expected)
    assert peer.type == ("A" if expected.version == 4 else "AAAA")


@given(st.text("0123456789.:abcdefx/ %\u0661\u00b2", max_size=16))
def test_what_the_library_refuses_is_refused(text: str) -> None:
    """Signs, spaces, digits of other scripts, leading zeros: two readings of an address are one too many."""
    try:
        expected = ip_address(text)
    except ValueError:
        with pytest.raises(ValueError):
            parse_peer(text)
    else:
        assert parse_peer(text).number in (int(expected), int(expected) & 0xFFFFFFFF)


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "+1.2.3.4", " 1.2.3.4", "1.2.3.4\n"]
)
def test_an_error_does_not_repeat_what_it_was_given(text: str) -> None:
    """It may be logged."""
    with pytest.raises(ValueError, match=r"^that is no IPv4 address$"):
        read_ipv4(text)


def test_a_zone_index_is_no_part_of_the_address() -> None:
    """fe80::1%eth0 is what a socket gives for a link-local peer."""
    assert parse_peer("fe80::1%eth0") == parse_peer("fe80::1")


def test_comparing_is_by_value_and_by_kind() -> None:
    """An IPv6 address may be written in several ways, and records of other types are not looked at."""
    six = parse_peer("2001:db8::1")
    assert is_among(six, ("2001:DB8:0:0::1",))
    assert is_among(six, ("2001:db8::2",), ~0xFF)
    assert not is_among(six, ("2001:db8::2",))
    assert not is_among(six, (b"2001:db8::1", 7))
    four = parse_peer("::ffff:192.0.2.1")
    assert is_among(four, ("198.51.100.1", "192.0.2.1"))
    assert not is_among(four, ())
