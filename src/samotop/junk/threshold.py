"""From which probability on a message is junk, so that no more than one ham in a thousand is lost.

The owner's own ham says it: what each ham was given before it was learned. Of
the ham so far, the later half counts (the filter was another when it began), at
most ``KEPT``. The threshold is above all of it, and above where an exponential
tail through its highest tenth has ``AIM`` beyond it: a hundred ham cannot show a
chance of one in a thousand, their tail can. Until there is enough to go by,
nothing is junk.

Where a filter that has learned enough finds many ham above most spam, and as
much spam below most ham, it is the decisions that are wrong. Then what stands
above most spam is no ham to go by, and the threshold is where most spam is above.

Pure. Raises nothing.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

AIM: Final = 0.0005
"""The chance that a ham is above: half of what may be lost, for tomorrow's mail differs from today's."""
KEPT: Final = 2000
FEWEST_HAM: Final = 20
FEWEST_SPAM: Final = 5
DOUBTED: Final = 200
"""Kept logits of either class, from which on decisions can be doubted."""
CONTRARY: Final = 0.005
"""The share of either class on the other's side, from which on they are."""
LOWEST: Final = math.log(0.9 / 0.1)
"""The threshold is never below a probability of 0.9."""


class Tail:
    """The logits that one class of the owner's mail was given, oldest first."""

    __slots__ = ("seen",)

    def __init__(self, seen: npt.NDArray[np.float32] | None = None) -> None:
        self.seen = np.empty(0, np.float32) if seen is None else seen

    def learn(self, logit: float, number: int) -> None:
        """Another message, the ``number``-th of its class."""
        kept = min(KEPT, max(number // 2, 2 * FEWEST_HAM))
        self.seen = np.append(self.seen, np.float32(logit))[-kept:]


def find_threshold(ham: Tail, spam: Tail) -> float:
    """As a logit; infinite while too few of either were decided."""
    if len(ham.seen) < FEWEST_HAM or len(spam.seen) < FEWEST_SPAM:
        return math.inf
    ascending = np.sort(ham.seen.astype(np.float64))
    if min(len(ham.seen), len(spam.seen)) >= DOUBTED:
        middle = float(np.median(spam.seen))
        contrary = float((ascending > middle).mean()), float((spam.seen < np.median(ascending)).mean())
        if min(contrary) > CONTRARY:
            ascending = ascending[ascending <= middle]
            return max(LOWEST, min(middle, _end(ascending)))
    return max(LOWEST, _end(ascending))


def _end(ascending: npt.NDArray[np.float64]) -> float:
    """Where the tail of these ends, as far as they can tell."""
    number = len(ascending)
    above = max(FEWEST_HAM // 2, number // 10)
    edge = float(ascending[-above - 1])
    excess = float((ascending[-above:] - edge).mean())
    return max(float(ascending[-1]), edge + excess * math.log(above / number / AIM))
