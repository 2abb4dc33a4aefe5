"""Next hops, and the order of a domain's hosts (RFC 5321 §5.1)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import Address
from samotop.dns.records import Mx
from samotop.routing.destinations import FOREIGN, UNKNOWN, Destination, Local, Via
from samotop.routing.nexthop import HopKind, NextHop, find_next_hop, order_hosts
from samotop.routing.rules import Route
from samotop.routing.via import parse_via

US = frozenset(("mx.example.org",))


def via(text: str) -> Via:
    return Via(Route("x", parse_via(text)))


@pytest.mark.parametrize(
    ("destination", "address", "smarthost", "expected"),
    [
        (FOREIGN, Address("a", "Example.NET."), "", NextHop(HopKind.DOMAIN, "example.net")),
        (FOREIGN, Address("a", "bücher.example"), "", NextHop(HopKind.DOMAIN, "xn--bcher-kva.example")),
        (FOREIGN, Address("a", "[192.0.2.1]"), "", NextHop(HopKind.LITERAL, "192.0.2.1")),
        (FOREIGN, Address("a", "[IPv6:2001:db8::1]"), "", NextHop(HopKind.LITERAL, "2001:db8::1")),
        (FOREIGN, Address("a", "[x-tag:nonsense]"), "", None),
        (FOREIGN, Address("a", "example.net"), "smtp://u:p@hub", NextHop(HopKind.SERVER, "smtp://u:p@hub")),
        (via("lmtp:/run/lists.sock"), Address("a", "b"), "smtp://hub", NextHop(HopKind.SERVER, "lmtp:/run/lists.sock")),
        (via("child:/bin/x -y"), Address("a", "b"), "", NextHop(HopKind.SERVER, "child:/bin/x -y")),
        (via("maildir:x"), Address("a", "b"), "smtp://hub", None),
        (Local("bob"), Address("a", "b"), "smtp://hub", None),
        (UNKNOWN, Address("a", "b"), "smtp://hub", None),
    ],
)
def test_where_mail_goes_on(
    destination: Destination, address: Address, smarthost: str, expected: NextHop | None
) -> None:
    """A route before the smarthost, the smarthost before DNS; what is delivered here has no next hop."""
    assert find_next_hop(destination, address, smarthost) == expected


def test_a_password_is_not_shown() -> None:
    """What people see of a next hop stands in logs and listings."""
    assert str(NextHop(HopKind.SERVER, "smtps://user:secret@hub.example:465")) == "smtps://hub.example:465"
    assert NextHop(HopKind.SERVER, "lmtp:/run/x").is_lmtp


def test_hosts_come_by_preference_and_equal_ones_by_chance() -> None:
    """Each of the equal ones is first some time."""
    found = {
        order_hosts([Mx(20, "c"), Mx(10, "a"), Mx(10, "b")], US, random.Random(seed).random).hosts for seed in range(40)
    }
    assert found == {("a", "b", "c"), ("b", "a", "c")}


@pytest.mark.parametrize(
    ("exchanges", "hosts", "is_loop"),
    [
        ([Mx(10, "a"), Mx(20, "mx.example.org"), Mx(30, "c")], ("a",), False),
        ([Mx(10, "mx.example.org"), Mx(10, "a")], (), True),
        ([Mx(0, "mx.example.org")], (), True),
        ([Mx(5, "a"), Mx(10, "a")], ("a",), False),
    ],
)
def test_we_never_hand_mail_to_who_would_hand_it_back(
    exchanges: list[Mx], hosts: tuple[str, ...], is_loop: bool
) -> None:
    """RFC 5321 §5.1: our own place in the list ends it."""
    found = order_hosts(exchanges, US, lambda: 0.5)
    assert (found.hosts, found.is_loop) == (hosts, is_loop)


@given(st.lists(st.builds(Mx, st.integers(0, 4), st.sampled_from("abcdef")), max_size=12), st.integers(0, 99))
def test_no_host_is_lost_and_none_comes_before_a_better_one(exchanges: list[Mx], seed: int) -> None:
    found = order_hosts(exchanges, frozenset(), random.Random(seed).random).hosts
    assert set(found) == {one.host for one in exchanges} and len(set(found)) == len(found)
    best = {one.host: min(other.preference for other in exchanges if other.host == one.host) for one in exchanges}
    assert [best[host] for host in found] == sorted(best[host] for host in found)
