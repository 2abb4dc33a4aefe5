"""Rewriting of addresses by regular expressions: the first that matches the whole address replaces it, once.

The expressions are the operator's, the addresses a stranger's. So that no
address can make an expression run for long, what is matched is at most
``SUBJECT_LIMIT`` characters, and an expression may neither repeat a group that
itself repeats or chooses, nor hold more than ``REPEATS_LIMIT`` repetitions;
what is left takes time in the third power of 320 at the worst.

Raises ``SetupError`` for expressions that cannot be used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from samotop.address import Address
from samotop.errors import SetupError
from samotop.routing.rules import Rewrite

SUBJECT_LIMIT: Final = 320
"""Characters of an address: 64 and @ and 255 (RFC 5321 §4.5.3.1); longer ones are not rewritten."""
REPEATS_LIMIT: Final = 3
"""Unbounded repetitions in one expression: a name, a tag and a domain."""

_TOKEN: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\((?:\?(?:P?<[^=!>]*>|[:=!>]|<[=!]|P?=?)?)?)|(?P<close>\))"
    r"|(?P<choice>\|)|(?P<repeat>[*+]|\{\d*,\d*\}|\{\d{2,}\})|.",
    re.DOTALL,
)


def check_expression(expression: str) -> None:
    """Refuse what some address could keep busy for long. Raises ``SetupError`` with what would be right."""
    repeats = 0
    grows: list[bool] = [False]  # for each open group: does it repeat or choose?
    closed: bool | None = None  # of the group that has just been closed
    for token in _TOKEN.finditer(expression):
        if token["repeat"]:
            repeats += 1
            grows[-1] = True
            if closed:
                raise SetupError(
                    "the expression repeats what itself repeats or chooses",
                    remedy=r"write the group without * + {n,} or | inside, like '([^@]*)@old\.example'",
                )
        elif token["open"]:
            grows.append(False)
        elif token["choice"]:
            grows[-1] = True
        if token["close"] and len(grows) > 1:
            closed = grows.pop()
            grows[-1] = grows[-1] or closed
        else:
            closed = None
    if repeats > REPEATS_LIMIT:
        raise SetupError(
            f"the expression has more than {REPEATS_LIMIT} repetitions", remedy="write several rewritings in its place"
        )
    try:
        re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise SetupError(
            f"the expression cannot be read: {error}", remedy=r"put a \ before a dot or a bracket"
        ) from error


class Rewriter:
    """The rewritings, compiled. Raises ``SetupError`` when one cannot be used."""

    def __init__(self, rewrites: Sequence[Rewrite]) -> None:
        self._rewrites: list[tuple[re.Pattern[str], str]] = []
        for rewrite in rewrites:
            check_expression(rewrite.match)
            pattern = re.compile(rewrite.match, re.IGNORECASE)
            _check_replacement(pattern, rewrite.to)
            self._rewrites.append((pattern, rewrite.to))

    def rewrite(self, address: Address) -> Address | None:
        """The address instead; the same one where nothing matches; ``None`` where what comes out is no address."""
        subject = f"{address.local}@{address.domain}"
        if len(subject) > SUBJECT_LIMIT:
            return address
        for pattern, to in self._rewrites:
            match = pattern.fullmatch(subject)
            if match is not None:
                local, at, domain = match.expand(to).rpartition("@")
                return Address(local, domain) if at and local and domain else None
        return address


def _check_replacement(pattern: re.Pattern[str], to: str) -> None:
    if "@" not in to and "\\" not in to:
        raise SetupError(f'"{to}" is no address', remedy=r'write the address instead, like "\1@example.org"')
    try:
        pattern.sub(to, "")  # reads the template, whether or not it matches
    except (re.error, IndexError) as error:
        raise SetupError(
            f'"{to}" cannot be used: {error}', remedy=r"\1 is the first group of the expression"
        ) from error
