"""From which probability on a message is junk, so that no more than one ham in a thousand is lost.

The owner's own ham says it: what each ham was given before it was learned. Of
the ham so far, the later half counts (the filter was another when it began), at
most ``KEPT``. The threshold is above all of it, and above where an exponential
tail through its highest tenth has ``AIM`` beyond it: a hundred ham cannot show a
chance of one in a thousand, their tail can. Until there is enough to go by,
nothing is junk.

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
LOWEST: Final = math.log(0.9 / 0.1)
"""The threshold is never below a probability of 0.9."""


class Tail:
    """The logits that the owner's ham was given, oldest first."""

    __slots__ = ("seen",)

    def __init__(self, seen: npt.NDArray[np.float32] | None = None) -> None:
        self.seen = np.empty(0, np.float32) if seen is None else seen

    def learn(self, logit: float, ham: int) -> None:
        """Another ham, which is number ``ham`` of all."""
        kept = min(KEPT, max(ham // 2, 2 * FEWEST_HAM))
        self.seen = np.append(self.seen, np.float32(logit))[-kept:]

    def threshold(self, spam: int) -> float:
        """As a logit; infinite while too few of either were decided."""
        number = len(self.seen)
        if number < FEWEST_HAM or spam < FEWEST_SPAM:
            return math.inf
        ascending = np.sort(self.seen.astype(np.float64))
        above = max(FEWEST_HAM // 2, number // 10)
        edge = float(ascending[-above - 1])
        excess = float((ascending[-above:] - edge).mean())
        return max(LOWEST, float(ascending[-1]), edge + excess * math.log(above / number / AIM))
