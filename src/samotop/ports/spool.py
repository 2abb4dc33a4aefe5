"""The spool as reception sees it: content in as it arrives, durable before it is acknowledged.

All methods are called on the event loop and return at once; disk and crypto
of large contents run beside the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from samotop.content import Content
from samotop.envelope import Envelope
from samotop.errors import TryAgainLater
from samotop.queue.entry import State, Trace


class SpoolFault(TryAgainLater):
    """The message could not be made durable; nothing of it is kept. ``is_full`` where room was the reason."""

    def __init__(self, message: str, *, is_full: bool = False) -> None:
        super().__init__(message)
        self.is_full = is_full


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What a draft becomes when it is committed."""

    envelope: Envelope
    trace: Trace
    state: State = State.QUEUED
    reason: str = ""


class Draft(Protocol):
    """One content on its way in. Ends with exactly one ``commit`` or ``discard``."""

    @property
    def id(self) -> str:
        """The id that the entry will have."""
        ...

    def write(self, chunk: bytes) -> bool:
        """Take the next octets. ``False``: enough is in flight; stop reading until ``resume`` is called.

        A failure of the disk is not raised here; it is told by ``commit``.
        """
        ...

    def content(self) -> Content:
        """What was written, readable until ``commit`` or ``discard``; call after the last ``write``."""
        ...

    def commit(self, entry: NewEntry, done: Callable[[SpoolFault | None], None]) -> None:
        """Make it durable, then call ``done(None)`` on the loop, or ``done(fault)`` with nothing kept."""
        ...

    def discard(self) -> None:
        """Forget it: the transaction was refused, reset or cut off."""
        ...


class Spool(Protocol):
    def begin(self, resume: Callable[[], None]) -> Draft:
        """Open a draft; ``resume`` is called on the loop when reading may go on after ``write`` said no."""
        ...

    def room(self, size: int) -> bool:
        """Is there room for ``size`` more octets, by the last look at the disk?"""
        ...
