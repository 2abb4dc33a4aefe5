"""Which TLS a next hop must have: DANE, MTA-STS, REQUIRETLS and what was seen before.

    mx = await lookup_exchanges("example.org", resolver)
    for host in mx.hosts:
        dane = await lookup_dane(host.host, resolver, exchanges=mx)
        sts = await lookup_sts(mx.domain, cached, resolver, fetcher, now=now)
        plan = plan_tls(mx.domain, host.host, now=now, mx=mx, dane=dane, sts=sts.policy, memory=memory)
        ...connect without verifying...
        judged = judge_tls(plan, Session(True, chain), trust, now)
        memory = remember_level(memory, mx.domain, judged.reached, now)

``tlsrpt`` counts and reports what was found (RFC 8460). Everything is pure or
awaits the ``Resolver`` and ``Fetcher`` that it is given; failures are values.
"""

from __future__ import annotations

from samotop.tlspolicy.chain import Trust
from samotop.tlspolicy.dane import DaneFound, DaneStatus, DaneVerdict, lookup_dane, verify_chain
from samotop.tlspolicy.exchanges import Exchanges, lookup_exchanges
from samotop.tlspolicy.firstuse import FirstUseRules, Memory, recall_level, remember_level
from samotop.tlspolicy.judge import Judgement, Session, judge_tls, make_permanent
from samotop.tlspolicy.levels import Failure, Level, Source
from samotop.tlspolicy.mtasts import (
    Fetched,
    Fetcher,
    FetchStatus,
    Mode,
    StsEntry,
    StsFound,
    StsPolicy,
    StsRules,
    lookup_sts,
)
from samotop.tlspolicy.plan import Demand, Refusal, TlsPlan, plan_tls
from samotop.tlspolicy.requiretls import Wish, parse_wish

__all__ = [
    "DaneFound",
    "DaneStatus",
    "DaneVerdict",
    "Demand",
    "Exchanges",
    "Failure",
    "FetchStatus",
    "Fetched",
    "Fetcher",
    "FirstUseRules",
    "Judgement",
    "Level",
    "Memory",
    "Mode",
    "Refusal",
    "Session",
    "Source",
    "StsEntry",
    "StsFound",
    "StsPolicy",
    "StsRules",
    "TlsPlan",
    "Trust",
    "Wish",
    "judge_tls",
    "lookup_dane",
    "lookup_exchanges",
    "lookup_sts",
    "make_permanent",
    "parse_wish",
    "plan_tls",
    "recall_level",
    "remember_level",
    "verify_chain",
]
