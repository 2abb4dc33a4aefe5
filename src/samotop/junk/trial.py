"""A filter on trial: messages in an order, each scored and then learned, or learned first and the rest scored.

Online is how a filter lives (and how TREC's spam track tried them): each
message is scored, then learned. The first ones, ``skip``, are learned and not counted. With
``learns`` a number, only so many are learned, and all after them are scored by
what was learned then. ``wrong`` says which decisions are wrong, as people's are.

Pure: the caller gives the messages and a clock. Raises ``ValueError`` where one class is missing among those scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from samotop.junk.evaluate import Figures, measure
from samotop.junk.filter import Filter


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. Shares are from 0 to 1; times are seconds a message."""

    figures: Figures
    ham_lost: float
    """At the filter's own threshold, as it was for each message."""
    spam_caught: float
    score_time: float
    learn_time: float


def run_trial(
    learned: Filter,
    messages: Iterable[tuple[bytes, bool]],
    clock: Callable[[], float],
    *,
    skip: int = 0,
    learns: int | None = None,
    wrong: frozenset[int] = frozenset(),
) -> Trial:
    """Try ``learned``, which learns from it; ``messages`` are octets and whether they are spam."""
    scores: list[float] = []
    are_spam: list[bool] = []
    junk = [0, 0]
    times = [0.0, 0.0]
    number = taught = 0
    for number, (content, is_spam) in enumerate(messages):
        begun = clock()
        score = learned.score(content)
        asked = clock()
        times[0] += asked - begun
        if number >= skip:
            scores.append(score)
            are_spam.append(is_spam)
            junk[is_spam] += score > learned.threshold
        if learns is None or number < learns:
            begun = clock()
            learned.learn(content, is_spam != (number in wrong))
            times[1] += clock() - begun
            taught += 1
    figures = measure(scores, are_spam)
    return Trial(
        figures, junk[0] / figures.ham, junk[1] / figures.spam, times[0] / (number + 1), times[1] / max(1, taught)
    )
