"""Weights: for each view three logistic models over one table, learned online with AdaGrad (Duchi, Hazan, Singer 2011).

One model is quick: a feature's first step is large, and a few messages are
enough. One is slow: it does not believe a single message, and so forgives wrong
ones. One is between. Which of them is heard is for ``blend`` to say.

A row of the table is a place: the weight in each model, and the sum of the
quick one's squared gradients, by which all three measure their steps. A message
is the unit vector of its places in each view. A new table is all zeros.

Pure: no I/O, no clock, no chance; the same messages in the same order give the same weights.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from samotop.junk.features import PLACES, VIEWS, Features

RATES: Final = (0.8, 0.25, 0.1)
"""The first step of a new feature, of the quick, the middle and the slow model."""
MODELS: Final = len(RATES)
COLUMNS: Final = MODELS + 1

Table = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float64]
"""What each model says in each view, above 0 for spam: of shape (models, views)."""

_RATES: Final = np.array(RATES, np.float32)
_FLOOR: Final = np.float32(1e-3)
"""Keeps a step finite where no gradient has been yet."""
_ROW: Final = np.complex128
"""A row as one value of as many octets: NumPy fetches such values much faster than rows."""
_ONES: Final = np.ones(1 << 16, np.float32)
"""More than a view of a message can have places, by the bounds of ``features``."""
_STEEPEST: Final = 30.0
_LOUDEST: Final = 8.0
"""What one view can say at most of the mean, so that none outshouts three that disagree."""


class Weights:
    """The table, 16 MB in memory."""

    __slots__ = ("_whole", "table")

    def __init__(self, table: Table | None = None) -> None:
        self.table = np.zeros((PLACES, COLUMNS), np.float32) if table is None else table
        self._whole = self.table.view(_ROW).ravel()

    def _rows(self, features: Features) -> Table:
        return self._whole[features.places].view(np.float32).reshape(-1, COLUMNS)

    def ask(self, features: Features) -> Logits:
        """What each model says in each view. A view without features says 0."""
        bounds = features.bounds
        rows = self._rows(features)
        found = np.zeros((MODELS, len(VIEWS)))
        for view, (first, beyond) in enumerate(pairwise(bounds)):
            if beyond > first:
                found[:, view] = (_ONES[: beyond - first] @ rows[first:beyond])[:MODELS] / np.sqrt(beyond - first)
        return found

    @staticmethod
    def voices(logits: Logits) -> Logits:
        """Each model's mean over the views."""
        return np.asarray((_LOUDEST * np.tanh(logits / _LOUDEST)).mean(1), np.float64)

    def learn(self, features: Features, *, is_spam: bool, logits: Logits) -> None:
        """One step of each model; ``logits`` are what ``ask`` said just now."""
        lengths = np.diff(features.bounds)
        error = 1 / (1 + np.exp(-np.clip(logits, -_STEEPEST, _STEEPEST))) - is_spam
        gradients = (error / np.sqrt(np.maximum(1, lengths))).astype(np.float32)
        columns = np.ascontiguousarray(self._rows(features).T)
        squares = columns[MODELS]
        squares += np.repeat(gradients[0] * gradients[0], lengths)
        steps = 1 / (np.sqrt(squares) + _FLOOR)
        for model, rate in enumerate(_RATES):
            columns[model] -= np.repeat(rate * gradients[model], lengths) * steps
        self._whole[features.places] = np.ascontiguousarray(columns.T).view(_ROW).ravel()

    def contributions(self, features: Features, shares: Logits) -> Logits:
        """What each place adds to the mean over views of all models, each with its share."""
        lengths = np.diff(features.bounds)
        scale = np.repeat(1 / (len(VIEWS) * np.sqrt(np.maximum(1, lengths))), lengths)
        return np.asarray(self._rows(features)[:, :MODELS] @ shares * scale, np.float64)
