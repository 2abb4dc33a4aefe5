"""Threads that a process does not wait for when it ends.

The standard library's pool joins its threads when the interpreter exits. A
thread that hangs in a system call (a file system that does not answer) would
so keep a server from ending for ever; those of ``DaemonPool`` end with the
process. What they were about to do is then undone: who uses it must be able to
lose that, as whatever is durable can.

Raises ``RuntimeError`` from ``submit`` after ``close``, and where the system
gives no thread at all; then the job has not been taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, TypeVar

T = TypeVar("T")

NO_MORE: Final = None
"""What a thread takes from the queue at its end."""


class DaemonPool:
    """At most ``threads`` threads, started when jobs come; jobs begin in the order in which they were submitted."""

    def __init__(self, threads: int, name: str) -> None:
        self._limit = threads
        self._name = name
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._is_closed = False

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Run ``job`` in a thread; from any thread."""
        future: Future[T] = Future()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the pool is closed")
            if len(self._threads) < self._limit:
                self._start_another()
            self._jobs.put((future, job))
        return future

    def close(self, *, wait: float = 0.0, cancels: bool = False) -> bool:
        """Take no more; ``cancels`` drops what has not begun. Have all ended after ``wait`` seconds?"""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                if cancels:
                    self._cancel()
                for _ in self._threads:
                    self._jobs.put(NO_MORE)
        ends_at = time.monotonic() + wait
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _start_another(self) -> None:
        thread = Thread(target=self._run, name=f"{self._name}_{len(self._threads)}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
            return  # those there are will do
        self._threads.append(thread)

    def _cancel(self) -> None:
        while True:
            try:
                taken = self._jobs.get_nowait()
            except Empty:
                return
            if taken is not None:
                taken[0].cancel()

    def _run(self) -> None:
        while (taken := self._jobs.get()) is not None:
            future, job = taken
            if not future.set_running_or_notify_cancel():
                continue
            try:
                found = job()
            except BaseException as error:  # noqa: BLE001 - told to who has submitted it
                future.set_exception(error)
            else:
                future.set_result(found)
            del taken, future, job  # nothing is kept alive while the thread waits
