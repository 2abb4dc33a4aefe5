"""On which line does a key of a TOML text stand?

``tomllib`` says what a text means and not where. This scan finds the line of
every key, table and array element of a text that ``tomllib`` has accepted
already, so it need not refuse anything: strings, comments and brackets are
stepped over, nothing is decoded but the names of keys.

It does not validate and raises nothing for text that is TOML.
"""

from __future__ import annotations

import re
import tomllib
from typing import Final

Path = tuple[str | int, ...]
"""The way to a value: names of keys, numbers of array elements."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_BLANK: Final = re.compile(r"[ \t\r\n]*(?:#[^\n]*[ \t\r\n]*)*")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"{3,5}' r"|'''[\s\S]*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'"
)
_PLAIN: Final = re.compile(r"[^,\]}\n#]*")


class Lines:
    """Where each path of a text stands."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines

    def of(self, path: Path) -> int:
        """The line of ``path``, else of the nearest thing around it, else 0."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return 0


def locate(text: str) -> Lines:
    """Find the line of every key in ``text``, which is TOML."""
    return Lines(_Scan(text).run())


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._found: dict[Path, int] = {}
        self._sizes: dict[Path, int] = {}

    def run(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._found

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _note(self, path: Path) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self._found.setdefault(path, self._line)

    def _header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``; an array of tables counts its elements."""
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        start = self._at
        names = self._name()
        if is_array:
            array: Path = (*self._resolve(names[:-1]), names[-1])
            number = self._sizes.get(array, 0)
            self._sizes[array] = number + 1
            path: Path = (*array, number)
        else:
            path = self._resolve(names)
        end, self._at = self._at, start
        if is_array:
            self._note(array)
        self._note(path)
        self._at = end + (2 if is_array else 1)
        return path

    def _resolve(self, names: list[str]) -> Path:
        """Inside an array of tables a name means its latest element (TOML 1.0, "Array of Tables")."""
        path: Path = ()
        for name in names:
            path = (*path, name)
            if path in self._sizes:
                path = (*path, self._sizes[path] - 1)
        return path

    def _name(self) -> list[str]:
        """A key, perhaps dotted, up to and without the ``=`` or ``]`` behind it."""
        names = []
        while True:
            self._skip(_BLANK)
            quoted = self._skip(_STRING)
            if quoted:
                names.append(str(tomllib.loads(f"key = {quoted}")["key"]))
            else:
                names.append(self._skip(_BARE))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _pair(self, table: Path) -> None:
        start = self._at
        names = self._name()
        if not self._text.startswith("=", self._at):  # cannot be in TOML; step on rather than stand still
            self._at = max(self._at, start) + 1
            return
        end, self._at = self._at, start
        for length in range(1, len(names) + 1):
            self._note((*table, *names[:length]))
        self._at = end + 1
        self._value((*table, *names))

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        if self._text.startswith("[", self._at):
            self._array(path)
        elif self._text.startswith("{", self._at):
            self._inline(path)
        elif not self._skip(_STRING):
            self._skip(_PLAIN)

    def _array(self, path: Path) -> None:
        self._at += 1
        for number in range(len(self._text)):
            self._skip(_BLANK)
            if self._at >= len(self._text) or self._text[self._at] == "]":
                break
            self._note((*path, number))
            self._value((*path, number))
            self._skip(_BLANK)
            if self._text.startswith(",", self._at):
                self._at += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text) or self._text[self._at] == "}":
                break
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1
