"""What is wrong with a configuration: the file, the line, what it is and what would be right.

A fault is a value. Reading collects all of them, because somebody who repairs
one mistake at a time starts the server once for each. ``ConfigRefused``
carries them to whoever must stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samotop.errors import SetupError


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake. ``line`` counts from 1; 0 where the mistake is in no line of the file."""

    file: str
    line: int
    what: str
    remedy: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.place}: {self.what}\n  {self.remedy}"


class ConfigRefused(SetupError):
    """The configuration has ``faults``, at least one; nothing is started with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__(first.what, remedy=first.remedy, place=first.place)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class BadValue(ValueError):
    """A value that cannot stand here: ``what`` it is, and the ``remedy``. Readers raise it; it never leaves config."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
