"""Macro strings of RFC 7208 §7: read once into a ``Template``, expanded with the values of one evaluation.

    template = parse_domain_spec("%{ir}.%{v}._spf.%{d2}")
    expand_target(template, {"i": "192.0.2.3", "v": "in-addr", "d": "email.example.com"})
    # "3.2.0.192.in-addr._spf.example.com"

``parse_domain_spec``, ``parse_macro_string`` and ``parse_explanation`` raise
``SpfSyntaxError``; expanding raises nothing. Takes linear time: a domain name
is expanded from its right end and no further than a name can be long, an
explanation from its left and no further than we would show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from samotop.dns.names import NAME_LIMIT
from samotop.errors import PeerError

EXPLANATION_LIMIT: Final = 450
"""Characters of an explanation: with some words it fits a reply line of 512 octets (RFC 5321 §4.5.3.1.5)."""
PARTS_LIMIT: Final = 127
"""Labels of a name; a macro that asks for more parts gets all of them (RFC 7208 §7.1)."""
SHOWN_LIMIT: Final = 60
"""Characters of a faulty term that an error quotes."""

# Each alternative begins with another character, and the runs are possessive: no character is looked at twice.
_EXPAND: Final = r"%([%_-])|%\{([slodiphcrtv])([0-9]*+)(r?)([-.+,/_=]*+)\}"
_TOKEN: Final = re.compile(rf"([!-$&-~]++)|{_EXPAND}", re.IGNORECASE | re.ASCII)
_SPACED_TOKEN: Final = re.compile(rf"([ -$&-~]++)|{_EXPAND}", re.IGNORECASE | re.ASCII)
_ESCAPES: Final = {"%": "%", "_": " ", "-": "%20"}
# Control characters and what is not ASCII are in no name that we ask for; a space may be (RFC 7208 §7.1: %_).
_NAME: Final = re.compile(r"(?:[ -\-/-~]{1,63}+\.)*+[ -\-/-~]{1,63}+")
_PRINTABLE: Final = re.compile(r"[ -~]*+")
_LABEL: Final = re.compile(r"[0-9A-Za-z-]++")


class SpfSyntaxError(PeerError):
    """A record, or a macro string in it, that is not of the grammar of RFC 7208 §12. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Macro:
    """``%{letter...}``: which value, and what to do with it (RFC 7208 §7.1)."""

    letter: str
    """In lower case."""
    parts: int
    """How many of the right-hand parts; 0 for all."""
    is_reversed: bool
    delimiters: str
    """What the value is split at; never empty."""
    is_escaped: bool
    """Written in upper case: URL escaped (RFC 3986 §2.1)."""

    def expand(self, values: Mapping[str, str]) -> str:
        value = values.get(self.letter, "")
        if self.parts or self.is_reversed or self.delimiters != ".":
            value = self._transform(value)
        return quote(value, safe="", errors="replace") if self.is_escaped else value

    def _transform(self, value: str) -> str:
        first = self.delimiters[0]
        for other in self.delimiters[1:]:
            value = value.replace(other, first)
        parts = value.split(first)
        if self.is_reversed:
            parts.reverse()
        return ".".join(parts[-self.parts :] if self.parts else parts)


@dataclass(frozen=True, slots=True)
class Template:
    """A macro string: literal text and macros in turn. ``letters`` are those of its macros."""

    pieces: tuple[str | Macro, ...]
    letters: frozenset[str]
    target: str | None = None
    """Of a domain-spec without macros the name it is, empty if that is none; ``None`` where there are macros."""

    @property
    def uses_local_part(self) -> bool:
        return "l" in self.letters or "s" in self.letters


def parse_macro_string(text: str, *, allows_all: bool = False) -> Template:
    """Read a ``macro-string``. ``allows_all``: the letters c, r and t too, which only an explanation may use.

    Raises ``SpfSyntaxError``.
    """
    return _read(text, _TOKEN, allows_all=allows_all)[0]


def parse_explanation(text: str) -> Template:
    """Read an ``explain-string``: a macro string with spaces and all letters (RFC 7208 §6.2).

    Raises ``SpfSyntaxError``.
    """
    return _read(text, _SPACED_TOKEN, allows_all=True)[0]


def parse_domain_spec(text: str) -> Template:
    """Read a ``domain-spec``: a macro string that ends in a macro or in a top-level label with a dot before it.

    Raises ``SpfSyntaxError``.
    """
    if not text:
        raise SpfSyntaxError("a domain name is missing")
    template, tail = _read(text, _TOKEN, allows_all=False)
    if tail and not _ends_in_toplabel(tail):
        raise SpfSyntaxError(f"{show(text)} does not end in a top-level label")
    if not template.letters:
        return Template(template.pieces, template.letters, expand_target(template, {}))
    return template


def _read(text: str, token: re.Pattern[str], *, allows_all: bool) -> tuple[Template, str]:
    """The template, and the literal text behind its last macro or escape."""
    pieces: list[str | Macro] = []
    letters: set[str] = set()
    tail = ""
    position, size, match = 0, len(text), token.match
    while position < size:
        found = match(text, position)
        if found is None:
            raise SpfSyntaxError(f"{show(text[position:])} begins with no macro and no character of a name")
        position = found.end()
        literal, escape, written, digits, reverse, delimiters = found.groups()
        tail = literal or ""
        if written is None:
            pieces.append(literal or _ESCAPES[escape])
            continue
        letter = written.lower()
        if not allows_all and letter in "crt":
            raise SpfSyntaxError(f"%{{{letter}}} is for explanations only")
        letters.add(letter)
        distinct = "".join(dict.fromkeys(delimiters)) or "."
        pieces.append(Macro(letter, _count_parts(digits), bool(reverse), distinct, letter != written))
    return Template(tuple(pieces), frozenset(letters)), tail


def _count_parts(digits: str) -> int:
    if not digits:
        return 0
    significant = digits.lstrip("0")
    if not significant:
        raise SpfSyntaxError("a macro asks for no parts at all")
    return 0 if len(significant) > 3 or int(significant) > PARTS_LIMIT else int(significant)


def _ends_in_toplabel(tail: str) -> bool:
    """Does literal text end in ``"." toplabel [ "." ]``? (RFC 7208 §7.1)"""
    dot, label = tail.removesuffix(".").rpartition(".")[1:]
    if not dot or label.startswith("-") or label.endswith("-") or label.isdigit():
        return False
    return _LABEL.fullmatch(label) is not None


def expand_target(template: Template, values: Mapping[str, str]) -> str:
    """The name that a domain-spec stands for, cut from the left to what a name can have (RFC 7208 §7.3).

    Empty where the result cannot be a name: an empty or overlong label, or
    a character beyond printable ASCII.
    """
    if template.target is not None:
        return template.target
    name = ""
    for piece in reversed(template.pieces):
        name = (piece if isinstance(piece, str) else piece.expand(values)) + name
        if len(name) > NAME_LIMIT + 2:  # a dot at the end goes, and one before the rest must be seen
            break
    name = name.removesuffix(".")
    if len(name) > NAME_LIMIT:
        name = name[-NAME_LIMIT - 1 :].partition(".")[2]
    return name if is_name(name) else ""


def is_name(name: str) -> bool:
    """Can this be asked for: labels of 1 to 63 printable ASCII characters, no more than 253 together?"""
    return len(name) <= NAME_LIMIT and _NAME.fullmatch(name) is not None


def expand_explanation(template: Template, values: Mapping[str, str]) -> str:
    """The text that an explanation stands for; empty where it is overlong or not printable ASCII (RFC 7208 §6.2)."""
    pieces: list[str] = []
    size = 0
    for piece in template.pieces:
        text = piece if isinstance(piece, str) else piece.expand(values)
        pieces.append(text)
        size += len(text)
        if size > EXPLANATION_LIMIT:
            return ""
    text = "".join(pieces)
    return text if _PRINTABLE.fullmatch(text) else ""


def show(text: str) -> str:
    """A strange text as an error may quote it: short, printable, in quotes."""
    quoted = ascii(text[:SHOWN_LIMIT])
    return quoted if len(quoted) <= SHOWN_LIMIT + 2 else f"{quoted[:SHOWN_LIMIT]}...'"
