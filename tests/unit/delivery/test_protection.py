"""What an attempt says of its TLS: who demanded it, why, and what there was; for `samotop queue show`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from samotop.address import NULL_PATH, Address
from samotop.content import Content
from samotop.delivery.caller import NetworkCaller
from samotop.delivery.calls import Host, NoVisit
from samotop.delivery.protection import name_hop
from samotop.delivery.tlsplans import PolicyPlanner
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.ports.transport import Outcome
from samotop.queue.entry import Protection
from samotop.queue.outcome import plan_outcome
from samotop.routing.nexthop import HopKind, NextHop
from samotop.status import EnhancedStatus
from samotop.testing import ZoneResolver
from samotop.tlspolicy.firstuse import Memory
from samotop.tlspolicy.levels import Level
from samotop.tlspolicy.requiretls import Wish
from tests.fakes.hops import HopScript, serve_hop
from tests.fakes.queue import RECEIVED_AT, MovableClock, make_entry

ZONE: dict[str, Any] = {"mx.example.net": {"A": ["127.0.0.1"]}, "example.net": {"MX": ["10 mx.example.net"]}}
DOMAIN = Host(NextHop(HopKind.DOMAIN, "example.net"), "mx.example.net")
BUSY = Outcome(EnhancedStatus(4, 2, 0), "busy")


class Remembering:
    """Implements ``ports.Policies`` as far as a planner without a fetcher asks: one memory for every domain."""

    def __init__(self, level: Level | None) -> None:
        self.level = level

    def get_memory(self, domain: str) -> Memory | None:
        return None if self.level is None else Memory(domain, self.level, MovableClock().time())

    def remember(self, domain: str, level: Level, now: float) -> None:
        return


def caller(port: int, memory: Level | None = None) -> NetworkCaller:
    resolver = ZoneResolver(ZONE)

    async def beside(job: Callable[[], Any]) -> Any:
        return job()

    policies: Any = Remembering(memory)
    planner = PolicyPlanner(resolver, MovableClock(), trust=lambda: None, policies=policies, beside=beside)
    return NetworkCaller(resolver, planner, "mx.example.org", port=port)


async def attempt(port: int, host: Host, memory: Level | None = None) -> Protection:
    """One attempt, at a server that defers the recipient if it comes that far."""
    until = asyncio.get_running_loop().time() + 20
    found = await caller(port, memory).visit(host, until)
    if isinstance(found, NoVisit):
        assert found.outcome.protection is not None
        return found.outcome.protection
    envelope = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))
    content = Content.from_bytes(b"Subject: s\r\n\r\nText\r\n")
    (one,) = await found.deliver(envelope, content, until, seconds_left=None, may_convert=True)
    await found.close()
    assert one.protection is not None
    return one.protection


@pytest.mark.parametrize(
    ("memory", "requires", "demanded", "by", "reached"),
    [
        (None, False, "opportunistic", "nobody", "none"),
        (Level.ENCRYPTED, False, "encrypted", "memory", "none"),
        (Level.VERIFIED, False, "verified", "memory", "none"),
        (None, True, "verified", "REQUIRETLS", "none"),
    ],
)
async def test_an_attempt_at_a_domain_says_who_demanded_what(
    memory: Level | None, requires: bool, demanded: str, by: str, reached: str
) -> None:
    """Also one that was only deferred: not every delay is TLS's fault."""
    with serve_hop(HopScript(rcpt=["450 4.7.1 later"])) as hop:
        found = await attempt(hop.port, replace(DOMAIN, wish=Wish.REQUIRES if requires else Wish.NOTHING), memory)
    assert (found.hop, found.host) == ("example.net", "mx.example.net")
    assert (found.demanded, found.by, found.reached) == (demanded, by, reached)
    assert found.why


@pytest.mark.parametrize(
    ("query", "requires", "demanded", "by", "reached"),
    [
        ("?tls=none", False, "none", "operator", "none"),
        ("", False, "opportunistic", "operator", "none"),
        ("?tls=required", False, "verified", "operator", "none"),
        ("?tls=none", True, "verified", "REQUIRETLS", "none"),
    ],
)
async def test_an_attempt_at_a_server_of_the_operators_says_what_its_url_asks_for(
    query: str, requires: bool, demanded: str, by: str, reached: str
) -> None:
    """And its password is nobody's business."""
    with serve_hop(HopScript(rcpt=["450 4.7.1 later"])) as hop:
        url = f"smtp://127.0.0.1:{hop.port}{query}"
        found = await attempt(0, Host(NextHop(HopKind.SERVER, url), wish=Wish.REQUIRES if requires else Wish.NOTHING))
    assert (found.demanded, found.by, found.reached) == (demanded, by, reached)
    secret = await attempt(0, Host(NextHop(HopKind.SERVER, "smtp://bob:secret@127.0.0.1:1?tls=none")))
    assert "secret" not in str(secret) and secret.reached == ""


async def test_a_host_that_cannot_be_reached_has_reached_nothing() -> None:
    found = await attempt(1, DOMAIN)
    assert (found.demanded, found.reached) == ("opportunistic", "")


def test_what_is_put_off_still_tells_of_the_last_attempt() -> None:
    """Nobody was asked meanwhile, so that what was found before is still the last."""
    entry = make_entry(1, "a@example.net")
    seen = Protection("example.net", "mx.example.net", "verified", "memory", "because", "none")
    tried = plan_outcome(entry, [replace(BUSY, protection=seen)], RECEIVED_AT, lambda: 0.5).settled.pending
    assert tried[0].protection == seen
    entry = replace(entry, pending=tried)
    put_off = replace(BUSY, retry_at=RECEIVED_AT + 100)
    assert plan_outcome(entry, [put_off], RECEIVED_AT + 90, lambda: 0.5).settled.pending[0].protection == seen


def test_who_called_nobody_names_the_next_hop_at_least() -> None:
    found = name_hop(BUSY, NextHop(HopKind.SERVER, "smtp://bob:secret@relay.example.net"))
    assert found.protection == Protection("smtp://relay.example.net")
    assert name_hop(found, "other") is found


@pytest.mark.parametrize("memory", [Level.ENCRYPTED, Level.VERIFIED])
async def test_who_waives_tls_is_not_held_up_by_what_the_domain_had(memory: Level) -> None:
    """TLS-Required: No: rather in the clear than not at all (RFC 8689 §3), and the queue says who wanted that."""
    with serve_hop(HopScript(rcpt=["450 4.7.1 later"])) as hop:
        found = await attempt(hop.port, replace(DOMAIN, wish=Wish.WAIVES), memory)
    assert (found.demanded, found.by, found.reached) == ("opportunistic", "sender", "none")


async def test_who_waives_tls_does_not_waive_it_for_the_operator() -> None:
    """The rule of who runs the server stands (RFC 8689 §3)."""
    with serve_hop(HopScript()) as hop:
        url = f"smtp://127.0.0.1:{hop.port}?tls=required"
        found = await attempt(0, Host(NextHop(HopKind.SERVER, url), wish=Wish.WAIVES))
    assert (found.demanded, found.by, found.reached) == ("verified", "operator", "none")


async def test_a_notification_is_not_lost_for_a_server_that_promises_nothing() -> None:
    """RFC 8689 §5: REQUIRETLS on the null reverse-path is for servers that offer it."""
    with serve_hop(HopScript()) as hop:
        until = asyncio.get_running_loop().time() + 20
        visit = await caller(hop.port).visit(DOMAIN, until)
        assert not isinstance(visit, NoVisit)
        content = Content.from_bytes(b"Subject: s\r\n\r\nText\r\n")
        found = []
        for path in (NULL_PATH, Address("a", "example.org")):
            parameters = MailParameters(requires_tls=True)
            envelope = Envelope(path, (Recipient(Address("b", "example.net")),), parameters)
            found += await visit.deliver(envelope, content, until, seconds_left=None, may_convert=True)
        await visit.close()
    assert [str(one.status) for one in found] == ["2.0.0", "5.7.30"]
