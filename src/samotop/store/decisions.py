"""The record of decisions, for ``samotop policy replay``: a file a day in the home's ``policy/``, mode 0600.

Lines are whole: each batch is appended with one write, so that several workers may share the files. What is written is
not synced; a crash may cost the last lines. A day's file that has grown to ``FILE_LIMIT`` takes no more, and files
go when they are older than they are wanted. Called in threads. Raises ``OSError``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FOLDER_NAME: Final = "policy"
FILE_LIMIT: Final = 256 * 1024 * 1024
"""Octets of one day: some 400,000 decisions."""
DAY: Final = 86400.0

_NAME: Final = re.compile(r"record-(\d{8})\.jsonl")


class DecisionFiles:
    """The files of one home, kept for ``keep`` seconds."""

    def __init__(self, home: Path, keep: float) -> None:
        self._folder = home / FOLDER_NAME
        self._keep = keep
        self._looked = ""

    def append(self, lines: Sequence[bytes], now: float) -> bool:
        """Write lines; ``False`` where the day's file is full."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        name = name_file(now)
        if name != self._looked:
            self._looked = name
            self.expire(now)
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size >= FILE_LIMIT:
                return False
            os.write(descriptor, b"".join(lines))
        finally:
            os.close(descriptor)
        return True

    def expire(self, now: float) -> None:
        """Remove the files of days that have ended too long ago."""
        for path in list_files(self._folder):
            match = _NAME.fullmatch(path.name)
            assert match is not None, "listed by this pattern"
            try:
                begun = datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).timestamp()
            except ValueError:
                continue
            if begun + DAY + self._keep < now:
                path.unlink(missing_ok=True)


def name_file(now: float) -> str:
    return f"record-{datetime.fromtimestamp(now, UTC):%Y%m%d}.jsonl"


def list_files(folder: Path) -> list[Path]:
    """The records that there are, in the order of their days."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def iterate_lines(paths: Sequence[Path]) -> Iterator[bytes]:
    """All lines. Raises ``OSError``."""
    for path in paths:
        with path.open("rb") as file:
            yield from file
