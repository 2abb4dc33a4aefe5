"""One pass from what ``tomllib`` read to values: each table by the ``Key`` and ``Table`` of its dataclass.

A decoder that stops at its first error would not do, all faults are wanted at
once. What could not be read is reported and left out; an element of a list of
tables that could not be read is ``None``, so that numbers stay true.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, Final, get_type_hints

from samotop.config import keys
from samotop.config.fault import BadValue, Fault
from samotop.config.keys import Key, Table
from samotop.config.locate import Lines, Path
from samotop.config.shapes import Listen, default_tls

_EXAMPLES: Final = {
    "hostname": 'hostname = "mx.example.org"',
    "domains": 'domains = ["example.org"]',
    "protocol": 'protocol = "smtp"',
    "address": 'address = "127.0.0.1:2525"',
    "match": 'match = "lists.example.org"',
    "via": 'via = "maildir:lists"',
    "to": "to = '\\1@example.org'",
    "alias.address": 'address = "team@example.org"',
    "alias.to": 'to = ["alice", "dora@elsewhere.example"]',
    "list.address": 'address = "friends@example.org"',
    "owner": 'owner = "alice"',
}
"""What to write for a key that has no default."""

_OWNER: Final = Key(keys.ACCOUNT, "The table's own name.")


def members(shape: type[Any]) -> Iterator[tuple[Field[Any], Key | Table]]:
    """The fields of a table's dataclass that stand in the file, with what describes them."""
    hints = get_type_hints(shape, include_extras=True)
    for member in fields(shape):
        for note in getattr(hints[member.name], "__metadata__", ()):
            if isinstance(note, (Key, Table)):
                yield member, note


class Reading:
    """One pass over one file; ``faults`` grows."""

    def __init__(self, file: str, lines: Lines) -> None:
        self._file = file
        self._lines = lines
        self.faults: list[Fault] = []

    def report(self, path: Path, what: str, remedy: str) -> None:
        self.faults.append(Fault(self._file, self._lines.of(path), what, remedy))

    def table(self, shape: type[Any], raw: Mapping[str, object], path: Path) -> dict[str, Any]:
        """Read one table; what could not be read is absent from the values."""
        values: dict[str, Any] = {}
        known: dict[str, str] = {}
        for member, note in members(shape):
            name = note.name or member.name
            known[name] = member.name
            if name in raw:
                self._member(values, member.name, note, raw[name], (*path, name))
            elif member.default is MISSING:
                example = _EXAMPLES.get(f"{path[0]}.{name}" if path else name) or _EXAMPLES.get(name, name)
                self.report(path, f"{name} is missing", f"write {example}")
        for name in raw:
            if name not in known:
                self._unknown(name, list(known), path)
        return values

    def _unknown(self, name: str, known: list[str], path: Path) -> None:
        where = f" in [{'.'.join(part for part in path if isinstance(part, str))}]" if path else ""
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        remedy = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}"
        self.report((*path, name), f'there is no "{name}"{where}', remedy)

    def _member(self, values: dict[str, Any], name: str, note: Key | Table, raw: object, path: Path) -> None:
        if isinstance(note, Key):
            self._key(values, name, note, raw, path)
        elif note.form == "[[]]":
            self._tables(values, name, note, raw, path)
        elif not isinstance(raw, dict):
            self.report(
                path, f'"{note.name}" is a table', f"write [{note.name}{'.NAME' * (note.form == '[.]')}] above its keys"
            )
        elif note.form == "[.]":
            self._named(values, name, note, raw, path)
        else:
            read = self.table(note.shape, raw, path)
            values[name] = note.shape(**read)

    def _key(self, values: dict[str, Any], name: str, note: Key, raw: object, path: Path) -> None:
        if not note.is_list:
            self._one(values, name, note, raw, path)
            return
        if not isinstance(raw, list):
            shown = f'["{raw}"]' if isinstance(raw, str) else "[...]"
            self.report(path, f"{path[-1]} is a list", f"write {path[-1]} = {shown}")
            return
        before = len(self.faults)
        elements: list[dict[str, Any]] = [{} for _ in raw]
        for number, element in enumerate(raw):
            self._one(elements[number], name, note, element, (*path, number))
        if len(self.faults) == before:
            values[name] = tuple(element[name] for element in elements)

    def _one(self, values: dict[str, Any], name: str, note: Key, raw: object, path: Path) -> None:
        try:
            values[name] = note.kind.read(raw)
        except BadValue as error:
            key = next(part for part in reversed(path) if isinstance(part, str))
            self.report(path, f"{key}: {error.what}", error.remedy)

    def _tables(self, values: dict[str, Any], name: str, note: Table, raw: object, path: Path) -> None:
        if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
            self.report(path, f'"{note.name}" is a list of tables', f"write [[{note.name}]] above each")
            return
        read: list[Any] = []
        for number, one in enumerate(raw):
            before = len(self.faults)
            inner = self.table(note.shape, one, (*path, number))
            if note.shape is Listen and "tls" not in inner and {"protocol", "address"} <= inner.keys():
                inner["tls"] = default_tls(inner["protocol"], inner["address"])
            read.append(note.shape(**inner) if len(self.faults) == before else None)
        values[name] = tuple(read)

    def _named(self, values: dict[str, Any], name: str, note: Table, raw: dict[str, object], path: Path) -> None:
        read = []
        for title, one in raw.items():
            here = (*path, title)
            if not isinstance(one, dict):
                self.report(here, f'"{note.name}.{title}" is a table', f"write [{note.name}.{title}] above its keys")
                continue
            before = len(self.faults)
            inner = self.table(note.shape, one, here)
            if "owner" not in one:
                self._one(inner, "owner", _OWNER, title, here)
            if len(self.faults) == before:
                read.append(note.shape(name=title, **inner))
        values[name] = tuple(read)
