"""The figures, on scores whose figures are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from samotop.junk import Filter, measure
from samotop.junk.threshold import Tail, find_threshold
from samotop.junk.trial import run_trial
from tests.fakes.junkmail import make_corpus


def test_a_perfect_filter_catches_all() -> None:
    figures = measure([0.1, 0.2, 0.8, 0.9], [False, False, True, True])
    assert figures.area_above == 0
    assert figures.caught == (1, 1, 1)
    assert figures.curve[-1] == (1, 1)


def test_a_filter_without_an_opinion_is_a_coin() -> None:
    figures = measure([0.5] * 10, [True, False] * 5)
    assert figures.area_above == 0.5
    assert figures.caught == (0, 0, 0)


def test_the_price_is_in_ham() -> None:
    """With 200 ham, 0.1 % is none, 0.5 % is one and 1 % are two of them."""
    ham = [at / 1000 for at in range(200)]
    scores = [*ham, 0.1985, 0.1975, 0.3, 0.01]
    figures = measure(scores, [False] * 200 + [True] * 4)
    assert figures.caught == (0.25, 0.5, 0.75)


def test_both_kinds_are_needed() -> None:
    with pytest.raises(ValueError):
        measure([0.5], [True])


def test_a_trial_counts_what_comes_after_the_first() -> None:
    clock = iter(range(10_000))
    trial = run_trial(Filter(), make_corpus(30), lambda: next(clock), skip=20)
    assert (trial.figures.ham, trial.figures.spam) == (20, 20)
    assert trial.figures.area_above < 0.05
    assert trial.score_time == trial.learn_time == 1


def test_a_trial_may_learn_only_the_first() -> None:
    learned = Filter()
    trial = run_trial(learned, make_corpus(30), lambda: 0.0, skip=40, learns=40)
    assert (learned.ham, learned.spam) == (20, 20)
    assert trial.figures.area_above == 0


def test_wrong_decisions_are_learned_wrong() -> None:
    learned = Filter()
    run_trial(learned, make_corpus(10), lambda: 0.0, wrong=frozenset({0, 2}))
    assert (learned.ham, learned.spam) == (8, 12)


def make_tail(*values: float) -> Tail:
    return Tail(np.array(values, np.float32))


def test_too_few_decisions_make_no_junk() -> None:
    assert find_threshold(make_tail(*[-5.0] * 19), make_tail(*[5.0] * 19)) == math.inf
    assert find_threshold(make_tail(*[-5.0] * 40), make_tail(*[5.0] * 4)) == math.inf


def test_the_threshold_is_above_all_ham_and_beyond() -> None:
    """A hundred ham cannot show one in a thousand: their tail is drawn on."""
    ham = make_tail(*(math.log(1 / (at + 0.5) * 100) for at in range(100)))
    threshold = find_threshold(ham, make_tail(*[9.0] * 20))
    assert threshold > float(ham.seen.max()) + 1


def test_wrong_decisions_do_not_raise_the_threshold_over_all_spam() -> None:
    """One in twenty decided wrong: what stands among the spam is no ham to go by."""
    chance = np.random.default_rng(1)
    ham, spam = chance.normal(-6, 2, 1000), chance.normal(6, 2, 1000)
    told_ham = make_tail(*ham[:950], *spam[:50])
    told_spam = make_tail(*spam[50:], *ham[950:])
    threshold = find_threshold(told_ham, told_spam)
    assert ham.max() < threshold < np.median(spam) + 0.5


def test_old_ham_is_forgotten() -> None:
    tail = Tail()
    for number in range(1, 301):
        tail.learn(9.0 if number < 100 else -9.0, number)
    assert len(tail.seen) == 150
    assert tail.seen.max() < 0
