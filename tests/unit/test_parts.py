"""What programs that use the library begin with: the public names, and a resolver."""

from __future__ import annotations

import asyncio
import smtplib
from pathlib import Path

import pytest

import samotop
from samotop import Server, deliver, open_resolver
from samotop.dns import Security, Status
from samotop.errors import SetupError
from samotop.testing import ZoneResolver
from samotop.transport import Maildir
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
            answer = await resolver.lookup("a.example", "A")
            assert (answer.status, answer.security) == (Status.OK, Security.INDETERMINATE)


def test_a_name_server_is_named_by_its_address() -> None:
    with pytest.raises(SetupError, match="a name server is named by its IP address"):
        open_resolver("dns.example.net")


@pytest.mark.parametrize("hostname", ["", "mx.example.org", "store.example.org"])
async def test_what_is_kept_has_no_results_but_ours(tmp_path: Path, hostname: str) -> None:
    """The server finds them out and the transport writes them down, and their names may differ."""
    forged = b"Authentication-Results: mx.example.org; dmarc=pass\r\nFrom: bob@example.net\r\n\r\nHi\r\n"
    content = deliver(Maildir(tmp_path, hostname=hostname), lambda facts, number: ".")

    def send(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="client.test") as client:
            client.sendmail("bob@example.net", ["alice@example.org"], forged)

    resolver = ZoneResolver({"_dmarc.example.net": {"TXT": ['"v=DMARC1; p=none"']}})
    async with Server(content=content, listen="127.0.0.1:0", hostname="mx.example.org", resolver=resolver) as server:
        await asyncio.to_thread(send, server.port)
    (stored,) = (tmp_path / "new").iterdir()
    text = stored.read_text()
    assert text.count("Authentication-Results: mx.example.org;") == 1
    assert "dmarc=fail" in text
    assert "dmarc=pass" not in text
