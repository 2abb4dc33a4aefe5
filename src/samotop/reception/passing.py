"""A session in which next hops may be asked while its client waits: cut-through.

The answers of a next hop are ours (``through``, ``ports.nexthop``). The content
that has arrived is read once more for it, out of the spool's draft, and then
forgotten like that of a refused message: nothing is committed. What is wrong
with the asking itself is a 451.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TypeVar

from samotop.facts import HelloFacts
from samotop.ports import Draft, NewEntry
from samotop.ports.nexthop import Hop
from samotop.reception import answers
from samotop.reception.acquaintance import Acquaintance
from samotop.reception.context import Context
from samotop.reception.listener import Listener
from samotop.reception.storing import Storing
from samotop.reception.through import Through
from samotop.verdict import ABSTAIN, Verdict

T = TypeVar("T")


class Passing(Acquaintance):
    """What is known of the transaction, and how some of its recipients are passed on."""

    __slots__ = ("_draft", "_storing", "_through")

    def __init__(self, context: Context, listener: Listener) -> None:
        super().__init__(context, listener)
        self._storing: Storing | None = None
        self._draft: Draft | None = None
        self._through: Through | None = None

    @abstractmethod
    def _settle(self, entry: NewEntry | None, verdict: Verdict | Sequence[Verdict]) -> None:
        """Store ``entry``, and answer."""

    def _end_through(self) -> None:
        if self._through is not None:
            through, self._through = self._through, None
            through.close()

    def _trace_facts(self) -> tuple[HelloFacts, float]:
        assert self._hello is not None, "said before any content"
        return self._hello, self._context.clock.time()

    async def _ask_hop(self, through: Through, hop: Hop, verdict: Verdict) -> None:
        """The next hop's answer is the sender's."""
        recipient = self._served().recipients[-1]
        reply = await self._heed(through.ask(hop, recipient, self._context.rules.decision_timeout))
        if self._transport is None:
            return
        if reply is None:
            reply = answers.NOT_STORED
        elif reply.is_positive:
            through.hops.append(hop)
            if self._storing is not None:
                self._storing.note_recipient(verdict, len(through.hops) - 1)
        self._served().send(reply)

    async def _heed(self, asking: Awaitable[T]) -> T | None:
        """What next hops say; ``None`` where asking them met a bug, which is reported."""
        try:
            return await asking
        except Exception as error:  # noqa: BLE001 - the client is told to come back, whatever it was
            self._report(error)
            return None

    async def _hand_on(self, numbers: Sequence[int], entry: NewEntry | None) -> None:
        """Give the content to next hops; what is stored, is stored when they have answered."""
        storing, draft, through = self._storing, self._draft, self._through
        assert storing is not None, "asked at the end of a content"
        assert draft is not None, "asked at the end of a content"
        assert through is not None, "it has asked for recipients"
        arrived, within = self._trace_facts(), self._context.rules.handing_timeout
        part = partial(storing.part, arrived=arrived)
        found = await self._heed(through.hand_on(numbers, draft.id, part, draft.content(), within))
        if self._transport is None:
            return
        storing.answer(found if found is not None else dict.fromkeys(numbers, answers.NOT_STORED))
        self._settle(entry, ABSTAIN)
