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

The names load lazily: who needs the words of ``levels`` alone does not pay for
cryptography.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "DaneFound": "samotop.tlspolicy.dane",
    "DaneStatus": "samotop.tlspolicy.dane",
    "DaneVerdict": "samotop.tlspolicy.dane",
    "Demand": "samotop.tlspolicy.plan",
    "Exchanges": "samotop.tlspolicy.exchanges",
    "Failure": "samotop.tlspolicy.levels",
    "FetchStatus": "samotop.tlspolicy.mtasts",
    "Fetched": "samotop.tlspolicy.mtasts",
    "Fetcher": "samotop.tlspolicy.mtasts",
    "FirstUseRules": "samotop.tlspolicy.firstuse",
    "Judgement": "samotop.tlspolicy.judge",
    "Level": "samotop.tlspolicy.levels",
    "Memory": "samotop.tlspolicy.firstuse",
    "Mode": "samotop.tlspolicy.mtasts",
    "Refusal": "samotop.tlspolicy.plan",
    "Session": "samotop.tlspolicy.judge",
    "Source": "samotop.tlspolicy.levels",
    "StsEntry": "samotop.tlspolicy.mtasts",
    "StsFound": "samotop.tlspolicy.mtasts",
    "StsPolicy": "samotop.tlspolicy.mtasts",
    "StsRules": "samotop.tlspolicy.mtasts",
    "TlsPlan": "samotop.tlspolicy.plan",
    "Trust": "samotop.tlspolicy.chain",
    "Wish": "samotop.tlspolicy.requiretls",
    "judge_tls": "samotop.tlspolicy.judge",
    "lookup_dane": "samotop.tlspolicy.dane",
    "lookup_exchanges": "samotop.tlspolicy.exchanges",
    "lookup_sts": "samotop.tlspolicy.mtasts",
    "make_permanent": "samotop.tlspolicy.judge",
    "parse_wish": "samotop.tlspolicy.requiretls",
    "plan_tls": "samotop.tlspolicy.plan",
    "recall_level": "samotop.tlspolicy.firstuse",
    "remember_level": "samotop.tlspolicy.firstuse",
    "verify_chain": "samotop.tlspolicy.dane",
}

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


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
