"""The tree walk: from a domain up to the top, to find its policy record and its organization (RFC 9989 §4.10).

A walk asks for the TXT records at ``_dmarc.`` of the domain, of each domain
above it and of the top-level domain; from a domain of more than eight labels
it jumps to the last seven. So it asks at most ``QUERY_LIMIT`` questions, one
after the other, and stops early at a record with ``psd=y`` or ``psd=n``.

The public suffix list of RFC 7489 is not used: the domains say themselves
where one organization ends. ``suffixes`` has it for those who check a zone.

Awaits nothing but the resolver. Raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.dns.answer import Answer, Status
from samotop.dns.resolver import Resolver
from samotop.msgauth.dmarc.record import DmarcRecord, Psd, is_record, parse_record

QUERY_LIMIT: Final = 8
"""Questions of one walk (RFC 9989 §4.10): no honest author's domain had more than seven labels."""


def plan_walk(domain: str) -> tuple[str, ...]:
    """The domains whose record a walk asks for, in order. ``domain`` is as ``normalize_name`` writes it."""
    labels = domain.split(".")
    kept = labels[1:] if len(labels) < QUERY_LIMIT else labels[-(QUERY_LIMIT - 1) :]
    return (domain, *(".".join(kept[at:]) for at in range(len(kept))))


@dataclass(frozen=True, slots=True)
class Found:
    """A domain that has exactly one DMARC record."""

    domain: str
    record: DmarcRecord


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk from ``start`` found, the longest domain first.

    ``has_failed``: DNS did not answer on the way, and what lies above is not
    known. ``is_secure``: every answer was verified by DNSSEC. ``problems`` are
    for people.
    """

    start: str
    found: tuple[Found, ...] = ()
    has_failed: bool = False
    is_secure: bool = False
    problems: tuple[str, ...] = ()

    def find_record(self, domain: str) -> DmarcRecord | None:
        return next((found.record for found in self.found if found.domain == domain), None)

    @property
    def organizational_domain(self) -> str:
        """The top of what has the same owner (RFC 9989 §4.10.2). Of a walk that failed it is a guess."""
        for found in self.found:
            if found.record.psd is Psd.NO:
                return found.domain
            if found.record.psd is Psd.YES and found.domain != self.start:
                below = self.start.removesuffix("." + found.domain)
                return f"{below.rpartition('.')[2]}.{found.domain}"
        return self.found[-1].domain if self.found else self.start

    def find_policy(self) -> Found | None:
        """The record that applies to ``start``: its own, its organization's, its public suffix's (RFC 9989 §4.10.1)."""
        if not self.found:
            return None
        if self.found[0].domain == self.start:
            return self.found[0]
        own = self.organizational_domain
        for found in self.found:
            if found.domain == own:
                return found
        return self.found[-1]  # the walk stopped at the public suffix


class Records:
    """The DMARC records of one evaluation, each asked for once."""

    __slots__ = ("_known", "_resolver")

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[str, Answer] = {}

    async def lookup(self, domain: str) -> Answer:
        """The TXT records at ``_dmarc.`` of a domain."""
        answer = self._known.get(domain)
        if answer is None:
            answer = self._known[domain] = await self._resolver.lookup(f"_dmarc.{domain}", "TXT")
        return answer

    async def walk(self, start: str) -> Walk:
        """Walk up from ``start``, a name as ``normalize_name`` writes it."""
        found: list[Found] = []
        problems: list[str] = []
        is_secure = True
        for domain in plan_walk(start):
            answer = await self.lookup(domain)
            if answer.is_temporary:
                return Walk(start, tuple(found), True, False, tuple(problems))
            is_secure = is_secure and answer.is_secure
            record = _read_single(answer, problems)
            if record is None:
                continue
            found.append(Found(domain, record))
            if record.psd is not Psd.UNKNOWN:
                break
        return Walk(start, tuple(found), False, is_secure, tuple(problems))

    async def exists(self, domain: str) -> bool | None:
        """Does DNS know the name (RFC 8020; RFC 9989 §3.2.13)? ``None`` if it does not answer.

        Any record at the name or below it will do, and so does an alias to nowhere.
        """
        below = await self.lookup(domain)
        if below.status in (Status.OK, Status.NODATA):
            return True
        answer = await self._resolver.lookup(domain, "A")
        if answer.is_temporary:
            return None
        return answer.status is not Status.NXDOMAIN or answer.canonical not in ("", domain)


def _read_single(answer: Answer, problems: list[str]) -> DmarcRecord | None:
    """The record of an answer; several are as good as none (RFC 9989 §4.10, step 2)."""
    records = [text for text in answer.texts if is_record(text)]
    if len(records) > 1:
        problems.append("several DMARC records at one name, so none of them counts")
    return parse_record(records[0]) if len(records) == 1 else None
