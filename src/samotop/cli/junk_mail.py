"""The messages that somebody names: files, directories and Maildirs to their ends, mboxes.

A message is found first and read when its turn comes, so that a mailbox of any
size can be shuffled. Of a message no more is read than the filter looks at.

Raises ``SetupError`` for what cannot be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from samotop.errors import SetupError

LONGEST: Final = 1 << 20
"""Octets of a message that are read."""
_LONGEST_LINE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Letter:
    """Where a message is: ``number`` counts those of an mbox, and is 0 for a file of one message."""

    path: Path
    number: int
    offset: int
    length: int

    @property
    def name(self) -> str:
        return f"{self.path}:{self.number}" if self.number else str(self.path)

    def read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                return file.read(min(self.length, LONGEST))
        except OSError as error:
            raise SetupError(f"{self.path} cannot be read: {error.strerror}") from error


def find_letters(paths: Iterable[str]) -> list[Letter]:
    """All messages under ``paths``, in the order of their names."""
    found: list[Letter] = []
    for path in paths:
        for file in _files(Path(path)):
            found += _open(file)
    return found


def read_index(index: str) -> list[tuple[Letter, bool]]:
    """The messages of an index as TREC's corpora have it: lines of ``spam`` or ``ham`` and a path, from its folder."""
    try:
        lines = Path(index).read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise SetupError(f"{index} cannot be read: {error.strerror}") from error
    found: list[tuple[Letter, bool]] = []
    for number, line in enumerate(lines, 1):
        kind, _, path = line.strip().partition(" ")
        if kind.lower() not in ("spam", "ham") or not path:
            raise SetupError('not "spam PATH" or "ham PATH"', place=f"{index}:{number}")
        found += [(letter, kind.lower() == "spam") for letter in _open(Path(index).parent / path)]
    return found


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        # A Maildir's tmp holds what is not delivered yet; its subfolders begin with a dot, its servers' files do too.
        folders[:] = sorted(name for name in folders if name != "tmp")
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith((".", "dovecot", "maildirfolder")) and file.is_file():
                yield file


def _open(path: Path) -> list[Letter]:
    try:
        with path.open("rb") as file:
            if file.read(5) == b"From ":
                return list(_split(path))
            size = os.fstat(file.fileno()).st_size
            return [Letter(path, 0, 0, size)] if size else []
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}") from error


def _split(path: Path) -> Iterator[Letter]:
    """The messages of an mbox: each begins with "From " behind an empty line (RFC 4155)."""
    number, start, at = 0, 0, 0
    follows_empty = False
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            if follows_empty and line.startswith(b"From "):
                number += 1
                yield Letter(path, number, start, at - start)
                start = at
            at += len(line)
            follows_empty = line in (b"\n", b"\r\n")
    yield Letter(path, number + 1 if number else 0, start, at - start)
