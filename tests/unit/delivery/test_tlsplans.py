"""The plan for a host where the store does not answer, and what is remembered of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from samotop.delivery.calls import Host
from samotop.delivery.tlsplans import UNKNOWN, PolicyPlanner
from samotop.errors import TryAgainLater
from samotop.msgauth.results import Result
from samotop.routing.nexthop import HopKind, NextHop
from samotop.testing import ZoneResolver
from samotop.tlspolicy.judge import Judgement, Session
from samotop.tlspolicy.levels import Failure, Level
from samotop.tlspolicy.mtasts import Fetched, FetchStatus, StsFound
from samotop.tlspolicy.plan import TlsPlan
from tests.fakes.queue import MovableClock

HOST = Host(NextHop(HopKind.DOMAIN, "example.net"), "mx.example.net")
ZONE = {"mx.example.net": {"A": ["192.0.2.1"]}, "example.net": {"MX": ["10 mx.example.net."]}}


class Memories:
    """Implements ``ports.Policies`` as far as a planner without a fetcher asks."""

    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers
        self.remembered: list[tuple[str, Level]] = []

    def get_sts(self, domain: str) -> None:
        return None

    def get_memory(self, domain: str) -> None:
        if not self.answers:
            raise TryAgainLater("state.db does not answer")

    def remember(self, domain: str, level: Level, now: float) -> None:
        self.remembered.append((domain, level))


def planner(memories: Memories) -> PolicyPlanner:
    async def beside(job: Callable[[], Any]) -> Any:
        return job()

    return PolicyPlanner(
        ZoneResolver(ZONE),
        MovableClock(),
        trust=lambda: None,
        policies=memories,  # type: ignore[arg-type]  # as far as it is asked
        beside=beside,
    )


async def test_a_store_that_does_not_answer_lets_nothing_through() -> None:
    """It may know that the domain has always had more than what DNS shows now."""
    plan = await planner(Memories(answers=False)).plan(HOST, 25)
    assert plan.refusal == UNKNOWN
    assert not plan.may_be_plain


async def test_with_an_empty_memory_a_host_without_a_policy_gets_what_it_offers() -> None:
    plan = await planner(Memories()).plan(HOST, 25)
    assert plan.refusal is None
    assert plan.may_be_plain


@pytest.mark.parametrize("answers", [True, False])
async def test_only_what_passed_is_remembered(answers: bool) -> None:
    memories = Memories(answers=answers)
    asked = planner(memories)
    judged = await asked.judge(await asked.plan(HOST, 25), Session(is_encrypted=True))
    assert (judged.result is Result.PASS) is answers
    assert bool(memories.remembered) is answers


class Heard:
    """Implements ``Observer``."""

    def __init__(self) -> None:
        self.sessions: list[tuple[TlsPlan, Judgement]] = []
        self.policies: list[StsFound] = []

    def note_session(self, plan: TlsPlan, judged: Judgement) -> None:
        self.sessions.append((plan, judged))

    def note_policy(self, found: StsFound) -> None:
        self.policies.append(found)


class NoWeb:
    async def fetch(self, url: str) -> Fetched:
        return Fetched(FetchStatus.UNTRUSTED, reason="the web server has no valid certificate")


async def test_an_observer_hears_of_sessions_and_of_policies_that_could_not_be_fetched() -> None:
    """Reports are made of that (RFC 8460 §4.3)."""
    memories, heard = Memories(), Heard()
    memories.put_sts = lambda entry: None  # type: ignore[attr-defined]  # a store that forgets

    async def beside(job: Callable[[], Any]) -> Any:
        return job()

    asked = PolicyPlanner(
        ZoneResolver({**ZONE, "_mta-sts.example.net": {"TXT": ['"v=STSv1; id=1;"']}}),
        MovableClock(),
        trust=lambda: None,
        policies=memories,  # type: ignore[arg-type]  # as far as it is asked
        fetcher=NoWeb(),
        beside=beside,
        observer=heard,
    )
    plan = await asked.plan(HOST, 25)
    judged = await asked.judge(plan, Session(is_encrypted=True))
    assert heard.sessions == [(plan, judged)]
    assert [(one.domain, one.failure) for one in heard.policies] == [("example.net", Failure.STS_WEBPKI)]
