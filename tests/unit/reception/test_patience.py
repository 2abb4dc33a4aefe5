"""Waiting for DNS, and no longer."""

from __future__ import annotations

import asyncio

import pytest

from samotop.dns.answer import Answer, Status
from samotop.reception.patience import ANSWER_OCTETS, AT_ONCE, KEPT_OCTETS, PatientResolver
from samotop.testing import ZoneResolver

ZONES = {"example.org": {"A": ["192.0.2.1"], "TXT": ['"hello"']}}


class SlowResolver(ZoneResolver):
    """Answers TXT at once, everything else when it is told to."""

    def __init__(self) -> None:
        super().__init__(ZONES)
        self.answers = asyncio.Event()
        self.waiting = 0

    async def lookup(self, name: str, type: str) -> Answer:
        if type != "TXT":
            self.waiting += 1
            try:
                await self.answers.wait()
            finally:
                self.waiting -= 1
        return await super().lookup(name, type)


async def ask_thrice(resolver: PatientResolver) -> list[Answer]:
    """An evaluation of three questions."""
    return [await resolver.lookup("example.org", kind) for kind in ("TXT", "A", "AAAA")]


async def test_what_comes_in_time_is_handed_on() -> None:
    slow = SlowResolver()
    resolver = PatientResolver(slow)
    task = asyncio.create_task(ask_thrice(resolver))
    asyncio.get_running_loop().call_soon(slow.answers.set)
    await resolver.wait([task], 60.0)
    assert [answer.status for answer in task.result()] == [Status.OK, Status.OK, Status.NODATA]


async def test_an_evaluation_ends_by_itself_when_patience_does() -> None:
    """The question that waits, and each that follows, is answered with a time-out; what was answered stays known."""
    resolver = PatientResolver(SlowResolver())
    task = asyncio.create_task(ask_thrice(resolver))
    await asyncio.sleep(0)
    await resolver.wait([task], 0.0)
    assert [answer.status for answer in task.result()] == [Status.OK, Status.TIMEOUT, Status.TIMEOUT]
    assert (await resolver.lookup("example.org", "TXT")).texts == (b"hello",)
    assert (await resolver.lookup("example.org", "MX")).is_temporary


async def test_an_evaluation_within_the_waiting_task_ends_as_well() -> None:
    """And that task goes on, as if nothing had been cancelled."""
    resolver = PatientResolver(SlowResolver())
    found = await resolver.run(ask_thrice(resolver), 0.0)
    assert [answer.status for answer in found] == [Status.OK, Status.TIMEOUT, Status.TIMEOUT]
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_an_evaluation_that_needs_no_waiting_has_none() -> None:
    resolver = PatientResolver(ZoneResolver(ZONES))
    found = await resolver.run(ask_thrice(resolver), 0.0)
    assert [answer.status for answer in found] == [Status.OK, Status.OK, Status.NODATA]
    await asyncio.sleep(0)
    assert (await resolver.lookup("example.org", "AAAA")).status is Status.NODATA, "patience was not used up"


async def test_a_waiting_task_that_is_cancelled_by_somebody_else_is_cancelled() -> None:
    resolver = PatientResolver(SlowResolver())
    task = asyncio.create_task(resolver.run(ask_thrice(resolver), 60.0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_is_cancelled_by_somebody_else_is_cancelled() -> None:
    resolver = PatientResolver(SlowResolver())
    task = asyncio.create_task(ask_thrice(resolver))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_once_over_nobody_waits_again() -> None:
    resolver = PatientResolver(SlowResolver())
    first = asyncio.create_task(ask_thrice(resolver))
    await asyncio.sleep(0)
    await resolver.wait([first], 0.0)
    second = asyncio.create_task(ask_thrice(resolver))
    await resolver.wait([second], 60.0)
    assert [answer.status for answer in second.result()] == [Status.OK, Status.TIMEOUT, Status.TIMEOUT]


async def test_strangers_cannot_fill_our_memory_with_answers() -> None:
    """Who sends mail names the domains that are asked about, and holds the session open as long as it may."""

    class Verbose(ZoneResolver):
        async def lookup(self, name: str, type: str) -> Answer:
            return Answer(name, type, Status.OK, (b"x" * int(name.partition(".")[0]),))

    resolver = PatientResolver(Verbose({}))
    for number in range(100):
        assert (await resolver.lookup(f"{20_000 + number}.example", "TXT")).status is Status.OK
    assert sum(len(text) for answer in resolver._answers.values() for text in answer.texts) <= KEPT_OCTETS
    assert (await resolver.lookup(f"{ANSWER_OCTETS}.example", "TXT")).status is Status.OK
    assert (await resolver.lookup(f"{ANSWER_OCTETS + 1}.example", "TXT")).status is Status.SERVFAIL


async def test_one_message_asks_only_so_much_at_once() -> None:
    """The others wait for their turn, and end with the rest when patience does."""
    slow = SlowResolver()
    resolver = PatientResolver(slow)
    tasks = [asyncio.create_task(resolver.lookup(f"{number}.example", "A")) for number in range(3 * AT_ONCE)]
    await asyncio.sleep(0)
    assert slow.waiting == AT_ONCE
    await resolver.wait(tasks, 0.0)
    assert all(task.result().status is Status.TIMEOUT for task in tasks)
    assert slow.waiting == 0
