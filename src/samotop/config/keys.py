"""How one key is described and read: the kind of its value, what it is for.

The tables in ``shapes`` are dataclasses whose fields carry a ``Key``. From it
come reading, the faults, the printed effective configuration and the
reference: one truth, many renderings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from samotop.config import patterns, places, quantities
from samotop.config.fault import BadValue
from samotop.errors import SetupError
from samotop.net.nameservers import parse_name_server
from samotop.routing.rewriting import check_expression
from samotop.tlspolicy.stspolicy import BadPolicy, parse_pattern

ACCOUNT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""An account's name: it also names a directory, so neither slash nor upper case."""

_FILE_TYPE: Final = re.compile(
    r"\.[A-Za-z0-9_.-]{1,20}|[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*"
)

REGEX_LIMIT: Final = 500
"""Characters of a rewriting's expression: a longer one is a programme."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value. ``read`` raises ``BadValue``; ``show`` gives back what TOML or JSON can hold."""

    words: str
    read: Callable[[object], Any]
    show: Callable[[Any], Any] = str


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table. ``name`` is its name in the file where that differs from the field's."""

    kind: Kind
    about: str
    is_list: bool = False
    name: str = ""
    default: str = ""
    """In words, where the default follows from something else."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of its own, ``[name]``; repeated as ``[[name]]``, or one for each ``[name.X]``."""

    about: str
    shape: type[Any]
    name: str
    form: str = "[]"
    """``[]`` one table, ``[[]]`` an ordered list, ``[.]`` one for each name."""


def _read_truth(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise BadValue("this is yes or no", "write true or false, without quotes")
    return raw


def _read_text(raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise BadValue("this is a text", "write it in quotes")
    return raw.strip()


def _number(least: int, most: int) -> Callable[[object], int]:
    def read(raw: object) -> int:
        if not isinstance(raw, int) or isinstance(raw, bool):
            raise BadValue("this is a whole number", f"write a number from {least} to {most}, without quotes")
        if not least <= raw <= most:
            raise BadValue(f"{raw} is out of range", f"write a number from {least} to {most}")
        return raw

    return read


def count(most: int, least: int = 1) -> Kind:
    """A whole number from ``least`` to ``most``."""
    return Kind(f"a whole number from {least} to {most}", _number(least, most), int)


def choice(*words: str) -> Kind:
    """One of ``words``."""
    listed = ", ".join(f'"{word}"' for word in words)

    def read(raw: object) -> str:
        if raw not in words:
            raise BadValue(f"{_shown(raw)} is not possible here", f"write one of {listed}")
        return str(raw)

    return Kind(f"one of {listed}", read)


def size(least: int, most: int) -> Kind:
    """Octets from ``least`` to ``most``."""
    low, high = quantities.format_size(least), quantities.format_size(most)

    def read(raw: object) -> int:
        octets = quantities.parse_size(raw)
        if not least <= octets <= most:
            raise BadValue(f"{_shown(raw)} is out of range", f'write a size from "{low}" to "{high}"')
        return octets

    return Kind(f'a size from "{low}" to "{high}"', read, quantities.format_size)


def _read_pattern(raw: object) -> str:
    try:
        return parse_pattern(raw.strip() if isinstance(raw, str) else "")
    except BadPolicy:
        raise BadValue(
            f"{_shown(raw)} names no mail server", 'write a host like "mx.example.org", or "*.example.org"'
        ) from None


def duration(least: float = 0.0) -> Kind:
    """Seconds, ``least`` or more."""
    low = quantities.format_duration(least)

    def read(raw: object) -> float:
        seconds = quantities.parse_duration(raw)
        if seconds < least:
            raise BadValue(f"{_shown(raw)} is too short", f'write "{low}" or more')
        return seconds

    return Kind(f'a duration, "{low}" or more' if least else "a duration", read, quantities.format_duration)


def _shown(raw: object) -> str:
    return f'"{raw}"' if isinstance(raw, str) else f"{raw}"


def _read_account(raw: object) -> str:
    if not isinstance(raw, str) or not ACCOUNT_NAME.fullmatch(raw):
        raise BadValue(
            f"{_shown(raw)} is not the name of an account",
            "write at most 64 of a-z 0-9 . _ -, beginning with a letter or digit",
        )
    return raw


def _read_store(raw: object) -> str:
    if isinstance(raw, str) and (raw == "sqlite" or re.fullmatch(r"postgres(?:ql)?://\S+", raw)):
        return raw
    raise BadValue(
        f"{places.blot_password(_shown(raw))} is not a store", 'write "sqlite" or "postgresql://user@host/database"'
    )


def _read_path(raw: object) -> Path:
    if not isinstance(raw, str) or not raw.strip() or "\0" in raw:
        raise BadValue("a path is a text", "write it in quotes")
    return Path(raw)


def _read_resolver(raw: object) -> str:
    if not isinstance(raw, str):
        raise BadValue(
            "a name server is a text", 'write "127.0.0.1:53", "[::1]:5353", "192.0.2.1" or "tls://192.0.2.1"'
        )
    try:
        parse_name_server(raw.strip())
    except SetupError as error:
        raise BadValue(error.args[0], error.remedy) from None
    return raw.strip()


def _read_regex(raw: object) -> str:
    if not isinstance(raw, str) or not raw or len(raw) > REGEX_LIMIT:
        raise BadValue(
            f"an expression has 1 to {REGEX_LIMIT} characters", "write it in single quotes: '(.*)@old\\.example'"
        )
    try:
        check_expression(raw)
    except SetupError as error:
        raise BadValue(error.args[0], error.remedy) from None
    return raw


def _read_file_type(raw: object) -> str:
    if not isinstance(raw, str) or not _FILE_TYPE.fullmatch(raw.strip()):
        raise BadValue(
            f"{_shown(raw)} is no type of files", 'write an ending like ".exe", or "application/x-msdownload"'
        )
    return raw.strip().lower()


HOSTNAME: Final = Kind("a host name", places.parse_domain)
DOMAIN: Final = Kind("a domain", places.parse_domain)
TRUTH: Final = Kind("true or false", _read_truth, bool)
TEXT: Final = Kind("a text", _read_text)
ACCOUNT: Final = Kind("an account's name", _read_account)
NETWORK: Final = Kind("an address or network", places.parse_network, places.format_network)
LISTEN: Final = Kind("host:port, a socket's path, stdio, systemd or systemd:NAME", places.parse_listener)
SERVER: Final = Kind("the URL of a mail server", places.parse_server_url, places.blot_password)
VIA: Final = Kind("a destination", places.parse_via, places.format_via)
ADDRESS: Final = Kind("an address", patterns.parse_address)
SMART: Final = Kind("a pattern of addresses", patterns.parse_smart)
MATCH: Final = Kind("a domain, an address or a pattern", patterns.parse_match)
REGEX: Final = Kind("a regular expression", _read_regex)
STORE: Final = Kind('"sqlite" or "postgresql://..."', _read_store, places.blot_password)
PATH: Final = Kind("a path", _read_path)
RATE: Final = Kind('"600/h", "10/5m" or "off"', quantities.parse_rate, quantities.format_rate)
FILE_TYPE: Final = Kind("an ending or a media type", _read_file_type)
PATTERN: Final = Kind("a host, or *.DOMAIN", _read_pattern)
RESOLVER: Final = Kind("an address with or without a port, or tls://address", _read_resolver)
