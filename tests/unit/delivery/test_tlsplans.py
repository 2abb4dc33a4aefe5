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
from samotop.tlspolicy.judge import Session
from samotop.tlspolicy.levels import Level
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
