"""One file with all messages, in the mboxrd form: a line ``From SENDER DATE``, the message, a blank line.

A line of the message that is ``From `` after any number of ``>`` gets one
``>`` more, so that it can be undone exactly. Line ends are LF; a message sent
as BINARYMIME keeps the octets it has.

What is appended is synced before it is called delivered; what could not be
written whole is cut off again. After a crash a message may lie there whole, or
cut short at the file's end: a handover that is not ``is_first`` is looked for by
its first octets, in which its entry's id stands, in the last ``SEARCH_LIMIT``
octets. Found whole it is left alone, cut short it is cut off and written anew.
"""

from __future__ import annotations

import mmap
import os
import re
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from samotop.envelope import Envelope
from samotop.message.trace import NO_DISCLOSURE, DisclosureRules, format_date
from samotop.ports.transport import Handover, Outcome
from samotop.transport.disk import Disk
from samotop.transport.locking import WAIT_SECONDS, Locked, lock_file
from samotop.transport.outcomes import ALREADY_THERE, DELIVERED, LOCKED, failed
from samotop.transport.rendering import Rendering, gather_copies

SEARCH_LIMIT: Final = 1024 * 1024 * 1024
"""Octets at the end in which a message of a crash is looked for: far more than is under way at any time."""
HEAD: Final = 2048
"""Octets by which a message is known again: From line and trace fields, in which the entry's id stands."""
LINE_LIMIT: Final = 64 * 1024
"""Octets of an unfinished line that wait for their end."""

_FROM: Final = re.compile(rb"^(>*From )", re.MULTILINE)


class Mbox:
    """Implements ``ports.LocalTransport``. ``wait`` is how long a lock is waited for, in seconds."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        hostname: str = "",
        disclosure: DisclosureRules = NO_DISCLOSURE,
        disk: Disk | None = None,
        wait: float = WAIT_SECONDS,
    ) -> None:
        self._path = os.fspath(path)
        self._rendering = Rendering(hostname or socket.gethostname(), disclosure)
        self._disk = disk or Disk()
        self._wait = wait
        self._lock = threading.Lock()

    def hand_on(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Append all, each message once."""
        with self._lock:
            return self.append(handovers)

    def append(self, handovers: Sequence[Handover], earlier: Iterable[str] = ()) -> list[Outcome]:
        """Like ``hand_on``, for who holds a lock of its own; ``earlier`` files are searched as well."""
        try:
            self._disk.make_directories([os.path.dirname(self._path) or "."])
            with lock_file(self._path, self._wait) as fd:
                return self._append(fd, handovers, earlier)
        except Locked:
            return [LOCKED] * len(handovers)
        except OSError as fault:
            return [failed(fault)] * len(handovers)

    def _append(self, fd: int, handovers: Sequence[Handover], earlier: Iterable[str]) -> list[Outcome]:
        outcomes = [DELIVERED] * len(handovers)
        for numbers, copy in gather_copies(handovers, lambda _: None):
            outcome = self._append_copy(fd, copy, earlier)
            for number in numbers:
                outcomes[number] = outcome
        self._disk.sync_file(fd)
        self._disk.sync_directory(os.path.dirname(self._path) or ".")
        return outcomes

    def _append_copy(self, fd: int, copy: list[Handover], earlier: Iterable[str]) -> Outcome:
        size = os.fstat(fd).st_size
        try:
            if not all(handover.is_first for handover in copy):
                if self._is_there(fd, copy) or any(self._is_in(path, copy) for path in earlier):
                    return ALREADY_THERE
                size = os.fstat(fd).st_size
            if size > 0:
                tail = os.pread(fd, 2, max(0, size - 2))
                self._disk.write(fd, b"" if tail == b"\n\n" else b"\n" if tail.endswith(b"\n") else b"\n\n")
            for chunk in self._chunks(copy):
                self._disk.write(fd, chunk)
        except (OSError, ValueError) as fault:
            os.ftruncate(fd, size)
            return failed(fault)
        return DELIVERED

    def _chunks(self, copy: list[Handover]) -> Iterator[bytes]:
        """One message as it stands in the file."""
        entry = copy[0].entry
        yield format_from_line(entry.envelope, entry.trace.received_at)
        last = b""
        for chunk in quote_from_lines(self._rendering.chunks(copy)):
            yield chunk
            last = chunk or last
        yield b"\n" if last.endswith(b"\n") else b"\n\n"

    def _is_in(self, path: str, copy: list[Handover]) -> bool:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return self._compare(fd, copy)[0]
        finally:
            os.close(fd)

    def _is_there(self, fd: int, copy: list[Handover]) -> bool:
        """Is the message there? One that was cut short is cut off."""
        is_whole, cut = self._compare(fd, copy)
        if not is_whole and cut is not None:
            os.ftruncate(fd, cut)
        return is_whole

    def _compare(self, fd: int, copy: list[Handover]) -> tuple[bool, int | None]:
        """Whether the message is there whole, and where one begins that was cut short."""
        size = os.fstat(fd).st_size
        if size == 0:
            return False, None
        head = _take(self._chunks(copy), HEAD)
        with mmap.mmap(fd, size, access=mmap.ACCESS_READ) as octets:
            begin = octets.rfind(head, max(0, size - SEARCH_LIMIT))
            if begin < 0:
                return False, _find_cut_head(octets, size, head)
            at = begin
            for chunk in self._chunks(copy):
                found = octets[at : at + len(chunk)]
                at += len(found)
                if found != chunk:
                    return False, begin if at == size and chunk.startswith(found) else None
        return True, None


def _find_cut_head(octets: mmap.mmap, size: int, head: bytes) -> int | None:
    """Where the file ends in the beginning of ``head``: there a message was cut within its first octets."""
    start = max(0, size - len(head))
    if start == 0 and head.startswith(octets[:size]):
        return 0
    at = size
    while True:
        at = octets.rfind(b"\n\nF", max(0, start - 2), at)  # a message begins behind a blank line
        if at < 0:
            return None
        if head.startswith(octets[at + 2 : size]):
            return at + 2


def _take(chunks: Iterator[bytes], limit: int) -> bytes:
    taken = b""
    for chunk in chunks:
        taken += chunk
        if len(taken) >= limit:
            break
    return taken[:limit]


def format_from_line(envelope: Envelope, received_at: float) -> bytes:
    """``From SENDER Sun Nov 22 16:00:00 2026`` (RFC 4155 appendix A)."""
    sender = "".join(c if c.isprintable() and c != " " else "_" for c in str(envelope.reverse_path))
    at = datetime.fromtimestamp(int(received_at), UTC)
    day, _, month = format_date(received_at).partition(",")
    month = month.split()[1]
    stamp = f"{day} {month} {at.day:2} {at.hour:02}:{at.minute:02}:{at.second:02} {at.year:04}"
    return f"From {sender or 'MAILER-DAEMON'} {stamp}\n".encode("utf-8", "replace")


def quote_from_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Put one ``>`` before each line that is ``From `` after any number of them; chunks may be cut anywhere."""
    waiting = b""
    is_inside = False  # of a line whose beginning has gone out already
    for chunk in chunks:
        waiting += chunk
        end = waiting.rfind(b"\n") + 1
        if end == 0 and len(waiting) < LINE_LIMIT:
            continue
        ready, waiting = (waiting[:end], waiting[end:]) if end else (waiting, b"")
        yield _quote(ready, is_inside)
        is_inside = not end
    yield _quote(waiting, is_inside)


def _quote(octets: bytes, is_inside: bool) -> bytes:
    if is_inside:
        line, end, rest = octets.partition(b"\n")
        return line + end + _FROM.sub(rb">\1", rest)
    return _FROM.sub(rb">\1", octets)
