"""The Authentication-Results field: what a server found out about who is writing (RFC 8601).

``parse_results`` reads a field's value, ``format_results`` writes a whole
field, ``claims_to_be`` tells the fields that pass for ours. Names of methods,
results, types and properties are lower case here, as they are compared; those
that nobody registered are kept. A ``version`` other than 1 is for the caller to
look at: it says that the words may mean something else (RFC 8601 §2.2).

Reading follows the grammar of RFC 8601 §2.2 with UTF-8 in it (RFC 6532,
RFC 8616), and lets through what large servers write and what can be read in
one way only: an empty place between semicolons, a value with characters that
ought to be quoted (an IPv6 address, base64), a property without a type. Anything
else raises ``ResultsSyntaxError``, which quotes nothing of the field.

Writing keeps to the grammar whatever is put in: an honest value is quoted where
it has to be, and one that cannot be written is left out with its property, since
an identity that was altered would be another's. Comments are neither kept nor written.

Takes linear time. Reads no clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.message.cfws import QUOTED, TOKEN, find_end_of_comment, unquote
from samotop.message.claims import claims_to_be

__all__ = [
    "AuthenticationResults",
    "MethodResult",
    "Property",
    "ResultsSyntaxError",
    "claims_to_be",
    "format_results",
    "parse_results",
]

FIELD_LIMIT: Final = 32 * 1024
"""Octets of a value that are parsed: the longest honest ones have some 3,000."""
VERSION_DIGITS: Final = 9
"""Digits of a version number; there has only been version 1."""
KEYWORD_LIMIT: Final = 64
"""Characters of a name that we write: the longest registered one has 24."""
VALUE_LIMIT: Final = 800
"""Octets of a value that we write, quotes included: a line stays below 998 (RFC 5322 §2.1.1), two names and all."""
IDENTIFIER_LIMIT: Final = 200
"""Characters of our identifier that we write: more than any host name has in practice, and no line too long."""
REASON_LIMIT: Final = 200
"""Characters of a reason that we write; it is for people."""
WIDTH: Final = 78
"""Characters of a line where there is a place to fold it (RFC 5322 §2.1.1)."""

# Possessive, all of them: no character is looked at twice.
_FOLDED: Final = re.compile(rb"(?:[^\r\n\0]++|\r?\n(?=[ \t]))*+")
_SPACE: Final = re.compile(r"[ \t]*+")
_KEYWORD: Final = re.compile(r"[A-Za-z0-9_-]++")
_STRICT_KEYWORD: Final = re.compile(r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+")  # RFC 5321 §4.1.2
_NUMBER: Final = re.compile(r"[0-9]++")
_UNQUOTED: Final = re.compile(r'[^\s\x00-\x20\x7f"();\\]++')
_DOMAIN: Final = re.compile(r"@[A-Za-z0-9._\-\x80-\U0010ffff]++")
_ADDRESS: Final = re.compile(
    r"(?:[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~\x80-\U0010ffff]++|\"(?:[^\"\\]|\\.)*+\")?@[A-Za-z0-9._\-\x80-\U0010ffff]++"
)
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


def format_results(results: AuthenticationResults) -> bytes:
    """The whole field, folded, with its name and CRLF (RFC 8601 §2.2). Raises nothing.

    Left out are results and properties whose names are no keywords, and
    properties whose value has unprintable characters or more than
    ``VALUE_LIMIT`` octets. A reason is shortened and its unprintable characters
    become "?". What cannot be read back would be no evidence.
    """
    head = f"Authentication-Results: {_format_identifier(results.authserv_id)}"
    if _is_other_version(results.version):
        head += f" {results.version}"
    told = [words for result in results.results if (words := _format_method(result))] or [["none"]]
    lines = [head]
    for words in told:
        lines[-1] += ";"
        line, *rest = words
        for word in rest:
            if len(line) + len(word) + 3 <= WIDTH:  # the tab, the space, a semicolon that may follow
                line += f" {word}"
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return ("\r\n\t".join(lines) + "\r\n").encode()


def _format_identifier(name: str) -> str:
    text = "".join(c if c.isprintable() else "_" for c in name[:IDENTIFIER_LIMIT]) or "unknown"
    return text if TOKEN.fullmatch(text) else _quote(text)


def _format_method(result: MethodResult) -> list[str]:
    """The words of one result, or none of them."""
    if not _is_keyword(result.method) or not _is_keyword(result.result):
        return []
    version = f"/{result.version}" if _is_other_version(result.version) else ""
    words = [f"{result.method.lower()}{version}={result.result.lower()}"]
    if result.reason:
        reason = "".join(c if c.isprintable() else "?" for c in result.reason[:REASON_LIMIT])
        words.append(f"reason={_quote(reason)}")
    for item in result.properties:
        if _is_keyword(item.type) and _is_keyword(item.name):
            value = _format_value(item.value)
            if value:
                words.append(f"{item.type.lower()}.{item.name.lower()}={value}")
    return words


def _is_other_version(version: int) -> bool:
    return version != 1 and 0 <= version < 10**VERSION_DIGITS


def _is_keyword(text: str) -> bool:
    return len(text) <= KEYWORD_LIMIT and _STRICT_KEYWORD.fullmatch(text) is not None


def _format_value(text: str) -> str:
    """A value as it may stand behind an equals sign; empty where it cannot be written."""
    if len(text) > VALUE_LIMIT or not text.replace("\t", " ").isprintable():
        return ""
    written = text if TOKEN.fullmatch(text) or _ADDRESS.fullmatch(text) else _quote(text)
    return written if len(written.encode()) <= VALUE_LIMIT else ""


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
