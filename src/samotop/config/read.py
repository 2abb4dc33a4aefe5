"""From the text of samotop.toml to a ``Config``, or to every fault in it.

``tomllib`` reads the text, ``locate`` finds the lines, ``shapes`` says what
may stand where, ``claims`` compares the tables with each other. A decoder
that stops at its first error would not do: all faults are wanted at once.

``read_config`` is pure. ``load_config`` reads the file of a home and raises
``ConfigRefused``.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Final

from samotop.config.claims import check_claims
from samotop.config.fault import ConfigRefused, Fault
from samotop.config.locate import locate
from samotop.config.shapes import Config, default_listeners
from samotop.config.tables import Reading
from samotop.errors import SetupError

FILE_NAME: Final = "samotop.toml"

FILE_LIMIT: Final = 4 * 1024 * 1024
"""Octets of a configuration: a hundred thousand mailboxes; what is longer is another file."""

_SYNTAX_PLACE: Final = re.compile(r" \(at line (\d+), column \d+\)$| \(at end of document\)$")

_SYNTAX_REMEDIES: Final = (
    ("Cannot overwrite a value", "a key may stand once in a table; remove one of them"),
    ("Cannot declare", "a table may stand once; write its keys in one place"),
    ("Invalid value", 'texts stand in quotes: key = "value"'),
    ("Expected '='", 'write key = "value", one on a line'),
    ("Expected newline", "one key on a line; close the quotes and brackets before it ends"),
    ("Unclosed array", "close the list with ]"),
    ("Unterminated string", "close the text with a quote on the same line"),
    ("Illegal character", "close the text with a quote on the same line"),
    ("Unescaped '\\'", "put the text in single quotes, or double the \\"),
)


def load_config(home: Path) -> Config:
    """Read the samotop.toml of ``home``. Raises ``ConfigRefused`` with all faults, ``SetupError`` without a file."""
    path = home / FILE_NAME
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        raise SetupError(
            f"there is no {FILE_NAME} in {home}",
            remedy=f"samotop init --home {home} --domain example.org --account alice",
        ) from None
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}", remedy="check who owns it") from None
    config, faults = read_octets(octets, str(path), is_root=os.geteuid() == 0)
    if config is None:
        raise ConfigRefused(faults)
    return config


def read_octets(octets: bytes, file: str, *, is_root: bool = False) -> tuple[Config | None, list[Fault]]:
    """As ``read_config``, from a file's octets."""
    if len(octets) > FILE_LIMIT:
        return None, [Fault(file, 0, "the file is larger than a configuration can be", f"is this a {FILE_NAME}?")]
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        return None, [Fault(file, line, "this is not UTF-8", "save the file as UTF-8")]
    return read_config(text, file, is_root=is_root)


def read_config(text: str, file: str, *, is_root: bool = False) -> tuple[Config | None, list[Fault]]:
    """Read a configuration: the value, or ``None`` and every fault, in the order of the lines.

    ``is_root`` chooses the default listeners.
    """
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, [_syntax_fault(error, text, file)]
    reading = Reading(file, locate(text))
    values = reading.table(Config, raw, ())
    for path, what, remedy in check_claims(values):
        reading.report(path, what, remedy)
    if reading.faults:
        return None, sorted(reading.faults, key=lambda fault: fault.line)
    if not values.get("listeners"):
        values["listeners"] = default_listeners(is_root=is_root)
    return Config(**values), []


def _syntax_fault(error: Exception, text: str, file: str) -> Fault:
    if isinstance(error, RecursionError):
        return Fault(file, 0, "lists or tables stand in each other too deeply", "a configuration needs two levels")
    message = str(error)
    match = _SYNTAX_PLACE.search(message)
    line = int(match[1]) if match and match[1] else text.rstrip("\n").count("\n") + 1
    what = message[: match.start()] if match else message
    for start, remedy in _SYNTAX_REMEDIES:
        if what.startswith(start):
            return Fault(file, line, f"this is not TOML: {what}", remedy)
    return Fault(file, line, f"this is not TOML: {what}", 'write key = "value", and [table] above the keys of a table')
