"""One transaction's recipients whose next hops are asked while the sender waits: cut-through.

It says where a recipient goes, asks, and hands the content on at the end; the
session around it decides and replies. One reply must be true for all
recipients that it is for: a sender that speaks SMTP gets one for the content,
so what cannot share an answer with the first recipient is asked to come in a
transaction of its own (RFC 5321 §4.5.3.1.10). LMTP has a reply for each.

What it asks are ``ports.nexthop``; it raises nothing of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from samotop.content import Content
from samotop.envelope import Recipient
from samotop.facts import MailFacts
from samotop.ports import NewEntry
from samotop.ports.nexthop import Asked, Hop, NextHops
from samotop.reply import Reply

APART: Final = Reply.of(452, "4.5.3", "This recipient in a transaction of its own, please")
NOT_KEPT: Final = Reply.of(450, "4.7.1", "This message would have to wait here, and is not kept; try again later")


class Through:
    """``hops`` are the places of the accepted recipients in order: a next hop, or ``None`` for what is stored."""

    __slots__ = ("_asked", "_is_lmtp", "_mail", "_next_hops", "hops")

    def __init__(self, next_hops: NextHops, mail: MailFacts, *, is_lmtp: bool) -> None:
        self._next_hops = next_hops
        self._mail = mail
        self._is_lmtp = is_lmtp
        self._asked: dict[Hop, Asked] = {}
        self.hops: list[Hop | None] = []

    @property
    def numbers(self) -> frozenset[int]:
        """Which of the accepted recipients are not stored."""
        return frozenset(number for number, hop in enumerate(self.hops) if hop is not None)

    def find(self, recipient: Recipient) -> Hop | Reply | None:
        """Where the next recipient goes: to a next hop, to the store, or away for now."""
        hop = self._next_hops.find(recipient)
        if self._is_lmtp or not self.hops:
            return hop
        shares = hop == self.hops[0] and not (hop is not None and hop.answers_each)
        return hop if shares else APART

    async def ask(self, hop: Hop, recipient: Recipient, within: float) -> Reply:
        """The next hop's word on a recipient."""
        if not self.hops:
            self._forget_others(hop)
        asked = self._asked.get(hop)
        if asked is None:
            asked = self._asked[hop] = self._next_hops.begin(hop, self._mail)
        return await asked.recipient(recipient, within)

    async def hand_on(
        self,
        numbers: Sequence[int],
        id: str,
        entry: Callable[[Sequence[int]], NewEntry],
        content: Content,
        within: float,
    ) -> dict[int, Reply]:
        """Give the content to the next hops of these recipients, side by side; what they say, for each recipient."""
        groups: dict[Hop, list[int]] = {}
        for number in numbers:
            hop = self.hops[number]
            assert hop is not None, "one that is not stored"
            groups.setdefault(hop, []).append(number)
        found = await asyncio.gather(
            *(self._asked[hop].content(id, entry(group), content, within) for hop, group in groups.items())
        )
        return {
            number: reply
            for group, replies in zip(groups.values(), found, strict=True)
            for number, reply in zip(group, replies, strict=True)
        }

    def close(self) -> None:
        """The transaction is over, whatever came of it."""
        for asked in self._asked.values():
            asked.close()
        self._asked.clear()
        self.hops.clear()

    def _forget_others(self, hop: Hop) -> None:
        """Of recipients that were refused nothing is left but the session with their next hop."""
        for other in [other for other in self._asked if other != hop]:
            self._asked.pop(other).close()
