"""The chain of trust: from the anchor down to a zone, by asking for DS and DNSKEY records (RFC 4035 §5).

``Chain.find_zone`` walks from the root through each label of a name. Where a
zone above says that a delegation is signed, its keys are fetched and verified;
where it proves that one is not, everything below is insecure; where it proves
neither, everything below is bogus. What was found is kept for as long as its
records allow, so that the next name of the same zone costs nothing.

A server that passes no signatures on would make everything bogus. So the root's
keys are asked for first: when they come without a signature, nothing can be
judged (``Security.INDETERMINATE``) or, with ``mode="require"``, everything is
bogus. That is looked at again every so often.

Raises ``NoAnswer`` where the servers fail and when one look-up has asked too
much; never takes that for an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, Protocol, TypeVar

import dns.message
import dns.name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DS import DS

from samotop.dns.answer import Security, Status
from samotop.dns.dnssec.anchor import Anchor
from samotop.dns.dnssec.judgement import judge_delegation, judge_keys
from samotop.dns.dnssec.proof import Cut
from samotop.dns.dnssec.sections import count_signatures, find_rrset, find_signatures
from samotop.dns.dnssec.signatures import ZoneKeys
from samotop.dns.dnssec.work import Work
from samotop.net.cache import Cache, CacheRules
from samotop.net.exchange import NoAnswer
from samotop.net.once import Once
from samotop.net.threads import DaemonPool
from samotop.ports.clock import Clock

T = TypeVar("T")

SIGNATURES_ON_LOOP: Final = 4
"""An answer with more is judged in a thread: one takes about a tenth of a millisecond, and a denial has four."""

ZONE_OCTETS: Final = 4096
"""What a zone with its keys takes in memory, about: four keys of 260 octets, as objects."""

_ROOT: Final = dns.name.root


class Ask(Protocol):
    """Who asks the servers: ``net.exchange.Exchange``."""

    async def ask(self, name: str, type: str, *, wants_signatures: bool = False) -> dns.message.Message:
        """The answer to one question. Raises ``NoAnswer``, and ``ValueError`` for what cannot be asked."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ChainRules:
    """Times are in seconds."""

    mode: Literal["auto", "require"] = "auto"
    """What holds behind servers that pass no signatures on: nothing is judged, or everything is bogus."""
    questions: int = 48
    """Asked for one look-up. A cold one for an IPv6 address's name walks through 34 labels."""
    bogus: int = 60
    """For how long what is bogus is not looked at again (RFC 4035 §4.7)."""
    blind: int = 600
    """For how long servers that pass no signatures on are not tried again."""
    cache: CacheRules = CacheRules(entries=20_000)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone, or everything from ``name`` down. ``keys`` has some if and only if ``security`` is SECURE."""

    name: dns.name.Name
    security: Security
    keys: ZoneKeys = field(default_factory=lambda: ZoneKeys(_ROOT))


Step = Coroutine[Any, Any, Zone | None]


@dataclass(slots=True)
class Look:
    """One look-up, and what it may still cost."""

    questions: int
    work: Work = field(default_factory=Work)


class Chain:
    """For one event loop. ``on_blind`` is called when the servers are found to pass no signatures on."""

    def __init__(
        self,
        exchange: Ask,
        clock: Clock,
        anchor: Anchor,
        rules: ChainRules = ChainRules(),
        on_blind: Callable[[], None] = lambda: None,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._anchor = anchor
        self._rules = rules
        self._on_blind = on_blind
        self._is_blind = False
        self._pool = DaemonPool(1, "dnssec")
        self._steps: Cache[dns.name.Name, Zone | None] = Cache(clock, rules.cache)
        self._once: Once[dns.name.Name, Zone | None] = Once()

    def begin(self) -> Look:
        """A look-up that has cost nothing yet."""
        return Look(self._rules.questions)

    def now(self) -> int:
        """Seconds since 1970, as signatures count them."""
        return int(self._clock.time())

    async def ask(self, name: dns.name.Name, type: str, look: Look) -> dns.message.Message:
        """An answer with its signatures, which nobody has judged. Raises ``NoAnswer``."""
        if look.questions <= 0:
            raise NoAnswer(Status.SERVFAIL)
        look.questions -= 1
        return await self._exchange.ask(name.to_text(), type, wants_signatures=not self._is_blind)

    async def judge(self, message: dns.message.Message, job: Callable[[], T]) -> T:
        """``job()``, which judges ``message``: at once, or in a thread if that may take long."""
        if count_signatures(message) <= SIGNATURES_ON_LOOP:
            return job()
        try:
            future = self._pool.submit(job)
        except RuntimeError:  # closed, or the system gives no thread
            raise NoAnswer(Status.SERVFAIL) from None
        return await asyncio.wrap_future(future)

    async def find_zone(self, name: dns.name.Name, look: Look) -> Zone:
        """The deepest zone at or above ``name`` that is signed, or where it ends to be. Raises ``NoAnswer``."""
        zone = await self._find_step(_ROOT, partial(self._begin_at_root, look))
        assert zone is not None
        for depth in range(2, len(name.labels) + 1):
            if zone.security is not Security.SECURE:
                break
            below = name.split(depth)[1]
            zone = await self._find_step(below, partial(self._step, zone, below, look)) or zone
        return zone

    def close(self) -> None:
        """Take no more work; what has begun takes milliseconds."""
        self._pool.close()

    async def _find_step(self, name: dns.name.Name, step: Callable[[], Step]) -> Zone | None:
        """From memory, or by ``step``, which is made once for all who wait. ``None``: no zone begins here."""
        found = self._steps.get(name)
        if found is not None:
            return found[0]
        return await self._once.run(name, step)

    async def _step(self, parent: Zone, name: dns.name.Name, look: Look) -> Zone | None:
        """From a signed zone to one label below it."""
        message = await self.ask(name, "DS", look)
        judge = partial(judge_delegation, message, name, parent.keys, self.now(), look.work)
        found = await self.judge(message, judge)
        zone: Zone | None = None
        ttl = found.ttl
        if found.cut is Cut.SIGNED:
            message = await self.ask(name, "DNSKEY", look)
            zone, keys_ttl = await self._read_keys(message, name, found.records, look)
            ttl = min(ttl, keys_ttl)
        elif found.cut is Cut.INSECURE:
            zone = Zone(name, Security.INSECURE)
        elif found.cut is Cut.UNPROVEN:
            zone, ttl = Zone(name, Security.BOGUS), self._rules.bogus
        self._steps.put(name, zone, ttl, ZONE_OCTETS)
        return zone

    async def _begin_at_root(self, look: Look) -> Zone:
        """The root zone by the anchor; also whether the servers pass signatures on at all."""
        ttl = self._rules.blind
        try:
            message = await self._probe()
        except NoAnswer as failure:
            if failure.status is not Status.SERVFAIL or self._rules.mode == "require":
                raise
            message, ttl = None, self._rules.bogus  # a server of some zones alone, or one that is in trouble
        if message is not None:
            self._is_blind = False
            zone, ttl = await self._read_keys(message, _ROOT, self._anchor.records, look)
        elif self._rules.mode == "require":
            zone, ttl = Zone(_ROOT, Security.BOGUS), self._rules.bogus
        else:
            zone = Zone(_ROOT, Security.INDETERMINATE)
        if message is None and not self._is_blind:
            self._is_blind = True
            self._on_blind()
        self._steps.put(_ROOT, zone, ttl, ZONE_OCTETS)
        return zone

    async def _probe(self) -> dns.message.Message | None:
        """The root's keys with their signatures; ``None``: the servers answer, but not with those.

        Raises ``NoAnswer``: SERVFAIL where they answer no question about the root.
        """
        root = _ROOT.to_text()
        try:
            message = await self._exchange.ask(root, "DNSKEY", wants_signatures=True)
        except NoAnswer as failure:
            if failure.status is not Status.SERVFAIL:
                raise
            await self._exchange.ask(root, "NS")  # they know no EDNS, or nothing of the root: then this raises
            return None
        rrset = find_rrset(message, message.answer, _ROOT, RdataType.DNSKEY)
        return message if rrset is not None and find_signatures(message, message.answer, rrset) else None

    async def _read_keys(
        self, message: dns.message.Message, name: dns.name.Name, trusted: Sequence[DS], look: Look
    ) -> tuple[Zone, int]:
        """The zone whose keys are in ``message``, and for how many seconds it may be kept."""
        found = await self.judge(message, partial(judge_keys, message, name, trusted, self.now(), look.work))
        if found is None:
            return Zone(name, Security.BOGUS), self._rules.bogus
        return Zone(name, Security.SECURE, found.keys), found.ttl
