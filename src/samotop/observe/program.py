"""The log of a program that uses the library and has named none: its own mistakes go to ``logging``.

A callable of the program that raises would otherwise only be seen by the
client, as a 451. Its traceback is told by ``logging.getLogger("samotop")``,
which prints it on standard error unless the program says something else: the
files, lines and source of the program's own code, and the exception's class.
Not its text, which may quote a message. Each place is told once; a mistake
that every message meets would else fill the disk.

Nothing else is told: what goes on is for ``observe.log``. Raises nothing.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any, Final

LOGGER: Final = "samotop"
PLACES_LIMIT: Final = 1000
"""Places that are remembered, and so told."""

_PACKAGE: Final = str(Path(__file__).parents[1])


class ProgramLog:
    """A log as reception wants it. ``logger`` is the program's own, or ``logging.getLogger("samotop")``."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger(LOGGER)
        self._told: set[tuple[str, str, int | None]] = set()

    def debug(self, event: str, **fields: Any) -> None:
        return

    def info(self, event: str, **fields: Any) -> None:
        return

    def error(self, event: str, **fields: Any) -> None:
        error = fields.get("error")
        if not isinstance(error, BaseException):
            self._logger.error("%s", event)
            return
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)] or list(frames)
        last = own[-1] if own else None
        place = (type(error).__qualname__, last.filename if last else event, last.lineno if last else 0)
        if place in self._told or len(self._told) >= PLACES_LIMIT:
            return
        self._told.add(place)
        lines = "".join(traceback.format_list(own))
        self._logger.error("%s (told once)\n%s%s", event, lines, type(error).__qualname__)
