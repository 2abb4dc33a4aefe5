"""Which way to a server works, found out by trying."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from samotop.net.certificates import TlsFiles
from samotop.net.endpoint import Tcp
from samotop.sasl import Credentials
from samotop.tlspolicy.levels import Level
from samotop.transport.smtp.address import parse_server
from samotop.transport.smtp.discovery import find_ways, plan_ways
from samotop.transport.smtp.opening import NoSession
from samotop.transport.smtp.view import ServerView
from tests.unit.transport.smtp.conftest import HOST, PASSWORD, Caught, Serve


def test_the_usual_ways_the_best_first() -> None:
    """TLS from the first octet on, STARTTLS for submission, STARTTLS between servers; a login never in the clear."""
    servers = [parse_server(url) for url in plan_ways("mail.example.org", "me@example.org")]
    assert [server.place for server in servers] == [Tcp("mail.example.org", port) for port in (465, 587, 25)]
    assert [server.demand.level for server in servers] == [Level.VERIFIED] * 3
    assert {server.credentials.login for server in servers if server.credentials} == {"me@example.org"}
    servers = [parse_server(url) for url in plan_ways("2001:db8::1")]
    assert [server.place for server in servers] == [Tcp("2001:db8::1", port) for port in (465, 587, 25, 25)]
    assert servers[-1].demand.level is Level.OPPORTUNISTIC


async def test_all_are_tried_and_the_first_that_works_is_the_best(
    serve: Serve, caught: Caught, issue: Callable[..., TlsFiles], roots: Path
) -> None:
    """Each says why it does not work, or what it offers; the login is tried, and nothing is sent."""
    async with serve(tls=issue(HOST), accounts={"alice": PASSWORD}) as server:
        place = f"127.0.0.1:{server.port}?name={HOST}"
        urls = (f"smtps://{place}&roots={roots}", f"smtp://{place}", f"smtp://{place}&roots={roots}")
        told: list[str] = []
        ways = await find_ways(urls, Credentials("alice", PASSWORD), timeout=10, tell=told.append)
        wrong = await find_ways(urls[2:], Credentials("alice", "wrong"), timeout=10)
    assert [way.works for way in ways] == [False, False, True]
    assert [way.url for way in ways] == list(urls)
    assert isinstance(ways[0].found, NoSession) and isinstance(ways[1].found, NoSession)
    assert "not signed by anybody trusted" in ways[1].found.text
    assert isinstance(ways[2].found, ServerView) and ways[2].found.is_logged_in
    assert isinstance(wrong[0].found, NoSession) and str(wrong[0].found.status) == "5.7.8"
    assert any(line.startswith("C: EHLO") for line in told)
    assert caught.contents == []
