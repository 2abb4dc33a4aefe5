"""The durable spool and queue, driven step by step: what is promised to reception and to delivery."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from pathlib import Path

import apsw
import pytest

from samotop.address import NULL_PATH
from samotop.content import Content
from samotop.envelope import Envelope
from samotop.ports import NewEntry, SpoolFault
from samotop.queue.entry import Settled, State, Trace
from samotop.store.database import Database
from samotop.store.drafts import MEMORY_LIMIT
from samotop.store.files import RealFiles
from samotop.store.room import RESERVE
from samotop.store.seal import CHUNK
from samotop.store.segments import SEGMENT_OCTETS
from samotop.store.spool import SqliteSpool
from samotop.store.writer import Settling
from samotop.store.writer_thread import BATCH_OCTETS, BATCH_OPERATIONS, Stop, Swept

ENTRY = NewEntry(Envelope(NULL_PATH, ()), Trace("h", "", "LMTP", 0.0))
SIZES = [0, 1, 4000, CHUNK, CHUNK + 1, MEMORY_LIMIT, MEMORY_LIMIT + 1, 1_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_committed_is_there_after_a_restart(bench, size: int) -> None:
    """Whether it was small or had a file of its own."""
    content = os.urandom(size)
    name = bench.store(content)
    assert bench.said == [f"done {name}", "fresh"]
    assert not bench.faults
    spool = bench.restart()
    [entry] = spool.due(bench.clock.now, 10)
    assert (entry.id, entry.size, entry.state) == (name, size, State.QUEUED)
    assert (entry.envelope, entry.trace) == (bench.envelope, bench.trace)
    assert spool.open(entry).to_bytes() == content


def test_nothing_is_said_before_it_is_written(bench) -> None:
    name = bench.draft(b"content")
    assert not bench.said
    bench.write()
    assert f"done {name}" in bench.said


def test_the_fresh_entry_is_the_one_in_the_queue(bench) -> None:
    """Delivery works from what it is handed, and must see the same after a restart."""
    bench.store(b"content")
    assert bench.fresh == bench.spool.due(bench.clock.now, 10)


def test_nothing_on_disk_is_readable_without_its_row(bench) -> None:
    for size in (1000, MEMORY_LIMIT + 1):
        bench.store(b"In the clear. " * size)
    for path in (bench.home / "spool").iterdir():
        assert b"In the clear" not in path.read_bytes()


def test_a_held_entry_is_not_due_and_not_handed_on(bench) -> None:
    bench.store(b"content", State.HELD)
    assert bench.fresh == []
    assert bench.spool.due(bench.clock.now, 10) == []


def test_one_answer_that_raises_does_not_keep_the_others_waiting(bench) -> None:
    """A bug in one session is reported, and 250 reaches the others."""

    def broken(fault: SpoolFault | None) -> None:
        raise KeyError("bug")

    draft = bench.spool.begin(lambda: None)
    draft.commit(NewEntry(bench.envelope, bench.trace), broken)
    name = bench.draft(b"content")
    with pytest.raises(KeyError):
        bench.write()
    assert bench.said == [f"done {name}", "fresh"]


def test_more_than_a_batch_is_written_in_order(bench) -> None:
    names = [bench.draft(os.urandom(200_000)) for _ in range(BATCH_OCTETS // 200_000 + 5)]
    bench.write()
    assert [said[5:] for said in bench.said if said != "fresh"] == names
    assert bench.said.count("fresh") == 2


def test_every_operation_of_a_crowd_is_answered(bench) -> None:
    """The one behind a full batch once fell out of the queue."""
    names = [bench.draft(b"x") for _ in range(2 * BATCH_OPERATIONS + 3)]
    answered: list[int] = []
    for number in range(2 * BATCH_OPERATIONS + 3):
        bench.spool.settle([], lambda number=number: answered.append(number))
    bench.write()
    assert [said[5:] for said in bench.said if said != "fresh"] == names
    assert answered == list(range(2 * BATCH_OPERATIONS + 3))
    assert bench.ids() == sorted(names)


# The queue


def test_due_entries_come_oldest_first_up_to_the_limit(bench) -> None:
    names = []
    for _ in range(4):
        names.append(bench.store(b"x"))
        bench.clock.now += 1
    now = bench.clock.now
    assert [e.id for e in bench.spool.due(now, 2)] == names[:2]
    assert [e.id for e in bench.spool.due(now, 2, frozenset(names[:2]))] == names[2:]
    assert [e.id for e in bench.spool.due(now - 3.5, 9)] == names[:1]


def test_a_deferred_entry_comes_back_when_its_time_has_come(bench) -> None:
    name = bench.store(b"content")
    later = bench.clock.now + 600
    assert bench.settle(Settled(name, bench.waiting(), due=later, reason="greylisted"))
    assert bench.spool.due(later - 1, 10) == []
    assert bench.spool.next_due(bench.clock.now) == later
    [entry] = bench.spool.due(later, 10)
    assert (entry.pending, entry.due, entry.reason) == (bench.waiting(), later, "greylisted")
    assert bench.spool.open(entry).to_bytes() == b"content"
    assert bench.spool.next_due(later) is None


def test_a_finished_entry_is_gone_and_cannot_be_opened(bench) -> None:
    name = bench.store(b"content")
    [entry] = bench.fresh
    assert bench.finish(name)
    assert bench.ids() == []
    with pytest.raises(ValueError, match="gone"):
        bench.spool.open(entry).to_bytes()


def test_settling_what_is_not_there_does_no_harm(bench) -> None:
    """The operator may have dropped it during the attempt."""
    assert bench.finish("0" * 20)
    assert bench.settle(Settled("0" * 20, bench.waiting()))
    assert bench.ids() == []


def test_what_the_operator_held_during_an_attempt_stays_held(bench) -> None:
    name = bench.store(b"content")
    bench.admin.hold([name])
    bench.settle(Settled(name, bench.waiting(), due=0.0))
    assert bench.admin.show(name).state is State.HELD


def test_an_outcome_may_hold_or_damage_an_entry(bench) -> None:
    name = bench.store(b"content")
    for state in (State.HELD, State.DAMAGED):
        bench.settle(Settled(name, bench.waiting(), state))
        assert bench.admin.show(name).state is state


def test_a_wrong_outcome_is_told_to_who_brings_it(bench) -> None:
    """And not to the writer, which would meet it again and again."""
    with pytest.raises(AttributeError):
        bench.spool.settle([Settled("x", ("no pending",))], lambda: None)  # type: ignore[arg-type]  # wrong on purpose
    assert bench.store(b"content") in bench.ids()


def test_a_row_that_cannot_be_read_leaves_the_queue_and_stops_nobody(bench) -> None:
    broken, whole = bench.store(b"broken"), bench.store(b"whole")
    bench.database.writer().execute("UPDATE entry SET record = x'00' WHERE id = ?", (broken,))
    assert [e.id for e in bench.spool.due(bench.clock.now, 10)] == [whole]
    bench.write()
    assert bench.admin.show(broken).state is State.DAMAGED
    assert [e.id for e in bench.spool.due(bench.clock.now, 1)] == [whole]


def test_another_process_that_changes_the_queue_is_noticed(bench) -> None:
    name = bench.store(b"content", State.HELD)
    assert not bench.spool.changed()
    bench.admin.release([name])
    assert bench.spool.changed()
    assert not bench.spool.changed()


def test_our_own_commits_are_no_change(bench) -> None:
    bench.finish(bench.store(b"content"))
    assert not bench.spool.changed()


# Files


def test_a_segment_goes_with_its_last_entry(bench) -> None:
    first, second = bench.store(b"first"), bench.store(b"second")
    assert len(bench.names()) == 1
    bench.finish(first)
    bench.tick()
    assert len(bench.names()) == 1
    bench.finish(second)
    bench.tick()
    assert bench.names() == set()
    assert bench.read(bench.store(b"third")) == b"third"


def test_the_segment_under_way_stays_when_its_entries_are_done(bench) -> None:
    """It is still written to: what is stored next must not lie in a file without a name."""
    bench.finish(bench.store(b"first"))
    name = bench.store(b"second")
    bench.restart()
    assert bench.read(name) == b"second"


def test_a_full_segment_is_followed_by_another(bench) -> None:
    size = 200_000
    names = [bench.store(os.urandom(size)) for _ in range(SEGMENT_OCTETS // size + 3)]
    assert len(bench.names()) == 2
    bench.finish(*names[:-1])
    assert len(bench.names()) == 1
    assert len(bench.read(names[-1])) == size


def test_a_large_file_goes_with_its_entry(bench) -> None:
    name = bench.store(bytes(MEMORY_LIMIT + 1))
    assert bench.names() == {f"0-{name}.large"}
    bench.finish(name)
    assert bench.names() == set()


def test_what_another_process_dropped_gives_its_room_back(bench) -> None:
    names = [bench.store(os.urandom(200_000)) for _ in range(SEGMENT_OCTETS // 200_000 + 3)]
    assert len(bench.names()) == 2
    bench.admin.drop(names[:-1])
    bench.tick()
    assert len(bench.names()) == 1
    assert len(bench.read(names[-1])) == 200_000


def test_what_another_process_dropped_of_the_segment_under_way_keeps_no_room(bench) -> None:
    """Its last entry may end long after: the file goes with that one, not at the next start."""
    dropped, last = bench.store(b"dropped"), bench.store(b"last")
    bench.admin.drop([dropped])
    bench.tick()
    assert bench.read(last) == b"last"
    later = bench.store(b"later")
    bench.finish(last)
    assert len(bench.names()) == 1
    bench.finish(later)
    bench.tick()
    assert bench.names() == set()


def test_a_count_from_before_does_not_unlink_the_segment_under_way(bench) -> None:
    name = bench.store(b"content")
    bench.spool.worker.put(Swept(frozenset(bench.names()), {}))
    bench.write()
    bench.restart()
    assert bench.read(name) == b"content"


# Recovery


def test_orphans_are_removed_and_others_files_left(bench) -> None:
    """Another slot's process may be running; what is not the spool's is nobody's business."""
    bench.store(b"content")
    spool = bench.home / "spool"
    for name in ("0-00000099.seg", "0-00CBSZJPG04R24DWEY4N.large", "1-00000000.seg", "notes.txt"):
        (spool / name).write_bytes(b"x")
    bench.restart()
    assert bench.names() == {"0-00000000.seg", "1-00000000.seg", "notes.txt"}


def test_an_entry_whose_content_is_missing_is_kept_as_damaged(bench) -> None:
    lost = bench.store(bytes(MEMORY_LIMIT + 1))
    kept = bench.store(b"kept")
    (bench.home / "spool" / f"0-{lost}.large").unlink()
    bench.restart()
    assert bench.admin.show(lost).state is State.DAMAGED
    assert "missing" in bench.admin.show(lost).reason
    assert [e.id for e in bench.spool.due(bench.clock.now, 10)] == [kept]


def test_only_the_entries_behind_a_cut_are_damaged(bench) -> None:
    first, second = bench.store(bytes(1000)), bench.store(bytes(1000))
    segment = bench.home / "spool" / "0-00000000.seg"
    os.truncate(segment, 1500)
    bench.restart()
    assert bench.admin.show(first).state is State.QUEUED
    assert bench.admin.show(second).state is State.DAMAGED
    assert bench.read(first) == bytes(1000)


def test_a_restart_never_appends_to_an_old_segment(bench) -> None:
    first = bench.store(b"first")
    bench.restart()
    second = bench.store(b"second")
    assert bench.names() == {"0-00000000.seg", "0-00000001.seg"}
    assert (bench.read(first), bench.read(second)) == (b"first", b"second")


def test_each_slot_sees_its_own_entries(bench) -> None:
    other = bench.make(slot=1)
    other.recover()
    mine = bench.store(b"mine")
    theirs = bench.draft(b"theirs", spool=other)
    other.worker.run_pending()
    assert [e.id for e in bench.spool.due(bench.clock.now, 10)] == [mine]
    assert [e.id for e in other.due(bench.clock.now, 10)] == [theirs]
    assert bench.names() == {"0-00000000.seg", "1-00000000.seg"}


def test_entries_of_a_slot_without_a_process_are_adopted(bench) -> None:
    """`workers = 2` became `workers = 1`: what the second had taken is delivered by the first."""
    bench.restart(slot=1)
    small, large = bench.store(b"small"), bench.store(bytes(MEMORY_LIMIT + 1))
    (bench.home / "spool" / "1-00000009.seg").write_bytes(b"orphan")
    spool = bench.make()
    assert spool.adopt(1) == 2
    spool.recover()
    assert {e.id for e in spool.due(bench.clock.now, 10)} == {small, large}
    assert bench.names() == {"1-00000000.seg", f"1-{large}.large"}
    spool.settle([Settled(small), Settled(large)], lambda: None)
    spool.worker.run_pending()
    assert bench.names() == set()


def test_a_slot_that_comes_back_leaves_what_was_adopted(bench) -> None:
    bench.restart(slot=1)
    name = bench.store(b"content")
    bench.spool.adopt(1)
    bench.restart(slot=1)
    bench.store(b"new")
    assert bench.names() == {"1-00000000.seg", "1-00000001.seg"}
    assert bench.read(name) == b"content"


# Faults


@pytest.mark.parametrize("method", ["open_new", "write_all", "fdatasync"])
@pytest.mark.parametrize("size", [1000, MEMORY_LIMIT + 1], ids=["small", "large"])
def test_a_full_disk_is_told_and_leaves_nothing(bench, method: str, size: int) -> None:
    """452, nothing half written, and service goes on when there is room."""
    before = bench.store(b"before")
    if method == "open_new" and size == 1000:
        bench.finish(before)
        bench.tick()
    bench.files.errors[method] = OSError(errno.ENOSPC, "no room")
    name = bench.store(bytes(size))
    assert bench.faults[name].is_full
    assert not bench.spool.room(1)
    bench.files.errors.clear()
    bench.tick()
    assert bench.spool.room(1)
    after = bench.store(bytes(size))
    assert after not in bench.faults
    bench.restart()
    assert bench.read(after) == bytes(size)
    assert name not in bench.ids()


def test_a_device_error_is_told_as_one(bench) -> None:
    bench.files.errors["fdatasync"] = OSError(errno.EIO, "broken")
    assert not bench.faults.get(bench.store(b"x"), SpoolFault("", is_full=True)).is_full


def test_after_a_failed_sync_nothing_is_appended_to_that_file(bench) -> None:
    """The kernel may have dropped the pages and call them clean."""
    before = bench.store(b"before")
    bench.files.errors["fdatasync"] = OSError(errno.EIO, "broken")
    bench.store(b"failed")
    bench.files.errors.clear()
    after = bench.store(b"after")
    assert bench.names() == {"0-00000000.seg", "0-00000001.seg"}
    assert (bench.read(before), bench.read(after)) == (b"before", b"after")


def test_a_short_write_is_cut_off_again(bench) -> None:
    before = bench.store(bytes(100))
    path = bench.home / "spool" / "0-00000000.seg"
    size = path.stat().st_size
    bench.files.errors["write_all"] = OSError(errno.ENOSPC, "no room")
    bench.store(bytes(1000))
    assert path.stat().st_size == size
    bench.files.errors["truncate"] = OSError(errno.EIO, "broken")
    bench.store(bytes(1000))
    bench.files.errors.clear()
    after = bench.store(bytes(300))
    assert bench.names() == {"0-00000000.seg", "0-00000001.seg"}, "what cannot be cut off is left behind"
    assert (bench.read(before), bench.read(after)) == (bytes(100), bytes(300))


def test_one_message_that_cannot_be_written_down_fails_alone(bench) -> None:
    draft = bench.spool.begin(lambda: None)
    answers: list[SpoolFault | None] = []
    draft.commit(NewEntry("no envelope", bench.trace), answers.append)  # type: ignore[arg-type]  # wrong on purpose
    name = bench.store(b"content")
    assert isinstance(answers[0], SpoolFault)
    assert bench.ids() == [name]


class Refusing:
    """An authorizer for SQLite that refuses to change the table of entries."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        connection.authorizer = self.refuse

    def refuse(self, action: int, table: str | None, *_: object) -> int:
        changes = (apsw.SQLITE_INSERT, apsw.SQLITE_DELETE, apsw.SQLITE_UPDATE)
        return apsw.SQLITE_DENY if action in changes and table == "entry" else apsw.SQLITE_OK

    def relent(self) -> None:
        self._connection.authorizer = None


def test_outcomes_wait_until_the_database_takes_them(bench) -> None:
    """An outcome that is lost is a second delivery."""
    name = bench.store(b"content")
    answers: list[bool] = []
    refusing = Refusing(bench.spool._connection)
    bench.spool.settle([Settled(name)], lambda: answers.append(True))
    bench.write()
    bench.tick()
    assert answers == []
    refusing.relent()
    bench.tick()
    assert answers == [True]
    assert bench.ids() == []


def test_a_database_that_fails_is_told_to_every_draft(bench) -> None:
    refusing = Refusing(bench.spool._connection)
    names = {bench.draft(b"small"), bench.draft(bytes(MEMORY_LIMIT + 1))}
    bench.write()
    assert bench.faults.keys() == names
    refusing.relent()
    bench.store(b"after")
    bench.restart()
    assert len(bench.names()) == 1, "what failed is gone at the latest with the next start"


def test_room_is_what_the_disk_has_but_for_the_reserve(bench) -> None:
    """What is in the queue must still be delivered when nothing more is taken."""
    bench.files.free_octets = RESERVE + 1000
    bench.tick()
    assert bench.spool.room(1000)
    assert not bench.spool.room(1001)


# Forgetting


def test_the_key_of_a_finished_entry_is_nowhere_any_more(bench) -> None:
    """Not in state.db and, once the log was emptied, not beside it."""
    name = bench.store(b"content")
    writer = bench.database.writer()
    [(key,)] = writer.execute("SELECT key FROM entry WHERE id = ?", (name,)).fetchall()
    writer.close()

    def on_disk() -> bool:
        return any(key in path.read_bytes() for path in bench.home.glob("state.db*") if "shm" not in path.name)

    assert on_disk()
    bench.finish(name)
    bench.tick()
    assert not on_disk()


# Its life


def test_closing_writes_what_waits_and_forgets_open_drafts(bench) -> None:
    name = bench.draft(b"waiting")
    open_draft = bench.spool.begin(lambda: None)
    open_draft.write(bytes(MEMORY_LIMIT + 1))
    bench.spool.close()
    bench.spool.close()
    assert bench.said == [f"done {name}", "fresh"]
    assert bench.names() == {"0-00000000.seg"}
    open_draft.discard()


def test_a_commit_after_closing_is_refused(bench) -> None:
    bench.spool.close()
    name = bench.draft(b"late")
    assert isinstance(bench.faults[name], SpoolFault)


def test_drafts_end_on_the_loop_and_the_disk_is_waited_for_elsewhere(bench) -> None:
    """What a session owns is touched by no other thread; what was committed before is still answered."""
    name = bench.draft(b"waiting")
    open_draft = bench.spool.begin(lambda: None)
    open_draft.write(bytes(MEMORY_LIMIT + 1))
    bench.spool.begin_close()
    assert not open_draft.is_open
    late = bench.draft(b"late")
    assert isinstance(bench.faults[late], SpoolFault)
    assert bench.said == [f"done {late}"]
    assert bench.spool.close()
    assert bench.said == [f"done {late}", f"done {name}", "fresh"]


@pytest.mark.parametrize("size", [10, MEMORY_LIMIT + 1])
def test_closing_does_not_wait_for_a_disk_that_hangs(tmp_path: Path, clock, size: int) -> None:
    """Nothing was acknowledged, and the process must end."""
    inside, gate = threading.Event(), threading.Event()

    class HangingFiles(RealFiles):
        def fdatasync(self, fd: int) -> None:
            inside.set()
            assert gate.wait(10)

    before = set(threading.enumerate())
    database = Database(str(tmp_path / "state.db"))
    spool = SqliteSpool(database, str(tmp_path / "spool"), clock, lambda callback: callback(), files=HangingFiles())
    spool.start()
    answers: list[SpoolFault | None] = []
    draft = spool.begin(lambda: None)
    draft.write(bytes(size))
    draft.commit(ENTRY, answers.append)
    assert inside.wait(10)
    spool.begin_close()
    assert not spool.close(patience=0.01)
    assert answers == []
    ours = set(threading.enumerate()) - before
    assert all(thread.daemon for thread in ours)
    gate.set()
    for thread in ours:
        thread.join(10)
    database.close()


def test_a_spool_that_never_began_can_be_closed(bench) -> None:
    """A start that failed is cleaned up behind in the same way."""
    bench.make().close()


def test_a_tick_without_a_thread_is_made_up_for(bench) -> None:
    """Helpers are refused at a stop, and when the machine has no thread to give: the room comes back later."""
    names = [bench.store(os.urandom(200_000)) for _ in range(SEGMENT_OCTETS // 200_000 + 3)]
    bench.admin.drop(names[:-1])
    bench.refuses_jobs = True
    bench.tick()
    assert len(bench.names()) == 2
    bench.refuses_jobs = False
    bench.tick()
    assert len(bench.names()) == 1


@pytest.mark.parametrize("method", ["tick", "_write", "_correct"])
def test_only_a_stop_ends_the_writers_thread(bench, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is reported; every commit behind it would wait for ever otherwise, and so would the stop."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("bug")

    reported: list[object] = []
    monkeypatch.setattr(bench.spool.worker, "_tell", reported.append)
    worker = bench.spool.worker
    thread = threading.Thread(target=worker.run, daemon=True)
    with monkeypatch.context() as patch:
        patch.setattr(worker, method, broken)
        worker.put(Swept(frozenset(), {}))
        worker.put(Settling([], lambda: None))
        thread.start()
        while not reported:
            assert thread.is_alive()
            time.sleep(0.001)
    name = bench.draft(b"content")
    while name not in bench.ids():
        assert thread.is_alive()
        time.sleep(0.001)
    monkeypatch.setattr(worker, method, broken)
    bench.draft(b"more")
    worker.put(Stop())
    thread.join(10)
    assert not thread.is_alive()


async def test_two_processes_write_to_one_state_at_the_same_time(tmp_path: Path, clock) -> None:
    """`workers = 2`: each with its slot, its segments and its own connections."""
    loop = asyncio.get_running_loop()
    databases = [Database(str(tmp_path / "state.db")) for _ in range(2)]
    spools = [
        SqliteSpool(database, str(tmp_path / "spool"), clock, loop.call_soon_threadsafe, slot=slot)
        for slot, database in enumerate(databases)
    ]
    for spool in spools:
        spool.start()

    async def session(spool: SqliteSpool, number: int) -> None:
        for _ in range(10):
            draft = spool.begin(lambda: None)
            draft.write(b"%d" % number)
            answer: asyncio.Future[SpoolFault | None] = loop.create_future()
            draft.commit(ENTRY, answer.set_result)
            assert await answer is None

    await asyncio.gather(*[session(spool, number) for number, spool in enumerate(spools) for _ in range(10)])
    for number, spool in enumerate(spools):
        due = spool.due(clock.now, 1000)
        assert len(due) == 100
        assert {spool.open(entry).to_bytes() for entry in due} == {b"%d" % number}
        spool.close()
    for database in databases:
        database.close()


async def test_with_its_threads_many_sessions_get_their_answers(tmp_path: Path, clock) -> None:
    """The whole of it on a running loop: threads, waking up, batches, large files."""
    database = Database(str(tmp_path / "state.db"))
    loop = asyncio.get_running_loop()
    spool = SqliteSpool(database, str(tmp_path / "spool"), clock, loop.call_soon_threadsafe)
    spool.start()
    contents: dict[str, bytes] = {}

    async def session(size: int) -> None:
        resumed = asyncio.Event()
        draft = spool.begin(resumed.set)
        contents[draft.id] = os.urandom(size)
        for start in range(0, size, 65_536):
            if not draft.write(contents[draft.id][start : start + 65_536]):
                await resumed.wait()
                resumed.clear()
        answer: asyncio.Future[SpoolFault | None] = loop.create_future()
        draft.commit(ENTRY, answer.set_result)
        assert await answer is None

    await asyncio.gather(*[session(size) for size in [100] * 60 + [MEMORY_LIMIT + 1] * 3 + [5_000_000]])
    for found in spool.due(clock.now, 100):
        content: Content = spool.open(found)
        assert content.to_bytes() == contents.pop(found.id)
    assert not contents
    spool.close()
    database.close()
