"""``samotop junk``, as cyclopts reads and describes it: teach the learned filter, ask it, measure it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from samotop.cli.flags import Home, Json
from samotop.errors import SetupError

Account = Annotated[str | None, Parameter(help="The filter of this account.", metavar="A")]
Model = Annotated[str | None, Parameter(help="The filter in this file, with no home.", metavar="FILE")]
Spam = Annotated[
    list[str] | None,
    Parameter(
        help="Messages that are spam: files, directories, Maildirs, mboxes.", metavar="PATH", consume_multiple=True
    ),
]
Ham = Annotated[
    list[str] | None,
    Parameter(help="Messages that are not.", metavar="PATH", consume_multiple=True),
]


def train(
    *,
    spam: Spam = None,
    ham: Ham = None,
    account: Account = None,
    model: Model = None,
    share: Annotated[
        bool, Parameter(help="Teach what the owners of this server share, too.", show_default=False)
    ] = False,
    json: Json = False,
    home: Home = None,
) -> int:
    """Learn messages of which you know what they are. A file that is not there yet is made.

    They are learned in a random order that is always the same, whatever the order in which they are named.
    """
    if not spam and not ham:
        raise SetupError("there is nothing to learn", remedy="name messages: --spam PATH... --ham PATH...")
    if share and model is not None:
        raise SetupError("a file of its own shares nothing", remedy="--share goes with --account")
    from samotop.cli.junk_verbs import Place, train_letters

    return train_letters(Place(account, model, home, teaches=share), spam or [], ham or [], json=json)


def score(
    *paths: Annotated[
        str,
        Parameter(
            name="PATH",
            help="Messages: files, directories, Maildirs, mboxes; - is standard input.",
            required=True,
            allow_leading_hyphen=True,
        ),
    ],
    account: Account = None,
    model: Model = None,
    explain: Annotated[bool, Parameter(help="Name what weighs most, for and against.", show_default=False)] = False,
    json: Json = False,
    home: Home = None,
) -> int:
    """Print the probability that each message is spam, and whether that is junk to the owner. Nothing is learned."""
    from samotop.cli.junk_verbs import Place, score_letters

    return score_letters(Place(account, model, home), paths, explains=explain, json=json)


def stats(*, account: Account = None, model: Model = None, json: Json = False, home: Home = None) -> int:
    """Tell what a filter has learned: decisions, features, threshold, and which of its voices are heard."""
    from samotop.cli.junk_verbs import Place, print_stats

    return print_stats(Place(account, model, home), json=json)


def evaluate(
    *,
    spam: Spam = None,
    ham: Ham = None,
    account: Account = None,
    model: Model = None,
    index: Annotated[
        str | None, Parameter(help='A file of lines "spam PATH" or "ham PATH", in TREC\'s form.', metavar="FILE")
    ] = None,
    shuffles: Annotated[
        int | None,
        Parameter(
            help="Random orders to try, else 5; 0 keeps the order of the names, or the index, whose default it is."
        ),
    ] = None,
    skip: Annotated[
        int | None, Parameter(help="Messages at first that are not counted; else 1000, or a quarter.", metavar="N")
    ] = None,
    split: Annotated[
        float | None,
        Parameter(help="Learn this percentage, then score the rest without learning; else online.", metavar="PERCENT"),
    ] = None,
    wrong: Annotated[float, Parameter(help="Percentage of decisions that are wrong.", metavar="PERCENT")] = 0.0,
    json: Json = False,
    home: Home = None,
) -> int:
    """Measure the filter on messages of which you know what they are: each is scored, then learned, as in real life.

    Begins with an empty filter, or with a copy of the one that you name; nothing is kept. Tells 1-AUC, the spam caught
    where no more than 0.1 %, 0.5 % and 1 % of ham is lost, what the filter's own threshold does, and the time.
    """
    if index is None and (not spam or not ham):
        raise SetupError(
            "both spam and ham are needed to measure", remedy="name messages: --spam PATH... --ham PATH..."
        )
    if (split is not None and not 0 <= split < 100) or not 0 <= wrong < 50 or (shuffles or 0) < 0 or (skip or 0) < 0:
        raise SetupError(
            "that cannot be tried", remedy="--split 0 to 99, --wrong 0 to 49, --shuffles and --skip from 0"
        )
    from samotop.cli.junk_evaluate import Plan, evaluate_letters
    from samotop.cli.junk_verbs import Place

    place = Place(account, model, home) if account or model else None
    orders = shuffles if shuffles is not None else 5 if index is None else 0
    return evaluate_letters(place, spam or [], ham or [], Plan(orders, skip, split, wrong, index), json=json)
