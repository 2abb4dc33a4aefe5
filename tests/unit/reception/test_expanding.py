"""The door to the queue: which entries a message becomes, what is in them, and when it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from samotop.address import NULL_PATH, ReversePath
from samotop.content import PIECE, Content
from samotop.delivery.outgoing import complete
from samotop.envelope import Envelope, Notify, Recipient
from samotop.errors import TryAgainLater
from samotop.message.header import iterate_fields
from samotop.net.clock import SystemClock
from samotop.ports import NewEntry, SpoolFault
from samotop.queue.entry import Entry, State, Trace
from samotop.queue.outcome import Action, Notice
from samotop.reception import expanding
from samotop.reception.expanding import ExpandingSpool
from samotop.routing import Router, RoutingRules
from samotop.routing.addressbook import AddressBook
from samotop.routing.aliases import Alias, AliasRules, MailingList, Posting
from samotop.routing.expansion import Expansion, plan_expansion
from samotop.routing.srs import SrsRules
from samotop.store.database import Database
from samotop.store.spool import SqliteSpool
from tests.fakes.queue import FakeAccounts, FakeLog, parse
from tests.fakes.wire import FakeSpool

SENDER = parse("eve@sender.example")
CONTENT = b"From: <eve@sender.example>\r\nList-Id: <other.example>\r\nSubject: x\r\n\r\nHello\r\n"
RULES = AliasRules(
    ("example.org",),
    (
        Alias("team@example.org", ("alice", "bob")),
        Alias("both@example.org", ("alice", "carol@elsewhere.example")),
    ),
    (MailingList("news@example.org", ("alice",), "bob", "N\u00e9ws", Posting.NOBODY),),
)
BOOK = AddressBook(
    RULES,
    Router(RoutingRules(("example.org",)), FakeAccounts("alice", "bob")),
    SrsRules("example.org", (b"secret",)),
)


@dataclass
class Door:
    """An ``ExpandingSpool`` around a fake, and what was said to who committed."""

    inner: FakeSpool = field(default_factory=FakeSpool)
    log: FakeLog = field(default_factory=FakeLog)
    told: list[tuple[Entry, bytes, Sequence[Notice]]] = field(default_factory=list)
    faults: list[SpoolFault | None] = field(default_factory=list)
    plan: Callable[[NewEntry], Expansion] = lambda entry: plan_expansion(entry.envelope, BOOK, 20000)

    def __post_init__(self) -> None:
        self.spool = ExpandingSpool(
            self.inner, self.plan, asyncio.get_running_loop(), self.log, self.tell, hostname="mx.example.org"
        )
        self.done = asyncio.Event()

    async def tell(self, entry: Entry, header: Content, notices: Sequence[Notice]) -> None:
        self.told.append((entry, header.to_bytes(), notices))

    def finish(self, fault: SpoolFault | None) -> None:
        self.faults.append(fault)
        self.done.set()

    def commit(
        self,
        *recipients: str,
        content: bytes = CONTENT,
        sender: ReversePath = SENDER,
        notify: Notify | None = None,
        state: State = State.QUEUED,
        login: str = "",
    ) -> None:
        draft = self.spool.begin(lambda: None)
        for start in range(0, len(content), 1000):
            draft.write(content[start : start + 1000])
        envelope = Envelope(sender, tuple(Recipient(parse(one), notify) for one in recipients))
        draft.commit(
            NewEntry(envelope, Trace("x", "", "ESMTP", 20000 * 86400.0, login=login), state, "why"), self.finish
        )


async def test_a_message_for_nobody_else_is_committed_at_once() -> None:
    """No task, no copy, the same turn of the loop: nearly all mail is such."""
    door = Door()
    door.commit("alice@example.org", "x@foreign.example")
    assert door.faults == [None]
    ((entry, content),) = door.inner.stored
    assert content == CONTENT and len(entry.envelope.recipients) == 2 and len(door.inner.drafts) == 1


async def test_an_alias_for_mailboxes_here_needs_no_copy() -> None:
    """Only the envelope is another one."""
    door = Door()
    door.commit("team@example.org")
    assert door.faults == [None]
    ((entry, content),) = door.inner.stored
    assert [str(one.address) for one in entry.envelope.recipients] == ["alice@example.org", "bob@example.org"]
    assert content == CONTENT


async def test_what_is_forwarded_is_an_entry_of_its_own_with_a_mark() -> None:
    """All of them in the state that was decided; the one with the content as it came keeps its id."""
    door = Door()
    door.commit("both@example.org", state=State.HELD)
    await door.done.wait()
    (here, content), (there, marked) = door.inner.stored
    assert content == CONTENT and marked == b"Delivered-To: both@example.org\r\n" + CONTENT
    assert here.envelope.reverse_path == SENDER and str(there.envelope.reverse_path).startswith("SRS0=")
    assert {(one.state, one.reason) for one, _ in door.inner.stored} == {(State.HELD, "why")}
    assert door.log.events == ["expanded"]


@pytest.mark.parametrize("recipients", [("both@example.org",), ("news@example.org", "bob@example.org")])
async def test_all_copies_of_a_submitted_message_have_one_message_id(recipients: tuple[str, ...]) -> None:
    """It has none of its own: each entry would make one of its id, and answers would have two threads."""
    door = Door()
    door.commit(*recipients, login="eve")
    await door.done.wait()
    found = []
    for number, (entry, content) in enumerate(door.inner.stored):
        at = Entry(door.inner.drafts[number].id, entry.envelope, (), entry.trace, len(content))
        header = complete(at, Content.from_bytes(content), "mx.example.org").header
        found.append(
            [one.value.strip() for one in iterate_fields(header) if one.name.lower() in (b"date", b"message-id")]
        )
    assert len(found) == 2 and found[0] == found[1]
    assert len(found[0]) == 2


async def test_a_copy_of_what_a_stranger_wrote_is_not_completed() -> None:
    """What is missing there is missing for good: it is not ours to write (RFC 6409 §8 is about submission)."""
    door = Door()
    door.commit("both@example.org")
    await door.done.wait()
    assert all(b"Message-ID" not in content for _, content in door.inner.stored)


async def test_a_lists_copy_has_its_fields_and_no_others() -> None:
    """The draft that came is given up: nobody gets the content without the fields."""
    door = Door()
    door.commit("news@example.org")
    await door.done.wait()
    ((_, content),) = door.inner.stored
    assert content == (
        b"Delivered-To: news@example.org\r\n"
        b"List-Id: =?utf-8?b?TsOpd3M=?= <news.example.org>\r\n"
        b"List-Post: NO\r\n"
        b"List-Unsubscribe: <mailto:news-owner@example.org?subject=unsubscribe>\r\n"
        b"List-Owner: <mailto:news-owner@example.org>\r\n"
        b"Precedence: list\r\n"
    ) + CONTENT.replace(b"List-Id: <other.example>\r\n", b"")
    assert door.inner.drafts[0].is_discarded


async def test_nothing_is_acknowledged_before_the_last_entry_is_durable() -> None:
    """A crash between two of them leaves a sender who tries again."""
    door = Door()
    door.inner.is_prompt = False
    door.commit("both@example.org")
    while len(door.inner.committing) < 2:
        await asyncio.sleep(0)
    waiting = door.inner.committing
    door.inner.committing = waiting[:1]
    door.inner.settle()
    await asyncio.sleep(0)
    assert door.faults == []
    door.inner.committing = waiting[1:]
    door.inner.settle()
    await door.done.wait()
    assert door.faults == [None]


async def test_one_fault_is_the_messages() -> None:
    door = Door()
    door.inner.fault = SpoolFault("full", is_full=True)
    door.commit("both@example.org")
    await door.done.wait()
    (fault,) = door.faults
    assert fault is not None and fault.is_full and not door.told


async def test_no_room_for_the_copies_is_no_room() -> None:
    """Asked before anything is copied: one message must not fill the disk many times."""
    door = Door()
    door.inner.has_room = False
    door.commit("both@example.org")
    await door.done.wait()
    (fault,) = door.faults
    assert fault is not None and fault.is_full
    assert all(draft.is_discarded for draft in door.inner.drafts) and not door.inner.stored


async def test_aliases_that_cannot_be_followed_keep_the_message_with_its_sender() -> None:
    """The accounts could not be read, or a list is too large."""

    def plan(entry: NewEntry) -> Expansion:
        raise TryAgainLater("no database")

    door = Door(plan=plan)
    door.commit("both@example.org")
    await door.done.wait()
    assert isinstance(door.faults[0], SpoolFault) and door.inner.drafts[0].is_discarded
    assert door.log.events == ["expansion_failed"]


@pytest.mark.parametrize(
    ("recipient", "action"), [("team@example.org", Action.EXPANDED), ("news@example.org", Action.DELIVERED)]
)
async def test_success_is_told_where_the_sender_asked(recipient: str, action: Action) -> None:
    """RFC 3461 §5.2.7: with the header of the message, and before it is acknowledged."""
    door = Door()
    door.commit(recipient, notify=Notify.SUCCESS)
    await door.done.wait()
    ((entry, header, notices),) = door.told
    assert [(str(one.recipient.address), one.action) for one in notices] == [(recipient, action)]
    assert header == CONTENT.partition(b"Hello")[0] and entry.envelope.reverse_path == SENDER


async def test_a_bug_leaves_no_client_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a reply has no deadline of ours: a fault before the commit is told, one after it is none."""

    async def stumble(entry: Entry, header: Content, notices: Sequence[Notice]) -> None:
        raise LookupError("a bug")

    door = Door()
    door.spool.tell = stumble
    door.commit("team@example.org", notify=Notify.SUCCESS)
    await asyncio.wait_for(door.done.wait(), 5)
    assert door.faults == [None]
    door = Door()
    monkeypatch.setattr(expanding, "format_fields", lambda planned: 1 // 0)
    door.commit("both@example.org")
    await asyncio.wait_for(door.done.wait(), 5)
    assert isinstance(door.faults[0], SpoolFault)
    assert all(draft.is_discarded for draft in door.inner.drafts) and not door.inner.stored


async def test_nobody_is_told_of_a_notification() -> None:
    door = Door()
    door.commit("team@example.org", notify=Notify.SUCCESS, sender=NULL_PATH)
    await door.done.wait()
    assert not door.told


async def test_copies_wait_for_a_slow_disk() -> None:
    """``write`` said no: the next piece comes when it says that it has caught up."""
    door = Door()
    body = CONTENT + b"x" * (2 * PIECE)
    door.inner.is_congested = True
    door.commit("both@example.org", content=body)
    while len(door.inner.drafts) < 2 or not door.inner.drafts[1].chunks:
        await asyncio.sleep(0.001)
    assert len(door.inner.drafts[1].chunks) == 1
    door.inner.is_congested = False
    assert door.inner.resume is not None
    door.inner.resume()
    await door.done.wait()
    assert door.inner.stored[1][1] == b"Delivered-To: both@example.org\r\n" + body


async def test_a_large_content_becomes_two_entries_of_the_real_spool(tmp_path: Path) -> None:
    """Its octets lie in a file of its own, and so do those of the copy; both are readable by who delivers."""
    loop, database = asyncio.get_running_loop(), Database(str(tmp_path / "state.db"))
    clock = SystemClock()
    stored: list[Entry] = []
    inner = SqliteSpool(database, str(tmp_path / "spool"), clock, loop.call_soon_threadsafe, on_stored=stored.extend)
    inner.start()
    try:
        door = Door()
        door.spool = ExpandingSpool(inner, door.plan, loop, door.log, hostname="mx.example.org")
        body = CONTENT + b"0123456789\r\n" * 100_000
        door.commit("both@example.org", content=body)
        await door.done.wait()
        assert door.faults == [None]
        contents = sorted([inner.open(entry).to_bytes() for entry in stored], key=len)
        assert contents == [body, b"Delivered-To: both@example.org\r\n" + body]
    finally:
        inner.close()
        database.close()
