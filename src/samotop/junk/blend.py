"""Whom to believe: several voices, each made a probability, and heard as much as it has been right lately.

A voice is one model's mean over the views: the owner's three, and those of the
base that owners share. Platt's two numbers make a voice a logit that can be
believed; they are learned online, from what was said before a decision was
learned. A voice's part falls with its logarithmic loss, of which old messages
count less and less. So a new owner hears the base, and his own voices as soon as
they know better; and where one decision in ten is wrong, the slow models prevail.

Pure. Raises nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

MEMORY: Final = 0.998
"""What is left of a loss after another message: some 500 messages count."""
SHARED: Final = 0.05
"""The part of the whole that all voices have in equal shares, however wrong they were."""
PATIENCE: Final = 1.0
"""How much a loss tells against a voice."""
WORST: Final = 7.0
"""A loss counts no more than this: one wrong decision says little."""
HEAD_START: Final = 10.0
"""The loss that a new owner's voices begin with, where there is a base."""

_SCALE: Final = 0.3
_SLOWEST, _STEEPEST = 0.02, 5.0
_STEP: Final = 0.02
_FIRST: Final = 1e-4


class Blend:
    """The voices' slopes, offsets and losses."""

    __slots__ = ("losses", "offset_squares", "offsets", "slope_squares", "slopes")

    def __init__(self, voices: int) -> None:
        self.slopes: Numbers = np.full(voices, _SCALE)
        self.offsets: Numbers = np.zeros(voices)
        self.slope_squares: Numbers = np.full(voices, _FIRST)
        self.offset_squares: Numbers = np.full(voices, _FIRST)
        self.losses: Numbers = np.zeros(voices)

    @property
    def shares(self) -> Numbers:
        """How much each voice is heard; they make one."""
        heard = np.exp(-PATIENCE * (self.losses - self.losses.min()))
        return np.asarray(heard / heard.sum() * (1 - SHARED) + SHARED / len(heard), np.float64)

    def logit(self, voices: Numbers) -> float:
        """All voices as one."""
        return float(self.shares @ (self.slopes * voices + self.offsets))

    def learn(self, voices: Numbers, *, is_spam: bool) -> None:
        """Hear what was right; ``voices`` are what was said before."""
        logits = np.clip(self.slopes * voices + self.offsets, -40, 40)
        self.losses = self.losses * MEMORY + np.minimum(WORST, np.logaddexp(0, -logits if is_spam else logits))
        error = 1 / (1 + np.exp(-logits)) - is_spam
        gradient = error * voices
        self.slope_squares += gradient * gradient
        self.offset_squares += error * error
        self.slopes = np.clip(self.slopes - _STEP * gradient / np.sqrt(self.slope_squares), _SLOWEST, _STEEPEST)
        self.offsets -= 5 * _STEP * error / np.sqrt(self.offset_squares)

    def state(self) -> Numbers:
        """Everything, as one array."""
        return np.stack((self.slopes, self.offsets, self.slope_squares, self.offset_squares, self.losses))

    @classmethod
    def from_state(cls, state: Numbers) -> Blend:
        blend = cls(state.shape[1])
        blend.slopes, blend.offsets, blend.slope_squares, blend.offset_squares, blend.losses = state.copy()
        return blend
