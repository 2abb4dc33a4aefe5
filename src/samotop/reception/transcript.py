"""The dialogue of sessions, printed line by line: for debugging, where the operator asked for it.

Credentials never show: what follows ``AUTH MECHANISM`` and every line of an
AUTH exchange is blotted out, and all that came in one read after an AUTH
command. Content shows as its length; control characters are made visible.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from queue import Full, Queue
from threading import Thread
from typing import Final, TextIO

from samotop.smtp.states import Phase

BLOT: Final = "[blotted out]"
LINE_LIMIT: Final = 512
"""Characters of one line that are printed."""

WAITING_LIMIT: Final = 10_000
"""Lines that may wait to be printed."""
CLOSE_SECONDS: Final = 1.0
"""At the end, for a stream that is slow."""
REST_LIMIT: Final = 16 * 1024
"""Octets of an unfinished line that are kept: more than the longest line of an AUTH exchange."""


class Transcript:
    """Where all sessions print; numbers them. A thread writes, so that a stream nobody reads stops no session."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._numbers = count(1)
        self._lines: Queue[str | None] = Queue(WAITING_LIMIT)
        self._thread = Thread(target=self._write, name="samotop-transcript", daemon=True)
        self._thread.start()

    def open(self) -> Page:
        return Page(self, next(self._numbers))

    def add(self, line: str) -> None:
        """Print a line soon; drop it where too many wait already."""
        with suppress(Full):
            self._lines.put_nowait(line)

    def close(self) -> None:
        """Print what waits, for at most ``CLOSE_SECONDS``."""
        with suppress(Full):
            self._lines.put_nowait(None)
        self._thread.join(CLOSE_SECONDS)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            with suppress(OSError, ValueError):  # nobody reads it any more; sessions go on
                self._stream.write(line)
                self._stream.flush()


class Page:
    """One session's lines. Only whole lines are looked at: half an AUTH command would show what it is no more."""

    __slots__ = ("_is_secret", "_number", "_rest", "_transcript")

    def __init__(self, transcript: Transcript, number: int) -> None:
        self._transcript = transcript
        self._number = number
        self._rest = b""
        self._is_secret = False

    def received(self, phase: Phase, octets: bytes, *, is_login: bool) -> None:
        """What the client said while the session was in ``phase``; ``is_login`` within an AUTH exchange."""
        if phase in (Phase.DATA, Phase.CHUNK):
            self._print("C:", f"({len(octets)} octets of content)")
            return
        *lines, self._rest = (self._rest + octets).split(b"\r\n")
        self._rest = self._rest[-REST_LIMIT:]
        self._is_secret = self._is_secret or is_login or phase is Phase.AUTH
        for line in lines:
            if self._is_secret:
                self._print("C:", BLOT)
                continue
            words = line.split(b" ")
            if words[0].upper() == b"AUTH":
                self._is_secret = True  # until we have answered, whatever else came with it
                words = [*words[:2], BLOT.encode()] if len(words) > 2 else words
            self._print("C:", b" ".join(words).decode("utf-8", "replace"))

    def sent(self, octets: bytes) -> None:
        """What we said; challenges of an AUTH exchange are blotted out as well."""
        self._is_secret = False
        for line in octets.removesuffix(b"\r\n").split(b"\r\n"):
            self._print("S:", f"334 {BLOT}" if line.startswith(b"334 ") else line.decode("utf-8", "replace"))

    def _print(self, who: str, text: str) -> None:
        shown = "".join(c if c.isprintable() else "?" for c in text[:LINE_LIMIT])
        self._transcript.add(f"[{self._number}] {who} {shown}\n")
