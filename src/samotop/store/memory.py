"""A spool that keeps nothing: for programs that embed the server and take each message themselves.

Contents up to 256 KiB are in memory, larger ones in a temporary file that has
no name and is sealed under a key that only this process knows, until the
draft ends. The program's own content callable has taken the message when
``commit`` is called; ``commit`` promises nothing more and only answers. What is
to be held for an operator has nowhere to stay: it is refused for now, so that
the client keeps it.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Final

from samotop.net.threads import DaemonPool
from samotop.ports import Clock, SpoolFault
from samotop.queue.entry import State
from samotop.queue.ids import RANDOM_OCTETS, format_id
from samotop.store.drafts import SpoolDraft
from samotop.store.files import RealFiles
from samotop.store.large import LargeFile, Post
from samotop.store.room import Room
from samotop.store.seal import AesOpener, AesSealer

HELPERS: Final = 2
"""Threads that write large contents; they start with the first of these."""

CLOSE_SECONDS: Final = 1.0
"""What ``close`` waits for the last file to be closed: it is called on the loop."""


class MemorySpool:
    """``ports.Spool`` without a queue behind it.

    Made on the event loop, unless ``post`` is given. Temporary files lie in
    ``directory``, by default the system's.
    """

    def __init__(self, clock: Clock, post: Post | None = None, directory: str | None = None) -> None:
        self.notable_drafts = 0
        self._clock = clock
        self._post: Post = post or asyncio.get_running_loop().call_soon_threadsafe
        self._directory = directory or tempfile.gettempdir()
        self._files = RealFiles()
        self._sealer = AesSealer()
        self._opener = AesOpener()
        self._helpers: DaemonPool | None = None
        self._room = Room(self._files, self._directory)

    def begin(self, resume: Callable[[], None]) -> SpoolDraft:
        return SpoolDraft(self, format_id(self._clock.time(), os.urandom(RANDOM_OCTETS)), resume)

    def room(self, size: int) -> bool:
        # Asked on the loop: the system's temporary directory is on no network, and most programs have no thread yet.
        self._room.look(self._clock.monotonic())
        return self._room.has(size)

    def close(self) -> None:
        """Stop the helper threads, when the last draft has ended; what they are at takes moments."""
        if self._helpers is not None:
            self._helpers.close(wait=CLOSE_SECONDS)
            self._helpers = None

    # What drafts ask of their owner.

    def open_large(self, draft: SpoolDraft) -> LargeFile:
        helpers = self._helpers = self._helpers or DaemonPool(HELPERS, "samotop-large")
        return LargeFile(
            self._files,
            f"{self._directory}/samotop-{draft.id}",
            self._sealer.begin(),
            self._opener,
            submit=helpers.submit,
            post=self._post,
            resume=draft.resume,
            is_temporary=True,
        )

    def take(self, draft: SpoolDraft) -> None:
        """Answer on the loop's next turn, as a spool with a disk would; the caller is never entered again."""
        if draft.large is not None:
            draft.large.discard()
        draft.release()
        is_kept = draft.entry.state is State.QUEUED  # by the program, which has seen it
        fault = None if is_kept else SpoolFault("nothing here keeps held mail")
        self._post(partial(draft.done, fault))

    def forget(self, draft: SpoolDraft) -> None:
        """Nothing is kept that could be forgotten."""
