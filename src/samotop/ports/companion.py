"""A companion: another program that is asked about a message before it is accepted, as those who ask see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from samotop.facts import ContentFacts, Decision
from samotop.milter.responses import Change
from samotop.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Opinion:
    """What it says: a decision, and what is to be changed in the message if that is stored.

    ``changes`` are of the header section; ``has_space`` says that their values
    bring the blank after the colon. ``body`` replaces the message's.
    """

    decision: Decision
    changes: tuple[Change, ...] = ()
    body: bytes | None = field(default=None, repr=False)
    has_space: bool = False


NO_OPINION = Opinion(Verdict.abstain("companion"))


class Companion(Protocol):
    async def ask(self, facts: ContentFacts) -> Opinion:
        """Its opinion, within its time; what becomes of a message that it cannot be asked about is in it too.

        Raises nothing but what is a bug.
        """
        ...
