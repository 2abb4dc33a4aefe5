"""How much room is left on the spool's disk: asked of the system beside the loop, answered from memory."""

from __future__ import annotations

from typing import Final

from samotop.store.files import Files

RESERVE: Final = 16 * 1024 * 1024
"""Octets kept free for state.db and the segment under way, so that what is in the queue can still be delivered."""

LOOK_SECONDS: Final = 1.0
"""How old the last look at the disk may be."""


class Room:
    """``look`` is called by a thread that may wait for the disk, ``has`` on the loop."""

    def __init__(self, files: Files, directory: str) -> None:
        self._files = files
        self._directory = directory
        self._free = 0
        self._next_look = float("-inf")

    def look(self, now: float) -> None:
        """Ask the system if the last answer is older than ``LOOK_SECONDS``; ``now`` is the clock's monotonic."""
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        try:
            self._free = self._files.free(self._directory)
        except OSError:
            self._free = 0

    def exhaust(self) -> None:
        """A write found the disk full: there is no room until the next look."""
        self._free = 0

    def has(self, size: int) -> bool:
        return self._free - RESERVE >= size
