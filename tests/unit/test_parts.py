"""What programs that use the library begin with: the public names, and a resolver."""

from __future__ import annotations

import pytest

import samotop
from samotop import open_resolver
from samotop.dns import Security, Status
from samotop.errors import SetupError
from tests.fakes.zoneserver import ZoneServer


@pytest.mark.parametrize("name", samotop.__all__)
def test_each_public_name_is_where_it_is_said_to_be(name: str) -> None:
    """They load lazily, so a wrong home would be noticed by a user."""
    assert getattr(samotop, name) is not None
    assert name in dir(samotop)


async def test_a_resolver_asks_the_servers_that_it_was_given() -> None:
    with ZoneServer({"a.example": {"A": ["192.0.2.1"]}}) as server:
        async with open_resolver(server.address, dnssec="off") as resolver:
            answer = await resolver.lookup("a.example", "A")
            assert (answer.records, answer.security) == (("192.0.2.1",), Security.INSECURE)
        assert (await resolver.lookup("b.example", "A")).status is not Status.OK


async def test_without_more_words_dnssec_is_validated_here() -> None:
    """A server that knows one zone alone cannot show that nobody has changed it on the way."""
    with ZoneServer({"a.example": {"A": ["192.0.2.1"]}}, origins=["a.example"]) as server:
        async with open_resolver(server.address) as resolver:
            assert (await resolver.lookup("a.example", "A")).status is Status.SERVFAIL


def test_a_name_server_is_named_by_its_address() -> None:
    with pytest.raises(SetupError, match="a name server is named by its IP address"):
        open_resolver("dns.example.net")
