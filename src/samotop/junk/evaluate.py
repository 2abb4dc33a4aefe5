"""How good a filter is: the area under its ROC curve, and the spam it catches for a price in ham.

The figures of TREC's spam track: 1-AUC, the chance that some ham scores above
some spam; the share of spam caught where no more than so much ham is lost.
Pure arithmetic on scores. Raises ``ValueError`` where one of the classes is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

PRICES: Final = (0.001, 0.005, 0.01)
"""Shares of ham lost, at which the spam caught is told."""


@dataclass(frozen=True, slots=True)
class Figures:
    """``area_above`` is 1-AUC; ``caught`` the share of spam caught at each of ``PRICES``."""

    ham: int
    spam: int
    area_above: float
    caught: tuple[float, ...]
    curve: tuple[tuple[float, float], ...]
    """Points of the ROC curve: share of ham lost, share of spam caught."""


def measure(scores: Sequence[float], are_spam: Sequence[bool]) -> Figures:
    """The figures of scores for messages of which it is known what they are; ties count half."""
    values = np.asarray(scores, np.float64)
    spam = values[np.asarray(are_spam, np.bool_)]
    ham = np.sort(values[~np.asarray(are_spam, np.bool_)])
    if not len(spam) or not len(ham):
        raise ValueError("both ham and spam are needed to measure a filter")
    below = np.searchsorted(ham, spam, "left").sum() + np.searchsorted(ham, spam, "right").sum()
    return Figures(
        len(ham),
        len(spam),
        float(1 - below / 2 / len(ham) / len(spam)),
        tuple(float((spam > lowest_threshold(ham, price)).mean()) for price in PRICES),
        _draw(ham, np.sort(spam)),
    )


def lowest_threshold(ham: npt.NDArray[np.float64], price: float) -> float:
    """The score that no more than ``price`` of the ham, ascending, is above."""
    return float(ham[len(ham) - 1 - int(price * len(ham) + 1e-9)])


def _draw(ham: npt.NDArray[np.float64], spam: npt.NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """A point for each score of ham, at most some hundred: the curve changes nowhere else."""
    thresholds = np.unique(ham)[::-1]
    if len(thresholds) > 100:
        thresholds = thresholds[np.unique(np.geomspace(1, len(thresholds), 100).astype(int)) - 1]
    lost = 1 - np.searchsorted(ham, thresholds, "right") / len(ham)
    caught = 1 - np.searchsorted(spam, thresholds, "right") / len(spam)
    return (*zip(lost.tolist(), caught.tolist(), strict=True), (1.0, 1.0))
