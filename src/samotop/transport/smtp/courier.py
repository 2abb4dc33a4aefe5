"""One open session with a server, that carries messages one after the other.

    courier = await open_courier(call, SessionPlan(hello="client.example.org"), until)   # transport.smtp.opening
    if isinstance(courier, Courier):
        outcomes = await courier.deliver(envelope, content, until)
        await courier.quit(until)

A message that this server cannot take as it is (no 8BITMIME) is converted; one whose recipients it
wants in several transactions (LIMITS, or 452 to some) gets several. A small one
that needs none of that goes by ``express``.

Raises nothing for what a server or the network does: each recipient has an
outcome. A content is never in memory whole unless it is small already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from samotop.content import Content
from samotop.envelope import Envelope
from samotop.message.convert import Unconvertible, convert_content
from samotop.net.clienttls import Secured
from samotop.net.stream import Stream
from samotop.smtp.client import (
    NO_WISHES,
    BadReply,
    ClientConnection,
    ContentWanted,
    Conversion,
    Pause,
    Plan,
    TransactionEnded,
    TransactionPlan,
    TransactionResult,
    Wishes,
)
from samotop.transport.sending import Progress, RecipientOutcome, same_for_all
from samotop.transport.smtp.express import EXPRESS_LIMIT, Errand, Express
from samotop.transport.smtp.ledger import Ledger
from samotop.transport.smtp.reading import SMALL, Sent, Unreadable, measure, read, take_chunk
from samotop.transport.smtp.session import Session
from samotop.transport.smtp.wording import UNREADABLE, read_impossible, read_result, read_results

TRANSACTIONS: Final = 20
"""Transactions for one message: recipients beyond what a server takes in so many wait for the next attempt."""


class Courier(Session):
    """Made by ``open_courier``. For one task at a time."""

    def __init__(self, engine: ClientConnection, stream: Stream, secured: Secured | None) -> None:
        super().__init__(engine, stream, secured)
        self.express = Express(engine, stream, self._loop, self)
        """Carries small messages."""
        self.deliveries = 0
        """Messages that were begun on this session."""

    async def deliver(
        self,
        envelope: Envelope,
        content: Content,
        until: float,
        *,
        wishes: Wishes = NO_WISHES,
        may_convert: bool = True,
        progress: Progress | None = None,
    ) -> tuple[RecipientOutcome, ...]:
        """Send one message, before ``until`` on the loop's clock; one outcome for each recipient, in order.

        What cannot be brought to an end in time is ended by hanging up.
        """
        self.deliveries += 1
        ledger = Ledger(envelope.recipients)
        try:
            if progress is None and content.size <= EXPRESS_LIMIT:
                errand = Errand(envelope, content, until, self._loop, wishes)
                if self.express.start(errand):
                    result = await errand.ended
                    assert isinstance(result, TransactionResult), "what was begun has a result"
                    if not result.left_over:
                        return read_results(result, self.end)
                    self._write_down(result, ledger)
                    envelope = replace(envelope, recipients=result.left_over)
                    may_convert = False
            await self._deliver(envelope, content, until, wishes, may_convert, progress, ledger)
        except Unreadable:
            self.abort()
            ledger.put(*same_for_all(ledger.open, UNREADABLE, "the stored content could not be read"))
        except BaseException:  # cancelled: the content is not complete, and must not look as if it were
            self.abort()
            raise
        return ledger.outcomes()

    # -- the long way -------------------------------------------------------------------------------

    async def _deliver(
        self,
        envelope: Envelope,
        content: Content,
        until: float,
        wishes: Wishes,
        may_convert: bool,
        progress: Progress | None,
        ledger: Ledger,
    ) -> None:
        plan, content = await self.plan(envelope, content, wishes, may_convert)
        ledger.put(*map(read_impossible, plan.impossible))
        waiting = list(reversed(plan.transactions))
        for _ in range(TRANSACTIONS):
            if not waiting or not self._engine.can_begin:
                break
            result = await self._transact(waiting.pop(), content, until, progress)
            self._write_down(result, ledger)
            if result.left_over:
                more, _ = await self.plan(replace(envelope, recipients=result.left_over), content, wishes, False)
                waiting += reversed(more.transactions)
        if not ledger.is_complete:
            ledger.put(*same_for_all(ledger.open, self._lost, self._why or "this session takes no more"))

    def _write_down(self, result: TransactionResult, ledger: Ledger) -> None:
        """Put what is known of those whom the server does not want in another transaction."""
        ledger.put(*(read_result(one, *self.end) for one in result.decided))

    async def plan(
        self, envelope: Envelope, content: Content, wishes: Wishes, may_convert: bool
    ) -> tuple[Plan, Content]:
        """How to send this message, and the content as it would be sent. Raises ``Unreadable``."""
        if content.size <= SMALL:
            shape = measure(content)
        else:
            shape = await asyncio.to_thread(measure, content)
        plan = self._engine.plan(envelope, shape, wishes=wishes, can_convert=may_convert)
        if plan.conversion is Conversion.NONE:
            return plan, content
        try:
            converted = await read(
                content, lambda: convert_content(content, keeps_8bit=plan.conversion is Conversion.EIGHT_BIT)
            )
        except Unconvertible:
            return self._engine.plan(envelope, shape, wishes=wishes, can_convert=False), content
        shape = await read(converted, lambda: measure(converted))
        return self._engine.plan(envelope, shape, wishes=wishes, can_convert=False), converted

    async def _transact(
        self, plan: TransactionPlan, content: Content, until: float, progress: Progress | None
    ) -> TransactionResult:
        self._engine.begin(plan)
        return await self.finish(content, until, progress)

    async def finish(self, content: Content, until: float, progress: Progress | None = None) -> TransactionResult:
        """See the transaction that has begun to its end. Raises ``Unreadable``."""
        chunks: Iterator[bytes] | None = None
        sent = Sent(content.size, progress)
        while True:
            event = await self.next_event(until)
            if isinstance(event, TransactionEnded):
                self._look_behind()
                return event.result
            if isinstance(event, ContentWanted):
                chunks = chunks if chunks is not None else content.chunks()
                await self._send(chunks, content.size > SMALL, until, sent)

    def _look_behind(self) -> None:
        """Hear what the server said right behind its last reply: a 421 that ends the session, or what nobody asked."""
        try:
            while not isinstance(self._engine.next_event(), Pause):
                pass
        except BadReply as fault:
            self.distrust(fault)

    async def _send(self, chunks: Iterator[bytes], in_thread: bool, until: float, sent: Sent) -> None:
        """Send content until the engine wants to look at replies first, or there is no more of it."""
        engine, stream = self._engine, self._stream
        while True:
            chunk = await asyncio.to_thread(take_chunk, chunks) if in_thread else take_chunk(chunks)
            if chunk is None:
                engine.end_content()
                sent.tell()
                return
            engine.send_content(chunk)
            if sent.add(len(chunk)):  # else it leaves with what comes next
                stream.write(engine.data_to_send())
                if stream.is_full and not await self._drain(until):
                    return
                sent.tell()
            if not engine.wants_content:
                return

    async def _drain(self, until: float) -> bool:
        """Wait for room. Where there comes none: what the server has said may be known still, no more is sent."""
        limit = self._loop.time() + (self._engine.timeout or 0.0)
        try:
            await self._stream.drain(min(until, limit))
        except OSError as error:
            if self._stream.has_octets:
                self._engine.receive_data(await self._stream.receive(until))
            self.give_up(
                "the server took no more of the content"
                if isinstance(error, TimeoutError)
                else "the connection was lost while the content was sent"
            )
            self._stream.abort()
            return False
        return True
