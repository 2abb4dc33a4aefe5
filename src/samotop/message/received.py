"""Received fields, read for people: who handed the message to whom, when, and whether the line was encrypted.

``parse_received`` takes a field's raw value (RFC 5321 §4.4). Every program
writes the field in its own manner and strangers write what they like, so this
reader is tolerant: what it does not understand stays empty. What it gives is
for viewing; only the fields that our own servers wrote say what happened.

Known manners: from the client's name, then its verified name and address in a
comment (Postfix, Sendmail, Gmail and ourselves); ``helo=`` in a comment (Exim),
``HELO`` (qmail); a bare address in the comment (Exchange); TLS in comments or
by the word after "with" (RFC 3848).

Takes linear time in at most ``VALUE_LIMIT`` octets. Reads no clock. Raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from typing import Final

from samotop.message.header import iterate_fields

VALUE_LIMIT: Final = 4096
"""Octets of one field that we look at: the longest honest ones have 1,000."""
HOPS_LIMIT: Final = 100
"""Fields that we look at: servers take a message with more for a loop (RFC 5321 §6.3)."""
CANDIDATE_LIMIT: Final = 20
"""Words of a from-clause that are tried as an address."""

_CLAUSES: Final = ("from", "by", "via", "with", "id", "for")
_PROTOCOL: Final = re.compile(r"(?:UTF8)?(?:E?SMTP|LMTP)(S?)A?(?![^ ])", re.IGNORECASE)

# Possessive, all of them: no character is looked at twice.
_TOKEN: Final = re.compile(r'\s++|"(?:[^"\\]++|\\.)*+"?|[();]|[^\s"();]++', re.DOTALL)
_IN_COMMENT: Final = re.compile(r"(?:[^()\\]++|\\.|\\\Z)*+", re.DOTALL)
_TLS: Final = re.compile(r"\b(TLS|SSL)[ _]?v?([1-3])(?:[._]([0-3]))?(?![0-9A-Za-z])", re.IGNORECASE)
_BRACKETED: Final = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)
_BARE: Final = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:.]{2,45}(?![0-9A-Za-z:.])")
_HELO: Final = re.compile(r"\bhelo[= ]\[?([^\s\])]{1,255})", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253})")
_DATE: Final = re.compile(
    r"(\d{1,2})\s{1,9}([A-Za-z]{3})[a-z]{0,6}\s{1,9}(\d{4}|\d{2})\s{1,9}(\d{1,2}):(\d{2})(?::(\d{2}))?"
    r"(?:\s{0,9}([+-])(\d{2})(\d{2})|\s{1,9}([A-Za-z]{1,5}))?"
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES: Final = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
"""The obsolete zones of RFC 5322 §4.3; any other word says nothing and counts as UTC."""


@dataclass(frozen=True, slots=True)
class Received:
    """One hop, as its field tells it; what it does not tell is empty."""

    hello: str = ""
    """What the client called itself."""
    name: str = ""
    """The client's name by reverse DNS, as the server found it."""
    address: str = ""
    """The client's IP address, in its usual form."""
    by: str = ""
    """The server that wrote the field."""
    protocol: str = ""
    """The word or words after "with"; a registered word stands alone (RFC 3848, RFC 6531)."""
    tls: str = ""
    """``TLS 1.3``; empty where no version is told."""
    id: str = ""
    recipient: str = ""
    at: datetime | None = None
    """When, with its zone."""

    @property
    def is_encrypted(self) -> bool:
        """Told to have come over TLS."""
        registered = _PROTOCOL.match(self.protocol)
        return bool(self.tls) or (registered is not None and registered[1] != "")


def parse_received(value: bytes) -> Received:
    """Read one field's value, folded as it is."""
    text = value[:VALUE_LIMIT].decode("utf-8", "replace")
    clauses, comments, date = _split(text)
    hello, name, address = _read_origin(clauses.get("from", ""), comments.get("from", []))
    protocol = clauses.get("with", "")
    if registered := _PROTOCOL.match(protocol):
        protocol = registered[0]
    found = (_TLS.search(comment) for told in comments.values() for comment in told)
    tls = next((match for match in found if match is not None), None)
    return Received(
        hello=hello,
        name=name,
        address=address,
        by=clauses.get("by", "").partition(" ")[0].rstrip("."),
        protocol=protocol,
        tls="" if tls is None else f"{tls[1].upper()} {tls[2]}.{tls[3] or 0}",
        id=clauses.get("id", ""),
        recipient=clauses.get("for", "").strip("<>"),
        at=parse_date(date),
    )


def read_hops(section: bytes) -> list[Received]:
    """The Received fields of a header section, the newest first as they stand; at most ``HOPS_LIMIT``."""
    hops: list[Received] = []
    for field in iterate_fields(section):
        if field.name.lower() == b"received":
            hops.append(parse_received(field.value))
            if len(hops) == HOPS_LIMIT:
                break
    return hops


def parse_date(text: str) -> datetime | None:
    """A date of RFC 5322 §3.3 and §4.3, seconds and zone optional; ``None`` where there is none."""
    match = _DATE.search(text[:200])
    if match is None or match[2].lower() not in _MONTHS:
        return None
    year = int(match[3])
    if len(match[3]) == 2:
        year += 2000 if year < 50 else 1900
    zone = UTC
    if match[7]:
        offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
        if offset < timedelta(hours=24):
            zone = timezone(offset if match[7] == "+" else -offset)
    elif match[10]:
        zone = timezone(timedelta(hours=_ZONES.get(match[10].upper(), 0)))
    try:
        month = _MONTHS.index(match[2].lower()) + 1
        # A leap second is the second before it to everybody but astronomers.
        return datetime(
            year, month, int(match[1]), int(match[4]), int(match[5]), min(int(match[6] or 0), 59), tzinfo=zone
        )
    except ValueError:
        return None


def _split(text: str) -> tuple[dict[str, str], dict[str, list[str]], str]:
    """The clauses' words, the comments by the clause they stand in, and the text behind the last semicolon."""
    words: dict[str, list[str]] = {}
    comments: dict[str, list[str]] = {}
    tokens = list(_iterate_tokens(text))
    # The last semicolon is the one before the date: an earlier one can only be somebody's odd name.
    end = max((number for number, token in enumerate(tokens) if token[1] == ";" and not token[0]), default=len(tokens))
    clause = ""
    for is_comment, token, _ in tokens[:end]:
        if is_comment:
            comments.setdefault(clause, []).append(token)
        elif token.lower() in _CLAUSES and token.lower() not in words:
            clause = token.lower()
            words[clause] = []
        elif clause:
            words[clause].append(token)
    date = text[tokens[end][2] :] if end < len(tokens) else ""
    return {name: " ".join(told) for name, told in words.items()}, comments, date


def _iterate_tokens(text: str) -> Iterator[tuple[bool, str, int]]:
    """``(is_comment, text, end)`` of each token. Where a bracket has no partner, brackets are spaces from there on."""
    position, are_comments = 0, True
    while (match := _TOKEN.match(text, position)) is not None:
        position = match.end()
        token = match[0]
        if token == "(" and are_comments:
            end = _end_of_comment(text, position)
            if end:
                yield True, text[position : end - 1], end
                position = end
            else:
                are_comments = False
        elif token not in "()" and not token.isspace():
            yield False, token, position


def _end_of_comment(text: str, position: int) -> int:
    """Where the comment ends whose bracket stands before ``position``, or 0."""
    depth = 1
    while depth:
        match = _IN_COMMENT.match(text, position)
        assert match is not None, "the pattern matches nothing as well"
        position = match.end() + 1
        if position > len(text):
            return 0
        depth += 1 if text[position - 1] == "(" else -1
    return position


def _read_origin(told: str, comments: list[str]) -> tuple[str, str, str]:
    """What the client called itself, its verified name, its address."""
    first = told.partition(" ")[0]
    beside = " ".join(comments)
    address = _find_address(beside) or _find_address(told)
    hello, name = first, ""
    if helo := _HELO.search(beside):
        hello, name = helo[1], first if _NAME.fullmatch(first) else ""
    elif comments:
        word = comments[0].strip().partition(" ")[0].rpartition("@")[2].rstrip(".")
        if _NAME.fullmatch(word) and "." in word and not _is_address(word) and not _TLS.match(word):
            name = word
    return hello.rstrip("."), "" if name.lower() == "unknown" else name, address


def _find_address(text: str) -> str:
    for pattern in (_BRACKETED, _BARE):
        for number, match in enumerate(pattern.finditer(text)):
            if number == CANDIDATE_LIMIT:
                break
            if _is_address(match[match.lastindex or 0]):
                return str(ip_address(match[match.lastindex or 0]))
    return ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
