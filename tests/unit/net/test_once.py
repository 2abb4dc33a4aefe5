"""Work done once for all who ask for it."""

from __future__ import annotations

import asyncio

import pytest

from samotop.net.once import Once


class Work:
    """Counts how often it begins; ends when told."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.end = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.begun


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_who_ask_at_once_share_one_result() -> None:
    once, work = Once[str, int](), Work()
    asking = [asyncio.create_task(once.run("a", work)) for _ in range(10)]
    await settle()
    work.end.set()
    assert await asyncio.gather(*asking) == [1] * 10
    assert len(once) == 0


async def test_who_asks_after_the_end_gets_new_work() -> None:
    """A result is kept by a cache, with its time; not here."""
    once, work = Once[str, int](), Work()
    work.end.set()
    assert [await once.run("a", work), await once.run("a", work)] == [1, 2]


async def test_keys_do_not_wait_for_each_other() -> None:
    once, slow, quick = Once[str, int](), Work(), Work()
    waiting = asyncio.create_task(once.run("slow", slow))
    await settle()
    quick.end.set()
    assert await once.run("quick", quick) == 1
    assert not waiting.done()
    slow.end.set()
    await waiting


async def test_a_cancelled_caller_does_not_cancel_the_others() -> None:
    once, work = Once[str, int](), Work()
    first, second = (asyncio.create_task(once.run("a", work)) for _ in range(2))
    await settle()
    first.cancel()  # the one who began it
    await settle()
    assert first.cancelled()
    work.end.set()
    assert await second == 1
    assert work.cancelled == 0


async def test_work_that_nobody_waits_for_is_cancelled() -> None:
    """Else a client that connects and leaves could keep us busy."""
    once, work = Once[str, int](), Work()
    asking = [asyncio.create_task(once.run("a", work)) for _ in range(3)]
    await settle()
    for task in asking:
        task.cancel()
    await settle()
    assert work.cancelled == 1
    assert len(once) == 0


async def test_who_comes_just_after_the_last_has_left_gets_new_work() -> None:
    """To join work that is being cancelled would be to be cancelled for somebody else."""
    once, work = Once[str, int](), Work()
    first = asyncio.create_task(once.run("a", work))
    await settle()
    first.cancel()
    second = asyncio.create_task(once.run("a", work))
    await settle()
    work.end.set()
    assert await second == 2


async def test_a_failure_reaches_all_and_is_not_kept() -> None:
    once = Once[str, int]()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError("no")

    found = await asyncio.gather(*(once.run("a", fail) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [ValueError] * 3
    with pytest.raises(ValueError):
        await once.run("a", fail)
    assert len(once) == 0
