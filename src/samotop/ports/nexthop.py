"""A next hop that is asked while the sender waits, as reception sees it: cut-through.

The next hop's answers are the sender's answers, and nothing is stored. One
``Asked`` is one transaction: ``recipient`` for each RCPT, ``content`` once at
the end of the data, ``close`` in any case. All are called on the event loop.
Only the asking waits, ``within`` the seconds given; what fails on the way is a
4yz reply, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from samotop.content import Content
from samotop.envelope import Recipient
from samotop.facts import MailFacts
from samotop.ports.spool import NewEntry
from samotop.reply import Reply


@dataclass(frozen=True, slots=True)
class Hop:
    """A next hop, by its URL. ``answers_each``: it answers the content for each recipient (LMTP)."""

    url: str
    answers_each: bool = False


class Asked(Protocol):
    """One transaction with one next hop."""

    async def recipient(self, recipient: Recipient, within: float) -> Reply:
        """What it says of a recipient: 250, or a refusal."""
        ...

    async def content(self, id: str, entry: NewEntry, content: Content, within: float) -> Sequence[Reply]:
        """What it says of the content: a reply for each recipient of ``entry``, all accepted by it before, in order.

        ``entry`` has the facts of our trace fields, ``id`` is what they call the message.
        """
        ...

    def close(self) -> None:
        """Nothing more is asked. What was begun and not ended comes to nothing."""
        ...


class NextHops(Protocol):
    def find(self, recipient: Recipient) -> Hop | None:
        """The next hop that is asked for this recipient now; ``None`` for one whose mail is stored as usual."""
        ...

    def begin(self, hop: Hop, mail: MailFacts) -> Asked:
        """A transaction with ``hop``; nobody is called yet."""
        ...
