"""MTA-STS policies are fetched again: before a message suffers for one, and once a day (RFC 8461 §3.3, §5.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from samotop.delivery.caller import NetworkCaller
from samotop.delivery.calls import Host, NoVisit
from samotop.delivery.renewal import PERIOD_SECONDS, keep_renewing
from samotop.delivery.tlsplans import PolicyPlanner
from samotop.errors import TryAgainLater
from samotop.routing.nexthop import HopKind, NextHop
from samotop.store.database import Database
from samotop.store.policies import SqlitePolicies
from samotop.testing import ZoneResolver
from samotop.tlspolicy.firstuse import Memory
from samotop.tlspolicy.judge import Judgement
from samotop.tlspolicy.levels import Failure, Level
from samotop.tlspolicy.mtasts import Fetched, FetchStatus, Mode, StsEntry, StsFound, StsPolicy
from samotop.tlspolicy.plan import TlsPlan
from tests.fakes.hops import HopScript, serve_hop
from tests.fakes.queue import FakeLog, MovableClock

DAY = 86400.0
HOST = Host(NextHop(HopKind.DOMAIN, "example.net"), "mx.example.net")
ZONE: dict[str, Any] = {
    "mx.example.net": {"A": ["127.0.0.1"]},
    "example.net": {"MX": ["10 mx.example.net"]},
    "_mta-sts.example.net": {"TXT": ['"v=STSv1; id=one;"']},
}
AWAY = Fetched(FetchStatus.FAILED, reason="nobody answered")


def policy(mode: str, host: str = "mx.example.net") -> Fetched:
    text = f"version: STSv1\r\nmode: {mode}\r\nmx: {host}\r\nmax_age: 604800\r\n"
    return Fetched(FetchStatus.OK, text.encode())


class Web:
    """The policy's web server: says one thing at a time."""

    def __init__(self, answer: Fetched) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        return self.answer


class Counting:
    """Implements ``tlsplans.Observer``."""

    def __init__(self) -> None:
        self.sessions: list[Judgement] = []
        self.policies: list[StsFound] = []

    def note_session(self, plan: TlsPlan, judged: Judgement) -> None:
        self.sessions.append(judged)

    def note_policy(self, found: StsFound) -> None:
        self.policies.append(found)


class Bench:
    """A domain with a cached policy of mode enforce that was fetched ``age`` seconds ago, and its web server."""

    def __init__(self, folder: Path, web: Web, age: float, kept_host: str = "mx.example.net") -> None:
        self.clock, self.web, self.counting = MovableClock(), web, Counting()
        self.database = Database(str(folder / "state.db"))
        self.policies = SqlitePolicies(self.database)
        kept = StsPolicy(Mode.ENFORCE, (kept_host,), 604800)
        self.policies.put_sts(StsEntry("example.net", kept, "one", self.clock.time() - age))
        resolver = ZoneResolver(ZONE)

        async def beside(job: Callable[[], Any]) -> Any:
            return job()

        self.planner = PolicyPlanner(
            resolver,
            self.clock,
            trust=lambda: None,
            fetcher=web,
            policies=self.policies,
            beside=beside,
            observer=self.counting,
        )
        self.resolver = resolver

    async def visit(self, port: int) -> str:
        """What comes of a call: a word for the session, or the status of the refusal."""
        caller = NetworkCaller(self.resolver, self.planner, "mx.example.org", port=port)
        found = await caller.visit(HOST, asyncio.get_running_loop().time() + 20)
        if isinstance(found, NoVisit):
            return str(found.outcome.status)
        await found.close()
        return found.tls.partition(":")[0]


@pytest.mark.parametrize("mode", ["none", "testing"])
async def test_no_message_suffers_for_a_policy_that_its_domain_has_replaced(tmp_path: Path, mode: str) -> None:
    """The record still has the old id; the policy behind it is another one, and the host has no TLS."""
    bench = Bench(tmp_path, Web(policy(mode)), 3600)
    with serve_hop(HopScript()) as hop:
        assert await bench.visit(hop.port) == "none"
    assert len(bench.web.asked) == 1
    kept = bench.policies.get_sts("example.net")
    assert kept is not None and kept.policy is not None and kept.policy.mode == mode


async def test_a_host_that_the_new_policy_names_is_called(tmp_path: Path) -> None:
    """The old one did not name it, so that it would have been passed over without a call."""
    bench = Bench(tmp_path, Web(policy("testing")), 3600, kept_host="old.example.net")
    with serve_hop(HopScript()) as hop:
        assert await bench.visit(hop.port) == "none"


@pytest.mark.parametrize("answer", [policy("enforce"), AWAY, Fetched(FetchStatus.UNTRUSTED, reason="no certificate")])
async def test_a_policy_that_stands_or_cannot_be_asked_for_holds(tmp_path: Path, answer: Fetched) -> None:
    """Whoever cuts the web server off must not take the protection away; that it is away is counted for the report."""
    bench = Bench(tmp_path, Web(answer), 3600)
    with serve_hop(HopScript()) as hop:
        assert await bench.visit(hop.port) == "4.7.4"
        assert hop.messages == []
    assert len(bench.web.asked) == 1
    expected = [] if answer.status is FetchStatus.OK else [answer.status]
    assert len(bench.counting.policies) == len(expected)
    assert all(one.failure in (Failure.STS_FETCH, Failure.STS_WEBPKI) for one in bench.counting.policies)


async def test_many_failing_messages_do_not_hammer_the_web_server(tmp_path: Path) -> None:
    """What was fetched, or tried, in the last five minutes is what there is."""
    for number, (answer, age) in enumerate([(policy("enforce"), 299), (policy("enforce"), 3600), (AWAY, 3600)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = Bench(folder, Web(answer), age)
        with serve_hop(HopScript()) as hop:
            for _ in range(4):
                assert await bench.visit(hop.port) == "4.7.4"
        assert len(bench.web.asked) == (0 if age < 300 else 1)


async def test_a_busy_host_does_not_ask_for_its_policy_anew(tmp_path: Path) -> None:
    """Only what is refused for the policy's sake does."""
    bench = Bench(tmp_path, Web(policy("enforce")), 3600)
    assert await bench.visit(1) == "4.4.1"
    assert bench.web.asked == []


async def test_a_policy_is_renewed_every_day_without_any_mail(tmp_path: Path) -> None:
    """So that it never ends while its web server is away (RFC 8461 §3.3)."""
    bench = Bench(tmp_path, Web(policy("enforce")), 0)
    assert await bench.planner.renew() == 0 and bench.web.asked == []
    bench.clock.move(DAY)
    assert await bench.planner.renew() == 1
    bench.web.answer = AWAY
    for _ in range(3):
        bench.clock.move(DAY)
        assert await bench.planner.renew() == 0
    kept = bench.policies.get_sts("example.net")
    assert kept is not None and kept.policy_at(bench.clock.time()) is not None, "kept for a week, whoever is away"
    assert len(bench.counting.policies) == 3
    bench.clock.move(5 * DAY)
    await bench.planner.renew()
    assert bench.policies.get_sts("example.net") is None, "what has ended is dropped"


async def test_what_is_remembered_ends_without_any_mail(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Web(AWAY), 0)
    bench.policies.remember("example.net", Level.VERIFIED, bench.clock.time())
    bench.clock.move(29 * DAY)
    await bench.planner.renew()
    assert isinstance(bench.policies.get_memory("example.net"), Memory)
    bench.clock.move(2 * DAY)
    await bench.planner.renew()
    assert bench.policies.get_memory("example.net") is None


async def test_renewing_goes_on_after_whatever_happens() -> None:
    """A store that does not answer, and a bug."""
    slept: list[float] = []
    ends: list[Exception | None] = [TryAgainLater("busy"), RuntimeError("a bug"), None]
    log = FakeLog()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 3:
            raise asyncio.CancelledError

    async def renew() -> int:
        end = ends.pop(0)
        if end is not None:
            raise end
        return 1

    with pytest.raises(asyncio.CancelledError):
        await keep_renewing(renew, log, sleep)
    assert slept == [PERIOD_SECONDS] * 4 and ends == []
    assert log.events == ["renewal_failed"]
