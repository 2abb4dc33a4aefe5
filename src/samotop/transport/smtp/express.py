"""Small messages over one session, without a task for each: the session's octets drive them.

    errand = Errand(envelope, content, until, loop)
    if express.start(errand):          # else it must go the long way, ``Courier.deliver``
        result = await errand.ended

A message of up to ``EXPRESS_LIMIT`` octets that needs nothing unusual (one
transaction, no conversion) leaves in two writes, and where another one waits
for the session, its commands leave together with the end of the content before
it (RFC 2920 §3.1): one write and one read for each message. A message joins
only where its time is not up before that of the one ahead, so that nobody's
session is cut for a message behind it.

Raises nothing: what ends a session ends its errands, with what is known of
each. A bug ends them with its exception.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from samotop.content import Content
from samotop.envelope import Envelope
from samotop.net.clienttls import Secured
from samotop.net.stream import Stream
from samotop.smtp.client import (
    NO_WISHES,
    BadReply,
    ClientConnection,
    ContentShape,
    ContentWanted,
    Conversion,
    Pause,
    Stage,
    TransactionEnded,
    TransactionResult,
    Wishes,
    measure_whole,
)
from samotop.status import EnhancedStatus

EXPRESS_LIMIT: Final = 64 * 1024
"""Octets that a connection takes at once, as a rule: nobody waits for room."""


class Turn:
    """Somebody who waits for a session. ``ended`` gets ``True``, it is your turn, or ``False``, no time is left."""

    __slots__ = ("ended", "until")

    def __init__(self, until: float, loop: asyncio.AbstractEventLoop) -> None:
        self.until = until
        self.ended: asyncio.Future[TransactionResult | bool] = loop.create_future()


class Errand(Turn):
    """One message. ``ended`` gets its result, or what a turn gets: then nobody has begun it.

    ``express`` is who carries it; ``is_reused``: its session had carried messages before; ``is_tried``: it
    cannot go this way.
    """

    __slots__ = ("content", "envelope", "express", "is_reused", "is_tried", "octets", "shape", "wishes")

    def __init__(
        self,
        envelope: Envelope,
        content: Content,
        until: float,
        loop: asyncio.AbstractEventLoop,
        wishes: Wishes = NO_WISHES,
    ) -> None:
        super().__init__(until, loop)
        self.envelope = envelope
        self.content = content
        self.wishes = wishes
        self.octets = b""
        self.shape: ContentShape | None = None
        self.express: Express | None = None
        self.is_reused = self.is_tried = False

    def forget(self) -> None:
        """Nobody waits for it any more."""
        if self.express is not None:
            self.express.forget(self)


class Owner(Protocol):
    """Whose session it is."""

    def give_up(self, why: str) -> None: ...

    def distrust(self, fault: BadReply) -> None: ...

    @property
    def end(self) -> tuple[str, EnhancedStatus]: ...

    @property
    def secured(self) -> Secured | None: ...


class Express:
    """One session's. ``feed`` is asked to ``begin`` what waits, ``on_idle`` told that there was nothing more."""

    def __init__(self, engine: ClientConnection, stream: Stream, loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
        self._engine = engine
        self._stream = stream
        self._loop = loop
        self.owner = owner
        self._flying: deque[Errand] = deque()
        self._stage_until = 0.0
        self._replies = -1
        self._stage = Stage.IDLE
        self.feed: Callable[[], None] | None = None
        self.on_idle: Callable[[], None] | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self._flying)

    def start(self, errand: Errand) -> bool:
        """Begin a message on an idle session; false where it must go the long way."""
        stream = self._stream
        if not stream.is_open or stream.has_octets or not self._engine.can_begin or not self.begin(errand):
            return False  # what has come unasked is heard there at once, and not when more comes
        stream.listen(self._heard, self._late)
        self._drive()
        return True

    def forget(self, errand: Errand) -> None:
        """Nobody waits for it any more. What is not complete must not look as if it were."""
        if len(self._flying) == 1 and self._flying[0] is errand:
            self._stream.abort()
        # else it is ended when its turn comes: another one, in the same session, must not suffer

    # -- what happens -------------------------------------------------------------------------------

    def _heard(self) -> None:
        octets = self._stream.take()
        if octets:
            self._engine.receive_data(octets)
        elif not self._stream.is_open:
            self.owner.give_up("the server closed the connection")
        else:
            return
        self._drive()

    def _late(self) -> None:
        self.owner.give_up("the server did not answer in time")
        self._stream.abort()
        self._drive()

    def _drive(self) -> None:
        """Do what can be done now, and say until when the rest may take."""
        try:
            self._take_steps()
        except Exception as error:  # noqa: BLE001 - a bug must not leave anybody waiting
            self._stream.unlisten()
            self._stream.abort()
            for errand in self._flying:
                if not errand.ended.done():
                    errand.ended.set_exception(error)
            self._flying.clear()
        if self._flying:
            self._watch()
            return
        self._stream.unlisten()
        if self.on_idle is not None:
            self.on_idle()

    def _watch(self) -> None:
        """A stage's time is for the whole reply, however slowly it drips."""
        engine = self._engine
        stage = engine.stage
        if engine.replies != self._replies or stage is not self._stage:
            self._replies, self._stage = engine.replies, stage
            self._stage_until = self._loop.time() + engine.rules.timeouts.get(stage, 0.0)
        self._stream.expect(min(self._flying[0].until, self._stage_until))

    def _take_steps(self) -> None:
        engine = self._engine
        while True:
            try:
                event = engine.next_event()
            except BadReply as fault:
                self.owner.distrust(fault)
                continue
            if isinstance(event, ContentWanted):
                self._send_content()
            elif isinstance(event, TransactionEnded):
                errand = self._flying.popleft()
                if not errand.ended.done():
                    errand.ended.set_result(event.result)
                if not self._flying:
                    self._go_on()
            elif isinstance(event, Pause):
                break
        octets = engine.data_to_send()
        if octets:
            self._stream.write(octets)

    def _send_content(self) -> None:
        engine, errand = self._engine, self._flying[0]
        if errand.ended.done():  # cancelled: it must not look complete
            self.owner.give_up("the message was given up")
            self._stream.abort()
            return
        assert errand.shape is not None, "measured when it was begun"
        engine.send_whole(errand.octets, errand.shape)
        self._go_on()

    def _go_on(self) -> None:
        """Let what waits begin, behind what is on its way."""
        if self.feed is not None and (self._engine.can_overlap if self._flying else self._engine.can_begin):
            self.feed()

    def begin(self, errand: Errand) -> bool:
        """Say its commands with the next write; false where it must go the long way. For ``feed`` alone."""
        if self._flying and errand.until < self._flying[0].until:
            return False
        try:
            errand.octets = errand.content.to_bytes()
        except (OSError, ValueError):
            return False
        errand.shape = measure_whole(errand.octets)
        plan = self._engine.plan(errand.envelope, errand.shape, wishes=errand.wishes)
        if plan.conversion is not Conversion.NONE or plan.impossible or len(plan.transactions) != 1:
            return False
        self._engine.begin(plan.transactions[0])
        errand.express = self
        self._flying.append(errand)
        return True
