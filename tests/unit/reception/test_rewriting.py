"""The door where companions' changes are made: what is stored, and when it is acknowledged."""

from __future__ import annotations

import asyncio

from samotop.address import NULL_PATH
from samotop.content import PIECE, Content
from samotop.envelope import Envelope, Recipient
from samotop.ports import NewEntry, SpoolFault
from samotop.queue.entry import Trace
from samotop.reception.rewriting import Rewriting, RewritingSpool
from tests.fakes.queue import FakeLog, parse
from tests.fakes.wire import FakeSpool

HEADER, BODY = b"A: 1\r\n\r\n", b"Hello\r\n"
NEW = b"B: 2\r\nA: 1\r\n\r\n"
ENTRY = NewEntry(Envelope(NULL_PATH, (Recipient(parse("a@example.org")),)), Trace("x", "", "ESMTP", 0.0))


class Door:
    """A ``RewritingSpool`` around a fake."""

    def __init__(self) -> None:
        self.inner, self.log = FakeSpool(), FakeLog()
        self.spool = RewritingSpool(self.inner, asyncio.get_running_loop(), self.log)
        self.said: asyncio.Future[SpoolFault | None] = asyncio.get_running_loop().create_future()

    async def store(self, rewriting: Rewriting | None, body: bytes = BODY) -> SpoolFault | None:
        draft = self.spool.begin(lambda: None)
        draft.write(HEADER + body)
        if rewriting is not None:
            self.spool.rewrite(draft.id, rewriting)
        draft.commit(ENTRY, self.said.set_result)
        return await self.said


async def test_a_message_that_nobody_changes_is_stored_as_it_came() -> None:
    door = Door()
    assert await door.store(None) is None
    assert [content for _, content in door.inner.stored] == [HEADER + BODY]
    assert len(door.inner.drafts) == 1


async def test_a_changed_header_stands_before_the_body_that_came() -> None:
    door = Door()
    assert await door.store(Rewriting(NEW, len(HEADER)), BODY * 100_000) is None
    assert [content for _, content in door.inner.stored] == [NEW + BODY * 100_000]


async def test_another_body_takes_the_place_of_all_that_came() -> None:
    door = Door()
    assert await door.store(Rewriting(NEW, len(HEADER), b"other\r\n")) is None
    assert [content for _, content in door.inner.stored] == [NEW + b"other\r\n"]


async def test_what_is_passed_on_without_being_stored_is_changed_too() -> None:
    """Cut-through reads the draft's content once more, after the decision."""
    door = Door()
    draft = door.spool.begin(lambda: None)
    draft.write(HEADER)
    draft.write(BODY)
    assert draft.content().to_bytes() == HEADER + BODY
    door.spool.rewrite(draft.id, Rewriting(NEW, len(HEADER)))
    content = draft.content()
    assert (content.to_bytes(), content.size, content.header) == (NEW + BODY, len(NEW + BODY), NEW)
    draft.discard()
    draft.discard()  # sessions end in many ways


async def test_changes_for_a_client_that_has_gone_are_forgotten() -> None:
    """It hung up while a companion was being asked; nothing of it may stay in memory."""
    door = Door()
    draft = door.spool.begin(lambda: None)
    draft.write(HEADER)
    draft.discard()
    door.spool.rewrite(draft.id, Rewriting(NEW, len(HEADER)))
    assert draft.content().to_bytes() == HEADER


async def test_a_full_disk_is_told_and_nothing_is_kept() -> None:
    door = Door()
    door.inner.has_room = False
    fault = await door.store(Rewriting(NEW, len(HEADER)))
    assert fault is not None and fault.is_full
    assert door.inner.stored == []


async def test_what_cannot_be_read_again_is_told_to_the_client() -> None:
    """A bug or a broken disk: the sender comes back, and the log says which."""
    door = Door()

    def break_apart(content: Content) -> Content:
        raise OSError("the disk is gone")

    rewriting = Rewriting(NEW, len(HEADER))
    broken = type("Broken", (), {"apply": staticmethod(break_apart)})()
    assert rewriting.apply(Content.from_bytes(HEADER)).to_bytes() == NEW
    draft = door.spool.begin(lambda: None)
    draft.write(HEADER)
    door.spool.rewrite(draft.id, broken)
    draft.commit(ENTRY, door.said.set_result)
    assert await door.said is not None
    assert door.inner.stored == []


async def test_a_slow_disk_is_waited_for() -> None:
    door = Door()
    door.inner.is_congested = True
    storing = asyncio.create_task(door.store(Rewriting(NEW, len(HEADER)), b"x" * (2 * PIECE)))
    while len(door.inner.drafts) < 2 or not door.inner.drafts[1].chunks:
        await asyncio.sleep(0.001)
    assert not storing.done()
    door.inner.is_congested = False
    assert door.inner.resume is not None
    door.inner.resume()
    assert await storing is None
    assert door.inner.stored[0][1] == NEW + b"x" * (2 * PIECE)


async def test_who_decides_knows_the_id_under_which_a_changed_message_is_stored() -> None:
    """Requests remember it, to find the message in its Maildir once its author is approved."""
    door = Door()
    draft = door.spool.begin(lambda: None)
    draft.write(HEADER)
    entry_id = door.spool.rewrite(draft.id, Rewriting(NEW, len(HEADER)))
    draft.commit(ENTRY, door.said.set_result)
    assert await door.said is None
    assert [one.id for one in door.inner.drafts if one.id != draft.id] == [entry_id]


async def test_a_refused_message_takes_its_changed_one_with_it() -> None:
    door = Door()
    draft = door.spool.begin(lambda: None)
    door.spool.rewrite(draft.id, Rewriting(NEW, len(HEADER)))
    draft.discard()
    assert [one.is_discarded for one in door.inner.drafts] == [True, True]
