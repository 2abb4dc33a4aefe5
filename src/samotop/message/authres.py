"""The Authentication-Results field: what a server found out about who is writing (RFC 8601).

``parse_results`` reads a field's value; ``authreswriting`` writes a whole
field, ``claims`` tells the fields that pass for ours. Names of methods,
results, types and properties are lower case here, as they are compared; those
that nobody registered are kept. A ``version`` other than 1 is for the caller to
look at: it says that the words may mean something else (RFC 8601 §2.2).

Reading follows the grammar of RFC 8601 §2.2 with UTF-8 in it (RFC 6532,
RFC 8616), and lets through what large servers write and what can be read in
one way only: an empty place between semicolons, a value with characters that
ought to be quoted (an IPv6 address, base64), a property without a type. Anything
else raises ``ResultsSyntaxError``, which quotes nothing of the field.

Takes linear time. Reads no clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.message.cfws import QUOTED, TOKEN, find_end_of_comment, unquote

FIELD_LIMIT: Final = 32 * 1024
"""Octets of a value that are parsed: the longest honest ones have some 3,000."""
VERSION_DIGITS: Final = 9
"""Digits of a version number; there has only been version 1."""

# Possessive, all of them: no character is looked at twice.
_FOLDED: Final = re.compile(rb"(?:[^\r\n\0]++|\r?\n(?=[ \t]))*+")
_SPACE: Final = re.compile(r"[ \t]*+")
_KEYWORD: Final = re.compile(r"[A-Za-z0-9_-]++")
_NUMBER: Final = re.compile(r"[0-9]++")
_UNQUOTED: Final = re.compile(r'[^\s\x00-\x20\x7f"();\\]++')
_DOMAIN: Final = re.compile(r"@[A-Za-z0-9._\-\x80-\U0010ffff]++")
_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class ResultsSyntaxError(ValueError):
    """A field that is no Authentication-Results by RFC 8601 §2.2."""


@dataclass(frozen=True, slots=True)
class Property:
    """What a method looked at, as in ``smtp.mailfrom=example.org``.

    ``type`` is ``smtp``, ``header``, ``body``, ``policy``, ``dns`` or another
    word; empty where the field has none, which the grammar does not allow and
    some write.
    """

    type: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class MethodResult:
    """One method's result; ``method`` and ``result`` as in ``spf=pass``, ``version`` is the method's own."""

    method: str
    result: str
    version: int = 1
    reason: str = ""
    properties: tuple[Property, ...] = ()

    def find(self, type: str, name: str) -> str | None:
        """The value of the first such property, or ``None``."""
        return next((p.value for p in self.properties if p.type == type and p.name == name), None)


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """What one server found. No ``results`` says that it did not look ("none")."""

    authserv_id: str
    version: int = 1
    results: tuple[MethodResult, ...] = ()


def parse_results(value: bytes) -> AuthenticationResults:
    """Read what follows ``Authentication-Results:``, folded or not. Raises ``ResultsSyntaxError``."""
    if len(value) > FIELD_LIMIT:
        raise ResultsSyntaxError(f"the field is longer than {FIELD_LIMIT} octets")
    value = value.removesuffix(b"\n").removesuffix(b"\r")
    if not _FOLDED.fullmatch(value):
        raise ResultsSyntaxError("the field has a line end that does not fold it, or a NUL")
    text = value.replace(b"\r", b"").replace(b"\n", b"").decode("utf-8", "surrogateescape")
    reader = _Reader(text)
    reader.skip()
    authserv_id = reader.take_identifier()
    reader.skip()
    version = reader.take_version()
    reader.skip()
    results: list[MethodResult] = []
    is_none = False
    while reader.takes(";"):
        reader.skip()
        if reader.is_at_end or reader.is_at(";"):
            continue
        result = reader.take_result()
        if result is None:
            is_none = True
        else:
            results.append(result)
    if not reader.is_at_end:
        raise ResultsSyntaxError("the field has something other than results after its identifier")
    if is_none == bool(results):
        raise ResultsSyntaxError('the field has results and "none"' if is_none else "the field has no result")
    return AuthenticationResults(authserv_id, version, tuple(results))


class _Reader:
    """Takes one element after another off a text; what ``skip`` passes is white space and comments (CFWS)."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def is_at_end(self) -> bool:
        return self.at == len(self.text)

    def is_at(self, mark: str) -> bool:
        return self.text.startswith(mark, self.at)

    def takes(self, mark: str) -> bool:
        if not self.is_at(mark):
            return False
        self.at += 1
        return True

    def skip(self) -> None:
        while True:
            found = _SPACE.match(self.text, self.at)
            assert found is not None, "the pattern matches nothing as well"
            self.at = found.end()
            if not self.is_at("("):
                return
            self.at = find_end_of_comment(self.text, self.at)
            if self.at < 0:
                raise ResultsSyntaxError("the field has a comment without an end, or too deep a one")

    def take(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ResultsSyntaxError(f"the field has no {what} where one belongs")
        self.at = found.end()
        return found[0]

    def take_keyword(self, what: str) -> str:
        word = self.take(_KEYWORD, what).lower()
        self.skip()
        return word

    def take_identifier(self) -> str:
        if not self.is_at('"'):
            return _checked(self.take(TOKEN, "identifier"))
        name = _checked(unquote(self.take(QUOTED, "end of a quoted string")))
        if not name:
            raise ResultsSyntaxError("the field has an empty identifier")
        return name

    def take_version(self) -> int:
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            return 1
        self.at = found.end()
        if len(found[0]) > VERSION_DIGITS:
            raise ResultsSyntaxError("the field has a version out of all proportion")
        return int(found[0])

    def take_result(self) -> MethodResult | None:
        """One ``method=result`` with what belongs to it; ``None`` for the word "none" alone."""
        method, version = self.take_keyword("method"), 1
        if self.takes("/"):
            self.skip()
            if not _NUMBER.match(self.text, self.at):
                raise ResultsSyntaxError("the field has a method without its version")
            version = self.take_version()
            self.skip()
        elif method == "none" and (self.is_at_end or self.is_at(";")):
            return None
        self.take_equals()
        result = self.take_keyword("result")
        reason: str | None = None
        properties: list[Property] = []
        while not self.is_at_end and not self.is_at(";"):
            ptype, name = "", self.take_keyword("property")
            if self.takes("."):
                self.skip()
                ptype, name = name, self.take_keyword("property")
            self.take_equals()
            value = self.take_value()
            self.skip()
            if ptype or name != "reason":
                properties.append(Property(ptype, name, value))
            elif reason is None:
                reason = value
            else:
                raise ResultsSyntaxError("the field has a result with two reasons")
        return MethodResult(method, result, version, reason or "", tuple(properties))

    def take_equals(self) -> None:
        if not self.takes("="):
            raise ResultsSyntaxError("the field has a name without a value")
        self.skip()

    def take_value(self) -> str:
        if self.is_at('"'):
            start = self.at
            quoted = self.take(QUOTED, "end of a quoted string")
            if not self.is_at("@"):
                return _checked(unquote(quoted))
            self.take(_DOMAIN, "domain")  # an address, whose quotes belong to it
            return _checked(self.text[start : self.at])
        if self.is_at_end or self.is_at(";"):
            return ""
        value = self.take(_UNQUOTED, "value")
        if "=" in value.rstrip("=") and "@" not in value:
            raise ResultsSyntaxError("the field has a property without a value")  # and this is the next property
        return _checked(value)


def _checked(text: str) -> str:
    if _CONTROL.search(text):
        raise ResultsSyntaxError("the field has a value with control characters, or with octets that are no UTF-8")
    return text
