"""Colours for people at a terminal, and a line that says how far long work has come.

Neither where the output goes to a file or a program, nor with ``NO_COLOR`` in
the environment or a terminal that calls itself dumb.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

_GOOD: Final = "32"
_BAD: Final = "31"
_DOUBTFUL: Final = "33"
_FAINT: Final = "2"
_STRONG: Final = "1"


class Paint:
    """Puts words into colours, or leaves them as they are."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on

    def _put(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_on and text else text

    def good(self, text: str) -> str:
        return self._put(_GOOD, text)

    def bad(self, text: str) -> str:
        return self._put(_BAD, text)

    def doubtful(self, text: str) -> str:
        return self._put(_DOUBTFUL, text)

    def faint(self, text: str) -> str:
        return self._put(_FAINT, text)

    def strong(self, text: str) -> str:
        return self._put(_STRONG, text)


def choose_paint(stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> Paint:
    """Colours if ``stream``, by default standard output, is a terminal that wants them."""
    return Paint(is_on=_is_terminal(stream or sys.stdout, environment) and not environment.get("NO_COLOR"))


class Progress:
    """``asking 3 of 17`` in one line of standard error, gone at the end; nothing unless that is a terminal."""

    def __init__(self, word: str, stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._word = word
        self._stream = stream or sys.stderr
        self._is_on = _is_terminal(self._stream, environment)

    def advance(self, done: int, total: int) -> None:
        if self._is_on:
            line = f"{self._word} {done} of {total}" if done < total else ""
            self._stream.write(f"\r\x1b[K{line}")
            self._stream.flush()


def _is_terminal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    return stream.isatty() and environment.get("TERM") != "dumb"
