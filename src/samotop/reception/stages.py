"""The deciders of each stage, and how several become one.

At each stage the caller's own decider comes first, the built-in ones after
it; the first that does not abstain decides. As long as none returns an
awaitable nothing waits: no task and no future is made.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from samotop.facts import ConnectionFacts, Decide, DecideContent, Decision, HelloFacts, MailFacts, RecipientFacts
from samotop.verdict import ABSTAIN, Action, Verdict


@dataclass(frozen=True, slots=True)
class Stages:
    """One decider for each stage; ``None`` accepts."""

    connection: Decide[ConnectionFacts] | None = None
    hello: Decide[HelloFacts] | None = None
    mail: Decide[MailFacts] | None = None
    recipient: Decide[RecipientFacts] | None = None
    content: DecideContent | None = None

    def before(self, other: Stages) -> Stages:
        """These deciders first, ``other``'s where these abstain."""
        return Stages(
            connection=chain(self.connection, other.connection),
            hello=chain(self.hello, other.hello),
            mail=chain(self.mail, other.mail),
            recipient=chain(self.recipient, other.recipient),
            content=chain(self.content, other.content),
        )


def chain(*deciders: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Make one decider of several."""
    present = [decider for decider in deciders if decider is not None]
    if len(present) < 2:
        return present[0] if present else None

    def decide(facts: Any) -> Any:
        for number, decider in enumerate(present):
            found = decider(facts)
            if inspect.isawaitable(found):
                return _go_on(found, present[number + 1 :], facts)
            if not _abstains(found):
                return found
        return ABSTAIN

    return decide


async def _go_on(waiting: Awaitable[Any], rest: Sequence[Callable[[Any], Any]], facts: Any) -> Any:
    found = await waiting
    for decider in rest:
        if not _abstains(found):
            break
        found = decider(facts)
        if inspect.isawaitable(found):
            found = await found
    return ABSTAIN if found is None else found


def _abstains(found: Decision | None) -> bool:
    return found is None or (isinstance(found, Verdict) and found.action is Action.ABSTAIN)
