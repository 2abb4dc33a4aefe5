"""Which TLS an attempt had to have and had, in words: what ``samotop queue show`` tells, whatever came of it.

For a domain's host that is the plan (``tlspolicy.plan``) and its judgement; for
a server that the operator named it is the URL, and the sender's REQUIRETLS
where that asks for more. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from samotop.delivery.calls import Host
from samotop.net.clienttls import TlsDemand
from samotop.ports.transport import Outcome
from samotop.queue.entry import Protection
from samotop.tlspolicy.levels import Level, Source
from samotop.tlspolicy.plan import TlsPlan
from samotop.transport.smtp.address import SmtpServer

_ASKED: Final = {
    Level.NONE: "its URL says: no TLS",
    Level.OPPORTUNISTIC: "its URL asks for TLS where it is offered",
    Level.ENCRYPTED: "its URL asks for TLS, with whatever certificate",
    Level.VERIFIED: "its URL asks for TLS with a verified certificate",
    Level.DANE: "its URL asks for DANE",
    Level.PINNED: "its URL names the server's key",
}


def describe_plan(host: Host, plan: TlsPlan, reached: Level | None = None) -> Protection:
    """What ``plan`` demands of a domain's host; ``reached`` is ``None`` where there was no connection."""
    told = "" if reached is None else str(reached)
    return Protection(str(host.hop), host.name, str(plan.level), plan.source.value, plan.reason, told)


def plan_server(host: Host, server: SmtpServer) -> tuple[TlsDemand, Protection]:
    """What a session with a server that the operator named has to reach, and how that is told."""
    demand, name = server.demand, server.host or str(server.place)
    if host.requires_tls and not server.is_private and demand.level.rank < Level.VERIFIED.rank:
        why = "the sender requires TLS for this message (REQUIRETLS)"
        demand = replace(demand, level=Level.VERIFIED)
        return demand, Protection(str(host.hop), name, str(demand.level), Source.REQUIRETLS.value, why)
    why = "nothing but this machine lies between" if server.is_private else _ASKED[demand.level]
    return demand, Protection(str(host.hop), name, str(demand.level), Source.OPERATOR.value, why)


def name_hop(outcome: Outcome, hop: object) -> Outcome:
    """``outcome`` of an attempt that called nobody: at least the next hop is told."""
    return outcome if outcome.protection is not None else replace(outcome, protection=Protection(str(hop)))
