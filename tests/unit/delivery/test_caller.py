"""Calls over real sockets: what a server says, or does not, as the relay hears it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from samotop.address import Address
from samotop.content import Content
from samotop.delivery.caller import NetworkCaller
from samotop.delivery.calls import Host, NoVisit
from samotop.delivery.tlsplans import PolicyPlanner
from samotop.envelope import Envelope, Recipient
from samotop.net.certificates import TlsFiles
from samotop.routing.nexthop import HopKind, NextHop
from samotop.server import Server
from samotop.testing import ZoneResolver
from samotop.tlspolicy.requiretls import Wish
from tests.fakes.hops import HopScript, serve_hop
from tests.fakes.queue import MovableClock
from tests.unit.transport.smtp.conftest import Script, answer

ENVELOPE = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))
CONTENT = Content.from_bytes(b"Subject: s\r\n\r\nText\r\n")
ZONE = {"mx.example.net": {"A": ["127.0.0.1"]}, "example.net": {"MX": ["10 mx.example.net"]}}


def caller(port: int = 25, roots: Path | None = None) -> NetworkCaller:
    resolver = ZoneResolver(ZONE)

    async def beside(job: Callable[[], Any]) -> Any:
        return job()

    planner = PolicyPlanner(resolver, MovableClock(), trust=lambda: None, beside=beside)
    return NetworkCaller(resolver, planner, "mx.example.org", port=port, roots=roots)


def until() -> float:
    return asyncio.get_running_loop().time() + 20


async def test_a_host_takes_a_message() -> None:
    """By its name, in the clear where it offers nothing else."""
    with serve_hop(HopScript()) as hop:
        visit = await caller(hop.port).visit(Host(NextHop(HopKind.DOMAIN, "example.net"), "mx.example.net"), until())
        assert not isinstance(visit, NoVisit)
        (one,) = await visit.deliver(ENVELOPE, CONTENT, until(), seconds_left=None, may_convert=True)
        assert (
            one.is_delivered
            and one.is_relayed
            and not (one.takes_wishes or one.keeps_time)
            and one.server == "mx.example.net"
        )
        assert visit.is_usable and visit.tls.startswith("none: ")
        await visit.close()
        assert hop.messages[0][0] == ("b@example.net",)


async def test_a_host_that_promises_says_so() -> None:
    """DSN: it notifies; DELIVERBY: it watches the time. Else both are ours to tell (RFC 3461 §5.2, RFC 2852 §4.1.4)."""
    with serve_hop(HopScript(ehlo=["250-hop.example.net", "250-DSN", "250 DELIVERBY"])) as hop:
        visit = await caller(hop.port).visit(Host(NextHop(HopKind.DOMAIN, "example.net"), "mx.example.net"), until())
        assert not isinstance(visit, NoVisit)
        (one,) = await visit.deliver(ENVELOPE, CONTENT, until(), seconds_left=None, may_convert=True)
        assert one.is_delivered and one.takes_wishes and one.keeps_time
        await visit.close()


async def test_a_session_that_ended_in_between_is_stale() -> None:
    """Nobody has seen the second message: it is no attempt."""
    with serve_hop(HopScript()) as hop:
        visit = await caller(hop.port).visit(Host(NextHop(HopKind.DOMAIN, "example.net"), "mx.example.net"), until())
        assert not isinstance(visit, NoVisit)
        await visit.deliver(ENVELOPE, CONTENT, until(), seconds_left=None, may_convert=True)
        hop.script.mail = [""]
        (one,) = await visit.deliver(ENVELOPE, CONTENT, until(), seconds_left=None, may_convert=True)
        assert one.status.is_transient and visit.is_stale and not visit.is_usable


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("smtp://nowhere.example.net", "4.1.2"),
        ("smtp://127.0.0.1:1?tls=none", "4.4.1"),
        ("nonsense", "4.3.5"),
    ],
)
async def test_what_is_wrong_with_a_server_of_ours_is_never_the_messages_fault(url: str, status: str) -> None:
    """A slip in the smarthost's name must not send everybody's mail back."""
    found = await caller().visit(Host(NextHop(HopKind.SERVER, url)), until())
    assert isinstance(found, NoVisit) and str(found.outcome.status) == status


async def test_a_host_that_sends_everybody_away_is_asked_again_later() -> None:
    with serve_hop(HopScript(greeting=["554 5.7.1 go away"])) as hop:
        found = await caller(hop.port).visit(Host(NextHop(HopKind.DOMAIN, "example.net"), "mx.example.net"), until())
        assert isinstance(found, NoVisit) and str(found.outcome.status) == "4.7.1" and found.is_host


async def test_required_tls_is_not_given_up() -> None:
    """REQUIRETLS, and a host that has none, nor is vouched for: nothing is sent."""
    with serve_hop(HopScript()) as hop:
        host = Host(NextHop(HopKind.DOMAIN, "example.net"), "mx.example.net", wish=Wish.REQUIRES)
        found = await caller(hop.port).visit(host, until())
        assert isinstance(found, NoVisit) and not found.is_host
        assert "REQUIRETLS" in found.outcome.text


@pytest.mark.parametrize(("query", "said"), [("", "mx.example.org"), ("?hello=out.example.org", "out.example.org")])
async def test_a_server_of_ours_may_know_us_by_another_name(query: str, said: str) -> None:
    """A provider may want the name that it gave us; everybody else hears the host's."""
    async with Script(answer) as script:
        url = f"smtp://127.0.0.1:{script.port}{query}"
        visit = await caller().visit(Host(NextHop(HopKind.SERVER, url)), until())
        assert not isinstance(visit, NoVisit)
        await visit.close()
    assert script.lines[0] == f"EHLO {said}"


@pytest.mark.parametrize(("own", "is_believed"), [("", True), ("&roots={other}", False)])
async def test_the_relays_roots_count_for_a_server_that_names_none(tmp_path: Path, own: str, is_believed: bool) -> None:
    """A smarthost with a certificate of one's own authority is the usual one inside a company."""
    authority, other = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("localhost")
    files = TlsFiles(tmp_path / "c.pem", tmp_path / "k.pem")
    issued.cert_chain_pems[0].write_to_path(str(files.certificate))
    issued.private_key_pem.write_to_path(str(files.key))
    for one, name in ((authority, "roots.pem"), (other, "other.pem")):
        one.cert_pem.write_to_path(str(tmp_path / name))
    async with Server(listen="127.0.0.1:0", hostname="localhost", tls=files) as server:
        url = f"smtp://127.0.0.1:{server.port}?tls=required&name=localhost" + own.format(other=tmp_path / "other.pem")
        for roots in (tmp_path / "roots.pem", None):
            visit = await caller(roots=roots).visit(Host(NextHop(HopKind.SERVER, url)), until())
            if isinstance(visit, NoVisit):
                assert str(visit.outcome.status) == "4.7.5"
            else:
                await visit.close()
            assert isinstance(visit, NoVisit) is not (is_believed and roots is not None)
