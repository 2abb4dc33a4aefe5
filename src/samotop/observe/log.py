"""The log: one line for each event, made of names and numbers, by construction free of people.

A field is written only if its name is in ``FIELDS`` and its value is a number, a
truth value or a token: a short word such as ``smtp``, ``5.1.1`` or ``TLSv1.3``.
Everything else is dropped and counted (``Log.dropped``). So addresses, IP
addresses, host names, subjects and contents cannot be logged, not even by
mistake: their fields have no name here, and their values are no tokens.

Exceptions are told by their class, their errno and the lines of this project
they passed through; never by their text, which may quote a peer.

Lines are JSON, or columns for people where the output is a terminal. Writing
one blocks for as long as the output does; a line that cannot be written is
lost and counted (``Log.lost``), and the server goes on. Raises nothing.
"""

from __future__ import annotations

import asyncio
import errno
import re
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, IntEnum
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Final

import msgspec

from samotop.ports.clock import Clock

FIELDS: Final = frozenset(
    {
        *("action", "attempts", "check", "cipher", "code", "count", "entries", "error_kind", "exit_status", "id"),
        *("kind", "limit", "listener", "mechanism", "octets", "pending", "pid", "port", "protocol", "recipients"),
        *("seconds", "segments", "session", "sessions", "signal", "slot", "stage", "state", "status", "tls"),
        *("transport", "verb", "version", "worker", "workers"),
    }
)
"""The only names that are ever written, beside those that the log itself adds.

``id`` is an entry's, ``session`` a session's number; neither leads to a person."""

TOKEN_LIMIT: Final = 64
"""Octets of a token: an entry's id has 20, the longest cipher's name 40."""

FRAMES_LIMIT: Final = 8
"""Lines of an exception's way that are told, the last ones: they are where it happened."""

CAUSES_LIMIT: Final = 4
"""Exceptions told of a chain of causes."""

TOKENS_KEPT: Final = 512
"""Answers to "is this a token?" that are kept: nearly all values are one of a few words."""

# A dot only before a digit: versions and status codes have those, host names and file names do not end so.
_TOKEN: Final = re.compile(rf"(?:[A-Za-z0-9_:/+-]|\.(?=[0-9])){{1,{TOKEN_LIMIT}}}")
_IP_LIKE: Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}|(?:[0-9A-Fa-f]*:){2}")
_EVENT: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_UNNAMED: Final = "unnamed_event"
_PACKAGE: Final = Path(__file__).parents[1]

_Render = Callable[[str, str, str, Mapping[str, Any]], bytes]
"""Time, level, event and fields as one line."""


class Level(IntEnum):
    """How much is written; the numbers are those of the standard library."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    SILENT = 100


class Style(Enum):
    """How a line looks."""

    JSON = "json"
    COLUMNS = "columns"


class _Tally:
    """What did not get through, counted over a log and all that are bound to it."""

    __slots__ = ("dropped", "lost")

    def __init__(self) -> None:
        self.dropped = 0
        self.lost = 0


class Log:
    """Where events go. Made by ``open_log``; may be used from any thread.

    The name of an event is a token like ``session_closed``. Among the fields
    ``error`` may be an exception; see above what is told of it.
    """

    __slots__ = ("_bound", "_level", "_sink", "_tally")

    def __init__(self, sink: _Sink, level: Level, tally: _Tally, bound: Mapping[str, object]) -> None:
        self._sink = sink
        self._level = int(level)
        self._tally = tally
        self._bound = bound

    @property
    def dropped(self) -> int:
        """Fields that were not written because they may not be."""
        return self._tally.dropped

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._tally.lost

    def bind(self, **fields: object) -> Log:
        """A log that adds ``fields`` to each of its lines."""
        return Log(self._sink, Level(self._level), self._tally, {**self._bound, **self._allowed(fields)})

    def debug(self, event: str, **fields: object) -> None:
        """For the one who looks for a fault."""
        if self._level <= 10:
            self._write("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """The course of things."""
        if self._level <= 20:
            self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something the operator may want to change."""
        if self._level <= 30:
            self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something failed that should not."""
        if self._level <= 40:
            self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        if not _EVENT.fullmatch(event):
            self._tally.dropped += 1
            event = _UNNAMED
        try:
            self._sink.put(level, event, {**self._bound, **self._allowed(fields)})
        except (OSError, ValueError):  # ValueError: the stream is closed
            self._tally.lost += 1

    def _allowed(self, fields: Mapping[str, object]) -> dict[str, Any]:
        """What may be written of ``fields``."""
        allowed: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "error" and isinstance(value, BaseException):
                allowed.update(_describe(value))
                continue
            if isinstance(value, Enum):
                value = value.value
            is_number = value is None or isinstance(value, int | float)
            if name in FIELDS and (
                is_number or (isinstance(value, str) and len(value) <= TOKEN_LIMIT and _is_token(value))
            ):
                allowed[name] = value
            else:
                self._tally.dropped += 1
        return allowed


def open_log(stream: BinaryIO, clock: Clock, *, level: Level = Level.INFO, style: Style | None = None) -> Log:
    """A log that writes to ``stream``: columns where it is a terminal, JSON elsewhere, or as ``style`` says."""
    if style is None:
        style = Style.COLUMNS if stream.isatty() else Style.JSON
    render = _render_columns if style is Style.COLUMNS else _render_json
    return Log(_Sink(stream, clock, render), level, _Tally(), {})


def parse_level(text: str) -> Level:
    """``debug``, ``info``, ``warning``, ``error`` or ``silent``. Raises ``ValueError``."""
    try:
        return Level[text.upper()]
    except KeyError:
        raise ValueError(f"not a level: {text}") from None


def watch_loop(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    """Have the loop tell of its failures here; its own way would print whom it was talking to."""

    def report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            log.error("loop_fault", error=error)
        else:
            log.error("loop_fault")

    loop.set_exception_handler(report)


@lru_cache(TOKENS_KEPT)
def _is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None and _IP_LIKE.search(text) is None


def _describe(error: BaseException) -> dict[str, Any]:
    """An exception without its text: kinds along the chain of causes, errno, our own lines."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < CAUSES_LIMIT:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    described: dict[str, Any] = {"error_kind": kinds[0]}
    if len(kinds) > 1:
        described["caused_by"] = kinds[1:]
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        described["errno"] = errno.errorcode[error.errno]
    if frames := _own_frames(error):
        described["at"] = frames
    return described


def _own_frames(error: BaseException) -> list[str]:
    """``net/tls.py:120`` for each of our lines that it passed through, where it was raised last."""
    frames: list[str] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            frames.append(f"{path.relative_to(_PACKAGE).as_posix()}:{line}")
    return frames[-FRAMES_LIMIT:]


class _Sink:
    """Where lines go, one whole line at a time whatever the threads. UTC to the millisecond stands in front of each."""

    __slots__ = ("_clock", "_last", "_lock", "_render", "_stream")

    def __init__(self, stream: BinaryIO, clock: Clock, render: _Render) -> None:
        self._stream = stream
        self._clock = clock
        self._render = render
        self._lock = Lock()
        self._last = (-1, "")  # one value, so that threads see both halves of the same second

    def put(self, level: str, event: str, fields: Mapping[str, Any]) -> None:
        """Write one line. Raises ``OSError``, and ``ValueError`` for a stream that is closed."""
        line = self._render(self._stamp(), level, event, fields)
        with self._lock:
            self._stream.write(line)
            self._stream.flush()

    def _stamp(self) -> str:
        """The time. The text of a second is made once."""
        now = self._clock.time()
        second = int(now)
        stamped, text = self._last
        if second != stamped:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._last = (second, text)
        return f"{text}.{int((now - second) * 1000):03d}Z"


def _render_json(time: str, level: str, event: str, fields: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"time": time, "level": level, "event": event, **fields}) + b"\n"


def _render_columns(time: str, level: str, event: str, fields: Mapping[str, Any]) -> bytes:
    """The time of day, the level, the event, and the rest as ``name=value``."""
    rest = " ".join(f"{name}={_word(value)}" for name, value in fields.items())
    return f"{time[11:-1]} {level:<7} {event:<22} {rest}".rstrip().encode() + b"\n"


def _word(value: object) -> str:
    return " < ".join(value) if isinstance(value, list) else str(value)
