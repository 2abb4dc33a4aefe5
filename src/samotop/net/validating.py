"""The resolver that trusts no server: it validates each answer from the root's keys on (RFC 4035).

    exchange = Exchange(read_system_servers().servers)
    resolver = ValidatingResolver(exchange, SystemClock())
    answer = await resolver.lookup("_25._tcp.mx.example.org", "TLSA")

Servers are asked with DO and CD: they look further and keep what they find, we
judge. An answer is as secure as the weakest link of its chain of aliases. One
that ought to be signed and does not verify is ``SERVFAIL`` and ``BOGUS``, never
insecure. See ``net.chain`` for zones and for servers that pass no signatures
on, ``dns.dnssec`` for what proves what.

Implements ``samotop.dns.Resolver``: raises nothing but ``asyncio.CancelledError``.
Bounds: questions for one look-up (``ChainRules``), cryptography (``dnssec.work``),
time and aliases (``ValidationRules``), memory (``net.cache``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import dns.message
import dns.name
import dns.rcode
from dns.rdatatype import RdataType

from samotop.dns.answer import Answer, Security, Status
from samotop.dns.dnssec.anchor import ROOT, Anchor
from samotop.dns.dnssec.judgement import Judgement, Link, denial_ttl, find_denier, find_link, judge_denial, judge_rrset
from samotop.dns.dnssec.sections import claimed_signer
from samotop.dns.names import normalize_name
from samotop.dns.rdata import format_name, read_record
from samotop.dns.resolver import OpenResolver
from samotop.net.answers import ALIAS_LIMIT, LONGEST
from samotop.net.cache import Cache, CacheRules
from samotop.net.chain import Ask, Chain, ChainRules, Look
from samotop.net.exchange import NoAnswer
from samotop.net.once import Once
from samotop.net.questions import read_name, type_number
from samotop.net.resolver import measure
from samotop.ports.clock import Clock

_WEAKNESS: Final = (Security.SECURE, Security.INSECURE, Security.INDETERMINATE, Security.BOGUS)


@dataclass(frozen=True, slots=True)
class ValidationRules:
    """Times are in seconds."""

    chain: ChainRules = ChainRules()
    deadline: float = 20.0
    """For one look-up with all questions that it takes."""
    negative: int = 3600
    """The longest that a denial is believed (RFC 2308 §5 recommends one to three hours)."""
    failure: int = 5
    """For how long a failure is not asked about again (RFC 9520 §3.2: from 1 second to 5 minutes)."""
    aliases: int = ALIAS_LIMIT
    cache: CacheRules = CacheRules()


class ValidatingResolver(OpenResolver):
    """Implements ``samotop.dns.OpenResolver``. For one event loop; ``close`` closes the exchange too.

    ``on_blind`` is called when the servers turn out to pass no signatures on.
    """

    def __init__(
        self,
        exchange: Ask,
        clock: Clock,
        *,
        anchor: Anchor = ROOT,
        rules: ValidationRules = ValidationRules(),
        on_blind: Callable[[], None] = lambda: None,
    ) -> None:
        self._exchange = exchange
        self._rules = rules
        self._chain = Chain(exchange, clock, anchor, rules.chain, on_blind)
        self._cache: Cache[tuple[str, str], Answer] = Cache(clock, rules.cache)
        self._once: Once[tuple[str, str], Answer] = Once()

    async def lookup(self, name: str, type: str) -> Answer:
        """Answer from memory, or ask and validate. ``ttl`` is what is left of it."""
        kind = type.upper()
        try:
            asked = normalize_name(name)
        except ValueError:
            return Answer(name, kind, Status.NXDOMAIN)
        found = self._cache.get((asked, kind))
        if found is not None:
            held, left = found
            return Answer(held.name, kind, held.status, held.records, held.security, left, held.canonical)
        return await self._once.run((asked, kind), partial(self._find, asked, kind))

    async def close(self) -> None:
        """End all connections and the thread; questions from now on fail."""
        self._chain.close()
        await self._exchange.close()

    async def _find(self, name: str, type: str) -> Answer:
        try:
            kind = RdataType.make(type_number(type))
        except ValueError:  # there is no such type, and so no record of it
            return Answer(name, type, Status.NODATA, (), Security.INDETERMINATE, 0, name)
        try:
            async with asyncio.timeout(self._rules.deadline):
                answer = await self._follow(name, type, kind)
        except NoAnswer as failure:
            answer = Answer(name, type, failure.status, (), Security.INDETERMINATE, self._rules.failure, name)
        except TimeoutError:
            answer = Answer(name, type, Status.TIMEOUT, (), Security.INDETERMINATE, self._rules.failure, name)
        self._cache.put((name, type), answer, answer.ttl, measure(answer))
        return answer

    async def _follow(self, name: str, type: str, kind: RdataType) -> Answer:
        """Ask, judge, and go where aliases lead. Raises ``NoAnswer``."""
        at, look = read_name(name), self._chain.begin()
        await self._chain.find_zone(dns.name.root, look)  # so that it is known how to ask
        asked, message = at, await self._chain.ask(at, type, look)
        sofar = Judgement(Security.SECURE, LONGEST)
        for _ in range(self._rules.aliases + 1):
            link = find_link(message, at, kind)
            if link is None and at != asked:  # its end is not there, and its denial would be no use: the code may lie
                asked, message = at, await self._chain.ask(at, type, look)
                link = find_link(message, at, kind)
            judged = await (
                self._judge_denial(message, at, kind, look) if link is None else self._judge_link(message, link, look)
            )
            sofar = _weaker(sofar, judged)
            if sofar.security is Security.BOGUS:
                ttl = self._rules.chain.bogus
                return Answer(name, type, Status.SERVFAIL, (), Security.BOGUS, ttl, format_name(at))
            if link is None:
                status = Status.NXDOMAIN if message.rcode() == dns.rcode.NXDOMAIN else Status.NODATA
                ttl = min(sofar.ttl, self._rules.negative)
                return Answer(name, type, status, (), sofar.security, ttl, format_name(at))
            if link.target is None:
                records = tuple(read_record(type, rdata) for rdata in link.rrset)
                ttl = min(sofar.ttl, self._rules.cache.longest)
                return Answer(name, type, Status.OK, records, sofar.security, ttl, format_name(at))
            at = link.target
        raise NoAnswer(Status.SERVFAIL)  # an alias leads to too many others

    async def _judge_link(self, message: dns.message.Message, link: Link, look: Look) -> Judgement:
        owner, is_parents = link.rrset.name, link.rrset.rdtype == RdataType.DS
        signer = claimed_signer(link.signatures, owner, is_parents=is_parents)
        zone = await self._chain.find_zone(signer or _zone_side(owner, is_parents=is_parents), look)
        if zone.security is not Security.SECURE:
            return Judgement(zone.security, int(link.rrset.ttl))
        now = self._chain.now()
        return await self._chain.judge(message, partial(judge_rrset, message, link, zone.keys, now, look.work))

    async def _judge_denial(
        self, message: dns.message.Message, name: dns.name.Name, type: RdataType, look: Look
    ) -> Judgement:
        side = _zone_side(name, is_parents=type == RdataType.DS)
        zone = await self._chain.find_zone(find_denier(message, name, type) or side, look)
        if zone.security is not Security.SECURE:
            return Judgement(zone.security, denial_ttl(message, name, default=0))
        now = self._chain.now()
        return await self._chain.judge(message, partial(judge_denial, message, name, type, zone.keys, now, look.work))


def _zone_side(name: dns.name.Name, *, is_parents: bool) -> dns.name.Name:
    """Where to look for the zone of a name's records: DS records are in the zone above."""
    return name.parent() if is_parents and name != dns.name.root else name


def _weaker(one: Judgement, other: Judgement) -> Judgement:
    """A chain is as secure as its weakest link, and holds as long as its shortest."""
    security = max(one.security, other.security, key=_WEAKNESS.index)
    return Judgement(security, min(one.ttl, other.ttl))
