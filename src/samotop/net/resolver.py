"""The caching stub resolver: answers questions by asking servers that look further.

    exchange = Exchange(read_system_servers().servers)
    resolver = StubResolver(exchange, SystemClock())
    answer = await resolver.lookup("example.org", "MX")

* What is known is answered from memory, at once; what somebody asks already is
  asked once for all. Denials are kept too (RFC 2308), and failures for some
  seconds (RFC 9520 §3.2), so that a broken zone does not cost each message its
  time-outs.
* Aliases are followed, within an answer and by further questions.
* DNSSEC is the servers' business. ``is_trusted`` says that they validate and
  that the path to them is ours (loopback, or TLS with their certificate
  checked): then their AD bit makes an answer ``SECURE``, and a failure that
  goes away when they are told not to judge (CD) is ``BOGUS``. Otherwise nothing
  is ever secure. To judge here, see ``net.validating``.

Implements ``samotop.dns.Resolver``: raises nothing but ``asyncio.CancelledError``.
Bounds: see ``ResolverRules``, ``net.cache`` and ``net.exchange``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import dns.flags

from samotop.dns.answer import Answer, Security, Status
from samotop.dns.names import normalize_name
from samotop.dns.records import Record
from samotop.dns.resolver import OpenResolver
from samotop.net.answers import ALIAS_LIMIT, LONGEST, read_answer
from samotop.net.cache import Cache, CacheRules
from samotop.net.exchange import Exchange, NoAnswer
from samotop.net.messages import BadAnswer
from samotop.net.once import Once
from samotop.ports.clock import Clock

ANSWER_OCTETS: Final = 600
"""What an answer takes in memory besides its records, with its key and its place in the cache: measured, rounded up."""
RECORD_OCTETS: Final = 150
"""What a record takes besides its text."""


@dataclass(frozen=True, slots=True)
class ResolverRules:
    """Times are in seconds."""

    negative: int = 3600
    """The longest that a denial is believed (RFC 2308 §5 recommends one to three hours)."""
    failure: int = 5
    """For how long a failure is not asked about again (RFC 9520 §3.2: from 1 second to 5 minutes)."""
    aliases: int = ALIAS_LIMIT
    cache: CacheRules = CacheRules()


class StubResolver(OpenResolver):
    """Implements ``samotop.dns.OpenResolver``. For one event loop; ``close`` closes the exchange too."""

    def __init__(
        self, exchange: Exchange, clock: Clock, *, is_trusted: bool = False, rules: ResolverRules = ResolverRules()
    ) -> None:
        self._exchange = exchange
        self._is_trusted = is_trusted
        self._rules = rules
        self._cache: Cache[tuple[str, str], Answer] = Cache(clock, rules.cache)
        self._once: Once[tuple[str, str], Answer] = Once()

    async def lookup(self, name: str, type: str) -> Answer:
        """Answer from memory, or ask. ``ttl`` is what is left of it."""
        kind = type.upper()
        try:
            asked = normalize_name(name)
        except ValueError:
            return Answer(name, kind, Status.NXDOMAIN)
        found = self._cache.get((asked, kind))
        if found is not None:
            return _aged(*found)
        return await self._once.run((asked, kind), lambda: self._find(asked, kind))

    async def close(self) -> None:
        """End all connections; questions from now on fail."""
        await self._exchange.close()

    async def _find(self, name: str, type: str) -> Answer:
        answer = await self._ask(name, type)
        self._cache.put((name, type), answer, answer.ttl, measure(answer))
        return answer

    async def _ask(self, name: str, type: str) -> Answer:
        """Follow the aliases; each further question has one alias less to follow, and so there is an end."""
        at, aliases, ttl, is_secure = name, 0, LONGEST, self._is_trusted
        while True:
            try:
                message = await self._exchange.ask(at, type)
                reading = read_answer(message, at, type, alias_limit=self._rules.aliases - aliases)
            except NoAnswer as failure:
                security = await self._judge(at, type, failure.status)
                return Answer(name, type, failure.status, (), security, self._rules.failure, at)
            except BadAnswer:
                return Answer(name, type, Status.SERVFAIL, (), Security.INDETERMINATE, self._rules.failure, name)
            except ValueError:  # there is no such type, and so no record of it
                return Answer(name, type, Status.NODATA, canonical=at)
            at, aliases, ttl = reading.canonical, aliases + reading.aliases, min(ttl, reading.ttl)
            is_secure = is_secure and bool(message.flags & dns.flags.AD)
            if reading.status is not None:
                break
        limit = self._rules.cache.longest if reading.status is Status.OK else self._rules.negative
        security = Security.SECURE if is_secure else Security.INSECURE
        return Answer(name, type, reading.status, reading.records, security, min(ttl, limit), at)

    async def _judge(self, name: str, type: str, status: Status) -> Security:
        """Why a trusted server failed: an answer there is, and it will not stand for it?"""
        if self._is_trusted and status is Status.SERVFAIL:
            try:
                await self._exchange.ask(name, type, wants_signatures=True)
            except NoAnswer:
                return Security.INDETERMINATE
            return Security.BOGUS
        return Security.INDETERMINATE


def _aged(answer: Answer, left: int) -> Answer:
    """The same with what is left of its time; written out, as ``replace`` would take most of a warm look-up."""
    if answer.ttl == left:
        return answer
    return Answer(answer.name, answer.type, answer.status, answer.records, answer.security, left, answer.canonical)


def measure(answer: Answer) -> int:
    """About how many octets of memory an answer takes."""
    return ANSWER_OCTETS + sum(RECORD_OCTETS + _length(record) for record in answer.records)


def _length(record: Record) -> int:
    if isinstance(record, str | bytes):
        return len(record)
    return sum(RECORD_OCTETS // 2 + len(part) for part in record if isinstance(part, str | bytes))
