"""Which TLS a next hop must have, who demands it, and why: the one place where that is decided.

    plan = plan_tls(domain, host, mx=exchanges, dane=found, sts=policy, memory=memory, wish=wish, now=now)
    ...connect, STARTTLS with ``plan.server_name`` and no verification by the TLS library, EHLO again...
    judged = judge_tls(plan, Session(True, chain, offers_requiretls=...), trust, now)

The strongest demand counts. In the order in which they are asked:

    operator     a rule or the URL of the next hop: TLS never, at least so much, or this key
    REQUIRETLS   the sender: verified here and promised for later hops (RFC 8689)
    DANE         the domain's signed zone (RFC 7672); where it can be used, MTA-STS adds nothing (RFC 8461 §2)
    MTA-STS      the domain's policy (RFC 8461): mode enforce
    memory       what the domain has shown before (``firstuse``)
    nobody       TLS where it is offered

Never is less taken than what is demanded: then the host is passed over, and
when no host is left the message waits, and goes back to its sender in the end
with the words of ``reason``. Only ``TLS-Required: No`` lets a message go with
less than the recipient's domain asks for, because its sender said so.

Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from samotop.dns.records import Tlsa
from samotop.status import EnhancedStatus
from samotop.tlspolicy.dane import DaneFound, DaneStatus
from samotop.tlspolicy.exchanges import Exchanges
from samotop.tlspolicy.firstuse import FirstUseRules, Memory, recall_level
from samotop.tlspolicy.levels import Failure, Level, Source
from samotop.tlspolicy.mtasts import Mode, StsPolicy, match_host
from samotop.tlspolicy.requiretls import Wish

NO_SECURITY: Final = EnhancedStatus(4, 7, 0)
"""Other or undefined security status: a policy that forbids this host (RFC 3463 §3.8)."""
NOT_OFFERED: Final = EnhancedStatus(4, 7, 4)
"""Security features not supported: no STARTTLS (RFC 3463 §3.8)."""
NOT_PROVEN: Final = EnhancedStatus(4, 7, 5)
"""Cryptographic failure: a certificate or a signature of the DNS that does not verify (RFC 3463 §3.8)."""
NO_REQUIRETLS: Final = EnhancedStatus(5, 7, 30)
"""REQUIRETLS support required (RFC 8689 §7)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The operator's rule for a next hop, from its URL or its route.

    ``level`` is any; NONE means that TLS is not even tried. ``pins`` are
    SHA-256 digests of public keys (SubjectPublicKeyInfo), with level PINNED.
    ``names`` are what the certificate must be for; by default the host's name.
    """

    level: Level = Level.OPPORTUNISTIC
    pins: tuple[bytes, ...] = ()
    names: tuple[str, ...] = ()


NO_DEMAND: Final = Demand()
NOT_DEMANDED: Final = "nobody demands TLS: it is used where the host offers it"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing may be sent to this host. ``failure`` is for reports, ``status`` with ``reason`` for the sender."""

    status: EnhancedStatus
    reason: str
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class TlsPlan:
    """What a connection to ``host`` for mail to ``domain`` has to reach before MAIL.

    ``reason`` is one sentence for ``queue show``. ``observed`` is a level that
    is looked at and reported and not demanded: MTA-STS in mode testing.
    ``refusal`` stands where no connection need be made at all.
    """

    domain: str
    host: str
    level: Level
    source: Source
    reason: str
    server_name: str
    """For SNI, in A-labels."""
    names: tuple[str, ...] = ()
    """Any of which the certificate may be for."""
    records: tuple[Tlsa, ...] = ()
    pins: tuple[bytes, ...] = ()
    needs_requiretls: bool = False
    """The server must offer REQUIRETLS within TLS, and MAIL must say it."""
    observed: Level | None = None
    refusal: Refusal | None = None
    policy: Source = Source.NOBODY
    """Under which policy of the domain the session counts in reports: DANE, STS or NOBODY."""
    sts: StsPolicy | None = None
    has_broken_records: bool = False
    """There are TLSA records and none can be used: that is reported (RFC 8460 §4.3)."""

    @property
    def tries_tls(self) -> bool:
        return self.level is not Level.NONE

    @property
    def may_be_plain(self) -> bool:
        """May the message go in the clear, where TLS is not offered or its handshake fails?"""
        return self.refusal is None and self.level.rank <= Level.OPPORTUNISTIC.rank and not self.needs_requiretls


def plan_tls(
    domain: str,
    host: str,
    *,
    now: float,
    mx: Exchanges | None = None,
    dane: DaneFound | None = None,
    sts: StsPolicy | None = None,
    memory: Memory | None = None,
    wish: Wish = Wish.NOTHING,
    demand: Demand = NO_DEMAND,
    rules: FirstUseRules = FirstUseRules(),
) -> TlsPlan:
    """Decide for one host of one next hop. ``domain`` and ``host`` as ``dns.normalize_name`` writes them.

    ``mx`` and ``dane`` are what ``lookup_exchanges`` and ``lookup_dane``
    found, ``None`` where nobody asked: a smarthost has no MX. ``sts`` is the
    policy in force, ``None`` without one.
    """
    server_name = dane.base if dane is not None and dane.base else host
    names = demand.names or (host,)
    policy = _reported_policy(dane, sts)
    plan = TlsPlan(
        domain, host, Level.OPPORTUNISTIC, Source.NOBODY, NOT_DEMANDED, server_name, names, policy=policy, sts=sts
    )
    if demand.level is Level.NONE or demand.level is Level.PINNED:
        return _obey_operator(plan, demand, wish)
    if wish is Wish.WAIVES:
        return _waive(plan, demand)
    refusal = _find_refusal(host, mx, dane, sts, wish, demand)
    wants = list(_collect(dane, sts, recall_level(memory, now, rules), wish, demand))
    best = max(wants, key=lambda want: want.level.rank, default=None)  # of equal ones the first
    if best is not None:
        plan = replace(plan, level=best.level, source=best.source, reason=best.reason)
    if dane is not None and dane.status is DaneStatus.USABLE:
        plan = replace(plan, records=dane.records, names=dane.names)
    if refusal is not None:
        plan = replace(plan, source=refusal[0], reason=refusal[1].reason, refusal=refusal[1])
    is_observed = sts is not None and sts.mode is Mode.TESTING and plan.policy is Source.STS
    return replace(
        plan,
        needs_requiretls=wish is Wish.REQUIRES,
        observed=Level.VERIFIED if is_observed else None,
        has_broken_records=dane is not None and dane.status is DaneStatus.UNUSABLE,
    )


@dataclass(frozen=True, slots=True)
class _Want:
    level: Level
    source: Source
    reason: str


def _collect(
    dane: DaneFound | None, sts: StsPolicy | None, known: Level, wish: Wish, demand: Demand
) -> Iterator[_Want]:
    """Every demand there is; of equally strong ones the first is told as the reason."""
    status = dane.status if dane is not None else None
    if demand.level.rank >= Level.ENCRYPTED.rank:
        yield _Want(demand.level, Source.OPERATOR, f"the operator's rule asks for {_WORDS[demand.level]}")
    if wish is Wish.REQUIRES:
        yield _Want(Level.VERIFIED, Source.REQUIRETLS, "the sender requires TLS for this message (REQUIRETLS)")
    if wish is Wish.NOTIFIES:
        reason = "the message that this notification tells of required TLS (REQUIRETLS)"
        yield _Want(Level.VERIFIED, Source.REQUIRETLS, reason)
    if status is DaneStatus.USABLE:
        yield _Want(Level.DANE, Source.DANE, "the certificate must match the host's TLSA records (DANE)")
    if status is DaneStatus.UNUSABLE:
        yield _Want(Level.ENCRYPTED, Source.DANE, "the host has TLSA records, none of which can be used: TLS is a must")
    if sts is not None and sts.mode is Mode.ENFORCE and status is not DaneStatus.USABLE:
        yield _Want(Level.VERIFIED, Source.STS, "the domain's MTA-STS policy asks for a verified certificate")
    if known is Level.DANE and status in (DaneStatus.ABSENT, DaneStatus.UNUSABLE):
        yield _Want(Level.ENCRYPTED, Source.MEMORY, "the domain had DANE before and its signed zone has it no longer")
    elif known is Level.DANE:
        yield _Want(Level.VERIFIED, Source.MEMORY, "the domain had DANE before and its answers are no longer signed")
    elif known is not Level.NONE:
        yield _Want(known, Source.MEMORY, f"the domain has had {_WORDS[known]} before")


_WORDS: Final = {
    Level.ENCRYPTED: "TLS",
    Level.VERIFIED: "TLS with a verified certificate",
    Level.DANE: "DANE",
}


def _find_refusal(
    host: str, mx: Exchanges | None, dane: DaneFound | None, sts: StsPolicy | None, wish: Wish, demand: Demand
) -> tuple[Source, Refusal] | None:
    """Why nothing may be sent to this host, whatever it shows."""
    status = dane.status if dane is not None else None
    if dane is not None and status is DaneStatus.FAILED:
        return Source.DANE, Refusal(NOT_PROVEN, dane.reason, Failure.DNSSEC)
    if demand.level is Level.DANE and status is not DaneStatus.USABLE:
        reason = "the operator's rule asks for DANE, and the host has no usable TLSA records"
        return Source.OPERATOR, Refusal(NOT_PROVEN, reason, Failure.DANE_REQUIRED)
    is_listed = sts is not None and match_host(sts, host)
    if sts is not None and sts.mode is Mode.ENFORCE and not is_listed and status is not DaneStatus.USABLE:
        reason = "the domain's MTA-STS policy does not name this host"
        return Source.STS, Refusal(NO_SECURITY, reason, Failure.VALIDATION)
    is_named_surely = mx is None or mx.is_secure or mx.is_implicit or (is_listed and sts is not None and sts.is_live)
    if wish is Wish.REQUIRES and not is_named_surely:
        reason = "the sender requires TLS (REQUIRETLS), and neither DNSSEC nor MTA-STS vouches for this host"
        return Source.REQUIRETLS, Refusal(NO_REQUIRETLS, reason)
    return None


def _obey_operator(plan: TlsPlan, demand: Demand, wish: Wish) -> TlsPlan:
    """The operator's last words: a key, or no TLS at all."""
    if demand.level is Level.PINNED:
        reason = "the server's key must be the one that the operator wrote down"
        needs = wish is Wish.REQUIRES
        return replace(
            plan, level=Level.PINNED, source=Source.OPERATOR, reason=reason, pins=demand.pins, needs_requiretls=needs
        )
    reason, refusal = "the operator's rule says: no TLS", None
    if wish is Wish.REQUIRES:
        reason = "the sender requires TLS (REQUIRETLS), and the operator's rule says: no TLS"
        refusal = Refusal(NO_REQUIRETLS, reason)
    return replace(plan, level=Level.NONE, source=Source.OPERATOR, reason=reason, refusal=refusal)


def _waive(plan: TlsPlan, demand: Demand) -> TlsPlan:
    """TLS-Required: No sets the domain's policies aside (RFC 8689 §4.2.2), and not the operator's rule."""
    if demand.level.rank >= Level.ENCRYPTED.rank and demand.level is not Level.DANE:
        reason = f"the operator's rule asks for {_WORDS[demand.level]}"
        return replace(plan, level=demand.level, source=Source.OPERATOR, reason=reason)
    return replace(plan, source=Source.SENDER, reason="the sender lets this message go without (TLS-Required: No)")


def _reported_policy(dane: DaneFound | None, sts: StsPolicy | None) -> Source:
    """Whose policy a session counts under (RFC 8460 §4.4)."""
    if dane is not None and dane.status in (DaneStatus.USABLE, DaneStatus.UNUSABLE, DaneStatus.FAILED):
        return Source.DANE
    return Source.STS if sts is not None and sts.is_live else Source.NOBODY
