"""The spool of an embedded server: contents flow through it and leave no trace."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from samotop.address import NULL_PATH
from samotop.envelope import Envelope
from samotop.ports import NewEntry, SpoolFault
from samotop.queue.entry import State, Trace
from samotop.store.drafts import MEMORY_LIMIT
from samotop.store.memory import MemorySpool

ENTRY = NewEntry(Envelope(NULL_PATH, ()), Trace("h", "", "SMTP", 0.0))


async def take(spool: MemorySpool, content: bytes) -> bytes:
    """What a session does: write, let it be read, commit."""
    loop = asyncio.get_running_loop()
    resumed = asyncio.Event()
    draft = spool.begin(resumed.set)
    for start in range(0, len(content), 65_536):
        if not draft.write(content[start : start + 65_536]):
            await resumed.wait()
            resumed.clear()
    seen = await asyncio.to_thread(draft.content().to_bytes)
    answer: asyncio.Future[SpoolFault | None] = loop.create_future()
    draft.commit(ENTRY, answer.set_result)
    assert not answer.done(), "the caller is not entered again from within"
    assert await answer is None
    return seen


async def test_contents_of_any_size_can_be_read_until_the_commit(tmp_path: Path, clock) -> None:
    spool = MemorySpool(clock, directory=str(tmp_path))
    for size in (0, 5, MEMORY_LIMIT, MEMORY_LIMIT + 1, 3_000_000):
        content = os.urandom(size)
        assert await take(spool, content) == content
    spool.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_large_content_has_no_name_while_it_is_under_way(tmp_path: Path, clock) -> None:
    """The process may be killed: what has no name is gone with it."""
    spool = MemorySpool(clock, directory=str(tmp_path))
    draft = spool.begin(lambda: None)
    draft.write(b"In the clear. " * MEMORY_LIMIT)
    assert await asyncio.to_thread(draft.content().to_bytes) == b"In the clear. " * MEMORY_LIMIT
    assert list(tmp_path.iterdir()) == []
    draft.discard()
    spool.close()
    assert spool.notable_drafts == 0


async def test_ids_differ_within_one_moment(tmp_path: Path, clock) -> None:
    spool = MemorySpool(clock, directory=str(tmp_path))
    assert len({spool.begin(lambda: None).id for _ in range(100)}) == 100


async def test_there_is_room_where_the_disk_has_some(tmp_path: Path, clock) -> None:
    spool = MemorySpool(clock, directory=str(tmp_path))
    assert spool.room(1000)
    assert not spool.room(1 << 60)


async def test_what_is_to_be_held_is_left_to_the_client(tmp_path: Path, clock) -> None:
    """There is no queue in which an operator would find it: an acknowledgement would be its end."""
    spool = MemorySpool(clock, directory=str(tmp_path))
    for size in (5, MEMORY_LIMIT + 1):
        draft = spool.begin(lambda: None)
        draft.write(bytes(size))
        answer: asyncio.Future[SpoolFault | None] = asyncio.get_running_loop().create_future()
        draft.commit(replace(ENTRY, state=State.HELD), answer.set_result)
        assert isinstance(await answer, SpoolFault)
    spool.close()
    assert spool.notable_drafts == 0
