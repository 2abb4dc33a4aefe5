"""Contents on their way in: in memory while small, in a file when not, and never more than a bound of either."""

from __future__ import annotations

import errno
import os
import tracemalloc

import pytest

from samotop.content import HEADER_LIMIT
from samotop.ports import NewEntry, SpoolFault
from samotop.store.drafts import MEMORY_LIMIT, NOTABLE, NOTABLE_DRAFTS, PIECES_LIMIT
from samotop.store.files import RealFiles
from samotop.store.large import HIGH_WATER, PIECE

HEADER = b"Subject: hello\r\n\r\n"


def test_small_contents_touch_no_file(bench) -> None:
    draft = bench.spool.begin(lambda: None)
    assert draft.write(bytes(MEMORY_LIMIT))
    assert bench.names() == set()
    assert draft.content().to_bytes() == bytes(MEMORY_LIMIT)
    draft.discard()


@pytest.mark.parametrize("size", [0, 10, MEMORY_LIMIT, MEMORY_LIMIT + 1, 700_000])
def test_a_draft_can_be_read_before_it_is_committed(bench, size: int) -> None:
    """Policy looks at the content while nothing is acknowledged yet, twice if it likes."""
    octets = os.urandom(size)
    draft = bench.spool.begin(lambda: None)
    for start in range(0, size, 10_000):
        draft.write(octets[start : start + 10_000])
    content = draft.content()
    assert content.size == size
    assert content.to_bytes() == octets
    assert draft.content().to_bytes() == octets
    answers: list[SpoolFault | None] = []
    draft.commit(NewEntry(bench.envelope, bench.trace), answers.append)
    bench.write()
    assert answers == [None]
    assert bench.read(draft.id) == octets


def test_the_header_of_a_large_draft_needs_no_file(bench) -> None:
    """Every message is asked for its header on the event loop, which must not wait for the disk."""
    bench.runs_jobs_at_once = False
    draft = bench.spool.begin(lambda: None)
    draft.write(HEADER)
    draft.write(bytes(MEMORY_LIMIT))
    assert draft.content().header == HEADER
    assert bench.names() == set()
    draft.discard()
    bench.run_jobs()


def test_a_header_without_an_end_is_bounded(bench) -> None:
    draft = bench.spool.begin(lambda: None)
    draft.write(b"x" * (MEMORY_LIMIT + 100))
    assert len(draft.content().header) == HEADER_LIMIT
    draft.discard()


@pytest.mark.parametrize("size", [1, MEMORY_LIMIT + 1, 2_000_000])
def test_discarding_leaves_nothing(bench, size: int) -> None:
    draft = bench.spool.begin(lambda: None)
    draft.write(bytes(size))
    draft.discard()
    draft.discard()
    bench.write()
    assert bench.names() == set()
    assert bench.ids() == []
    assert bench.spool.notable_drafts == 0


def test_discarding_during_the_writing_leaves_nothing(bench) -> None:
    """The session ended while octets were in flight."""
    bench.runs_jobs_at_once = False
    draft = bench.spool.begin(lambda: None)
    draft.write(bytes(MEMORY_LIMIT + 1))
    draft.discard()
    bench.run_jobs()
    assert bench.names() == set()


def test_a_discarded_large_content_cannot_be_read(bench) -> None:
    """Its descriptor may be another file's by now."""
    draft = bench.spool.begin(lambda: None)
    draft.write(bytes(MEMORY_LIMIT + 1))
    content = draft.content()
    chunks = content.chunks()
    next(chunks)
    draft.discard()
    with pytest.raises(OSError, match="gone"):
        list(chunks)
    with pytest.raises(OSError, match="could not"):
        content.to_bytes()


def test_an_ended_draft_takes_nothing_more(bench) -> None:
    """What is acknowledged and what is stored must be the same octets."""
    draft = bench.spool.begin(lambda: None)
    draft.commit(NewEntry(bench.envelope, bench.trace), lambda fault: None)
    with pytest.raises(RuntimeError):
        draft.write(b"late")
    with pytest.raises(RuntimeError):
        draft.commit(NewEntry(bench.envelope, bench.trace), lambda fault: None)
    draft.discard()
    bench.write()
    assert bench.ids() == [draft.id]


def test_a_sender_faster_than_the_disk_is_stopped_and_told_to_go_on(bench) -> None:
    """Once, when most of it has been written."""
    bench.runs_jobs_at_once = False
    resumed: list[bool] = []
    draft = bench.spool.begin(lambda: resumed.append(True))
    written = 0
    while draft.write(bytes(PIECE)):
        written += PIECE
        assert written <= HIGH_WATER, "somebody must say stop"
    assert not resumed
    bench.run_jobs()
    assert resumed == [True]
    assert draft.write(bytes(PIECE))
    draft.discard()
    bench.run_jobs()


def test_a_fault_while_it_arrives_is_told_at_the_commit_and_stops_nobody(bench) -> None:
    """The sender goes on until the end of data; there the reply is a fault."""
    bench.files.errors["write_all"] = OSError(errno.ENOSPC, "no room")
    draft = bench.spool.begin(lambda: None)
    assert all(draft.write(bytes(PIECE)) for _ in range(100))
    with pytest.raises(OSError, match="could not"):
        draft.content().to_bytes()
    assert bench.names() == set(), "the room is given back at once"
    answers: list[SpoolFault | None] = []
    draft.commit(NewEntry(bench.envelope, bench.trace), answers.append)
    bench.write()
    [fault] = answers
    assert fault is not None
    assert fault.is_full


@pytest.mark.parametrize("refused_from", [0, MEMORY_LIMIT + PIECE, 3 * MEMORY_LIMIT])
def test_without_a_thread_the_commit_is_answered_with_a_fault(bench, refused_from: int) -> None:
    """However far the content has come; nothing waits for ever, and nothing is left."""
    told_to_go_on: list[bool] = []
    draft = bench.spool.begin(lambda: told_to_go_on.append(True))
    for position in range(0, 3 * MEMORY_LIMIT, PIECE):
        bench.refuses_jobs = position >= refused_from
        assert draft.write(bytes(PIECE))
    bench.refuses_jobs = True
    with pytest.raises(OSError, match="could not be written"):
        draft.content().to_bytes()
    faults: list[SpoolFault | None] = []
    draft.commit(NewEntry(bench.envelope, bench.trace), faults.append)
    bench.write()
    assert isinstance(faults[0], SpoolFault)
    assert bench.names() == set()
    draft = bench.spool.begin(lambda: None)
    draft.write(bytes(MEMORY_LIMIT + 1))
    draft.discard()
    assert bench.names() == set()


def test_octets_one_by_one_do_not_cost_an_object_each(bench) -> None:
    """A peer that sends them so must not take fifty times the memory."""
    draft = bench.spool.begin(lambda: None)
    octets = os.urandom(5 * PIECES_LIMIT)
    for octet in octets:
        draft.write(bytes((octet,)))
        assert len(draft.chunks) <= PIECES_LIMIT
    assert draft.content().to_bytes() == octets
    draft.discard()


def test_many_big_drafts_do_not_stay_in_memory(bench) -> None:
    """Two thousand sessions with 256 KiB each would be half a gigabyte."""
    drafts = [bench.spool.begin(lambda: None) for _ in range(NOTABLE_DRAFTS + 3)]
    for draft in drafts:
        draft.write(bytes(NOTABLE + 1))
    assert len(bench.names()) == 3
    for draft in drafts[:10]:
        draft.discard()
    late = bench.spool.begin(lambda: None)
    late.write(bytes(NOTABLE + 1))
    assert late.large is None
    answers: list[SpoolFault | None] = []
    for draft in [*drafts[10:], late]:
        draft.commit(NewEntry(bench.envelope, bench.trace), answers.append)
    bench.write()
    assert answers == [None] * (NOTABLE_DRAFTS - 6)
    assert bench.spool.notable_drafts == 0


def test_a_large_message_takes_little_memory(bench) -> None:
    """However large: what is in flight is bounded."""
    bench.spool._files = RealFiles()
    piece = bytes(PIECE)
    tracemalloc.start()
    try:
        draft = bench.spool.begin(lambda: None)
        for _ in range(40 * 1024 * 1024 // PIECE):
            draft.write(piece)
        for chunk in draft.content().chunks():
            assert len(chunk) <= PIECE
        draft.commit(NewEntry(bench.envelope, bench.trace), lambda fault: None)
        bench.write()
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
