"""Why a message scores as it does: the features that weigh most, by names that a person can read.

The tables hold no names; the message in hand has them. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from samotop.junk.features import BITS, VIEWS, Features, find_families, place
from samotop.junk.weights import Logits, Weights


@dataclass(frozen=True, slots=True)
class Reason:
    """A feature of the message: in which view, its name, and what it adds to the logit: above 0 for spam."""

    view: str
    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The probability of spam, and the loudest reasons, the loudest first."""

    probability: float
    reasons: tuple[Reason, ...]


def explain(content: bytes, probability: float, voices: Sequence[tuple[Weights, Logits]], limit: int) -> Explanation:
    """``voices`` are the tables and how much each of its models is heard."""
    families = find_families(content)
    found, first = np.unique(place(families), return_index=True)
    features = Features(found)
    weights = np.sum([table.contributions(features, shares) for table, shares in voices], axis=0)
    starts = np.cumsum([0, *(len(family.hashes) for family in families)])
    reasons = []
    for at in np.argsort(-np.abs(weights), kind="stable")[: max(0, limit)]:
        if weights[at] == 0:
            break
        which = int(np.searchsorted(starts, first[at], side="right")) - 1
        name = families[which].name(int(first[at] - starts[which]))
        reasons.append(Reason(VIEWS[int(found[at]) >> BITS], name, float(weights[at])))
    return Explanation(probability, tuple(reasons))
