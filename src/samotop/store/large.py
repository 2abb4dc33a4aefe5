"""A large content on its way into a file of its own: sealed and written as it arrives, beside the event loop.

The loop's side (``write``, ``finish``, ``sync``, ``discard``) returns at once
and puts work in a queue; one job at a time, run by a small pool of threads,
takes it from there, so that the order of one file's octets is kept while
several files share the threads. What waits is counted: above ``HIGH_WATER``
octets ``write`` says stop, below ``LOW_WATER`` the reader is told to go on.

A failure is kept and told when the content is finished; nothing is raised to
the loop. It is one as well where ``submit`` raises ``RuntimeError``, for then it
has no thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from samotop.ports import Opener, Sealing
from samotop.store.files import Files

HIGH_WATER: Final = 1024 * 1024
"""Octets in flight at which the sender is made to wait: enough to keep a disk busy."""
LOW_WATER: Final = 256 * 1024
PIECE: Final = 64 * 1024
"""Octets gathered before they are handed to a thread: the hand-over costs more than a small write."""

Submit = Callable[[Callable[[], None]], object]
Post = Callable[[Callable[[], object]], object]


class LargeFile:
    """One such file. Used by the event loop; its jobs run elsewhere."""

    def __init__(
        self,
        files: Files,
        path: str,
        sealing: Sealing,
        opener: Opener,
        *,
        submit: Submit,
        post: Post,
        resume: Callable[[], None],
        is_temporary: bool = False,
    ) -> None:
        self.path = path
        self.length = 0
        """Sealed octets written so far; final once finished."""
        self.fault: Exception | None = None
        self._files = files
        self._sealing = sealing
        self._opener = opener
        self._submit = submit
        self._post = post
        self._resume = resume
        self._is_temporary = is_temporary
        self._fd = -1
        self._is_made = False
        self._gathered: list[bytes] = []
        self._gathered_octets = 0
        self._is_finishing = False
        self._finished = threading.Event()
        # The lock guards what follows; it is held for moments, never during input or output.
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[], None]] = deque()
        self._is_running = False
        self._in_flight = 0
        self._is_paused = False
        self._reading = threading.Lock()  # so that the descriptor is not closed under a reader
        self._enqueue(self._create)

    @property
    def key(self) -> bytes:
        return self._sealing.key

    # The loop's side.

    def write(self, chunk: bytes) -> bool:
        self._gathered.append(chunk)
        self._gathered_octets += len(chunk)
        if self._gathered_octets >= PIECE:
            self._hand_over()
        return not self._is_paused

    def finish(self) -> None:
        """No more will be written: seal the end, so that it can be read."""
        if self._is_finishing:
            return
        self._is_finishing = True
        self._hand_over()
        self._enqueue(self._seal_end)

    def sync(self, then: Callable[[], None]) -> None:
        """Make it durable with its name, then call ``then`` on the helper's thread; ``fault`` says how it went."""
        self.finish()
        self._enqueue(self._make_durable)
        self._enqueue(then)

    def discard(self) -> None:
        """Unlink it, whatever has happened so far."""
        self._gathered = []
        self._gathered_octets = 0
        self._enqueue(self._remove)

    def chunks(self) -> Iterator[bytes]:
        """Read it back; waits for what is still in flight. Raises ``OSError`` or ``ValueError`` where it failed."""
        self._finished.wait()
        position = 0

        def read(length: int) -> bytes:
            nonlocal position
            with self._reading:
                if self._fd < 0:
                    raise OSError("the content is gone: its draft has ended")
                octets = self._files.pread(self._fd, length, position)
            position += len(octets)
            return octets

        if self.fault is not None:
            raise OSError("the content could not be written") from self.fault
        yield from self._opener.open(self._sealing.key, read)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        octets, self._gathered_octets = self._gathered_octets, 0
        if not gathered:
            return
        with self._lock:
            self._in_flight += octets
            if self._in_flight >= HIGH_WATER:
                self._is_paused = True
        self._enqueue(lambda: self._put(gathered, octets))

    def _enqueue(self, job: Callable[[], None]) -> None:
        with self._lock:
            self._jobs.append(job)
            if self._is_running:
                return
            self._is_running = True
        try:
            self._submit(self._run)
        except RuntimeError:  # no thread is to be had, now or any more
            self._fail(OSError("there was no thread to write the content"))
            self._run()  # jobs of a failed file write nothing; whoever waits for them is told

    # The helper's side.

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._is_running = False
                    return
                job = self._jobs.popleft()
            job()

    def _create(self) -> None:
        if self.fault is not None:
            return
        try:
            self._fd = self._files.open_new(self.path)
            self._is_made = True
            if self._is_temporary:
                self._unlink()
        except OSError as error:
            self._fail(error)

    def _put(self, pieces: list[bytes], octets: int) -> None:
        try:
            if self.fault is None:
                for piece in pieces:
                    self._write(self._sealing.update(piece))
        except Exception as error:  # noqa: BLE001 - whatever it was, the message is not stored and commit says so
            self._fail(error)
        resumes = False
        with self._lock:
            self._in_flight -= octets
            if self._is_paused and self._in_flight < LOW_WATER:
                self._is_paused = False
                resumes = True
        if resumes:
            self._post(self._resume)

    def _seal_end(self) -> None:
        try:
            self._write(self._sealing.finish())
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
        self._finished.set()

    def _make_durable(self) -> None:
        if self.fault is None:
            try:
                self._files.fdatasync(self._fd)
                self._files.sync_directory(self.path.rpartition("/")[0])
            except OSError as error:
                self._fail(error)
        self._close()

    def _remove(self) -> None:
        self._fail(OSError("the draft was discarded"))
        self._finished.set()

    def _write(self, sealed: bytes) -> None:
        if sealed and self.fault is None:
            self._files.write_all(self._fd, sealed)
            self.length += len(sealed)

    def _fail(self, error: Exception) -> None:
        """Keep the first fault and give the room back at once."""
        self.fault = self.fault or error
        self._close()
        self._unlink()

    def _unlink(self) -> None:
        if self._is_made:
            self._is_made = False
            with suppress(OSError):  # then it is an orphan, which the next start removes
                self._files.unlink(self.path)

    def _close(self) -> None:
        with self._reading:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                with suppress(OSError):  # what was synced is on disk; the rest will be unlinked
                    self._files.close(fd)
