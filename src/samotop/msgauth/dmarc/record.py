"""DMARC policy records as values (RFC 9989 §4.7, §4.8).

``parse_record`` takes the octets of one TXT record, its strings joined. All
that makes octets a DMARC record is the tag ``v=DMARC1`` in front, in exactly
that case; whatever follows and cannot be read is ignored, as the RFC demands,
and told in ``problems``. Tags and the words of their values are read in any
case and order. A tag that stands twice counts the first time.

``pct``, ``rf`` and ``ri`` are of RFC 7489 and mean nothing any more: they are
read, reported and not used. In particular ``pct=0`` is not ``t=y``.

Takes linear time. Raises ``NoDmarcRecord``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar

from samotop.msgauth.dmarc.uris import ReportUri, parse_report_uri

RECORD_LIMIT: Final = 8192
"""Octets of a record: an answer beyond this would not even have come by UDP, and the longest honest one has 500."""
TAG_LIMIT: Final = 64
"""Tags of a record that are looked at: the registry has fourteen."""
URI_COUNT_LIMIT: Final = 16
"""URIs of one tag that are looked at: each may cost a message a day."""

_VERSION: Final = re.compile(rb"[vV][ \t]*+=[ \t]*+DMARC1[ \t]*+(?:;|\Z)")
_TAG: Final = re.compile(r"([A-Za-z]++)[ \t]*+=[ \t]*+([ -:<-~\t]*+)")
_PROBLEM_LIMIT: Final = 16

_Word = TypeVar("_Word", bound=StrEnum)
_Value = TypeVar("_Value")


class NoDmarcRecord(ValueError):
    """These octets are no DMARC record, and stand beside one as any other text would."""


class Policy(StrEnum):
    """What the domain's owner thinks of a message that fails."""

    NONE = "none"
    """They do not say."""
    QUARANTINE = "quarantine"
    """Suspicious."""
    REJECT = "reject"
    """Not theirs."""

    @property
    def lowered(self) -> Policy:
        """One level below: what applies while the owner is testing (RFC 9989 §4.7, tag t)."""
        return Policy.QUARANTINE if self is Policy.REJECT else Policy.NONE


class Alignment(StrEnum):
    """How near an authenticated domain must be to the author's (RFC 9989 §3.2.10)."""

    RELAXED = "r"
    """The same organization's."""
    STRICT = "s"
    """The same."""


class Psd(StrEnum):
    """Whether the record stands at a public suffix, below which others register names."""

    YES = "y"
    NO = "n"
    """It does not, and an organization begins right here."""
    UNKNOWN = "u"
    """The tree walk finds out."""


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """One record. ``p``, ``sp`` and ``np`` are ``None`` where absent or not readable; the rest has its default.

    ``is_damaged`` says that ``p``, ``sp`` or ``np`` is there and is none of the
    words. ``pct``, ``rf``, ``ri`` are as in RFC 7489 §6.3. ``text`` is the
    record as it came, what is no ASCII replaced. ``problems`` are for people.
    """

    text: str
    p: Policy | None = None
    sp: Policy | None = None
    np: Policy | None = None
    adkim: Alignment = Alignment.RELAXED
    aspf: Alignment = Alignment.RELAXED
    psd: Psd = Psd.UNKNOWN
    is_testing: bool = False
    rua: tuple[ReportUri, ...] = ()
    ruf: tuple[ReportUri, ...] = ()
    fo: tuple[str, ...] = ("0",)
    pct: int | None = None
    rf: tuple[str, ...] = ()
    ri: int | None = None
    is_damaged: bool = False
    problems: tuple[str, ...] = ()

    @property
    def is_policy(self) -> bool:
        """May a policy be taken from it (RFC 9989 §4.10.1)?

        Without a readable ``p``, or with an unreadable ``sp`` or ``np``, only if somebody wants reports.
        """
        return (self.p is not None and not self.is_damaged) or bool(self.rua)

    def choose_policy(self, *, is_subdomain: bool, exists: bool = True) -> tuple[str, Policy]:
        """The tag that applies to an author's domain, and its policy (RFC 9989 §4.7).

        ``is_subdomain``: the author's domain lies below the one that has this
        record; ``exists``: DNS knows it. A record that is damaged counts as
        ``p=none`` alone.
        """
        if self.is_damaged or (self.p is None and self.sp is None and self.np is None):
            return "p", Policy.NONE
        if is_subdomain:
            if self.np is not None and not exists:
                return "np", self.np
            if self.sp is not None:
                return "sp", self.sp
        return "p", self.p if self.p is not None else Policy.NONE


def is_record(octets: bytes) -> bool:
    """Does this text begin as a DMARC record must (RFC 9989 §4.10, step 2)?"""
    return _VERSION.match(octets) is not None and len(octets) <= RECORD_LIMIT


@lru_cache(maxsize=512)
def parse_record(octets: bytes) -> DmarcRecord:
    """Read one record. Raises ``NoDmarcRecord``. What was read is kept for a while: the same few come all day."""
    if not is_record(octets):
        raise NoDmarcRecord("no DMARC record: it does not begin with v=DMARC1, or is far too long")
    text = octets.decode("ascii", "replace")
    tags = _Tags(text)
    p, sp, np = (tags.take_word(name, Policy) for name in ("p", "sp", "np"))
    damaged = tags.unread & {"p", "sp", "np"}
    ruf = tags.take("ruf", _uri_reader(tags)) or ()
    fo = tags.take("fo", _read_options) or ("0",)
    return DmarcRecord(
        text,
        p,
        sp,
        np,
        tags.take_word("adkim", Alignment) or Alignment.RELAXED,
        tags.take_word("aspf", Alignment) or Alignment.RELAXED,
        tags.take_word("psd", Psd) or Psd.UNKNOWN,
        tags.take("t", _read_flag) or False,
        tags.take("rua", _uri_reader(tags)) or (),
        ruf,
        fo if ruf else ("0",),  # to be ignored without ruf
        tags.take("pct", lambda value: _read_number(value, 100)),
        tags.take("rf", lambda value: tuple(word.strip(" \t").lower() for word in value.split(":"))) or (),
        tags.take("ri", lambda value: _read_number(value, 0xFFFFFFFF)),
        bool(damaged),
        tuple(tags.problems[:_PROBLEM_LIMIT]),
    )


class _Tags:
    """The tags of a record by name; those whose value could not be read are in ``unread``."""

    def __init__(self, text: str) -> None:
        self.problems: list[str] = []
        self.unread: set[str] = set()
        self._values: dict[str, str] = {}
        parts = text.split(";", TAG_LIMIT)
        if len(parts) > TAG_LIMIT:
            parts.pop()
            self.problems.append(f"more than {TAG_LIMIT} tags")
        for part in parts[1:]:
            stripped = part.strip(" \t")
            if not stripped:
                continue
            found = _TAG.fullmatch(stripped)
            if found is None:
                self._add_malformed(stripped)
            elif found[1].lower() in self._values:
                self.problems.append(f"{found[1].lower()} stands twice")
            else:
                self._values[found[1].lower()] = found[2].rstrip(" \t")

    def _add_malformed(self, part: str) -> None:
        """A tag that is none; where its name is clear, it is still there, with a value that nobody can read."""
        name = part.partition("=")[0].rstrip(" \t").lower()
        if "=" in part and name.isascii() and name.isalpha():
            self._values.setdefault(name, "\0")
        else:
            self.problems.append("something is no tag")

    def take(self, name: str, read: Callable[[str], _Value]) -> _Value | None:
        """The value of a tag, ``None`` if it is not there or ``read`` raises ``ValueError``."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return read(value)
        except ValueError:
            self.unread.add(name)
            self.problems.append(f"{name} has a value that is none of its own")
            return None

    def take_word(self, name: str, words: type[_Word]) -> _Word | None:
        return self.take(name, lambda value: words(value.lower()))


def _read_flag(value: str) -> bool:
    if value.lower() not in ("y", "n"):
        raise ValueError("neither y nor n")
    return value.lower() == "y"


def _read_number(value: str, limit: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) <= limit):
        raise ValueError("no number within its range")
    return int(value)


def _read_options(value: str) -> tuple[str, ...]:
    """Failure reporting options: 0 or 1, d, s, each once (RFC 9989 §4.8)."""
    options = tuple(word.strip(" \t").lower() for word in value.split(":"))
    if len(set(options)) != len(options) or not set(options) <= {"0", "1", "d", "s"} or {"0", "1"} <= set(options):
        raise ValueError("not a set of options")
    return options


def _uri_reader(tags: _Tags) -> Callable[[str], tuple[ReportUri, ...]]:
    """Reads a list of URIs; those that are none are left out, and the tag is unread only if all are."""

    def read(value: str) -> tuple[ReportUri, ...]:
        found: list[ReportUri] = []
        parts = value.split(",", URI_COUNT_LIMIT)
        for part in parts[:URI_COUNT_LIMIT]:
            try:
                found.append(parse_report_uri(part))
            except ValueError as error:
                tags.problems.append(f"a report URI is ignored: {error}")
        if not found:
            raise ValueError("no URI at all")
        return tuple(found)

    return read
