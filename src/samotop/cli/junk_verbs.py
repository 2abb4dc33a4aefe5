"""What ``samotop junk`` does with one filter: find it, teach it, ask it, tell about it.

An account's filter is ``junk/NAME.junk`` in the home; what the owners of the
server share is ``junk/shared.base`` there.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from samotop.cli.junk_mail import LONGEST, Letter, find_letters
from samotop.cli.place import open_home, open_state
from samotop.cli.show import clean, print_json
from samotop.errors import SetupError
from samotop.junk.filter import Filter

FOLDER: Final = "junk"
SHARED: Final = "shared.base"
SEED: Final = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Which filter is meant, as somebody said it."""

    account: str | None
    model: str | None
    home: str | None
    teaches: bool = False

    def open(self, *, creates: bool = False) -> Filter:
        """The filter. Raises ``SetupError``, also where there is none and none is to be made."""
        if (self.account is None) == (self.model is None):
            raise SetupError("say which filter", remedy="--account NAME, or --model FILE; one of them")
        if self.model is not None:
            if not creates and not Path(self.model).exists():
                raise SetupError(f"there is no filter {self.model}", remedy="samotop junk train --model makes one")
            return Filter.open(self.model)
        assert self.account is not None
        home = open_home(self.home)
        with open_state(home) as state:
            if self.account not in state.accounts.names():
                raise SetupError(f"there is no account {clean(self.account)}", remedy="samotop account list")
        folder = home / FOLDER
        if creates:
            folder.mkdir(mode=0o700, exist_ok=True)
        shared = folder / SHARED
        base = shared if self.teaches or shared.exists() else None
        return Filter.open(folder / f"{self.account}.junk", base=base, teaches=self.teaches)


def train_letters(place: Place, spam: Sequence[str], ham: Sequence[str], *, json: bool) -> int:
    learned = place.open(creates=True)
    letters = [(letter, True) for letter in find_letters(spam)] + [(letter, False) for letter in find_letters(ham)]
    if not letters:
        raise SetupError("there is no message in what was named")
    random.Random(SEED).shuffle(letters)  # noqa: S311 - an order, no secret
    for letter, is_spam in watch(letters, "learned"):
        learned.learn(letter.read(), is_spam)
    learned.save()
    number = sum(is_spam for _, is_spam in letters)
    if json:
        print_json({"spam": number, "ham": len(letters) - number})
    else:
        print(f"Learned {number} spam and {len(letters) - number} ham; {learned.spam} and {learned.ham} in all.")
    return 0


def score_letters(place: Place, paths: Sequence[str], *, explains: bool, json: bool) -> int:
    for path in paths:
        if path.startswith("-") and path != "-":
            raise SetupError(f'there is no option "{path}"', remedy="samotop junk score --help")
    learned = place.open()
    rows = []
    for name, content in watch(list(_contents(paths)), "scored"):
        octets = content.read() if isinstance(content, Letter) else content
        row = _row(learned, name, octets, explains=explains)
        if json:
            rows.append(row)
        else:
            _print_row(row)
    if json:
        print_json(rows)
    return 0


def print_stats(place: Place, *, json: bool) -> int:
    learned = place.open()
    shares = {name: round(share, 3) for name, share in zip(_voices(), learned.shares, strict=False)}
    if json:
        told = {"spam": learned.spam, "ham": learned.ham, "features": learned.places}
        print_json(told | {"threshold": learned.threshold, "voices": shares})
        return 0
    print(f"Decisions learned: {learned.spam} spam, {learned.ham} ham")
    print(f"Features seen: {learned.places}")
    if learned.threshold < 1:
        print(f"Junk is what is above {learned.threshold:.6f}")
    else:
        print("Nothing is junk yet: there are too few decisions to go by")
    print("Heard: " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
    return 0


def watch(items: Sequence[T], done: str) -> Iterator[T]:
    """The items; how many are done is shown on a terminal."""
    shows = sys.stderr.isatty()
    for number, item in enumerate(items):
        if shows and number % 50 == 0:
            print(f"\r{number} of {len(items)} {done}", end="", file=sys.stderr, flush=True)
        yield item
    if shows:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _voices() -> Iterator[str]:
    for whose in ("own", "shared"):
        for model in ("quick", "middle", "slow"):
            yield f"{whose} {model}"


def _contents(paths: Sequence[str]) -> Iterator[tuple[str, Letter | bytes]]:
    for path in paths:
        if path == "-":
            yield "-", sys.stdin.buffer.read(LONGEST)
        else:
            yield from ((letter.name, letter) for letter in find_letters([path]))


def _row(learned: Filter, name: str, octets: bytes, *, explains: bool) -> dict[str, Any]:
    judgement = learned.judge(octets)
    row: dict[str, Any] = {"message": name, "probability": judgement.probability, "junk": judgement.is_junk}
    if explains:
        row["reasons"] = [
            {"view": reason.view, "feature": reason.name, "weight": round(reason.weight, 4)}
            for reason in learned.explain(octets).reasons
        ]
    return row


def _print_row(row: dict[str, Any]) -> None:
    print(f"{row['probability']:.6f}  {'junk' if row['junk'] else 'ham '}  {clean(row['message'])}")
    for reason in row.get("reasons", ()):
        print(f"          {reason['weight']:+.3f}  {reason['view']:<6}  {clean(reason['feature'])}")
