"""The promise of 250, seen from outside: what the server asks of the system, in which order.

strace writes down every write and every sync. For each "queued as ID" that goes
to a client, and before it goes:

1. the content was written to a segment, or a file of its own, and synced;
2. after that the row (the one whose page names ID) was written to the
   write-ahead log of state.db, and that was synced.
"""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.serving import MakeHome, Served, StartServer, poll
from tests.fakes.talk import Talk, message

TRACED: Final = "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,syncfs"
TEXT_LIMIT: Final = 9000
"""Octets of each write that strace shows: two pages of the log and more."""

SYNCS: Final = ("fsync", "fdatasync")
REPLY: Final = re.compile(r"250 2\.0\.0 Ok: queued as ([0-9A-Z]{20})")
_LINE: Final = re.compile(r"(\d+) +\d\d:\d\d:\d\d\.\d+ (.*)", re.DOTALL)
_BEGUN: Final = re.compile(r"(\w+)\((?:\d+<(.*?)>)?(.*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\([0-7]{1,3}|.)")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f", '"': '"', "\\": "\\"}
_RESUMED: Final = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)


@dataclass(slots=True)
class Call:
    """One call of one thread. ``began`` and ``ended`` are lines of the trace: their order is that of the events."""

    thread: int
    name: str
    target: str
    text: str
    began: int
    ended: int
    failed: bool = False


def parse_trace(lines: Iterable[str]) -> list[Call]:
    """Calls in the order in which they began; those without an end are left out."""
    calls: list[Call] = []
    unfinished: dict[int, Call] = {}
    for number, line in enumerate(lines):
        matched = _LINE.fullmatch(line)
        if matched is None:
            continue
        thread, rest = int(matched[1]), matched[2]
        resumed = _RESUMED.fullmatch(rest)
        if resumed is not None:
            call = unfinished.pop(thread, None)
            if call is not None and call.name == resumed[1]:
                call.text += resumed[2]
                call.ended = number
                calls.append(call)
        elif (begun := _BEGUN.fullmatch(rest)) is not None:
            call = Call(thread, begun[1], begun[2] or "", begun[3], number, number)
            if rest.endswith("<unfinished ...>"):
                unfinished[thread] = call
            else:
                calls.append(call)
    for call in calls:
        call.failed = re.search(r"\) += -1 E[A-Z]+", call.text[-60:]) is not None
    return sorted(calls, key=lambda call: call.began)


def check_order(calls: Sequence[Call]) -> list[str]:
    """Hold each reply against the promise; the ids that were acknowledged. Raises ``AssertionError``."""
    writes = [call for call in calls if "write" in call.name or call.name.startswith("send")]
    logged = [call for call in writes if call.target.endswith("/state.db-wal")]
    acknowledged: list[str] = []
    for reply in writes:
        if not reply.target.startswith(("socket:", "TCP:", "UNIX:")):
            continue
        for name in REPLY.findall(reply.text):
            acknowledged.append(name)
            row = next((call for call in logged if name in call.text), None)
            assert row is not None and row.ended < reply.began, f"{name}: acknowledged without a row"
            commit = first_sync(calls, row.target, end_of_transaction(logged, row))
            assert commit is not None and commit.ended < reply.began, f"{name}: its row was not synced"
            written = content_of(name, writes, row)
            assert written is not None, f"{name}: its content was not written before its row"
            sync = first_sync(calls, written.target, written.ended)
            assert sync is not None and sync.ended < commit.began, f"{name}: its content was not synced before its row"
    return acknowledged


def end_of_transaction(logged: Sequence[Call], row: Call) -> int:
    """Where the transaction that ``row`` is part of was written to its end.

    Each page has a header in front, whose second word is zero but for the last
    page (https://sqlite.org/fileformat2.html, section 4.1).
    """
    ours = [call for call in logged if call.thread == row.thread]
    for header, page in itertools.pairwise(ours[max(0, ours.index(row) - 1) :]):
        if header.text.endswith(" = 24") and any(octets_of(header)[4:8]):
            return page.ended
    raise AssertionError(f"no end of the transaction of {row.text[:80]}")


def octets_of(call: Call) -> bytes:
    """What was written, as far as it is shown."""
    quoted = call.text.partition('"')[2].rpartition('"')[0]
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1]) or chr(int(found[1], 8)), quoted).encode("latin-1")


def content_of(name: str, writes: Sequence[Call], row: Call) -> Call | None:
    """The last write of the content: to its own file, or the writer's last one to a segment before the row."""
    before = [call for call in writes if call.ended < row.began]
    own = [call for call in before if call.target.endswith(f"-{name}.large")]
    shared = [call for call in before if call.target.endswith(".seg") and call.thread == row.thread]
    return own[-1] if own else shared[-1] if shared else None


def first_sync(calls: Sequence[Call], target: str, after: int) -> Call | None:
    """The first sync of ``target`` that began after line ``after`` and went well."""
    return next((c for c in calls if c.name in SYNCS and c.target == target and c.began > after and not c.failed), None)


class Trace:
    """strace, attached to a running server."""

    def __init__(self, program: str, server: Served, file: Path) -> None:
        self._file = file
        words = ["-f", "-y", "-tt", "-s", str(TEXT_LIMIT), "-e", f"trace={TRACED}", "-e", "signal=none"]
        self._process = subprocess.Popen(
            [program, *words, "-o", str(file), "-p", str(server.pid)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        if "attached" not in said:
            self._process.wait()
            pytest.skip(f"strace may not attach here: {said.strip()}")

    def lines(self) -> list[str]:
        """End it; what it wrote down."""
        self.close()
        return self._file.read_text("utf-8", "replace").splitlines()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


@pytest.fixture
def traced(
    make_home: MakeHome, start_server: StartServer, needs: Callable[..., str], tmp_path: Path
):  # a server and its trace
    program = needs("strace", package="strace")
    server = start_server(make_home(accounts=["alice"]))
    trace = Trace(program, server, tmp_path / "trace")
    yield server, trace
    trace.close()


def test_everything_is_synced_before_each_250(traced: tuple[Served, Trace]) -> None:
    """One session, then four at once that share syncs; small contents, a large one, DATA, BDAT and LMTP."""
    server, trace = traced
    replies: list[str] = []

    def send(count: int) -> None:
        with Talk(server.address()) as talk:
            talk.ehlo()
            for _ in range(count):
                replies.append(talk.mail(message("traced"), "alice@example.org"))

    send(5)
    with Talk(server.address()) as talk:
        talk.ehlo()
        replies.append(talk.mail(message("large", (b"x" * 76 + b"\r\n") * 8000), "alice@example.org"))
        talk.say_all("MAIL FROM:<sender@client.test>", "RCPT TO:<alice@example.org>")
        chunk = message("chunked")
        replies.append(talk.say(b"BDAT %d LAST\r\n" % len(chunk) + chunk.removesuffix(b"\r\n")))
    with Talk(server.address("lmtp")) as talk:
        talk.say("LHLO client.test")
        talk.say_all("MAIL FROM:<sender@client.test>", "RCPT TO:<alice@example.org>", "DATA")
        replies.append(talk.content(message("by-lmtp")))
    threads = [threading.Thread(target=send, args=(20,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acknowledged = check_order(parse_trace(trace.lines()))
    assert sorted(acknowledged) == sorted(REPLY.findall("\n".join(replies)))
    assert len(acknowledged) == 88
    poll(lambda: server.home.queue() == [], what="an empty queue")


GOOD: Final = """\
7 10:00:00.000001 write(5</h/spool/0-00000000.seg>, "sealed", 6) = 6
7 10:00:00.000002 fdatasync(5</h/spool/0-00000000.seg> <unfinished ...>
8 10:00:00.000003 write(9<socket:[1]>, "354 ", 4) = 4
7 10:00:00.000004 <... fdatasync resumed>) = 0
7 10:00:00.000004 pwrite64(6</h/state.db-wal>, "\\0\\0\\0\\2\\0\\0\\0\\0\\236", 24, 32) = 24
7 10:00:00.000004 pwrite64(6</h/state.db-wal>, "...00D20GW22BQ8KCF6PBG0...", 4096, 56) = 4096
7 10:00:00.000005 pwrite64(6</h/state.db-wal>, "\\0\\0\\0\\3\\0\\0\\0\\5\\236", 24, 4152) = 24
7 10:00:00.000005 pwrite64(6</h/state.db-wal>, "the last page", 4096, 4176) = 4096
7 10:00:00.000006 fdatasync(6</h/state.db-wal>) = 0
8 10:00:00.000007 write(9<socket:[1]>, "250 2.0.0 Ok: queued as 00D20GW22BQ8KCF6PBG0\\r\\n", 46) = 46
"""


def test_the_check_itself() -> None:
    """It passes a good trace, and no trace that lacks one of the syncs, or has them too late, or failed."""
    lines = GOOD.splitlines()
    assert check_order(parse_trace(lines)) == ["00D20GW22BQ8KCF6PBG0"]
    bad = [
        [line for line in lines if "fdatasync(6" not in line],
        [line for line in lines if "fdatasync" not in line or "(6" in line],
        [line for line in lines if "pwrite64" not in line],
        [line for line in lines if "sealed" not in line],
        [*lines[:8], lines[9], lines[8]],
        [*lines[:6], lines[8], *lines[6:8], lines[9]],
        [*lines[1:4], lines[0], *lines[4:]],
        [*lines[:2], *lines[4:], *lines[2:4]],
        [line.replace("wal>) = 0", "wal>) = -1 EIO (Input/output error)") for line in lines],
    ]
    for trace in bad:
        with pytest.raises(AssertionError, match="00D20GW22BQ8KCF6PBG0"):
            check_order(parse_trace(trace))
