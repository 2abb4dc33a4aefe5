"""One open session with a server, that carries messages one after the other.

    courier = await open_courier(call, SessionPlan(hello="client.example.org"), until)   # transport.smtp.opening
    if isinstance(courier, Courier):
        outcomes = await courier.deliver(envelope, content, until)
        await courier.quit(until)

Drives ``smtp.client.ClientConnection`` over a ``net.stream.Stream``: writes what
it has to say, feeds it what comes, keeps to its deadlines. A message that this
server cannot take as it is (no 8BITMIME) is converted; one whose recipients it
wants in several transactions (LIMITS, or 452 to some) gets several. A small one
that needs none of that goes by ``express``.

Raises nothing for what a server or the network does: each recipient has an
outcome. A content is never in memory whole unless it is small already.
"""

from __future__ import annotations

import asyncio
import re
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
    Answered,
    BadReply,
    Capabilities,
    ClientConnection,
    ContentWanted,
    Conversion,
    Event,
    Pause,
    Plan,
    Stage,
    TransactionEnded,
    TransactionPlan,
    TransactionResult,
    Wishes,
)
from samotop.status import EnhancedStatus
from samotop.transport.sending import Progress, RecipientOutcome, same_for_all
from samotop.transport.smtp.express import EXPRESS_LIMIT, Errand, Express
from samotop.transport.smtp.ledger import Ledger
from samotop.transport.smtp.reading import SMALL, Sent, Unreadable, measure, read, take_chunk
from samotop.transport.smtp.wording import LOST, NONSENSE, UNREADABLE, read_impossible, read_result, read_results

TRANSACTIONS: Final = 20
"""Transactions for one message: recipients beyond what a server takes in so many wait for the next attempt."""

# The last line of a reply: how often it comes is bounded by what was asked.
_LAST_LINE: Final = re.compile(rb"(?:\A|\n)[2-5][0-9]{2}[ \r\n]")


class Courier:
    """Made by ``open_courier``. For one task at a time. ``secured`` is ``None`` in the clear."""

    def __init__(self, engine: ClientConnection, stream: Stream, secured: Secured | None) -> None:
        self._engine = engine
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._stage = Stage.IDLE
        self._stage_until = 0.0
        self._why = ""
        self._lost = LOST
        self.secured = secured
        self.express = Express(engine, stream, self._loop, self)
        """Carries small messages."""
        self.deliveries = 0
        """Messages that were begun on this session."""

    # -- what it is ---------------------------------------------------------------------------------

    @property
    def engine(self) -> ClientConnection:
        """For ``held``, which says a transaction in steps."""
        return self._engine

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    @property
    def peer_address(self) -> str:
        """The server's IP address; empty where it has none."""
        return self._stream.peer_address

    @property
    def end(self) -> tuple[str, EnhancedStatus]:
        """Why the session ended, in words and as a status; an empty text while it has not."""
        return self._why, self._lost

    @property
    def is_usable(self) -> bool:
        """May another message be given to it, as far as is known without asking?"""
        return self._stream.is_open and not self._stream.has_octets and self._engine.can_begin

    # -- messages -----------------------------------------------------------------------------------

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

    async def check(self, until: float) -> bool:
        """Ask whether the server is still there (NOOP)."""
        if not self.is_usable:
            return False
        self._engine.noop()
        event = await self.next_event(until)
        return isinstance(event, Answered)

    async def quit(self, until: float) -> None:
        """Say goodbye, and close."""
        if self._stream.is_open and self._engine.can_begin:
            self._engine.quit()
            while not isinstance(await self.next_event(until), Pause):
                pass
        self._stream.close()

    def abort(self) -> None:
        """Hang up."""
        self._stream.abort()

    # -- events -------------------------------------------------------------------------------------

    async def next_event(self, until: float) -> Event | Pause:
        """The next thing that happens; ``Pause.WAITING`` or ``Pause.CLOSED`` where nothing more will by itself."""
        engine, stream = self._engine, self._stream
        while True:
            try:
                event = engine.next_event()
            except BadReply as fault:
                self.distrust(fault)
                return Pause.CLOSED
            octets = engine.data_to_send()
            if octets:
                stream.write(octets)
            if event is not Pause.NEED_DATA:
                self._stage = Stage.IDLE
                return event
            await self._receive(until)

    async def _receive(self, until: float) -> None:
        """Feed the engine with what comes next; a stage's time is for the whole reply, however slowly it drips."""
        engine = self._engine
        if engine.stage is not self._stage:
            self._stage = engine.stage
            self._stage_until = self._loop.time() + (engine.timeout or 0.0)
        try:
            octets = await self._stream.receive(min(until, self._stage_until))
        except OSError as error:
            is_late = isinstance(error, TimeoutError)
            self.give_up("the server did not answer in time" if is_late else "the connection was lost")
            self._stream.abort()
            return
        if not octets:
            self.give_up("the server closed the connection")
            return
        engine.receive_data(octets)
        if _LAST_LINE.search(octets):
            self._stage = Stage.IDLE  # what follows has its time for itself

    def distrust(self, fault: BadReply) -> None:
        self.give_up(f"the server said what it must not ({fault})", NONSENSE)
        self._stream.abort()

    def give_up(self, why: str, status: EnhancedStatus = LOST) -> None:
        if not self._why:
            self._why, self._lost = why, status
        self._engine.receive_end()

    # -- one message --------------------------------------------------------------------------------

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
        again = frozenset(result.left_over)
        ledger.put(*(read_result(one, *self.end) for one in result.recipients if one.recipient not in again))

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
