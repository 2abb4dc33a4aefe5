"""The learned filter of one owner: how likely a message is spam, learned from what the owner decided.

``Filter.open(path)`` reads it or begins a new one; ``score`` gives the
probability of spam, ``is_junk`` holds it against the owner's threshold, ``learn``
takes a decision, ``explain`` names what spoke for and against, ``save`` keeps it.
Where the text must not be kept until the decision, ``features(content).pack()``
can be: ``learn_features`` takes that instead.

A ``base`` is a filter that many owners share. Each hears it as far as it has been right about his mail; with
``teaches=True`` his decisions teach it too, and ``save`` keeps it as well.

Never learn what the filter guessed itself: only what a person decided or moved.

Not safe to use from two threads at once. ``open`` and ``save`` raise
``SetupError`` for a file that cannot be read or written; the rest raises
nothing, whatever the octets of a message are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from samotop.junk.blend import HEAD_START, Blend, Numbers
from samotop.junk.features import Features, extract
from samotop.junk.threshold import Tail, find_threshold
from samotop.junk.weights import MODELS, Logits, Weights

if TYPE_CHECKING:
    from samotop.junk.explanation import Explanation
    from samotop.junk.keeping import FilePath

_TRUSTED: Final = 12.0
"""A logit is taken as it is up to here; beyond, its logarithm is: nobody is as sure as one in e^12."""
_SQUASH: Final = 3.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """``probability`` of spam, 0 to 1; ``is_junk`` if it is above the owner's threshold."""

    probability: float
    is_junk: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said about a message before it was learned."""

    logits: Logits
    voices: Numbers
    logit: float


class Filter:
    """See the module. ``ham`` and ``spam`` count the decisions learned."""

    __slots__ = ("_base", "_blend", "_heard", "_path", "_tails", "_teaches", "_weights", "ham", "spam")

    def __init__(self, *, base: Filter | None = None, teaches: bool = False) -> None:
        self.ham = 0
        self.spam = 0
        self._weights = Weights()
        self._tails = (Tail(), Tail())
        self._blend = Blend(MODELS)
        self._path: str | None = None
        self._base: Filter | None = None
        self._heard: Numbers | None = None
        self._teaches = False
        if base is not None:
            self.join(base, teaches=teaches)

    @classmethod
    def open(cls, path: FilePath, *, base: Filter | FilePath | None = None, teaches: bool = False) -> Filter:
        """The filter kept at ``path``, or a new one that ``save`` will keep there. Raises ``SetupError``."""
        from samotop.junk.keeping import read_filter

        shared = base if base is None or isinstance(base, Filter) else cls.open(base)
        own = read_filter(path) or cls()
        own._path = str(path)
        if shared is not None:
            own.join(shared, teaches=teaches)
        return own

    def save(self) -> None:
        """Keep what was learned, durably and whole or not at all.

        Raises ``SetupError``; ``TryAgainLater`` where the disk is full; ``ValueError`` for a filter without a path.

        Weights are kept with three digits; the filter goes on with what it kept, so that another that opens the file
        says the same.
        """
        from samotop.junk.keeping import write_filter

        if self._path is None:
            raise ValueError("this filter was not opened: there is no file to keep it in")
        write_filter(self._path, self)
        if self._base is not None and self._teaches and self._base._path is not None:
            self._base.save()

    def join(self, base: Filter, *, teaches: bool = False) -> None:
        """Hear ``base`` from now on, as much as before; a new owner hears it alone until his own voices know better."""
        self._base, self._teaches = base, teaches
        own = self._blend.state()[:, :MODELS]
        shared = base._blend.state()[:, :MODELS]
        if self._heard is not None:
            shared = self._heard
        elif self.ham + self.spam == 0:
            own[4] = HEAD_START
            shared[4] -= shared[4].min()
        else:
            shared[4] = own[4].min()
        self._blend = Blend.from_state(np.concatenate((own, shared), axis=1))

    # ------------------------------------------------------------------ to ask

    def score(self, content: bytes) -> float:
        """The probability that a message is spam, from 0 to 1. One half where nothing was learned."""
        return self.score_features(extract(content))

    def score_features(self, features: Features) -> float:
        return probability(self._ask(features).logit)

    def judge(self, content: bytes) -> Judgement:
        """The probability, and whether that is junk to this owner."""
        score = self.score(content)
        return Judgement(score, score > self.threshold)

    def is_junk(self, content: bytes) -> bool:
        return self.judge(content).is_junk

    @property
    def threshold(self) -> float:
        """A message is junk above this probability; 1.0, which nothing is above, while the owner decided too little."""
        return probability(find_threshold(*self._tails))

    @property
    def shares(self) -> tuple[float, ...]:
        """How much each voice is heard: the owner's quick, middle and slow one, then those of the base."""
        return tuple(self._blend.shares.tolist())

    @property
    def places(self) -> int:
        """How many of the table's places were learned."""
        return int(np.count_nonzero(self._weights.table[:, MODELS]))

    def explain(self, content: bytes, limit: int = 12) -> Explanation:
        """The features that spoke the loudest, for spam and against it."""
        from samotop.junk.explanation import explain

        pairs = [(self._weights, 0)]
        if self._base is not None:
            pairs.append((self._base._weights, MODELS))
        heard = self._blend.shares * self._blend.slopes
        return explain(content, self.score(content), [(one, heard[at : at + MODELS]) for one, at in pairs], limit)

    # ------------------------------------------------------------------ to learn

    @staticmethod
    def features(content: bytes) -> Features:
        """What ``learn_features`` needs of a message; ``pack`` makes octets of it, without the text."""
        return extract(content)

    def learn(self, content: bytes, spam: bool) -> None:
        """Learn a decision of the owner."""
        self.learn_features(extract(content), spam)

    def learn_features(self, features: Features, spam: bool) -> None:
        """Learn a decision about a message of which only the features were kept."""
        said = self._ask(features)
        self._blend.learn(said.voices, is_spam=spam)
        self._weights.learn(features, is_spam=spam, logits=said.logits)
        if spam:
            self.spam += 1
        else:
            self.ham += 1
        self._tails[spam].learn(said.logit, self.spam if spam else self.ham)
        if self._base is not None and self._teaches:
            self._base.learn_features(features, spam)

    def _ask(self, features: Features) -> _Said:
        logits = self._weights.ask(features)
        voices = Weights.voices(logits)
        if self._base is not None:
            voices = np.concatenate((voices, Weights.voices(self._base._weights.ask(features))))
        return _Said(logits, voices, self._blend.logit(voices))

    # ------------------------------------------------------------------ to be kept

    @property
    def parts(self) -> tuple[Weights, Blend, tuple[Tail, Tail]]:
        """What a file holds of the filter, for ``record``."""
        return self._weights, self._blend, self._tails

    @classmethod
    def from_parts(cls, weights: Weights, blend: Blend, tails: tuple[Tail, Tail], ham: int, spam: int) -> Self:
        found = cls.__new__(cls)
        found.ham, found.spam = ham, spam
        state = blend.state()
        found._weights, found._tails = weights, tails
        found._blend = Blend.from_state(state[:, :MODELS])
        found._heard = state[:, MODELS:] if state.shape[1] > MODELS else None
        found._path = found._base = None
        found._teaches = False
        return found


def probability(logit: float) -> float:
    """A logit as a probability: greater for greater logits, as far as a number can tell, and 1 for infinity alone."""
    if math.isinf(logit):
        return 1.0 if logit > 0 else 0.0
    size = abs(logit)
    if size > _TRUSTED:
        size = _TRUSTED + _SQUASH * math.log1p((size - _TRUSTED) / _SQUASH)
    return 1 / (1 + math.exp(-math.copysign(min(size, 30.0), logit)))
