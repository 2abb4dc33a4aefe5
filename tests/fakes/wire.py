"""A transport without a network, and a spool without a disk: sessions driven by hand.

Verified against the real ones by the end-to-end tests, which run the same
dialogs over sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from samotop.content import Content
from samotop.ports import NewEntry, SpoolFault
from samotop.reception.context import Context, Logins
from samotop.reception.gate import Gate
from samotop.reception.listener import Listener
from samotop.reception.rules import Rules
from samotop.reception.service import Reception
from samotop.reception.session import Session
from samotop.reception.stages import Stages
from samotop.reception.transcript import Transcript
from samotop.testing import MovableClock


class FakeTransport(asyncio.Transport):
    """Collects what is written; remembers whether it was closed and how."""

    def __init__(self, peername: tuple[str, int] | None = ("192.0.2.7", 4711)) -> None:
        super().__init__({"peername": peername} if peername else {})
        self.written = bytearray()
        self.writes = 0
        self.is_closed = self.is_aborted = self.has_eof = self.is_paused = False

    def write(self, data: Any) -> None:
        self.written += data
        self.writes += 1

    def write_eof(self) -> None:
        self.has_eof = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def take(self) -> str:
        """What was written since the last call."""
        text = self.written.decode()
        self.written.clear()
        return text


class FakeDraft:
    """Keeps chunks; commits when the spool says so."""

    def __init__(self, spool: FakeSpool, number: int) -> None:
        self.id = f"ENTRY{number}"
        self._spool = spool
        self.chunks: list[bytes] = []
        self.is_discarded = False

    def write(self, chunk: bytes) -> bool:
        self.chunks.append(chunk)
        return not self._spool.is_congested

    def content(self) -> Content:
        return Content.from_chunks(tuple(self.chunks))

    def commit(self, entry: NewEntry, done: Callable[[SpoolFault | None], None]) -> None:
        self._spool.committing.append((self, entry, done))
        if self._spool.is_prompt:
            self._spool.settle()

    def discard(self) -> None:
        self.is_discarded = True


class FakeSpool:
    """Implements ``ports.Spool``. ``is_prompt`` commits at once; else ``settle`` does."""

    def __init__(self) -> None:
        self.is_prompt = True
        self.is_congested = False
        self.has_room = True
        self.fault: SpoolFault | None = None
        self.drafts: list[FakeDraft] = []
        self.committing: list[tuple[FakeDraft, NewEntry, Callable[[SpoolFault | None], None]]] = []
        self.stored: list[tuple[NewEntry, bytes]] = []
        self.resume: Callable[[], None] | None = None

    def begin(self, resume: Callable[[], None]) -> FakeDraft:
        self.resume = resume
        self.drafts.append(FakeDraft(self, len(self.drafts) + 1))
        return self.drafts[-1]

    def room(self, size: int) -> bool:
        return self.has_room

    def settle(self) -> None:
        """Make durable what waits, or fail it with ``fault``."""
        waiting, self.committing = self.committing, []
        for draft, entry, done in waiting:
            if self.fault is None:
                self.stored.append((entry, draft.content().to_bytes()))
            done(self.fault)


class Wire:
    """One session with everything around it."""

    def __init__(
        self,
        stages: Stages = Stages(),
        *,
        listener: Listener = Listener(tls="none"),
        rules: Rules = Rules(),
        logins: Logins | None = None,
        transcript: Transcript | None = None,
        peername: tuple[str, int] | None = ("192.0.2.7", 4711),
    ) -> None:
        self.clock = MovableClock()
        self.spool = FakeSpool()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.context = Context(
            hostname="mx.example.org",
            loop=asyncio.get_running_loop(),
            clock=self.clock,
            spool=self.spool,
            stages=stages,
            rules=rules,
            gate=Gate(rules.sessions, rules.sessions_per_address),
            logins=logins,
            transcript=transcript,
            log=self,
        )
        self.reception = Reception(self.context)
        self.listener = listener
        self.transport, self.session = self.connect(peername)

    def connect(self, peername: tuple[str, int] | None = ("192.0.2.7", 4711)) -> tuple[FakeTransport, Session]:
        """Open another session of the same service."""
        transport = FakeTransport(peername)
        session = Session(self.context, self.listener)
        session.connection_made(transport)
        return transport, session

    def say(self, *lines: str) -> str:
        """Send lines in one read; return what is answered at once."""
        self.session.data_received("".join(line + "\r\n" for line in lines).encode())
        return self.transport.take()

    async def settled(self) -> str:
        """Let awaited decisions finish; return what was answered."""
        while self.context.tasks:
            await asyncio.gather(*self.context.tasks, return_exceptions=True)
            await asyncio.sleep(0)
        return self.transport.take()

    def debug(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))

    def info(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))
