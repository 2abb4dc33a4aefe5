"""The effective configuration, printed: every key with the value that holds, as TOML or as plain values for JSON.

What is printed reads back to the same configuration, except that passwords
in URLs are shown as ``***``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from samotop.config.keys import Key
from samotop.config.shapes import Config
from samotop.config.tables import members

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")

Plain = Mapping[str, Any]
"""Texts, numbers, truths, lists and further mappings: what TOML and JSON both hold."""


def plain_config(config: Config) -> Plain:
    """All keys by their names in the file; tables of the form ``[name.X]`` as a mapping by X."""
    return _plain(config)


def _plain(table: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for member, note in members(type(table)):
        value = getattr(table, member.name)
        name = note.name or member.name
        if isinstance(note, Key):
            if note.is_list:
                values[name] = [note.kind.show(one) for one in value]
            elif value != "":  # a text that is not set: TOML has no nothing
                values[name] = note.kind.show(value)
        elif note.form == "[]":
            values[name] = _plain(value)
        elif note.form == "[[]]":
            values[name] = [_plain(one) for one in value]
        else:
            values[name] = {one.name: _plain(one) for one in value}
    return values


def format_config(config: Config) -> str:
    """As TOML, in the order of the reference."""
    return "\n".join(_format_table(plain_config(config), "")) + "\n"


def _format_table(table: Plain, title: str) -> Iterator[str]:
    prefix = f"{title}." if title else ""
    inner: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, Mapping) or (isinstance(value, list) and value and isinstance(value[0], Mapping)):
            inner.append((f"{prefix}{format_key(key)}", value))
        elif not _is_empty_array_of_tables(key, value, title):
            yield f"{format_key(key)} = {format_value(value)}"
    for name, value in inner:
        if isinstance(value, list):
            for one in value:
                yield f"\n[[{name}]]"
                yield from _format_table(one, name)
        else:
            if any(not isinstance(one, Mapping) for one in value.values()):
                yield f"\n[{name}]"
            yield from _format_table(value, name)


def _is_empty_array_of_tables(key: str, value: Any, title: str) -> bool:
    return not title and value == [] and key in ("rewrite", "route", "companion", "alias", "list")


def format_key(name: str) -> str:
    """A key, in quotes where TOML wants them."""
    return name if _BARE.fullmatch(name) else format_value(name)


def format_value(value: Any) -> str:
    """A text, number, truth or list of them as TOML writes it; JSON's text form is TOML's basic string."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(format_value(one) for one in value) + "]"
    return str(value)
