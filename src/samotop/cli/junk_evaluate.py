"""``samotop junk evaluate``: trials in several orders, and their mean."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from samotop.cli.junk_mail import Letter, find_letters, read_index
from samotop.cli.junk_verbs import Place, watch
from samotop.cli.show import print_json
from samotop.errors import SetupError
from samotop.junk.evaluate import PRICES
from samotop.junk.filter import Filter
from samotop.junk.trial import Trial, run_trial


@dataclass(frozen=True, slots=True)
class Plan:
    """How it is tried: see ``samotop junk evaluate --help``. ``split`` and ``wrong`` are percentages."""

    shuffles: int
    skip: int | None
    split: float | None
    wrong: float
    index: str | None = None


def evaluate_letters(place: Place | None, spam: Sequence[str], ham: Sequence[str], plan: Plan, *, json: bool) -> int:
    letters = [(letter, True) for letter in find_letters(spam)] + [(letter, False) for letter in find_letters(ham)]
    letters.sort(key=lambda one: (one[0].path.name, one[0].number))
    if plan.index is not None:
        letters += read_index(plan.index)
    trials = []
    for number in range(max(1, plan.shuffles)):
        order = list(letters)
        if plan.shuffles:
            random.Random(number).shuffle(order)  # noqa: S311 - an order, no secret
        trials.append(_try(place.open() if place is not None else Filter(), order, plan, number))
    told = _tell(trials, len(letters))
    if json:
        print_json(told)
    else:
        _print(told, plan)
    return 0


def _try(learned: Filter, order: Sequence[tuple[Letter, bool]], plan: Plan, number: int) -> Trial:
    learns = None if plan.split is None else round(len(order) * plan.split / 100)
    skip = min(1000, len(order) // 4) if plan.skip is None else plan.skip
    chance = random.Random(1000 + number)  # noqa: S311 - mistakes, no secrets
    wrong = frozenset(at for at in range(len(order)) if chance.random() < plan.wrong / 100)
    messages = ((letter.read(), is_spam) for letter, is_spam in watch(order, f"of order {number + 1} tried"))
    try:
        return run_trial(
            learned, messages, time.process_time, skip=skip if learns is None else learns, learns=learns, wrong=wrong
        )
    except ValueError as error:
        raise SetupError(f"{error}, among the messages that are counted", remedy="name more, or --skip fewer") from None


def _tell(trials: Sequence[Trial], number: int) -> dict[str, Any]:
    """The means, as shares and seconds."""
    return {
        "messages": number,
        "ham": trials[0].figures.ham,
        "spam": trials[0].figures.spam,
        "orders": len(trials),
        "1-AUC": fmean(trial.figures.area_above for trial in trials),
        "caught": {str(price): fmean(trial.figures.caught[at] for trial in trials) for at, price in enumerate(PRICES)},
        "threshold": {
            "ham lost": fmean(trial.ham_lost for trial in trials),
            "spam caught": fmean(trial.spam_caught for trial in trials),
        },
        "seconds": {
            "score": fmean(trial.score_time for trial in trials),
            "learn": fmean(trial.learn_time for trial in trials),
        },
        "roc": [[round(lost, 6), round(caught, 6)] for lost, caught in trials[0].figures.curve],
    }


def _print(told: dict[str, Any], plan: Plan) -> None:
    how = "online" if plan.split is None else f"{plan.split:g} % learned, the rest scored"
    orders = f"mean of {told['orders']} orders" if told["orders"] > 1 else "one order"
    print(f"{told['ham']} ham and {told['spam']} spam counted of {told['messages']} messages; {how}, {orders}")
    print(f"1-AUC           {100 * told['1-AUC']:.4f} %")
    for price, caught in told["caught"].items():
        print(f"spam caught     {100 * caught:.2f} % where {100 * float(price):g} % of ham is lost")
    own = told["threshold"]
    print(f"own threshold   {100 * own['spam caught']:.2f} % of spam caught, {100 * own['ham lost']:.3f} % of ham lost")
    seconds = told["seconds"]
    print(f"time            {1000 * seconds['score']:.2f} ms to score, {1000 * seconds['learn']:.2f} ms to learn (CPU)")
