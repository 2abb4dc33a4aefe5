"""Networks and peers: one spelling for each address."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from samotop.errors import SetupError
from samotop.net.networks import in_networks, parse_networks, peer_of
from samotop.peer import Peer


class Named(asyncio.BaseTransport):
    """A transport that has a peer's name and nothing else."""

    def __init__(self, name: object) -> None:
        super().__init__({"peername": name})


@pytest.mark.parametrize(
    ("address", "is_in"),
    [
        ("192.0.2.1", True),
        ("::ffff:192.0.2.1", True),
        ("192.0.3.1", False),
        ("2001:db8::7", True),
        ("2001:db8::7%eth0", True),
        ("2001:db9::7", False),
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("", False),
        ("no address", False),
    ],
)
def test_another_spelling_of_an_address_is_the_same_address(address: str, is_in: bool) -> None:
    """Otherwise a mapped address would leave, or enter, a network of trust."""
    networks = parse_networks(["192.0.2.0/24", "2001:db8::/32", "127.0.0.1"])
    assert in_networks(address, networks) is is_in


def test_a_mapped_network_is_the_network_it_stands_for() -> None:
    """Addresses are compared unmapped, so it would match nothing."""
    assert in_networks("192.0.2.9", parse_networks(["::ffff:192.0.2.0/120"]))


@pytest.mark.parametrize(("text", "hint"), [("192.0.2.1/24", "192.0.2.0/24"), ("example.org", "192.0.2.7"), ("", "")])
def test_what_is_no_network_is_refused_with_a_remedy(text: str, hint: str) -> None:
    """A network with host bits has two readings; the operator says which."""
    with pytest.raises(SetupError) as caught:
        parse_networks(["127.0.0.1", text])
    assert hint in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        (("192.0.2.1", 4711), Peer("192.0.2.1", 4711)),
        (("::ffff:192.0.2.1", 4711, 0, 0), Peer("192.0.2.1", 4711)),
        (("fe80::1%eth0", 4711, 0, 2), Peer("fe80::1", 4711)),
        ("", Peer()),
        (b"", Peer()),
        ("/run/client.sock", Peer()),
        (None, Peer()),
    ],
)
def test_the_peer_of_a_transport_is_canonical(name: Any, peer: Peer) -> None:
    """Policy and limits count by this text."""
    assert peer_of(Named(name)) == peer
