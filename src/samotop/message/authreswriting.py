"""Writes the Authentication-Results field (RFC 8601 §2.2); ``authres`` reads it, and has its values.

Keeps to the grammar whatever is put in: an honest value is quoted where it has
to be, and one that cannot be written is left out with its property, since an
identity that was altered would be another's. Comments are not written.

Raises nothing.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.message.authres import VERSION_DIGITS, AuthenticationResults, MethodResult
from samotop.message.cfws import TOKEN

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
_STRICT_KEYWORD: Final = re.compile(r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+")  # RFC 5321 §4.1.2
_ADDRESS: Final = re.compile(
    r"(?:[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~\x80-\U0010ffff]++|\"(?:[^\"\\]|\\.)*+\")?@[A-Za-z0-9._\-\x80-\U0010ffff]++"
)


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
