"""What a mailbox or a route claims: addresses, domains, and patterns with ``*``.

Form, and whether two of them meet; what an address matches is for
``samotop.routing`` to say. ``*`` stands for any characters, also none; it does
not cross the ``@``. Domains and local parts compare in any case.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from samotop.config.fault import BadValue
from samotop.config.places import parse_domain
from samotop.errors import SetupError
from samotop.routing.patterns import fold_local, parse_domain_glob

LOCAL_LIMIT: Final = 254
"""Characters of a local part; as in ``samotop.smtp``."""

STARS_LIMIT: Final = 8
"""Stars in one pattern: enough for every convention, few enough to compare any two quickly."""

_LOCAL: Final = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+")
_ADDRESS_REMEDY: Final = 'write it like "alice@example.org"'


def parse_address(raw: object) -> str:
    """A plain address, normalised for comparing: NFC and lower case."""
    text = parse_pattern(raw, _ADDRESS_REMEDY)
    if "@" not in text or "*" in text:
        raise BadValue(f'"{raw}" is not an address', _ADDRESS_REMEDY)
    return text


def parse_smart(raw: object) -> str:
    """A pattern of addresses: ``alice+*@example.org``, ``*@alice.example.org``."""
    remedy = 'write it like "alice+*@example.org" or "*@alice.example.org"'
    text = parse_pattern(raw, remedy)
    if "@" not in text or "*" not in text:
        raise BadValue(f'"{raw}" is not a pattern of addresses', remedy)
    if text.partition("@")[2].strip("*.") == "":
        raise BadValue(f'"{raw}" would claim addresses of everybody', "name the domain behind the @")
    return text


def parse_match(raw: object) -> str:
    """What a route matches: ``*``, a domain, an address or a pattern of either."""
    return parse_pattern(
        raw, 'write a domain, an address, or a pattern such as "*.example.org", "list-*@example.org" or "*"'
    )


def parse_pattern(raw: object, remedy: str) -> str:
    """Form common to all of them. Raises ``BadValue`` with ``remedy``."""
    if not isinstance(raw, str):
        raise BadValue("this is a text", remedy)
    text = unicodedata.normalize("NFC", raw).strip().lower().removesuffix(".")
    local, at, domain = text.rpartition("@")
    if at and (len(local) > LOCAL_LIMIT or not _LOCAL.fullmatch(local)):
        raise BadValue(f'"{raw}" has no local part that could be matched', remedy)
    if text.count("*") > STARS_LIMIT:
        raise BadValue(f'"{raw}" has more than {STARS_LIMIT} stars', remedy)
    if domain != "*":
        try:
            domain = _check_domain(domain)
        except (BadValue, SetupError):
            raise BadValue(f'"{raw}" has no domain that could be matched', remedy) from None
    return f"{fold_local(local)}@{domain}" if at else domain


def _check_domain(domain: str) -> str:
    """A domain with stars as it is compared. Raises ``BadValue`` or ``SetupError``."""
    parse_domain(domain.replace("*", "x") if domain.isascii() else domain.replace("*.", ""))
    return "*".join(parse_domain_glob(domain).pieces)


def overlap(one: str, other: str) -> bool:
    """Is there an address that both claims match? Both are as ``parse_address`` or ``parse_smart`` gave them."""
    local, _, domain = one.rpartition("@")
    other_local, _, other_domain = other.rpartition("@")
    return _meet(domain, other_domain) and _meet(local, other_local)


def _meet(one: str, other: str) -> bool:
    """Is there a text that both patterns match? Walks both at once; a star may stay while the other side moves."""
    seen: set[tuple[int, int]] = set()
    waiting = [(0, 0)]
    while waiting:
        i, j = here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        if i == len(one) and j == len(other):
            return True
        left, right = one[i : i + 1], other[j : j + 1]
        if left == "*":
            waiting.append((i + 1, j))
        if right == "*":
            waiting.append((i, j + 1))
        if left and right:
            if left == "*":
                waiting.append((i, j + 1))
            if right == "*":
                waiting.append((i + 1, j))
            if left == right:
                waiting.append((i + 1, j + 1))
    return False
