"""The owners' learned filters: ``HOME/junk/NAME.junk``, and what they share in ``HOME/junk/shared.base``.

A server only asks (``ports.junk``); the command line learns, one at a time. A file that has
changed is read anew. A filter takes some megabytes, so that a few are kept.

``guess`` and ``features`` raise nothing: a filter that cannot be read has no opinion. ``learn`` raises ``SetupError``.
"""

from __future__ import annotations

import fcntl
import os
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from samotop.errors import SetupError
from samotop.ports.junk import Guess

if TYPE_CHECKING:  # NumPy: who has no filter does not pay for it
    from samotop.junk import Filter

FOLDER: Final = "junk"
KEPT: Final = 4
"""Filters in memory. Asking takes a millisecond, reading one anew some ten."""

Signature = tuple[int, int, int]


class OwnerFilters:
    """Safe to share between threads: one asks at a time."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[Signature, Filter]] = OrderedDict()

    def guess(self, owner: str, octets: bytes) -> Guess | None:
        path = self._folder / f"{owner}.junk"
        signature = _sign(path)
        if signature is None:
            return None
        with self._lock:
            try:
                found = self._open(owner, path, signature)
                features = found.features(octets)
                probability = found.score_features(features)
            except (SetupError, ValueError, MemoryError):
                return None
            return Guess(probability, probability > found.threshold, features.pack())

    def features(self, octets: bytes) -> bytes:
        from samotop.junk import Filter

        return Filter.features(octets).pack()

    def learn(self, owner: str, packed: Iterable[bytes], *, spam: bool) -> int:
        """Learn decisions from what was kept of the messages; returns how many those were. Raises ``SetupError``."""
        from samotop.junk import Features, Filter

        wanted = [one for one in packed if one]
        if not wanted:
            return 0
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            learned = Filter.open(self._folder / f"{owner}.junk")
            count = 0
            for one in wanted:
                try:
                    features = Features.unpack(one)
                except ValueError:  # of another version
                    continue
                learned.learn_features(features, spam)
                count += 1
            learned.save()
        return count

    def _open(self, owner: str, path: Path, signature: Signature) -> Filter:
        from samotop.junk import Filter

        known = self._kept.get(owner)
        if known is None or known[0] != signature:
            shared = self._folder / "shared.base"
            known = signature, Filter.open(path, base=shared if shared.exists() else None)
            self._kept[owner] = known
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(owner)
        return known[1]


def _sign(path: Path) -> Signature | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
