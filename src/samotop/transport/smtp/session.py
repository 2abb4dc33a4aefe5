"""One open session with a server: the engine driven over a stream, its deadlines, how it ended.

Writes what ``smtp.client.ClientConnection`` has to say, feeds it what comes,
and gives a stage its time and no more. What is carried over the session is
``courier``'s. Raises nothing for what a server or the network does.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from samotop.net.clienttls import Secured
from samotop.net.stream import Stream
from samotop.smtp.client import Answered, BadReply, Capabilities, ClientConnection, Event, Pause, Stage
from samotop.status import EnhancedStatus
from samotop.transport.smtp.wording import LOST, NONSENSE

# The last line of a reply: how often it comes is bounded by what was asked.
_LAST_LINE: Final = re.compile(rb"(?:\A|\n)[2-5][0-9]{2}[ \r\n]")


class Session:
    """For one task at a time. ``secured`` is ``None`` in the clear."""

    def __init__(self, engine: ClientConnection, stream: Stream, secured: Secured | None) -> None:
        self._engine = engine
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._stage = Stage.IDLE
        self._stage_until = 0.0
        self._why = ""
        self._lost = LOST
        self.secured = secured

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

    @property
    def can_quit(self) -> bool:
        """May it be ended in good manners? Also one that takes no more messages (RFC 9422's MAILMAX)."""
        return self._stream.is_open and self._engine.is_idle

    async def check(self, until: float) -> bool:
        """Ask whether the server is still there (NOOP)."""
        if not self.is_usable:
            return False
        self._engine.noop()
        event = await self.next_event(until)
        return isinstance(event, Answered)

    async def quit(self, until: float) -> None:
        """Say goodbye, and close."""
        if self.can_quit:
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
