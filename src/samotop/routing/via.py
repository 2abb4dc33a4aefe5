"""What a route leads to: ``discard``, ``maildir:PATH``, ``journal:PATH?size=100MB&age=1d`` and so on, as values.

Form only: nothing is opened. Raises ``SetupError`` with a remedy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from samotop.errors import SetupError

PLACES: Final = ("directory", "maildir", "mbox", "journal")
"""Kinds with a path on this machine."""
NEXT_HOPS: Final = ("smtp", "smtps", "lmtp", "child")
"""Kinds that hand on to another program: read here, and not available in this release."""

JOURNAL_SIZE: Final = 256 * 1024 * 1024
"""Octets after which a journal is rotated: a file that an editor still opens."""
JOURNAL_AGE: Final = 24 * 3600.0
"""Seconds after which a journal is rotated."""

_SIZES: Final = {"": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_AGES: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SIZE: Final = re.compile(r"(\d{1,12}) ?([kmg]i?b|)", re.IGNORECASE)
_AGE: Final = re.compile(r"(\d{1,9})([smhdw])")
_REMEDY: Final = (
    "write discard, console, directory:PATH, maildir:PATH, mbox:PATH, journal:PATH?size=100MB&age=1d, "
    "lmtp:/PATH, smtp://HOST or child:COMMAND"
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a route leads. ``argument`` is the path, the command or the whole URL.

    ``size`` in octets and ``age`` in seconds are when a journal is rotated.
    """

    kind: str
    argument: str = ""
    size: int = JOURNAL_SIZE
    age: float = JOURNAL_AGE

    @property
    def is_next_hop(self) -> bool:
        """Does another program answer for it? Then this release cannot deliver to it."""
        return self.kind in NEXT_HOPS


def parse_via(text: str) -> Target:
    """Read a route's ``via``. Raises ``SetupError``."""
    text = text.strip()
    kind, colon, argument = text.partition(":")
    if kind in ("discard", "console"):
        if colon:
            raise SetupError(f'"{kind}" takes nothing behind it', remedy=f'write "{kind}"')
        return Target(kind)
    if kind in ("smtp", "smtps", "lmtp") and (argument.startswith("//") or (kind != "smtps" and argument[:1] == "/")):
        return Target(kind, text)
    if kind not in (*PLACES, "child"):
        raise SetupError("this is no destination of a route", remedy=_REMEDY)
    if not argument.strip() or "\0" in argument:
        wanted = "COMMAND" if kind == "child" else "PATH"
        raise SetupError(f'"{kind}" says not where to', remedy=f'write "{kind}:{wanted}"')
    if kind == "journal":
        return _parse_journal(argument.strip())
    return Target(kind, argument.strip())


def check_available(target: Target) -> None:
    """Raise ``SetupError`` for what a later release brings."""
    if target.is_next_hop:
        raise SetupError(
            f'a route via "{target.kind}:" is not yet available',
            remedy="routes of this release lead to discard, console, directory:, maildir:, mbox: or journal:",
        )


def _parse_journal(argument: str) -> Target:
    path, _, query = argument.partition("?")
    size, age = JOURNAL_SIZE, JOURNAL_AGE
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "size" and (found := _SIZE.fullmatch(value)) and int(found[1]) > 0:
            size = int(found[1]) * _SIZES[found[2].lower()]
        elif name == "age" and (found := _AGE.fullmatch(value)) and int(found[1]) > 0:
            age = float(int(found[1]) * _AGES[found[2]])
        else:
            raise SetupError(
                f'"{name}" of a journal cannot be read',
                remedy="write journal:PATH?size=100MB&age=1d; sizes in kB, MB, MiB, GB, ages in s, m, h, d, w",
            )
    if not path:
        raise SetupError('"journal" says not where to', remedy='write "journal:PATH"')
    return Target("journal", path, size, age)
