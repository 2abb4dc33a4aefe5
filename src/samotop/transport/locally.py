"""Any local transport as one that sends: Maildir, mbox, directory, journal, console or discard.

    async with LocalSender(Maildir("mail/new")) as transport:
        outcome = await transport.send(message)

The local transport runs in a thread. Messages that are sent while it works are
handed on together, so that they wait for the disk together. A message is
written with the trace fields of one that came from here: Return-Path,
Delivered-To and a Received without a client.

Raises what ``transport.sending`` says; ``RuntimeError`` after ``close``.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from samotop.content import Content
from samotop.envelope import Envelope
from samotop.net.clock import SystemClock
from samotop.ports.clock import Clock
from samotop.ports.transport import Handover, LocalTransport
from samotop.ports.transport import Outcome as HandoverOutcome
from samotop.queue.entry import Entry, Pending, Trace
from samotop.queue.ids import RANDOM_OCTETS, format_id
from samotop.transport.sending import Outcome, RecipientOutcome, Sendable, take_message

BATCH: Final = 500
"""Messages that are handed on together: what waits for one of them waits for all."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    handovers: list[Handover]
    done: asyncio.Future[list[HandoverOutcome]]


class LocalSender:
    """Sends by handing on to ``local``, which stays the caller's. For one event loop."""

    def __init__(self, local: LocalTransport, *, clock: Clock | None = None) -> None:
        self._local = local
        self._clock = clock or SystemClock()
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None
        self._is_closed = False

    async def send(self, message: Sendable | Envelope, content: Content | bytes | None = None) -> Outcome:
        """Hand on one message; it is durable when this returns, where the transport keeps anything."""
        if self._is_closed:
            raise RuntimeError("the transport is closed")
        envelope, body = take_message(message, content)
        entry = self._make_entry(envelope, body)
        handovers = [Handover(entry, one, str(one.address), body, is_first=True) for one in envelope.recipients]
        done: asyncio.Future[list[HandoverOutcome]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(handovers, done))
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._hand_on())
        found = await done
        return Outcome(
            tuple(
                RecipientOutcome(recipient, one.status, one.text, queue_id=entry.id if one.is_delivered else "")
                for recipient, one in zip(envelope.recipients, found, strict=True)
            )
        )

    async def close(self) -> None:
        """Wait for what is being handed on."""
        self._is_closed = True
        if self._work is not None:
            await asyncio.wait([self._work])

    def _make_entry(self, envelope: Envelope, content: Content) -> Entry:
        now = self._clock.time()
        return Entry(
            id=format_id(now, secrets.token_bytes(RANDOM_OCTETS)),
            envelope=envelope,
            pending=tuple(map(Pending, envelope.recipients)),
            trace=Trace(hello="", peer_address="", protocol="", received_at=now),
            size=content.size,
        )

    async def _hand_on(self) -> None:
        """Hand on what waits, a batch at a time, until nothing does."""
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            handovers = [one for waiting in batch for one in waiting.handovers]
            try:
                outcomes = iter(await asyncio.to_thread(self._local.hand_on, handovers))
            except Exception as error:  # noqa: BLE001 - a bug of the transport is told to whoever sent
                for waiting in batch:
                    if not waiting.done.done():
                        waiting.done.set_exception(error)
                continue
            for waiting in batch:
                found = [next(outcomes) for _ in waiting.handovers]
                if not waiting.done.done():
                    waiting.done.set_result(found)
        self._work = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
